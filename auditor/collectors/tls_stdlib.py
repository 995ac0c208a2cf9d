"""Probes a TLS service with Python's own ssl, and with hellos by hand for what that cannot speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors._tls_looking import endpoint, look
from auditor.collectors._tls_reading import peer, protocols
from auditor.evidence.tls import Peer, TlsService
from auditor.model import CollectError, Evidence, Observation, Unavailable
from auditor.targets import Target


class StdlibTls(ProbeCollector):
    """Protocol versions, the certificate chain with its verification, and the negotiated cipher."""

    id: ClassVar[str] = "tls.stdlib"
    evidence: ClassVar[type[Evidence]] = TlsService
    kinds: ClassVar[frozenset[str]] = frozenset({"service"})
    method: ClassVar[str] = "tls"

    def actions(self, target: Target) -> Sequence[Action]:
        try:
            port = endpoint(target).port
        except CollectError:
            return ()
        return (Action("at most 15 TLS handshakes, none of which goes on to send a request", (port,)),)

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        return {item.target.id: look(item, now) for item in targets}

    def parse(self, seen: Reading) -> TlsService:
        at = endpoint(seen.target)
        found: Peer | Unavailable
        try:
            found = peer(seen, at.server_name)
        except CollectError as exc:
            found = Unavailable(exc.reason, exc.detail)
        return TlsService(
            seen=seen.seen,
            host=at.host,
            port=at.port,
            server_name=at.server_name,
            protocols=protocols(seen, at.server_name),
            peer=found,
        )
