"""Which services load packet filter rules when the host starts, and whether they have any to load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from auditor.collector import Command, Privilege, Reading, read_file
from auditor.collectors import _iptables
from auditor.collectors._policy import restricts
from auditor.collectors._text import whole_lines
from auditor.evidence.firewall import Keeper
from auditor.model import CollectError

_UNITS = ("nftables", "ufw", "firewalld", "netfilter-persistent", "iptables")
_FILES = {
    "nftables-conf": "/etc/nftables.conf",
    "nftables-conf-rhel": "/etc/sysconfig/nftables.conf",
    "ufw-conf": "/etc/ufw/ufw.conf",
    "saved-v4": "/etc/iptables/rules.v4",
    "saved-rhel": "/etc/sysconfig/iptables",
}


def keeping() -> Sequence[Command]:
    """What must be asked for ``keepers``."""
    units = tuple(f"{unit}.service" for unit in _UNITS)
    return (
        Command("units", ("/bin/systemctl", "list-unit-files", "--no-pager", *units)),
        *(read_file(key, path, privilege=Privilege.LADDER) for key, path in _FILES.items()),
    )


def keepers(seen: Reading) -> tuple[Keeper, ...] | None:
    """None where the services enabled at start could not be listed; the policy now in force is known all the same."""
    if seen.missing_tool("units"):
        return None
    try:
        lines = whole_lines(seen.text("units", ok=(0, 1)), "units")
    except CollectError:
        return None
    if not any(line.strip().endswith("unit files listed.") for line in lines):
        return None
    return tuple(_keeper(seen, *line.split()[:2]) for line in lines if ".service " in line)


def _keeper(seen: Reading, unit: str, state: str) -> Keeper:
    name = unit.removesuffix(".service")
    config, rules = _CONFIGURED[name](seen) if name in _CONFIGURED else ("", None)
    return Keeper(unit=unit, enabled=state == "enabled", rules=rules, config=config)


def _text(seen: Reading, *keys: str) -> tuple[str, str | None]:
    """Path and text of the first of some files that exists; no text when none does."""
    for key in keys:
        if (text := seen.file(key)) is not None:
            return _FILES[key], text
    return _FILES[keys[0]], None


def _ufw(seen: Reading) -> tuple[str, bool | None]:
    path, text = _text(seen, "ufw-conf")
    return path, "ENABLED=yes" in (line.strip() for line in (text or "").splitlines())


def _nftables(seen: Reading) -> tuple[str, bool | None]:
    path, text = _text(seen, "nftables-conf", "nftables-conf-rhel")
    code = " ".join(line.partition("#")[0] for line in (text or "").split("\n"))
    words = code.translate(str.maketrans(";{}", "   ")).split()
    if ("hook", "input") in pairwise(words) and {"drop", "reject"} & set(words):
        return path, True  # the file that Debian ships has the hook, and nothing in it
    return path, None if "include" in words else False


def _saved(seen: Reading) -> tuple[str, bool | None]:
    path, text = _text(seen, "saved-v4", "saved-rhel")
    chains = _iptables.parse(text or "", 4, path).chains.values()
    return path, any(restricts(chain) for chain in chains if chain.hook == "input")


def _or_unknown(read: _Reader) -> _Reader:
    """A file that may not be read, or is not understood, leaves its question open."""

    def reader(seen: Reading) -> tuple[str, bool | None]:
        try:
            return read(seen)
        except CollectError as exc:
            return exc.detail[:200], None

    return reader


_Reader = Callable[[Reading], tuple[str, bool | None]]
_CONFIGURED: dict[str, _Reader] = {
    "firewalld": lambda _seen: ("/etc/firewalld", True),  # its zones deny what they do not name
    "ufw": _or_unknown(_ufw),
    "nftables": _or_unknown(_nftables),
    "netfilter-persistent": _or_unknown(_saved),
    "iptables": _or_unknown(_saved),
}
