"""Target configurations for TLS services: dated data, read once from ``data/tls_profiles.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from auditor.dated import made_of, text_of
from auditor.evidence.tls import TlsProfile

_FILE = "tls_profiles.yaml"


@dataclass(frozen=True, slots=True)
class TlsProfiles:
    """The whole table."""

    profiles: tuple[TlsProfile, ...]
    roles: Mapping[str, str]
    default: str

    def for_role(self, role: str | None) -> str:
        """Name of the profile that a target of this role aims at."""
        return self.roles.get(role or "", self.default)


@cache
def table() -> TlsProfiles:
    """The table that came with this program. Raises ``CapdoError`` when its file is damaged."""
    return read(text_of(_FILE))


def read(text: str) -> TlsProfiles:
    """A table from YAML text. Raises ``CapdoError`` for anything that is not one."""
    return made_of(_FILE, text, _table)


def _table(told: Any) -> TlsProfiles:
    made = TlsProfiles(
        profiles=tuple(map(_profile, told["profiles"])), roles=dict(told["roles"]), default=str(told["default"])
    )
    strange = {made.default, *made.roles.values()} - {one.name for one in made.profiles}
    if strange:
        raise ValueError(f"no such profile: {', '.join(sorted(strange))}")
    return made


def _profile(row: Mapping[str, Any]) -> TlsProfile:
    return TlsProfile(
        name=str(row["name"]),
        from_=date.fromisoformat(row["from"]),
        until=date.fromisoformat(row["until"]) if "until" in row else None,
        versions=tuple(row["versions"]),
        suites=tuple(row["suites"]),
        groups=tuple(row["groups"]),
        key_types=tuple(row["key_types"]),
        rsa_bits=int(row["rsa_bits"]),
        dh_bits=int(row["dh_bits"]),
    )
