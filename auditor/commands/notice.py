"""The command ``notice``: writes the letter that announces an audit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from auditor import notice as letter
from auditor import registry
from auditor.collect import SITE_LIMIT
from auditor.commands import console
from auditor.i18n import _
from auditor.inventories import load_inventory
from auditor.model import CapdoError
from auditor.printable import printable

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_HOURS = re.compile(rf"{_CLOCK}-(?:{_CLOCK}|24:00)", re.ASCII)


def notice(path: Path, out: Path | None, sources: list[str] | None, hours: str | None, contact: str | None) -> None:
    """Plain text on stdout; with ``out``, Markdown and plain text side by side."""
    given = letter.Given(tuple(map(_source, sources or ())), _hours(hours), contact or "", SITE_LIMIT)
    inventory = load_inventory(path)
    now = datetime.now(UTC)
    found = letter.visits(inventory, registry.collectors().values(), now)
    for target, why in found.refused.items():
        console.tell(_("left out: {target}: {why}").format(target=target, why=why))
    if not found.planned:
        raise CapdoError(_("nothing to announce: nothing is planned over the network that an authority allows"))
    for blank in letter.blanks(given):
        console.tell(_("warning: the letter leaves a blank: {what}").format(what=blank))
    if given.hours:
        used = {visit.authority for visit in found.planned}
        for one in letter.outside(given.hours, [one for one in inventory.authorities if one.id in used]):
            console.tell(
                _("warning: {hours} is not within the hours of {authority}").format(hours=hours, authority=one)
            )
    blocks = letter.compose(inventory, found.planned, given, now)
    if out is None:
        console.say(letter.plain(blocks).rstrip("\n"))
        return
    texts = {out.with_suffix(".md"): letter.markdown(blocks), out.with_suffix(".txt"): letter.plain(blocks)}
    for file, text in texts.items():
        try:
            file.write_text(printable(text), "utf-8")
        except OSError as exc:
            raise CapdoError(f"{file}: {exc.strerror}") from None
        console.say(file)


def _source(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise CapdoError(_("--from {text}: expected an address or a network").format(text=text)) from None
    return text


def _hours(text: str | None) -> str:
    if text and not _HOURS.fullmatch(text):
        raise CapdoError(_("--hours {text}: expected hours like 22:00-05:00").format(text=text))
    return text or ""
