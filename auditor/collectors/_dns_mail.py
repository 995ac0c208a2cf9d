"""SPF, DMARC and DKIM records as text, read by their RFCs. Pure, and linear in their length."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from auditor.evidence.domain import DkimKey, Dmarc, Spf, State

LOOKUPS = 10
"""RFC 7208 4.6.4."""
INCLUDES = 25
"""Records followed from one, so that a circle ends."""
_TERM = re.compile(r"([+~?-]?)([A-Za-z][A-Za-z0-9]*)(?:([:=/])(.*))?", re.DOTALL)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_DOMAIN = re.compile(r"[A-Za-z0-9_.%{}+,/=-]{1,253}")
_LOOKS_UP = frozenset({"include", "a", "mx", "ptr", "exists"})


@dataclass(slots=True)
class Record:
    """The terms of one SPF record."""

    includes: list[str] = field(default_factory=list)
    redirect: str = ""
    all: str = ""
    lookups: int = 0
    errors: list[str] = field(default_factory=list)


Texts = Mapping[str, tuple[str, ...] | None]
"""TXT records by name; None where a resolver did not say."""


def is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def spf_record(text: str) -> Record:
    """The terms of a record that ``is_spf``."""
    made = Record()
    for term in text.split(" ")[1:]:
        if term and not made.all:
            _term(made, term)
        elif term and (given := _MODIFIER.fullmatch(term)) and given[1].lower() == "redirect":
            continue  # RFC 7208 6.1: not looked at where there is an all
    return made


def _term(made: Record, term: str) -> None:
    given = _MODIFIER.fullmatch(term)
    if given is not None:
        if given[1].lower() == "redirect":
            made.errors += [f"two redirects: {term}"[:80]] if made.redirect else []
            made.redirect = given[2].lower().rstrip(".")
            made.lookups += 1
        return
    found = _TERM.fullmatch(term)
    name = found[2].lower() if found else ""
    mark, value = (found[3] or "", found[4] or "") if found else ("", "")
    if name == "all" and not mark:
        made.all = found[1] or "+" if found else ""
    elif name in ("include", "exists") and mark == ":" and _DOMAIN.fullmatch(value):
        made.includes += [value.lower().rstrip(".")] if name == "include" else []
    elif name in ("a", "mx", "ptr") and mark != "=" and (not value or _DOMAIN.fullmatch(value)):
        pass
    elif not (name in ("ip4", "ip6") and mark == ":" and _network(name, value)):
        made.errors.append(f"not a term of SPF: {term}"[:80])
        return
    made.lookups += name in _LOOKS_UP


def _network(name: str, value: str) -> bool:
    try:
        (IPv4Network if name == "ip4" else IPv6Network)(value, strict=False)
    except ValueError:
        return False
    return True


def spf_names(domain: str, texts: Texts) -> list[str]:
    """The names whose TXT records must be known to read the SPF record of a domain, as far as can be told."""
    names, at = [domain], 0
    while at < len(names) and len(names) < INCLUDES:
        for text in filter(is_spf, texts.get(names[at]) or ()):
            record = spf_record(text)
            more = [*record.includes, *([record.redirect] if record.redirect and not record.all else [])]
            names += [one for one in dict.fromkeys(more) if one not in names and "%" not in one]
        at += 1
    return names[:INCLUDES]


def spf(domain: str, texts: Texts) -> Spf | None:
    """The SPF record of a domain whose own TXT records are known; None where it has none."""
    own = [text for text in texts[domain] or () if is_spf(text)]
    if not own:
        return None
    record, errors, lookups, missing = spf_record(own[0]), list[str](), 0, list[str]()
    if len(own) > 1:
        errors.append("two records")
    for name in spf_names(domain, texts):
        held = texts.get(name)
        found = [text for text in held or () if is_spf(text)]
        if held is None:
            missing.append(name)
        elif len(found) != 1 and name != domain:
            errors.append(f"{name}: {len(found)} records")
        for text in found[:1]:
            part = spf_record(text)
            lookups += part.lookups
            errors += [one if name == domain else f"{name}: {one}" for one in part.errors]
            missing += [one for one in part.includes if "%" in one]
    said, name, passed = record.all, record.redirect, {domain}
    while not said and name and name not in passed:
        passed.add(name)
        further = next((spf_record(text) for text in texts.get(name) or () if is_spf(text)), Record())
        said, name = further.all, further.redirect
    return Spf(
        text=own[0][:500],
        errors=tuple(errors[:10]),
        all=said or "?",
        lookups=lookups,
        whole=not missing,
        why=f"not read: {', '.join(missing[:5])}" if missing else "",
    )


def _tags(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text[:2000].split(";") if part.strip())
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]


def is_dmarc(text: str) -> bool:
    return _tags(text)[:1] == [("v", "DMARC1")]


def dmarc(domain: str, holder: str, texts: tuple[str, ...]) -> Dmarc | None:
    """The record a receiver would use for mail of ``domain``, found at ``holder``; two count as none."""
    found = [text for text in texts if is_dmarc(text)]
    if len(found) != 1:
        return None
    told, errors = dict(reversed(_tags(found[0]))), list[str]()
    policy = told.get("p", "") if domain == holder else told.get("sp", told.get("p", ""))
    if policy.lower() not in ("none", "quarantine", "reject"):
        errors.append(f"policy: {policy[:40]!r}")
        policy = ""
    percent = told.get("pct", "100")
    if not (percent.isascii() and percent.isdigit() and len(percent) <= 3 and int(percent) <= 100):
        errors.append(f"pct: {percent[:40]!r}")
        percent = "0"
    reports = tuple(one.strip()[:200] for one in told.get("rua", "").split(",") if one.strip())
    return Dmarc(
        domain=holder,
        text=found[0][:500],
        policy=policy.lower(),
        percent=int(percent),
        reports=reports[:5],
        errors=tuple(errors),
    )


def dkim(selector: str, texts: tuple[str, ...]) -> DkimKey:
    """The key of a selector, from the TXT records of its name (RFC 6376 3.6.1)."""
    for text in texts:
        told = dict(_tags(text.replace("\t", " ")[:4000]))
        if "p" not in told or told.get("v", "DKIM1") != "DKIM1":
            continue
        packed = told["p"].replace(" ", "")
        if not packed:
            return DkimKey(selector, State.FOUND, "revoked", None)
        try:
            raw = base64.b64decode(packed, validate=True)
            key = load_der_public_key(raw) if told.get("k", "rsa") == "rsa" else None
        except (binascii.Error, ValueError, TypeError):
            return DkimKey(selector, State.FOUND, "malformed", None)
        except Exception:  # noqa: BLE001  (the library names kinds of keys it does not know by exceptions of its own)
            return DkimKey(selector, State.FOUND, "malformed", None)
        return DkimKey(selector, State.FOUND, "", key.key_size if isinstance(key, RSAPublicKey) else None)
    return DkimKey(selector, State.FOUND if texts else State.MISSING, "malformed" if texts else "", None)
