"""An inventory as people write it: its shape, and how it becomes the resolved ``Inventory`` (design §9).

A file says common settings once; here each target gets its own. Every source of inventories (YAML,
CSV …) hands over plain data that knows its places, so that all are checked by the same rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from auditor.attachments import trouble
from auditor.inventorychecks import KINDS, RELATIONS, SECRET, cross_check
from auditor.mistakes import InventoryError, Mistake
from auditor.model import Say
from auditor.shape import Located, note, unless_known, validate
from auditor.strictyaml import Part, Place, garbage_kept, load
from auditor.targets import (
    Address,
    Agency,
    Attestation,
    Authority,
    BackupJob,
    Basis,
    Connect,
    DnsSettings,
    Group,
    Id,
    Inventory,
    Limits,
    Line,
    Link,
    LocalPath,
    Name,
    Port,
    Province,
    Record,
    Retired,
    SharedControl,
    Site,
    SshSettings,
    System,
    TlsSettings,
    Url,
    Waiver,
    WebSettings,
    Word,
)

_SETTINGS: Final[dict[str, type[Record]]] = {
    "ssh": SshSettings,
    "tls": TlsSettings,
    "web": WebSettings,
    "dns": DnsSettings,
    "limits": Limits,
}
_ASIDE: Final = {"shared_controls": SharedControl, "waivers": Waiver, "attestations": Attestation}
"""Sections that may lie in a file of their own."""


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Ids = Annotated[tuple[Id, ...], BeforeValidator(_many)]
"""One id, or a list of them."""
Lines = Annotated[tuple[Line, ...], BeforeValidator(_many)]


class Defaults(Record):
    """Settings of every target that says no other."""

    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None


class AnyEntry(Record):
    """What a target of any section may say."""

    id: Id
    name: Name | None = None
    agency: Id | None = None
    systems: Ids = ()
    site: Id | None = None
    platform: Word | None = None
    role: Word | None = None
    tags: Lines = ()
    connect: Connect | None = None
    recording: Line | None = None
    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None
    ports: tuple[Port, ...] = ()
    backups: tuple[BackupJob, ...] = ()
    handling: Literal["normal", "secret-standalone"] = "normal"
    mend_by: Literal["agency", "dc", "provider", "budget"] | None = None
    runs_on: Ids = ()
    stores_on: Ids = ()
    backed_up_by: Ids = ()
    protected_by: Ids = ()
    hosted_by: Ids = ()
    depends_on: Ids = ()


class MachineEntry(AnyEntry):
    """A server, a device or an endpoint."""

    address: Address | None = None
    config: LocalPath | None = None


class ServingEntry(MachineEntry):
    """A server or a device, with the networks it serves."""

    networks: Lines = ()


class ServiceEntry(AnyEntry):
    """A service, known by its URL."""

    url: Url


class LinkEntry(AnyEntry, Link):
    """A line between two places."""

    networks: Lines = ()


class RawInventory(Record):
    """The whole file."""

    province: Province
    groups: tuple[Group, ...] = ()
    agencies: tuple[Agency, ...] = ()
    authorities: tuple[Authority, ...] = ()
    systems: tuple[System, ...] = ()
    sites: tuple[Site, ...] = ()
    defaults: Defaults = Field(default_factory=Defaults)
    servers: tuple[ServingEntry, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    devices: tuple[ServingEntry, ...] = ()
    links: tuple[LinkEntry, ...] = ()
    endpoints: tuple[MachineEntry, ...] = ()
    shared_controls: tuple[SharedControl, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    retired: tuple[Retired, ...] = ()
    assessor: Line | None = None
    assessment_kind: Basis = "operator-selfcheck"
    packs: tuple[str, ...] = ()
    recorded: LocalPath | None = None


def build(source: Located, folder: Path) -> Inventory:
    """The inventory that a file holds; relative paths in it start from ``folder``.

    Raises ``InventoryError`` with every mistake of the file, and of the files it names.
    """
    with garbage_kept():
        whole = _Whole(source, folder)
        raw, mistakes = validate(whole, RawInventory)
        if not whole.broken:
            mistakes += unless_known(cross_check(whole), mistakes)
        if raw is None or mistakes:
            raise InventoryError(mistakes)
        return _Resolver(raw, folder).inventory()


def attachment_mistakes(path: Path) -> list[Mistake]:
    """Attachments that are gone or changed, each where its attestation names it. For a file without other mistakes.

    No run is refused for them: such an attestation is malformed and does not count.
    """
    whole = _Whole(load(path), path.parent)
    found = []
    for number, entry in enumerate(whole.data.get("attestations") or ()):
        told = entry.get("attachment")
        wrong = trouble(path.parent, told["file"], told["sha256"]) if told else None
        if wrong is not None:
            found.append(note(whole, ("attestations", number, "attachment", "file"), wrong))
    return found


def mistakes_of_addition(path: Path, section: str, entries: Sequence[Mapping[str, Any]]) -> list[Mistake]:
    """What would be wrong with an inventory that is right as it is, were ``entries`` added to one of its lists."""
    whole = _Whole(load(path), path.parent)
    whole.data[section] = [*(whole.data.get(section) or []), *map(plain, entries)]
    mistakes = validate(whole, RawInventory)[1]
    return mistakes or cross_check(whole)


def plain(value: Any) -> Any:
    """Data as a file of ours gives them back: lists and dicts, days as text."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


