"""The types of single fields in files people write: what a date, an address or a path may be.

The types of errors raised here are codes of auditor/mistake_words.py, which has their words in both
languages; ``examples`` are shown to whoever wrote something else.
"""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv6Address, ip_network
from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError


class Record(BaseModel):
    """Base of all inventory records: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Level = Annotated[int, Strict(), Field(ge=1, le=5)]
Count = Annotated[int, Strict(), Field(ge=1)]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
Number = Annotated[
    Annotated[int, Strict(), Field(ge=0)] | Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)],
    WithJsonSchema({"type": "number", "minimum": 0}),
]
Flag = Annotated[bool, Strict()]
Line = Annotated[
    str,
    Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$"),
    WithJsonSchema({"type": "string"}),  # the pattern would tell nobody anything
]
"""Text on one line."""
Word = Annotated[str, Field(max_length=100, pattern=r"^[^\s\x00-\x20\x7f-][^\s\x00-\x20\x7f]*$", examples=["linux"])]
"""One word, such as a platform or a role."""
Name = Line | dict[Literal["vi", "en"], Line]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", examples=["web-01"])]


def _meant(least: int) -> AfterValidator:
    """Spaces alone say nothing: a reason of ten blanks is none."""

    def judge(value: str) -> str:
        if sum(1 for char in value if char.isalnum()) < least:
            raise PydanticCustomError("too-short", "too short to say anything", {"least": least})
        return value

    return AfterValidator(judge)


Who = Annotated[Line, _meant(1)]
"""A person or an office, on one line."""
Reason = Annotated[str, Field(max_length=4000), _meant(8)]
"""Why something is as it is, in words that can be checked; may have several lines."""
Explanation = Annotated[str, Field(max_length=4000), _meant(4)]


def _iso_date(value: Any) -> Any:
    """Dates are ISO text (2026-01-15) and nothing else: no times, no numbers, no week dates."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("not-a-date", "expected a date like 2026-01-15")


Day = Annotated[date, BeforeValidator(_iso_date)]


_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def _proper_address(value: str) -> str:
    """An address that begins with '-' would be read as an option by the tools it is handed to.

    What looks like an IP address must be one: 10.1.1.300 would be asked of the name servers.
    """
    if value.startswith("-"):
        raise PydanticCustomError("address-dash", "an address must not begin with '-'")
    if _DIGITS_AND_DOTS.fullmatch(value):
        if not _IPV4.fullmatch(value):
            raise PydanticCustomError("address-ip", "this is not a proper IP address")
    elif ":" in value or "[" in value:
        try:
            IPv6Address(value[1:-1] if value.startswith("[") and value.endswith("]") else value)
        except ValueError:
            has_port = re.fullmatch(r"[^:]+:[0-9]+|\[.*\]:[0-9]+", value)
            code = "address-port" if has_port else "address-ip"
            raise PydanticCustomError(code, "expected an IP address or host name, without port") from None
    return value


Address = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9_.:%\[\]-]+$", examples=["10.1.1.10"]),
    AfterValidator(_proper_address),
]

URL_SCHEMES = frozenset(
    {"https", "smtps", "imaps", "pop3s", "ldaps", "ftps"}
    | {"smtp", "submission", "imap", "pop3", "ldap", "ftp", "sieve", "xmpp"}
    | {"postgres", "postgresql", "mysql", "mariadb", "mssql", "sqlserver", "rdp"}
)
"""Schemes a service may have: TLS from the start, or upgraded to it (STARTTLS and what databases and RDP have)."""


def _proper_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise PydanticCustomError("url-form", "this is not a proper URL") from None
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError("url-secret", "a URL must not hold a user name or password")
    if not parts.scheme or not host or port == 0 or not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host):
        raise PydanticCustomError("url-form", "this is not a proper URL")
    if parts.scheme not in URL_SCHEMES:
        raise PydanticCustomError("url-scheme", "the scheme cannot be used", {"scheme": parts.scheme})
    _proper_address(host)
    return value


Url = Annotated[
    str,
    Field(max_length=2000, pattern=r"^[!-~]+$", examples=["https://portal.example.vn"]),
    AfterValidator(_proper_url),
]


def ip_only(value: str) -> str:
    """An address that needs no name server to be understood."""
    if not (_IPV4.fullmatch(value) or ":" in value):
        raise PydanticCustomError("address-ip", "this is not a proper IP address")
    return value


def domain_name(value: str) -> str:
    """Labels of a host name: letters, digits, ``-`` and ``_``."""
    labels = value.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", one) for one in labels):
        raise PydanticCustomError("domain-name", "this is not a proper domain name")
    return value.removesuffix(".").lower()


def without_dots(value: str) -> str:
    if ".." in re.split(r"[/\\]", value):
        raise PydanticCustomError("path-dots", "a path must not hold '..'")
    return value


def _absolute(value: str) -> str:
    if not (value.startswith("/") or PureWindowsPath(value).is_absolute()):
        raise PydanticCustomError("path-relative", "must be an absolute path on the target")
    return without_dots(value)


def names_only(value: str) -> str:
    if "/" in value or "\\" in value:
        raise PydanticCustomError("pattern-path", "a pattern of file names only, without folders")
    return value


MOST_ADDRESSES = 1 << 16
"""Of all networks that one entry names, or one call sweeps."""


def few_addresses(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Proper networks, small enough together to be asked address by address."""
    if sum(ip_network(one).num_addresses for one in networks) > MOST_ADDRESSES:
        raise ValueError(f"more than {MOST_ADDRESSES} addresses")
    return networks


RemotePath = Annotated[
    str,
    Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["/srv/backup"]),
    AfterValidator(_absolute),
]
"""A path on the target."""
LocalPath = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["./ca.pem"])]
"""A path on the auditor's machine: relative to the inventory file's folder; ``~`` is expanded at use."""
