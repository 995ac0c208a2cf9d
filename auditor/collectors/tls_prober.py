"""Probes TLS services with hellos written by hand, and with as few whole handshakes as will do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from auditor import tls_profiles
from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors._doors import places, turn
from auditor.collectors._tls import reading
from auditor.collectors._tls.asker import MOST, Asked
from auditor.collectors._tls.io import NO_SERVER, Caller, is_ip
from auditor.collectors._tls.knock import at_once
from auditor.collectors._tls.look import Look
from auditor.collectors._tls.peers import peers
from auditor.collectors._tls.prefaces import PORTS, bears, preface
from auditor.evidence.tls import Peer, TlsService
from auditor.model import CollectError, Evidence, Observation, Reason, Unavailable
from auditor.targets import Target

DEADLINE_S = 60.0
"""For one service, wall clock, from its turn on."""
SITE_LIMIT = 4
_KEYS = ("hellos", "certificate")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is to be found and by what name."""

    scheme: str
    host: str
    port: int
    server_name: str


def endpoint(target: Target) -> Endpoint:
    """From the service's URL. Raises ``CollectError(unsupported)`` for a URL that names no TLS endpoint."""
    try:
        parts = urlsplit(target.url or "")
        usual = PORTS.get(parts.scheme)
        host, port = parts.hostname, parts.port or usual
        asked = (target.tls and target.tls.server_name) or host or ""
        name = asked if is_ip(asked) else asked.rstrip(".").encode("idna").decode("ascii").lower()
    except ValueError as exc:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r}: {exc}") from None
    if usual is None:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r}: no TLS is known for {parts.scheme}")
    if not host or not port or not name:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r} names no host")
    return Endpoint(parts.scheme, host, port, name)


class TlsProber(ProbeCollector):
    """Versions, suites, groups, extensions and certificates of a TLS service."""

    id: ClassVar[str] = "tls.prober"
    evidence: ClassVar[type[Evidence]] = TlsService
    kinds: ClassVar[frozenset[str]] = frozenset({"service"})
    method: ClassVar[str] = "tls"
    many: ClassVar[bool] = True

    def actions(self, target: Target) -> Sequence[Action]:
        try:
            at = endpoint(target)
        except CollectError:
            return ()
        most = bears(at.scheme, MOST)
        what = f"TLS hellos, one after the other, of which a few go on to a handshake; at most {most} connections"
        return (Action(what + ("; one HEAD request for /" if at.scheme == "https" else ""), (at.port,)),)

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        made: dict[str, Sequence[Observation]] = {}
        doors: list[tuple[str, int, Addressed]] = []
        for item in targets:
            try:
                doors.append((item.address, endpoint(item.target).port, item))
            except CollectError as exc:
                made[item.target.id] = _missed(item, now, exc.reason, exc.detail)

        limits = [item.target.limits.max_parallel or SITE_LIMIT for _, _, item in doors if item.target.limits]
        servers = min(limits, default=SITE_LIMIT)

        def work(item: Addressed) -> None:
            try:
                # A site's targets come in several tasks at once; its limit is for all of them together.
                with places(f"tls of site {item.target.site}", servers):
                    made[item.target.id] = _look(item, now)
            except Exception as exc:  # noqa: BLE001 (a mistake of ours costs this service, not the others of the task)
                word = f"looking broke: {type(exc).__name__}: {exc}"[:300]
                made[item.target.id] = _missed(item, now, Reason.INCOMPLETE, word)

        for item, word in at_once(doors, work, servers):
            port = endpoint(item.target).port
            made[item.target.id] = _missed(item, now, _reason(word), f"{item.address} port {port}: {word}")
        return made

    def parse(self, seen: Reading) -> TlsService:
        at = endpoint(seen.target)
        told = reading.hellos(seen, at.server_name)
        facts = reading.service(told)
        found: Peer | Unavailable
        others: tuple[Peer, ...] = ()
        features = facts.pop("features", ())
        try:
            (found, *rest), stapling = peers(seen, at.server_name, facts["protocols"])
            others = tuple(rest)
            features = tuple(stapling if one.name == stapling.name else one for one in features)
        except CollectError as exc:
            found = Unavailable(exc.reason, exc.detail)
        profiles = tls_profiles.table()
        return TlsService(
            seen=seen.seen,
            host=at.host,
            port=at.port,
            server_name=at.server_name,
            peer=found,
            others=others,
            preface=told.opening.name,
            clear=told.opening.clear,
            clear_why=told.opening.why,
            features=features,
            profiles=profiles.profiles,
            aims_at=profiles.for_role(seen.target.role),
            connections=told.connections,
            **facts,
        )


def _look(item: Addressed, now: datetime) -> Sequence[Observation]:
    """One service, asked all there is to ask; two documents, or why there are none."""
    at, limits, trust = endpoint(item.target), item.target.limits, item.target.tls.trust if item.target.tls else ()
    with turn(item.address):
        allowed = float((limits and limits.deadline_s) or DEADLINE_S)
        until = time.monotonic() + min(DEADLINE_S, allowed)
        caller = Caller(item.address, at.port, until, name=at.server_name, preface=preface(at.scheme))
        look = Look(caller, Asked(at.scheme, at.server_name, trust))
        look.run()
    endings = {run.answers[0].ending for run in look.runs}
    if not look.offered and (endings & set(NO_SERVER) or endings == {"timeout"}):
        word = sorted(endings)[0]
        return _missed(item, now, _reason(word), f"{item.address} port {at.port}: {word}")
    head = {"address": item.address, "port": at.port, "server_name": at.server_name}
    parts = zip(_KEYS, (look.answers(), look.certificates()), strict=True)
    return tuple(_made(key, item, now, head | part) for key, part in parts)


def _reason(word: str) -> Reason:
    return Reason.TIMEOUT if word in ("timeout", "no-answer") else Reason.UNREACHABLE


def _made(key: str, item: Addressed, now: datetime, document: Mapping[str, Any]) -> Observation:
    return Observation(
        key=key,
        source=f"TLS hellos to {document['address']} port {document['port']}: {key}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=json.dumps(document, ensure_ascii=True, sort_keys=True).encode("ascii"),
    )


def _missed(item: Addressed, now: datetime, reason: Reason, detail: str) -> Sequence[Observation]:
    one = Observation(
        key="",
        source=f"TLS hellos to {item.address}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=b"",
        stderr=detail,
        exit=None,
        problem=reason,
    )
    return tuple(replace(one, key=key) for key in _KEYS)
