"""What is to be audited: the inventory as validated, frozen data (design §9).

Sources under ``inventory/`` read files and build an ``Inventory``; everything after them sees
only this. It serialises whole into the evidence folder, so that evidence can be judged elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from auditor.fields import (
    Address,
    Count,
    Day,
    Flag,
    Id,
    Level,
    Line,
    LocalPath,
    Name,
    Number,
    Port,
    Record,
    RemotePath,
    Url,
    Word,
    domain_name,
    few_addresses,
    ip_only,
    names_only,
    without_dots,
)
from auditor.levelcriteria import LevelFacts
from auditor.papers import Attachment, Attestation, Compensating, Document, Retired, SharedControl, Waiver

__all__ = [  # field types too: models elsewhere take both from here
    "Address",
    "Agency",
    "Attachment",
    "Attestation",
    "Authority",
    "BackupJob",
    "Basis",
    "Compensating",
    "Connect",
    "Count",
    "Day",
    "DnsSettings",
    "Document",
    "Flag",
    "Group",
    "Hours",
    "Id",
    "Inventory",
    "Kind",
    "Level",
    "Limits",
    "Line",
    "Link",
    "LocalPath",
    "Method",
    "Name",
    "Number",
    "Port",
    "Province",
    "Record",
    "RemotePath",
    "Retired",
    "Scope",
    "SecretRef",
    "SharedControl",
    "Site",
    "Sla",
    "SshSettings",
    "System",
    "Target",
    "TlsSettings",
    "Url",
    "Waiver",
    "WebSettings",
    "Word",
]

Kind = Literal["server", "endpoint", "device", "service", "link"]
Connect = Literal["local", "ssh", "network", "file", "bundle", "recorded"]
Basis = Literal["operator-selfcheck", "internal-independent", "professional-body", "inspection"]
Method = Literal["read-login", "tls", "web", "ports", "links", "snmp"]
"""Ways of looking: logging in to read, TLS hellos, web pages and name servers, ports and SSH hellos, links, SNMP."""


class Province(Record):
    id: Id
    name: Name | None = None


class Group(Record):
    """Agencies that are compared with one another (departments, communes …)."""

    id: Id
    name: Name | None = None


class SecretRef(Record):
    """Where a secret is kept; the secret itself never stands in an inventory.

    Exactly one of: a file of mode 0600, an environment variable, a systemd credential.
    """

    file: LocalPath | None = None
    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if [self.file, self.env, self.credential].count(None) != 2:
            raise PydanticCustomError("secret-ref", "exactly one is needed of: file, env, credential")
        return self


class SshSettings(Record):
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$")] | None = None
    port: Port | None = None
    key_file: LocalPath | None = None
    key_passphrase: SecretRef | None = None
    password: SecretRef | None = None
    known_hosts: LocalPath | None = None
    host_key: (
        Annotated[str, Field(pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$", examples=["ssh-ed25519 AAAA…"])] | None
    ) = None
    """A pinned host key, as in known_hosts: 'ssh-ed25519 AAAA…'."""


class TlsSettings(Record):
    trust: tuple[LocalPath, ...] = ()
    """PEM files or folders of further trust anchors (a government CA)."""
    server_name: Address | None = None


class WebSettings(Record):
    """What is to be known of a web service besides its URL."""

    http_port: Port | None = None
    """Port where the same name answers without TLS; 80 where the URL has https and no other port."""
    partners: tuple[Address, ...] = ()
    """Hosts of others whose links, frames and scripts its pages are meant to hold; each with all names below it."""


class DnsSettings(Record):
    """Which resolver answers for the names of a service, and which domain its mail comes from."""

    resolver: Annotated[Address, AfterValidator(ip_only)] | None = None
    """The one server that is asked; it must lie within the authority, or be loopback."""
    port: Port | None = None
    mail_domain: Annotated[Address, AfterValidator(domain_name)] | None = None
    """What stands behind the @."""
    dkim_selectors: tuple[Annotated[Address, AfterValidator(domain_name)], ...] = Field((), max_length=10)
    """Selectors of the keys mail is signed with (s= in DKIM-Signature)."""


class Limits(Record):
    """How hard a site, or the target itself, may be worked."""

    max_parallel: Count | None = None
    deadline_s: Annotated[int, Strict(), Field(ge=1, le=3600)] | None = None


class Agency(Record):
    id: Id
    name: Name | None = None
    group: Id
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None
    succeeds: tuple[str, ...] = ()
    contact: str | None = None
    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None
    tags: tuple[Line, ...] = ()


class Site(Record):
    id: Id
    name: Name | None = None
    agency: Id | None = None
    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None
    tags: tuple[Line, ...] = ()


class System(Record):
    """An information system with its security level (decree 331/2026 art. 8-18)."""

    id: Id
    name: Name | None = None
    owner: Id
    operator: Id | None = None
    level: Level | None = None
    level_status: Literal["assumed", "proposed", "appraised", "approved"] = "assumed"
    decision: Document | None = None
    hosting: Literal["own", "rented", "shared"] | None = None
    facts: LevelFacts | None = None
    """What its owner says of it, from which the criteria of decree 331/2026 suggest a level."""
    invested_from: Day | None = None
    """When investment in it began: before 2026-07-01 it may be in transition (decree 331/2026 art. 39.1)."""
    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None
    tags: tuple[Line, ...] = ()


class Scope(Record):
    agencies: tuple[Id, ...] = ()
    systems: tuple[Id, ...] = ()
    sites: tuple[Id, ...] = ()
    targets: tuple[Id, ...] = ()
    networks: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Networks that must not be touched; they win over everything else."""


