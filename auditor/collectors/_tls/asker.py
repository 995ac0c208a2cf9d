"""One service and what is asked of it: each question, and what is kept of the answer."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any

from auditor.collectors._tls import anchors, asks, hellos, wire
from auditor.collectors._tls.asks import Heard, Run
from auditor.collectors._tls.hellos import Hello, client_hello
from auditor.collectors._tls.io import TOO_MANY, Caller, Ended, Line, is_ip
from auditor.collectors._tls.prefaces import bears
from auditor.collectors._tls.replies import Flight, Kind, certificates, enough, staple
from auditor.collectors._tls.suites import GROUPS_13

MOST = 600
"""Connections to one service; some bear fewer (``bears``)."""
_SPARE = 8
"""Connections that are not spent on one more suite: for the other versions, the certificate, and the control."""
_EVERY_STEP = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """How a service is to be asked."""

    scheme: str
    server_name: str
    trust: tuple[str, ...] = ()


class Asker:
    """Asks one service; ``answers()`` and ``certificates()`` tell what it said."""

    def __init__(self, caller: Caller, asked: Asked) -> None:
        self.caller, self.asked = caller, asked
        self.name = "" if is_ip(asked.server_name) else asked.server_name
        self.runs: list[Run] = []
        self.asks: dict[str, Heard] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.shown: list[dict[str, Any]] = []
        self.ders: dict[str, bytes] = {}
        self.offered: dict[str, tuple[int, ...]] = {}
        self.control: Heard | None = None
        self.opening: dict[str, Any] = {}
        self.injection: dict[str, Any] | None = None
        self.most = bears(asked.scheme, MOST)
        self.chunked = False
        self.plain = False
        """It answers only hellos without extensions."""
        self.named = False
        """It wants to be named even in SSL 3.0."""
        self._session_id = os.urandom(32)

    def answers(self) -> dict[str, Any]:
        return {
            "opening": self.opening,
            "injection": self.injection,
            "runs": [asks.packed_run(run) for run in self.runs],
            "asks": {name: asks.packed(one) for name, one in self.asks.items()},
            "sessions": self.sessions,
            "control": asks.packed(self.control),
            "connections": self.caller.connections,
        }

    def certificates(self) -> dict[str, Any]:
        seen = anchors.sources(tuple(self.ders.values()), self.asked.trust)
        return {
            "shown": self.shown,
            "ders": {name: _text(der) for name, der in self.ders.items()},
            "system": seen.system,
            "unread": list(seen.unread),
            "anchors": [_text(der) for der in seen.anchors],
            "named": [_text(der) for der in seen.named],
            "crls": [_text(der) for der in seen.crls],
        }

    # --- questions ---

    def _strike(
        self,
        kind: str,
        version: str,
        items: tuple[int, ...],
        make: Callable[[tuple[int, ...]], Hello],
        kept: int = 0,
        *,
        together: bool = False,
    ) -> Run:
        """Offer, strike what is picked, offer the rest, until no more is picked."""
        left, first = list(items), tuple[int, ...]()
        answers: list[Heard] = []
        while left and len(answers) < _EVERY_STEP:
            spare = _SPARE if kind == "suites" and answers else 1
            one, _ = self._ask(make(tuple(left)), flight=kind != "suites" and version != "TLSv1.3", spare=spare)
            answers.append(one)
            codes = asks.picks(kind, one)
            if not codes or not set(codes) <= set(left):
                break
            first = first or codes
            left = [code for code in left if code not in codes]
            if version == "SSLv2":
                break
        run = Run(kind, version, items, tuple(answers), kept=kept, together=together)
        if left and first and version != "SSLv2" and run.last.kind is Kind.REFUSED and not run.last.firm:
            one, _ = self._ask(make(first), flight=kind != "suites" and version != "TLSv1.3")
            run = replace(run, alive=one)
        self.runs.append(run)
        return run

    def _bare(self) -> AbstractContextManager[Line]:
        return self._call(bare=True)

    def _call(self, step_s: float | None = None, *, bare: bool = False) -> AbstractContextManager[Line]:
        """Raises ``Ended``: too-many, when all but the last connection are used up."""
        if self.caller.connections >= self.most - 1:
            raise Ended(TOO_MANY)
        return self.caller.call(step_s, bare=bare)

    def _request(self) -> bytes:
        """What is said to a web server after a handshake: some hold their tickets back until they have an answer."""
        if self.asked.scheme != "https" or not re.fullmatch(r"[\w.:-]+", self.asked.server_name, re.ASCII):
            return b""
        host = f"[{self.asked.server_name}]" if ":" in self.asked.server_name else self.asked.server_name
        return f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii")

    def _hello(self, version: str, codes: tuple[int, ...]) -> Hello:
        if version in ("SSLv2", "TLSv1.3"):
            groups = GROUPS_13 if version == "TLSv1.3" else ()
            return Hello(version=version, suites=codes, server_name=self.name, session=self._session_id, groups=groups)
        signalled = (*codes, hellos.EMPTY_RENEGOTIATION)
        if self.plain or version == "SSLv3":
            name = self.name if self.named and not self.plain else ""
            return Hello(version=version, suites=signalled, server_name=name, groups=(), signatures=())
        return Hello(version=version, suites=signalled, server_name=self.name, groups=hellos.OLD_GROUPS)

    def _ask(self, hello: Hello, *, flight: bool = False, spare: int = 1) -> tuple[Heard, Flight]:
        """``spare``: connections that are kept for what is more important."""
        if self.caller.connections >= self.most - spare:
            return Heard(hello.version, TOO_MANY, b""), Flight()
        said = client_hello(hello, os.urandom(32))
        ending, data = self.caller.exchange(said, lambda data: enough(hello.version, data, flight=flight))
        return asks.heard(hello.version, ending, data)

    def _put(self, name: str, hello: Hello, *, flight: bool = False) -> None:
        self.asks[name], _ = self._ask(hello, flight=flight)

    def _show(self, name: str, hello: Hello) -> None:
        """A hello with all that comes after it in the clear; the certificates are kept."""
        one, flight = self._ask(hello, flight=True)
        if flight.hello is None and hello.more and one.ending in ("answered", "closed", "reset"):
            one, flight = self._ask(replace(hello, more=()), flight=True)
        self.asks[name] = one
        found: dict[str, bytes] = {}
        chain: tuple[bytes, ...] = ()
        with suppress(wire.Malformed):
            chain = certificates(flight.message(wire.CERTIFICATE) or b"")
        with suppress(wire.Malformed):
            found["staple"] = staple(flight.message(wire.CERTIFICATE_STATUS) or b"")
        ending = "done" if flight.message(wire.HELLO_DONE) is not None else one.ending
        told = {"ending": ending, "wants_client": flight.message(wire.CERTIFICATE_REQUEST) is not None}
        self.sessions[name] = told | {"certificates": [hashlib.sha256(der).hexdigest() for der in chain]}
        stamps = flight.hello.extensions.get(hellos.TIMESTAMPS, b"") if flight.hello else b""
        picked = flight.hello.suite if flight.hello else 0
        self._shown(name, hello.version, picked, ending, chain, found.get("staple", b""), stamps)

    def _shown(
        self, name: str, version: str, code: int, ending: str, chain: Iterable[bytes], answer: bytes, stamps: bytes
    ) -> None:
        names = []
        for der in chain:
            names.append(hashlib.sha256(der).hexdigest())
            self.ders[names[-1]] = der
        told = {"name": name, "version": version, "suite": code, "ending": ending, "sent": names}
        self.shown.append(told | {"staple": _text(answer), "timestamps": _text(stamps)})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
