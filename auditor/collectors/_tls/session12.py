"""A handshake of TLS 1.0 to 1.2, for what comes after it: may a client start another one on the same connection?

RFC 2246, 4346, 5246; 4492, 8422 (ECDHE), 5077 (tickets), 5746 (renegotiation), 7627 (extended master secret).
Finished is verified; the signature over the key exchange is not: nothing that is learnt here rests on it.
"""

from __future__ import annotations

import hmac
import os
import time
from dataclasses import dataclass, replace
from functools import cache

from auditor.collectors._tls import hellos, wire
from auditor.collectors._tls.agreement import GROUPS, Share, dh_share, share, wrapped
from auditor.collectors._tls.guards import CIPHERS, guards12
from auditor.collectors._tls.hellos import Hello, client_hello_message
from auditor.collectors._tls.io import Ended, Line
from auditor.collectors._tls.keys import prf, prf_hash, transcript_hash
from auditor.collectors._tls.replies import ServerHello, server_hello
from auditor.collectors._tls.session import STAPLE_AND_TIMESTAMPS, Talk
from auditor.collectors._tls.suites import asked, suite
from auditor.collectors._tls.wire import Malformed, Reader, message
from auditor.evidence.tls import Answer

IGNORED_S = 2.0
"""A server that has said nothing for so long does not mean to begin anew."""
_HELLO_REQUEST = 0
_ORDER = (
    wire.CERTIFICATE, wire.CERTIFICATE_STATUS, wire.KEY_EXCHANGE, wire.CERTIFICATE_REQUEST, wire.HELLO_DONE,
)  # fmt: skip
_REFUSALS = ("alert 100", "alert 40", "alert 10", "ignored")
"""How servers say no: no_renegotiation (OpenSSL), handshake_failure (Java), unexpected_message (Go), or not at all."""
HUNG_UP = ("closed", "reset")
"""And how they do it where a line is dead anyway."""


@dataclass(slots=True, kw_only=True)
class Session12:
    """What one conversation showed, filled in as it went on; raw bytes are as they were sent."""

    ending: str = ""
    """``done``: the handshake is complete. Else a word of ``Talk`` or the line, or ``other-version``,
    ``unsupported`` (a suite, group or field not spoken here), ``unreadable-key``, ``bad-finished``."""
    version: int = 0
    suite: int = 0
    group: int = 0
    """Of ECDHE; 0 with other key exchanges."""
    alpn: bytes = b""
    wants_client: bool = False
    """It asked for a certificate of ours."""
    certificates: tuple[bytes, ...] = ()
    staple: bytes = b""
    """The OCSPResponse for the leaf; empty where none was sent."""
    timestamps: bytes = b""
    """The SignedCertificateTimestampList for the leaf; empty where none was sent."""
    session: bytes = b""
    """The session id it gave."""
    ticket: bool = False
    extended_master: bool = False
    secure_renegotiation: bool = False
    """RFC 5746 in its ServerHello."""
    renegotiation: str = ""
    """What a second ClientHello met: ``server-hello``, ``ignored``, or how the conversation ended; empty: not asked."""
    held: str = ""
    """What came when we said nothing more: ``timeout``, or how the server ended it; empty: it was not waited."""


def client_renegotiation(renegotiation: str, held: str = "") -> Answer:
    """May a client start a handshake on a running connection? From what ``Session12`` calls by these names.

    A server that hung up on the question has refused only if it holds a line on which nothing is asked (a proxy
    whose own server is down hangs up on both): ``held`` is of another conversation, needed for ``HUNG_UP`` alone.
    """
    if renegotiation == "server-hello":
        return Answer.YES
    refused = renegotiation in _REFUSALS or (renegotiation in HUNG_UP and held == "timeout")
    return Answer.NO if refused else Answer.UNTESTED


@cache
def spoken(version: str) -> tuple[int, ...]:
    """The suites of a version that a handshake can be completed with here."""
    ways = ("ecdhe", "dhe", "rsa")  # the cheapest for the server first
    known = [one for one in map(suite, asked(version)) if one.authentication != "anon" and one.cipher in CIPHERS]
    return tuple(one.code for way in ways for one in known if one.exchange == way)