class _Whole:
    """A file together with those it names for waivers, attestations and shared controls."""

    def __init__(self, source: Located, folder: Path) -> None:
        self._main, self._aside = source, dict[Part, Located]()
        self.data, self.broken, self.mistakes = source.data, source.broken, list(source.mistakes)
        if self.broken or not isinstance(source.data, dict):
            return
        self.data = dict(source.data)
        for section, item in _ASIDE.items():
            name = self.data.get(section)
            if isinstance(name, str):
                self.data[section] = self._read(section, name, folder / Path(name).expanduser(), list[item])  # type: ignore[valid-type]

    def _read(self, section: str, name: str, path: Path, shape: Any) -> Any:
        tree = load(path)
        if tree.broken:
            unreadable = [one for one in tree.mistakes if one.message.code == "unreadable"]
            for one in unreadable:  # the one to mend is the file that names it
                values = {"problem": f"{path}: {one.message.values['problem']}"}
                self.mistakes.append(note(self._main, (section,), Say("unreadable", values)))
            self.mistakes += [one for one in tree.mistakes if one not in unreadable]
            return []
        if tree.data is None:  # nothing but comments, so far
            self.mistakes += tree.mistakes
            return []
        if not isinstance(tree.data, list):
            self.mistakes += validate(tree, shape)[1]
            return []
        self.mistakes += tree.mistakes
        self._aside[section] = tree
        return tree.data

    def at(self, path: tuple[Part, ...], *, key: bool = False) -> Place:
        if path and path[0] in self._aside:
            return self._aside[path[0]].at(path[1:], key=key)
        return self._main.at(path, key=key)

    def label(self, path: tuple[Part, ...]) -> str:
        return self._main.label(path)


