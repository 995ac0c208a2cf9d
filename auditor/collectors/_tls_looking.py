"""What the TLS prober asks of a service, and the JSON documents it stores of the answers."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from auditor.collector import Addressed
from auditor.collectors import _tls_io as io
from auditor.collectors._hello import client_hello, is_ip, read_reply
from auditor.evidence.tls import VERSIONS
from auditor.model import CollectError, Observation, Reason
from auditor.targets import Target

DEADLINE_S = 20.0
"""For a whole target, wall clock."""
STEP_S = 5.0
"""For one connection."""
_PORTS = {"https": 443, "ldaps": 636, "imaps": 993, "pop3s": 995, "smtps": 465, "ftps": 990}
"""Schemes that speak TLS from the first byte, with their usual ports."""
_ASKED = tuple(reversed(VERSIONS))
"""Newest first: whoever bans a client for odd hellos has answered the ordinary ones by then."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is to be found and by what name."""

    host: str
    port: int
    server_name: str


def endpoint(target: Target) -> Endpoint:
    """From the service's URL. Raises ``CollectError(unsupported)`` for a URL that names no TLS endpoint."""
    try:
        parts = urlsplit(target.url or "")
        usual = _PORTS.get(parts.scheme)
        host, port = parts.hostname, parts.port or usual
        asked = (target.tls and target.tls.server_name) or host or ""
        name = asked if is_ip(asked) else asked.rstrip(".").encode("idna").decode("ascii").lower()
    except ValueError as exc:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r}: {exc}") from None
    if usual is None:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r}: {parts.scheme} does not begin with TLS")
    if not host or not port or not name:
        raise CollectError(Reason.UNSUPPORTED, f"url {target.url!r} names no host")
    return Endpoint(host, port, name)


def look(item: Addressed, now: datetime) -> Sequence[Observation]:
    """Ask one service all there is to ask; two documents, or twice why there is none."""
    limits = item.target.limits
    until = time.monotonic() + min(DEADLINE_S, (limits and limits.deadline_s) or DEADLINE_S)
    try:
        at = endpoint(item.target)
    except CollectError as exc:
        return tuple(_missed(key, item, now, exc.reason, exc.detail) for key in ("versions", "certificate"))
    head = {"address": item.address, "port": at.port, "server_name": at.server_name}
    versions = _versions(item.address, at, until)
    first = versions["hellos"][0]["ending"]
    if first in io.NO_CONNECTION or all(hello["ending"] == "timeout" for hello in versions["hellos"]):
        reason = Reason.TIMEOUT if first == "timeout" else Reason.UNREACHABLE
        detail = f"{item.address} port {at.port}: {first}"
        return tuple(_missed(key, item, now, reason, detail) for key in ("versions", "certificate"))
    certificate = _certificate(item, at, until)
    return (_made("versions", item, now, head | versions), _made("certificate", item, now, head | certificate))


def _versions(address: str, at: Endpoint, until: float) -> dict[str, Any]:
    """Ask for each version; where the answer is no, ask once more by ssl; at the end, is the server still there?"""
    hellos: list[dict[str, str]] = []
    for version in _ASKED:
        hellos.append(_hello(address, at, version, until))
        if hellos[0]["ending"] in io.NO_CONNECTION:
            return {"hellos": hellos}
    handshakes, offered = [], [hello["version"] for hello in hellos if _is_offered(hello)]
    for hello in hellos:
        if hello["version"] in io.ONE_VERSION and hello["version"] not in offered and hello["ending"] != "timeout":
            context = io.one_version(hello["version"])
            ending = io.handshake(address, at.port, context, at.server_name, _step(until)).ending
            handshakes.append({"version": hello["version"], "ending": ending})
            offered += [hello["version"]] if ending == "done" else []
    control = _hello(address, at, offered[0], until) if offered else None
    return {"hellos": hellos, "handshakes": handshakes, "control": control}


def _hello(address: str, at: Endpoint, version: str, until: float) -> dict[str, str]:
    def enough(reply: bytes) -> bool:
        return read_reply(version, reply) is not None

    said = client_hello(version, at.server_name, os.urandom(64))
    ending, reply = io.exchange(address, at.port, said, enough, _step(until))
    return {"version": version, "ending": ending, "reply": base64.b64encode(reply).decode("ascii")}


def _is_offered(hello: Mapping[str, str]) -> bool:
    answer = read_reply(hello["version"], base64.b64decode(hello["reply"]))
    return answer is not None and answer.offer == "offered"


def _certificate(item: Addressed, at: Endpoint, until: float) -> dict[str, Any]:
    """Get the chain as a client of today, else as an outdated one; verified, and if need be once more unverified."""
    ending = ""
    for kind in ("current", "legacy"):
        verified, anchors = _shake(item, at, kind, "verified", until)
        ending = verified.ending
        if not verified.sent and ending != "untrusted":
            continue  # it failed for another reason than the certificate
        best = verified
        if verified.verify_code in io.TIME_CODES:
            again, _ = _shake(item, at, kind, "any-time", until)
            best = again if again.sent or again.verify_code else verified
        told = best if best.sent else _shake(item, at, kind, "unverified", until)[0]
        return {
            "context": kind,
            "ending": told.ending,
            "version": told.version,
            "cipher": told.cipher,
            "sent": [_pack(der) for der in told.sent],
            "whole": told.whole,
            "verify": {"ending": best.ending, "code": best.verify_code, "message": best.verify_message},
            "path": [_pack(der) for der in best.path],
            "anchors": anchors,
        }
    return {"context": "none", "ending": ending}


def _shake(item: Addressed, at: Endpoint, kind: str, how: str, until: float) -> tuple[io.Shake, dict[str, Any]]:
    context = io.asking(kind)
    anchors: dict[str, Any] = {}
    if how != "unverified":
        system, unread = io.anchor(context, item.target.tls.trust if item.target.tls else ())
        anchors = {"system": system, "unread": unread}
    if how == "any-time":
        io.any_time(context)
    return io.handshake(item.address, at.port, context, at.server_name, _step(until)), anchors


def _pack(der: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(der).hexdigest(), "der": base64.b64encode(der).decode("ascii")}


def _step(until: float) -> float:
    return min(until, time.monotonic() + STEP_S)


def _made(key: str, item: Addressed, now: datetime, document: Mapping[str, Any]) -> Observation:
    return Observation(
        key=key,
        source=f"TLS handshakes with {document['address']} port {document['port']}: {key}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=json.dumps(document, ensure_ascii=True, sort_keys=True).encode("ascii"),
    )


def _missed(key: str, item: Addressed, now: datetime, reason: Reason, detail: str) -> Observation:
    return Observation(
        key=key,
        source=f"TLS handshakes with {item.address}: {key}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=b"",
        stderr=detail,
        exit=None,
        problem=reason,
    )