def tls12(
    line: Line,
    server_name: str,
    *,
    version: str = "TLSv1.2",
    alpn: tuple[str, ...] = (),
    suites: tuple[int, ...] = (),
    groups: tuple[int, ...] = GROUPS,
    renegotiate: bool = False,
    hold: bool = False,
) -> Session12:
    """One handshake of ``version`` or an older one; never an exception for what the server does.

    ``suites``: all of ``spoken(version)`` where none are given. With ``renegotiate``, one more ClientHello is sent
    when it is done, and the answer to that waited for, until the line's deadline at the longest; no second handshake
    is gone through. With ``hold``, nothing more is said until the line's deadline (one second is plenty for it).
    """
    seen = Session12()
    try:
        hello = Hello(
            version=version,
            suites=suites or spoken(version),
            groups=groups,
            server_name=server_name,
            alpn=alpn,
            more=((hellos.MASTER_SECRET, b""), (hellos.TICKET, b""), *STAPLE_AND_TIMESTAMPS),
        )
        shake = _Shake(Talk(line, version=wire.VERSION[version]), hello, seen)
        shake.server_flight()
        shake.client_flight()
        shake.server_end()
        seen.ending = "done"
        if renegotiate:
            shake.renegotiate()
        elif hold:
            shake.hold()
        shake.talk.bye()
    except Ended as exc:
        seen.ending = str(exc)
    except Malformed:
        seen.ending = "malformed"
    return seen


