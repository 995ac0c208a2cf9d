"""``inventory discover``: this very machine, or a sweep of networks that the inventory's authorities cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import typer

from auditor import sweep
from auditor.commands import console
from auditor.i18n import _
from auditor.inventories import load_inventory
from auditor.model import VIETNAM, CapdoError
from auditor.sweep import Gate, Live, Look, Wanted
from auditor.targets import Inventory, Site

_MOST_NAMES = 20


def discover(
    inventory: Path | None, networks: Sequence[str], site: str | None, out: Path | None, *, this_machine: bool
) -> None:
    """Print what is proposed, or write it to ``out``. Ends 0, 2 (nothing to do, or not allowed) or 3 (not all seen)."""
    if this_machine == bool(inventory or networks):
        raise CapdoError(_("say what to discover: --this-machine, or an inventory and --network"))
    if this_machine:
        from auditor.discover import this_machine as describe

        _give(describe(), out, "w")
        return
    if out is not None and out.exists():  # people will have worked on it
        raise CapdoError(_("{path} is there already: it is never written over").format(path=out))
    if inventory is None or not networks:
        raise CapdoError(_("a sweep needs an inventory and --network"))
    found = load_inventory(inventory)
    text, whole = _swept(found, sweep.networks(networks), _site(found, site))
    _give(text, out, "x")
    if not whole:
        raise typer.Exit(3)


def _give(text: str, out: Path | None, mode: Literal["w", "x"]) -> None:
    if out is None:
        console.say(text.rstrip("\n"))
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open(mode, encoding="utf-8") as file:
        file.write(text)
    console.say(out)


def _site(inventory: Inventory, name: str | None) -> Site | None:
    if name is None:
        return None
    found = next((site for site in inventory.sites if site.id == name), None)
    if found is None:
        raise CapdoError(_("--site {site}: the inventory has no such site").format(site=name))
    return found


def _swept(inventory: Inventory, networks: Sequence[sweep.Network], site: Site | None) -> tuple[str, bool]:
    """The proposal, and whether all that was to be swept was."""
    from auditor.collect import SITE_LIMIT
    from auditor.collectors import _sweep
    from auditor.collectors._doors import turn

    gate, known = Gate(inventory, site), sweep.known_addresses(inventory)
    planned = [sweep.wanted(gate, known, network, datetime.now(UTC)) for network in networks]
    refused = [line for one in planned for line in _refusals(one)]
    for line in refused:
        console.tell(line)
    if refused and gate.needs_site:
        console.tell(_("an authority names sites or agencies too: say with --site where the networks are"))
    if not any(one.asked for one in planned):
        for one in planned:
            if not one.refused:
                console.tell(_about(one, 0))
        raise CapdoError(_("nothing to do: no address that may be asked and is not in the inventory"))
    addresses = list(dict.fromkeys(address for one in planned for address in one.asked))
    parallel = (site and site.limits and site.limits.max_parallel) or SITE_LIMIT
    with turn(f"ports of site {site.id if site else ''}"):
        found, looks, troubles = _look(gate, addresses, parallel)
    for line in troubles:
        console.tell(line)
    live = {one.address for one in found}
    head = [
        _("Proposed by a sweep on {when}; put right what is wrong, and copy it into the inventory.").format(
            when=datetime.now(VIETNAM).strftime("%Y-%m-%d %H:%M")
        ),
        _how(_sweep.means()),
        *(_about(one, len(live & set(one.asked))) for one in planned),
        *refused,
        *troubles,
        *_unresolved(sweep.known_names(inventory)),
    ]
    taken = {target.id for target in inventory.targets}
    proposed = list(sweep.proposals(found, looks, site.id if site else None, taken))
    console.tell(_("live hosts that the inventory does not know: {count}").format(count=len(found)))
    return sweep.text(proposed, head), not (refused or troubles)


def _look(gate: Gate, addresses: Sequence[str], parallel: int) -> tuple[list[Live], dict[str, Look], list[str]]:
    """Live hosts, short looks at them, and what could not be seen."""
    from auditor.collectors import _sweep

    found: list[Live] = []
    looks: dict[str, Look] = {}
    troubles: dict[str, None] = {}
    done = 0
    for batch in _batches(addresses, _sweep.TOGETHER):
        # Asked again each time: hours may have ended since.
        may, why = gate.allowed(batch, "ports", datetime.now(UTC))
        if why:
            troubles[_("not swept: {span}: {why}").format(span=_span(batch), why=why)] = None
        here, trouble = _sweep.live(may) if may else ([], "")
        if trouble:
            troubles[_("not wholly swept: {span}: {why}").format(span=_span(may), why=trouble)] = None
        found += here
        done += len(batch)
        told = _("asked {done} of {all} addresses, {count} live")
        console.tell(told.format(done=done, all=len(addresses), count=len(found)))
    sturdy = [one.address for one in found if not one.fragile and not one.own]
    for batch in _batches(sturdy, 32):
        now = datetime.now(UTC)
        may, why = gate.allowed(batch, "ports", now)
        if may:
            looks |= _sweep.look(may, set(gate.allowed(may, "tls", now)[0]), parallel)
        looks |= {address: Look(trouble=why) for address in batch if address not in looks}
    for address, look in looks.items():
        if look.trouble:
            troubles[_("not wholly swept: {span}: {why}").format(span=address, why=look.trouble)] = None
    return found, looks, list(troubles)


def _batches(addresses: Sequence[str], most: int) -> Iterator[list[str]]:
    """In order, a few at a time, each of one protocol."""
    for version in (4, 6):
        alike = [one for one in addresses if (":" in one) == (version == 6)]
        for at in range(0, len(alike), most):
            yield alike[at : at + most]


def _span(batch: Sequence[str]) -> str:
    return batch[0] if len(batch) == 1 else f"{batch[0]} – {batch[-1]}"


def _refusals(one: Wanted) -> Iterator[str]:
    for why, count in one.refused.items():
        text = _("not swept: {count} addresses of {network}: {why}")
        yield text.format(count=count, network=one.network, why=why)


def _about(one: Wanted, live: int) -> str:
    text = _(
        "{network}: asked {asked} addresses, {live} live; left out {known} that the inventory has and {excluded} "
        "excluded ones"
    )
    return text.format(network=one.network, asked=len(one.asked), live=live, known=one.known, excluded=one.excluded)


def _how(means: str) -> str:
    """What could be seen by the means at hand."""
    if means == "nmap-root":
        return _("Hosts were found by nmap: ARP on the own network segment, ping and connection attempts elsewhere.")
    if means == "nmap":
        return _("Hosts were found by nmap without root: one that answers neither ping nor connections stays unseen.")
    return _("nmap is not installed: a connect scan; a host that answers neither ping nor connections stays unseen.")


def _unresolved(names: Sequence[str]) -> Iterator[str]:
    """No name is looked up: a host known by name only may be among the proposed ones."""
    if names:
        shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
        yield _("the inventory knows these by name only; one of them may be among those below: {names}").format(
            names=shown
        )