class _Resolver:
    """Gives each target what it inherits: defaults, then site, agency, system, and its own word last."""

    def __init__(self, raw: RawInventory, folder: Path) -> None:
        self._raw = raw
        self._folder = folder
        self._agencies = {one.id: one for one in raw.agencies}
        self._systems = {one.id: one for one in raw.systems}
        self._sites = {one.id: one for one in raw.sites}
        self._merged: dict[tuple[Any, ...], Any] = {}

    def inventory(self) -> Inventory:
        targets: list[dict[str, Any]] = []
        counted: dict[str, int] = {}
        told, hidden = set[str](), set[str]()
        for kind, entry in self._entries():
            made = self._target(kind, entry)
            if entry.handling == SECRET:
                counted[made["agency"]] = counted.get(made["agency"], 0) + 1
                hidden.add(made["site"])
            else:
                targets.append(made)
                told.update((made["site"], *((entry.from_,) if isinstance(entry, LinkEntry) else ())))
        fields = {
            name: getattr(self._raw, name) for name in Inventory.model_fields if name in RawInventory.model_fields
        }
        fields["sites"] = self._shown_sites(hidden - told)
        fields["attestations"] = tuple(map(self._looked_at, self._raw.attestations))
        fields["recorded"] = self._local(self._raw.recorded)
        return Inventory.model_validate({**fields, "targets": targets, "secret_standalone": counted})

    def _looked_at(self, given: Attestation) -> Attestation:
        """With what is found of its attachment now."""
        if given.attachment is None:
            return given
        intact = trouble(self._folder, given.attachment.file, given.attachment.sha256) is None
        return given.model_copy(update={"attachment": given.attachment.model_copy(update={"intact": intact})})

    def _entries(self) -> Iterator[tuple[str, AnyEntry]]:
        for section, kind in KINDS.items():
            for entry in getattr(self._raw, section):
                yield kind, entry

    def _shown_sites(self, hidden: set[str]) -> tuple[Site, ...]:
        """Not the place of a machine about which nothing may be said, when nothing else is there."""
        named = {site for authority in self._raw.authorities for site in authority.scope.sites}
        return tuple(site for site in self._raw.sites if site.id not in hidden or site.id in named)

    def _target(self, kind: str, entry: AnyEntry) -> dict[str, Any]:
        site, agency = entry.site, entry.agency
        made: dict[str, Any] = {name: getattr(entry, name) for name in entry.model_fields_set & _PLAIN}
        if isinstance(entry, LinkEntry):
            made["link"] = {name: getattr(entry, name) for name in Link.model_fields}
            made["address"] = entry.target
            site = site or (entry.from_ if entry.from_ in self._sites else None)
            agency = agency or (entry.from_ if entry.from_ in self._agencies else None)
        elif isinstance(entry, ServiceEntry):
            made.update(url=entry.url, address=urlsplit(entry.url).hostname)
        elif isinstance(entry, MachineEntry):
            made.update(address=entry.address, config=self._local(entry.config))
        agency = agency or agency_of(site, entry.systems, self._sites, self._systems)
        systems = [self._systems[one] for one in entry.systems]
        above = (self._sites.get(site or ""), self._agencies.get(agency or ""), *systems)
        for name in _SETTINGS:
            made[name] = self._settings(name, (site, agency, entry.systems), above, getattr(entry, name))
        tags = dict.fromkeys(tag for giver in (*above, entry) if giver is not None for tag in giver.tags)
        levels = [system.level for system in systems if system.level is not None]
        made.update(kind=kind, site=site, agency=agency, tags=tuple(tags), level=max(levels, default=None))
        made["connect"] = entry.connect or _default_connect(kind, made.get("config"))
        return made

    def _settings(self, name: str, key: tuple[Any, ...], above: Iterable[Any], own: Any) -> Any:
        """Field by field; of several systems the first has the last word. The same heirs share one object."""
        key = (name, *key)
        if own is None and key in self._merged:
            return self._merged[key]
        site, agency, *systems = above
        said: dict[str, Any] = {}
        for giver in (self._raw.defaults, site, agency, *reversed(systems)):
            _overlay(said, getattr(giver, name, None))
        _overlay(said, own)
        for field in _LOCAL & said.keys():
            value = said[field]
            said[field] = tuple(map(self._local, value)) if isinstance(value, tuple) else self._local(value)
        made = _SETTINGS[name].model_validate(said) if said else None
        if own is None:
            self._merged[key] = made
        return made

    def _local(self, path: str | None) -> str | None:
        """A file the collection reads; ``~`` stays, for it means another folder to whoever runs it."""
        if path is None or path.startswith("~"):
            return path
        return os.path.normpath(self._folder.absolute() / path)


_LOCAL: Final = {"key_file", "known_hosts", "trust"}
_PLAIN: Final = frozenset(
    {"id", "name", "systems", "platform", "role", "recording", "ports", "networks", "backups", "mend_by", *RELATIONS}
)


def _overlay(said: dict[str, Any], settings: Any) -> None:
    if settings is not None:
        said.update((name, getattr(settings, name)) for name in settings.model_fields_set)


def _default_connect(kind: str, config: str | None) -> str:
    if kind == "device":
        return "file" if config else "network"
    return {"server": "ssh", "endpoint": "bundle"}.get(kind, "network")


def agency_of(
    site: str | None, systems: Iterable[str], sites: Mapping[str, Site], known: Mapping[str, System]
) -> str | None:
    """The agency of a target that names none: its site's, else the owner of its first system."""
    of_site = sites[site].agency if site is not None and site in sites else None
    return of_site or next((known[one].owner for one in systems if one in known), None)