class _Shake:
    """The handshake, step by step; each raises ``Ended`` or ``Malformed``."""

    def __init__(self, talk: Talk, hello: Hello, seen: Session12) -> None:
        self.talk, self.hello, self.seen = talk, hello, seen
        self.random = os.urandom(32)
        self.hash = ""
        self.master = self.verify = b""
        self.promised = False

    def server_flight(self) -> None:
        """Say hello and hear all up to ServerHelloDone."""
        renegotiation = (hellos.RENEGOTIATION, b"\x00")
        hello = replace(self.hello, more=(renegotiation, *self.hello.more))
        self.talk.say(client_hello_message(hello, self.random))
        self.answer = server_hello(self.talk.expect(wire.SERVER_HELLO))
        self._agreed(self.answer)
        self.exchange, at = b"", 0
        while at < len(_ORDER):
            kind, body = self.talk.hear()
            if kind not in _ORDER[at:]:
                raise Ended("out-of-order")
            at = _ORDER.index(kind) + 1
            if kind == wire.CERTIFICATE:
                self._certificates(body)
            elif kind == wire.CERTIFICATE_STATUS and body[:1] == b"\x01":
                self.seen.staple = Reader(body[1:]).vector(3)
            elif kind == wire.KEY_EXCHANGE:
                self.exchange = body
            elif kind == wire.CERTIFICATE_REQUEST:
                self.seen.wants_client = True

    def _agreed(self, answer: ServerHello) -> None:
        seen, found = self.seen, answer.extensions
        seen.version, seen.suite, seen.session = answer.version, answer.suite, answer.session
        if not 0x0301 <= answer.version <= self.talk.version:
            raise Ended("other-version")
        if answer.suite not in self.hello.suites or answer.suite not in spoken(self.hello.version):
            raise Ended("unsupported")
        self.talk.version, self.suite = answer.version, suite(answer.suite)
        self.hash = prf_hash(self.suite.hash)
        seen.extended_master = hellos.MASTER_SECRET in found
        seen.secure_renegotiation = hellos.RENEGOTIATION in found
        seen.timestamps = found.get(hellos.TIMESTAMPS, b"")
        self.promised = hellos.TICKET in found
        if hellos.ALPN in found:
            seen.alpn = Reader(Reader(found[hellos.ALPN]).vector()).vector(1)

    def _certificates(self, body: bytes) -> None:
        entries, sent = Reader(Reader(body).vector(3)), []
        while entries:
            sent.append(entries.vector(3))
        self.seen.certificates = tuple(sent)

    def client_flight(self) -> None:
        """Our share of the keys, and Finished."""
        talk, exchange = self.talk, {"rsa": self._rsa, "dhe": self._dhe, "ecdhe": self._ecdhe}[self.suite.exchange]
        if self.seen.wants_client:
            talk.say(message(wire.CERTIFICATE, bytes(3)))
        secret, said = exchange()
        talk.say(message(wire.CLIENT_KEY_EXCHANGE, said))
        randoms = self.random, self.answer.random
        if self.seen.extended_master:
            label, seed = b"extended master secret", transcript_hash(talk.version, self.hash, talk.transcript)
        else:
            label, seed = b"master secret", b"".join(randoms)
        self.master = prf(talk.version, self.hash, secret, label, seed, 48)
        ours, self.theirs = guards12(talk.version, self.suite.cipher, self.suite.hash, self.master, randoms)
        talk.tell(wire.CHANGE_CIPHER, b"\x01")
        talk.going = ours
        self.verify = self._finished(b"client finished")
        talk.say(message(wire.FINISHED, self.verify))

    def server_end(self) -> None:
        """The server's ticket and Finished."""
        if self.promised:
            read = Reader(self.talk.expect(wire.NEW_TICKET))
            read.take(4)
            self.seen.ticket = bool(read.vector())
        self.talk.hear_change()
        self.talk.change(self.theirs)
        proof = self._finished(b"server finished")
        if not hmac.compare_digest(self.talk.expect(wire.FINISHED), proof):
            raise Ended("bad-finished")

    def renegotiate(self) -> None:
        """Begin a second handshake, once, and see what becomes of it."""
        hello, talk = self.hello, self.talk
        if self.seen.secure_renegotiation:
            proof = (hellos.RENEGOTIATION, wire.vector(self.verify, 1))
            hello = replace(hello, more=(proof, *hello.more))
        begun = time.monotonic()
        try:
            talk.say(client_hello_message(hello, os.urandom(32)))
            while (kind := talk.hear(past_data=True)[0]) == _HELLO_REQUEST:
                pass
            self.seen.renegotiation = "server-hello" if kind == wire.SERVER_HELLO else "out-of-order"
        except Ended as exc:
            ignored = str(exc) == "timeout" and time.monotonic() - begun >= IGNORED_S
            self.seen.renegotiation = "ignored" if ignored else str(exc)

    def hold(self) -> None:
        """Say nothing, and see how long the server bears it."""
        try:
            while self.talk.hear(past_data=True)[0] == _HELLO_REQUEST:
                pass
            self.seen.held = "out-of-order"
        except Ended as exc:
            self.seen.held = str(exc)

    def _finished(self, label: bytes) -> bytes:
        version, so_far = self.talk.version, self.talk.transcript
        return prf(version, self.hash, self.master, label, transcript_hash(version, self.hash, so_far), 12)

    # --- the three ways to a premaster secret: it, and what the server must be told for it ---

    def _rsa(self) -> tuple[bytes, bytes]:
        if not self.seen.certificates:
            raise Ended("out-of-order")
        secret = wire.u16(wire.VERSION[self.hello.version]) + os.urandom(46)
        return secret, wire.vector(wrapped(self.seen.certificates[0], secret))

    def _dhe(self) -> tuple[bytes, bytes]:
        read = Reader(self.exchange)
        prime, generator, theirs = (read.vector() for _ in range(3))
        try:
            own = dh_share(int.from_bytes(prime, "big"), int.from_bytes(generator, "big"))
        except ValueError:
            raise Ended("unsupported") from None
        return self._shared(own, theirs), wire.vector(own.public)

    def _ecdhe(self) -> tuple[bytes, bytes]:
        read = Reader(self.exchange)
        kind, group, theirs = read.number(1), read.number(), read.vector(1)
        if kind != 3 or group not in self.hello.groups or group not in GROUPS:
            raise Ended("unsupported")
        self.seen.group, own = group, share(group)
        return self._shared(own, theirs), wire.vector(own.public, 1)

    def _shared(self, own: Share, theirs: bytes) -> bytes:
        try:
            return own.agree(theirs)
        except ValueError:
            raise Ended("malformed") from None
