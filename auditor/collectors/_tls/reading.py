"""What the TLS prober stored, read back as facts. Pure, and strict: what does not fit is unparsable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.collector import Reading
from auditor.collectors._tls import asks
from auditor.collectors._tls.asks import Heard, Run, unbase64, unpacked, unpacked_run
from auditor.collectors._tls.features import features
from auditor.collectors._tls.injection import injection
from auditor.collectors._tls.prefaces import Opening, opening
from auditor.collectors._tls.primes import COMMON_PRIMES
from auditor.collectors._tls.replies import Kind
from auditor.collectors._tls.suites import group, scheme, suite
from auditor.collectors._tls.wire import Malformed
from auditor.evidence.tls import (
    VERSIONS,
    Answer,
    DhParameters,
    Feature,
    Group,
    Offer,
    Preference,
    Protocol,
)  # fmt: skip
from auditor.model import CollectError, Reason

_RUNS = 60
_SESSIONS = 60


@dataclass(frozen=True, slots=True)
class Hellos:
    """The document on hellos, its answers read."""

    runs: tuple[Run, ...]
    asks: Mapping[str, Heard]
    sessions: Mapping[str, Mapping[str, Any]]
    control: Heard | None
    connections: int
    opening: Opening
    injection: Feature | None

    @property
    def lives(self) -> bool:
        """Did the server answer at the very end what it had answered before?"""
        return self.control is not None and self.control.outcome.kind is Kind.TAKEN

    def of(self, kind: str, version: str = "") -> list[Run]:
        return [run for run in self.runs if run.kind == kind and version in ("", run.version)]


def document(seen: Reading, key: str, server_name: str) -> dict[str, Any]:
    """One of the documents. Raises ``CollectError``: stale when it was made for another name."""
    text = seen.text(key)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise unparsable(f"{key}: not JSON") from None
    if not isinstance(told, dict):
        raise unparsable(f"{key}: not an object")
    if told.get("server_name") != server_name:
        raise CollectError(Reason.STALE, f"{key}: collected for the name {told.get('server_name')!r:.100}")
    return told


def hellos(seen: Reading, server_name: str) -> Hellos:
    """Raises ``CollectError``."""
    told = document(seen, "hellos", server_name)
    runs, single, sessions = told.get("runs"), told.get("asks"), told.get("sessions")
    if not isinstance(runs, list) or len(runs) > _RUNS:
        raise unparsable("hellos: no list of runs")
    if not isinstance(single, dict) or not isinstance(sessions, dict) or len(single) + len(sessions) > _SESSIONS:
        raise unparsable("hellos: no asks or sessions")
    if not all(isinstance(one, dict) for one in sessions.values()):
        raise unparsable("hellos: a session that is no object")
    count = told.get("connections")
    if type(count) is not int:
        raise unparsable("hellos: no count of connections")
    try:
        return Hellos(
            runs=tuple(map(unpacked_run, runs)),
            asks={str(name): unpacked(one) for name, one in single.items()},
            sessions=sessions,
            control=None if told.get("control") is None else unpacked(told["control"]),
            connections=count,
            opening=opening(told.get("opening")),
            injection=None if told.get("injection") is None else injection(told["injection"]),
        )
    except (Malformed, ValueError) as exc:
        raise unparsable(f"hellos: {exc}") from None


def service(told: Hellos) -> dict[str, Any]:
    """Fields of ``TlsService`` that hellos tell. Raises ``CollectError`` when no TLS is spoken at all."""
    if told.opening.name and told.opening.offered is Answer.NO:
        return {"protocols": tuple(Protocol(one, Offer.UNTESTED, "TLS is not offered") for one in VERSIONS)}
    protocols = tuple(_protocol(told, version) for version in VERSIONS)
    if all(one.offer is not Offer.OFFERED for one in protocols):
        words = [one.why for one in reversed(protocols)]
        plain = next((word for word in words if word.startswith("not TLS")), "")
        detail = "; ".join(f"{one.version}: {one.why}" for one in reversed(protocols[-2:]))
        raise unparsable(plain or f"no TLS is spoken here ({detail})")
    groups, whole = _groups(told)
    return {
        "protocols": protocols,
        "groups": groups,
        "groups_whole": whole,
        "dh": _dh(told),
        "signatures": _signatures(told),
        "alpn": _alpn(told),
        "features": features(told, protocols) + ((told.injection,) if told.injection else ()),
    }


def _protocol(told: Hellos, version: str) -> Protocol:
    runs = told.of("suites", version)
    if not runs:
        return Protocol(version, Offer.UNTESTED, "not asked")
    # Where suites were asked in parts, those picked were asked once more together, which shows their order.
    ordered = sorted(runs, key=lambda run: not run.together)
    picked = tuple(dict.fromkeys(code for run in ordered for code in run.picked))
    if picked:
        # A first run that picked nothing was asked in a form the server does not bear, and asked again.
        counted = [run for number, run in enumerate(runs) if run.picked or number]
        first = next(run for run in runs if run.picked).answers[0]
        return Protocol(
            version,
            Offer.OFFERED,
            first.outcome.why,
            tuple(map(suite, picked)),
            all(run.whole(told.lives) for run in counted) and (bool(runs[0].picked) or len(counted) > 1),
            _preference(counted),
        )
    said = [run.last for run in runs]
    refused = [one for one in said if one.kind is Kind.REFUSED]
    firm = next((one for one in refused if one.firm), None)
    if firm:
        return Protocol(version, Offer.REFUSED, firm.why)
    if refused and told.lives:
        return Protocol(version, Offer.REFUSED, refused[0].why)
    if refused:
        return Protocol(version, Offer.UNTESTED, f"{refused[0].why}, and so at the end for every version")
    return Protocol(version, Offer.UNTESTED, said[0].why)


def _preference(runs: list[Run]) -> Preference:
    held = [run for run in runs if run.together] or [run for run in runs if run.picked]
    asked = held[0]
    if len(held) > 1 or asked.turned is None or len(asked.picked) < 2:
        return Preference.UNTESTED
    picked, again = asked.picked, asks.picks("suites", asked.turned)
    if again == picked[:1]:
        return Preference.SERVER
    return Preference.CLIENT if again == asks.turned(picked)[:1] else Preference.UNTESTED


def _groups(told: Hellos) -> tuple[tuple[Group, ...], bool]:
    """Those of TLS 1.3 first. Whole where all that were asked were, and an ECDSA certificate did not stand in the way:
    below TLS 1.3 its curve must be among those offered, so that a run which strikes it ends too early."""
    runs = sorted(told.of("groups"), key=lambda run: run.version, reverse=True)
    found = tuple(dict.fromkeys(code for run in runs for code in (*run.picked, *([run.kept] if run.fell_back else []))))
    careful = any(run.kept for run in runs)
    hidden = any(
        run.version != "TLSv1.3"
        and not careful
        and (hello := one.outcome.hello)
        and suite(hello.suite).authentication == "ecdsa"
        for run in runs
        for one in run.answers
    )
    return tuple(map(group, found)), bool(runs) and not hidden and all(run.whole(told.lives) for run in runs)


def _dh(told: Hellos) -> tuple[DhParameters, ...]:
    found = {}
    for name in ("dh", "dh-export"):
        keys = told.asks[name].keys() if name in told.asks else None
        if keys and keys.prime:
            digest = hashlib.sha256(keys.prime).hexdigest()
            bits = int.from_bytes(keys.prime, "big").bit_length()
            found[digest] = DhParameters(bits, digest, COMMON_PRIMES.get(digest, ""))
    return tuple(found.values())


def _signatures(told: Hellos) -> tuple[str, ...]:
    codes = [code for run in told.of("signatures") for code in run.picked]
    for one in told.sessions.values():
        if one.get("ending") == "done" and type(one.get("scheme")) is int and one["scheme"] > 0:
            codes.append(one["scheme"])
    return tuple(dict.fromkeys(map(scheme, codes)))


def _alpn(told: Hellos) -> tuple[str, ...]:
    found = []
    for key in dict.fromkeys((*told.asks, *told.sessions)):
        name = key.removeprefix("alpn ")
        if name == key:
            continue
        hello = told.asks[key].outcome.hello if key in told.asks else None
        said = hello.extensions.get(16, b"")[3:].decode("latin-1") if hello else told.sessions.get(key, {}).get("alpn")
        if said == name:
            found.append(name)
    return tuple(found)


def unparsable(detail: str) -> CollectError:
    return CollectError(Reason.UNPARSABLE, detail)


def texts(told: Mapping[str, Any], key: str, most: int = 100) -> list[str]:
    """A list of texts. Raises ``CollectError``."""
    items = told.get(key)
    if not isinstance(items, list) or len(items) > most or not all(isinstance(item, str) for item in items):
        raise unparsable(f"{key}: not a list of texts")
    return items


def ders(told: Mapping[str, Any], key: str) -> tuple[bytes, ...]:
    """A list of DER bytes. Raises ``CollectError``."""
    try:
        return tuple(unbase64(item) for item in texts(told, key))
    except Malformed as exc:
        raise unparsable(f"{key}: {exc}") from None