class Hours(Record):
    """When looking is allowed: local time, inclusive start, exclusive end; days 1 (Monday) to 7."""

    start: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    end: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
    days: tuple[Annotated[int, Strict(), Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)


class Authority(Record):
    """The document that gives the right to look (design §2)."""

    id: Id
    basis: Basis
    document: Document
    scope: Scope
    methods: tuple[Method, ...] = Field(min_length=1)
    from_: Day = Field(alias="from")
    until: Day
    hours: Hours | None = None


class BackupJob(Record):
    """A declared backup: what must exist, so that its absence can be seen."""

    id: Id
    tool: Literal["restic", "files"]
    repo: (
        Annotated[
            str,
            Field(pattern=r"^[^\x00-\x20\x7f-][^\x00-\x1f\x7f]*$", examples=["/srv/backup"]),
            AfterValidator(without_dots),
        ]
        | None
    ) = None
    """restic: path of the repository as seen from the target."""
    password_file: RemotePath | None = None
    """restic: file on the target that holds the repository's password; it is read there, never sent."""
    path: RemotePath | None = None
    """files: folder on the target, absolute."""
    pattern: Annotated[Line, AfterValidator(names_only)] = "*"
    """files: shell pattern of the file names that count."""
    max_age_hours: Number = 26
    min_copies: Count = 2
    separate: Flag | None = None
    """Is the repository on other infrastructure than what it protects? Said by the owner."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        need = "repo" if self.tool == "restic" else "path"
        if getattr(self, need) is None:
            raise PydanticCustomError(
                "job-needs", "a {tool} backup job needs '{need}'", {"tool": self.tool, "need": need}
            )
        return self


class Sla(Record):
    rtt_ms: Number | None = None
    loss_pct: Number | None = None


class Link(Record):
    from_: Id = Field(alias="from")
    to: Line
    target: Address
    """The address that is pinged from the auditor's vantage."""
    provider: Line | None = None
    kind: Literal["tslcd", "internet", "vpn", "leased", "loopback", "other"] | None = None
    backup: Id | None = None
    """Id of the link that takes over when this one is down."""
    sla: Sla | None = None
    encrypted: Literal["ipsec", "macsec", "tls", "wireguard", "other", "none"] | None = None


class Target(Record):
    """One audited thing, with all inheritance resolved (site, agency, system, then its own)."""

    id: Id
    kind: Kind
    name: Name | None = None
    address: Address | None = None
    url: Url | None = None
    agency: Id | None = None
    systems: tuple[Id, ...] = ()
    site: Id | None = None
    platform: Word | None = None
    role: Word | None = None
    tags: tuple[Line, ...] = ()
    level: Level | None = None
    """The highest level it carries; None when no system of it says one."""
    connect: Connect = "network"
    recording: Line | None = None
    config: LocalPath | None = None
    ssh: SshSettings | None = None
    tls: TlsSettings | None = None
    web: WebSettings | None = None
    dns: DnsSettings | None = None
    limits: Limits | None = None
    ports: tuple[Port, ...] = ()
    """Ports it is meant to offer to everyone, besides those of its role."""
    networks: Annotated[tuple[str, ...], AfterValidator(few_addresses)] = ()
    """Networks it serves: where an unknown host can be cut off."""
    backups: tuple[BackupJob, ...] = ()
    link: Link | None = None
    handling: Literal["normal", "secret-standalone"] = "normal"
    mend_by: Literal["agency", "dc", "provider", "budget"] | None = None
    runs_on: tuple[Id, ...] = ()
    stores_on: tuple[Id, ...] = ()
    backed_up_by: tuple[Id, ...] = ()
    protected_by: tuple[Id, ...] = ()
    hosted_by: tuple[Id, ...] = ()
    depends_on: tuple[Id, ...] = ()


class Inventory(Record):
    """All that one run needs to know of the province before it looks."""

    province: Province
    groups: tuple[Group, ...] = ()
    agencies: tuple[Agency, ...] = ()
    authorities: tuple[Authority, ...] = ()
    systems: tuple[System, ...] = ()
    sites: tuple[Site, ...] = ()
    targets: tuple[Target, ...] = ()
    shared_controls: tuple[SharedControl, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    retired: tuple[Retired, ...] = ()
    assessor: str | None = None
    assessment_kind: Basis = "operator-selfcheck"
    packs: tuple[str, ...] = ()
    """Packs this province uses unless --profile says otherwise."""
    recorded: LocalPath | None = None
    """Evidence folder of recordings that targets with ``connect: recorded`` take theirs from."""
    secret_standalone: dict[str, int] = Field(default_factory=dict)
    """Count per agency of machines about which nothing else may be said."""
