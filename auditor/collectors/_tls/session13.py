"""A TLS 1.3 handshake, for what stands encrypted in it: certificates, staple, protocol, tickets, early data.

RFC 8446. Every signature and Finished is verified: what is measured is what this server said to us.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import new as digest_of

from auditor.collectors._tls import hellos, wire
from auditor.collectors._tls.agreement import FFDHE, GROUPS, Share, share, signed
from auditor.collectors._tls.guards import guard13
from auditor.collectors._tls.hellos import Hello, client_hello_message
from auditor.collectors._tls.io import Ended, Line
from auditor.collectors._tls.keys import derive, finished13, handshake_secret, master_secret
from auditor.collectors._tls.replies import ServerHello, server_hello
from auditor.collectors._tls.session import STAPLE_AND_TIMESTAMPS, Talk
from auditor.collectors._tls.wire import Malformed, Reader, extensions, message
from auditor.evidence.tls import Answer

SUITES = {
    0x1301: ("AES_128_GCM", "sha256"),
    0x1302: ("AES_256_GCM", "sha384"),
    0x1303: ("CHACHA20_POLY1305", "sha256"),
    0x1304: ("AES_128_CCM", "sha256"),
    0x1305: ("AES_128_CCM_8", "sha256"),
}
"""Cipher and hash by code."""
QUIET_S = 1.0
"""A server that has said nothing for so long after the handshake has no ticket for us."""


@dataclass(slots=True, kw_only=True)
class Session13:
    """What one conversation showed, filled in as it went on; raw bytes are as they were sent."""

    ending: str = ""
    """``done``: the server proved itself. Else a word of ``Talk`` or the line, or ``other-version``,
    ``unsupported`` (it chose what was not offered), ``unreadable-key``, ``bad-signature``, ``bad-finished``."""
    suite: int = 0
    group: int = 0
    retried: bool = False
    """It asked for another group by a HelloRetryRequest."""
    alpn: bytes = b""
    wants_client: bool = False
    """It asked for a certificate of ours."""
    certificates: tuple[bytes, ...] = ()
    staple: bytes = b""
    """The OCSPResponse for the leaf; empty where none was sent."""
    timestamps: bytes = b""
    """The SignedCertificateTimestampList for the leaf; empty where none was sent."""
    scheme: int = 0
    """Signature scheme of CertificateVerify."""
    tickets: tuple[int, ...] = ()
    """max_early_data_size of each ticket seen; 0 where early data is not allowed."""
    after: str = ""
    """How waiting for tickets ended: ``ticket``, ``quiet``, ``closed``, or how else; empty: it was not waited."""

    @property
    def early_data(self) -> Answer:
        return early_data(self.ending, self.tickets, self.after)


def early_data(ending: str, tickets: Sequence[int], after: str) -> Answer:
    """May a client send early data (0-RTT)? From what ``Session13`` calls by these names.

    Without any ticket it may not; but only a server that was content with our handshake had reason to send one.
    """
    if ending == "done" and tickets:
        return Answer.YES if any(tickets) else Answer.NO
    return Answer.NO if ending == "done" and after in ("quiet", "closed") else Answer.UNTESTED


def tls13(
    line: Line,
    server_name: str,
    *,
    alpn: tuple[str, ...] = (),
    signatures: tuple[int, ...] = hellos.SIGNATURES,
    groups: tuple[int, ...] = (*GROUPS, *FFDHE),
    suites: tuple[int, ...] = tuple(SUITES),
    tickets: bool = False,
    request: bytes = b"",
) -> Session13:
    """One TLS 1.3 handshake; never an exception for what the server does.

    ``signatures`` chooses between a server's certificates (RSA, ECDSA). With ``tickets`` our side of the handshake
    is sent too, and the first ticket waited for, until the line's deadline at the longest. ``request`` is said then:
    some servers (BoringSSL's) hold tickets back until they have something else to say.
    """
    seen = Session13()
    try:
        talk = Talk(line, version=0x0304)
        hello = Hello(
            version="TLSv1.3",
            suites=suites,
            groups=groups,
            signatures=signatures,
            server_name=server_name,
            alpn=alpn,
            session=os.urandom(32),
            more=STAPLE_AND_TIMESTAMPS,
        )
        shake = _Shake(talk, hello, seen)
        shake.agree()
        shake.server_flight()
        seen.ending = "done"
        if tickets:
            shake.tickets(request)
        talk.bye()
    except Ended as exc:
        seen.ending = str(exc)
    except Malformed:
        seen.ending = "malformed"
    return seen


class _Shake:
    """The handshake, step by step; each raises ``Ended`` or ``Malformed``."""

    def __init__(self, talk: Talk, hello: Hello, seen: Session13) -> None:
        self.talk, self.hello, self.seen = talk, hello, seen
        self.cipher = self.hash = ""
        self.ours = self.theirs = self.master = self.context = b""

    def agree(self) -> None:
        """Say hello, a second time if need be, and agree on keys."""
        own, random, group = share(self.hello.groups[0]), os.urandom(32), self.hello.groups[0]
        self._say_hello(random, group, own)
        answer = self._hear_hello()
        if answer.retry:
            self.seen.retried = True
            group = answer.group or group
            if group not in self.hello.groups:
                raise Ended("unsupported")
            # From here on the first hello counts by its hash only (RFC 8446 4.4.1).
            first = digest_of(self.hash, self.first).digest()
            self.talk.transcript = message(254, first) + self.talk.transcript[len(self.first) :]
            own = share(group) if group != self.hello.groups[0] else own
            more = ((hellos.COOKIE, answer.extensions[hellos.COOKIE]),) if hellos.COOKIE in answer.extensions else ()
            self._say_hello(random, group, own, more)
            suite, answer = answer.suite, self._hear_hello()
            if answer.retry or answer.suite != suite:
                raise Ended("out-of-order")
        theirs = Reader(answer.extensions.get(hellos.KEY_SHARE, b""))
        if theirs.number() != group:
            raise Ended("unsupported")
        self.seen.group = group
        try:
            secret = handshake_secret(self.hash, own.agree(theirs.vector()))
        except ValueError:
            raise Ended("malformed") from None
        self.ours, self.theirs = (
            derive(self.hash, secret, label, self.talk.transcript) for label in (b"c hs traffic", b"s hs traffic")
        )
        self.master = master_secret(self.hash, secret)
        self.talk.change(guard13(self.cipher, self.hash, self.theirs))
        self.talk.tell(wire.CHANGE_CIPHER, b"\x01")  # for middle boxes that wait for one
        self.talk.going = guard13(self.cipher, self.hash, self.ours)

    def _say_hello(self, random: bytes, group: int, own: Share, more: tuple[tuple[int, bytes], ...] = ()) -> None:
        hello = replace(self.hello, shares=((group, own.public),), more=more + self.hello.more)
        self.first = client_hello_message(hello, random)
        self.talk.say(self.first)

    def _hear_hello(self) -> ServerHello:
        answer = server_hello(self.talk.expect(wire.SERVER_HELLO))
        if answer.version != 0x0304:
            raise Ended("other-version")
        if answer.suite not in self.hello.suites or answer.suite not in SUITES or answer.session != self.hello.session:
            raise Ended("unsupported")
        self.seen.suite = answer.suite
        self.cipher, self.hash = SUITES[answer.suite]
        return answer

    def server_flight(self) -> None:
        """All that the server says under its handshake keys."""
        found = extensions(Reader(self.talk.expect(wire.ENCRYPTED_EXTENSIONS)).vector())
        if hellos.ALPN in found:
            self.seen.alpn = Reader(Reader(found[hellos.ALPN]).vector()).vector(1)
        kind, body = self.talk.hear()
        if kind == wire.CERTIFICATE_REQUEST:
            self.seen.wants_client = True
            self.context = Reader(body).vector(1)
            kind, body = self.talk.hear()
        if kind != wire.CERTIFICATE:
            raise Ended("out-of-order")
        self._certificates(body)
        so_far = self.talk.transcript
        verify = Reader(self.talk.expect(wire.CERTIFICATE_VERIFY))
        self.seen.scheme, signature = verify.number(), verify.vector()
        said = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00" + digest_of(self.hash, so_far).digest()
        if self.seen.scheme not in self.hello.signatures:
            raise Ended("unsupported")
        if not signed(self.seen.certificates[0], self.seen.scheme, signature, said):
            raise Ended("bad-signature")
        proof = finished13(self.hash, self.theirs, self.talk.transcript)
        if not hmac.compare_digest(self.talk.expect(wire.FINISHED), proof):
            raise Ended("bad-finished")

    def _certificates(self, body: bytes) -> None:
        read = Reader(body)
        read.vector(1)
        entries, sent = Reader(read.vector(3)), list[bytes]()
        while entries:
            der, found = entries.vector(3), extensions(entries.vector())
            if not sent:
                self.seen.timestamps = found.get(hellos.TIMESTAMPS, b"")
                if found.get(hellos.STATUS_REQUEST, b"")[:1] == b"\x01":
                    self.seen.staple = Reader(found[hellos.STATUS_REQUEST][1:]).vector(3)
            sent.append(der)
        self.seen.certificates = tuple(sent)
        if not sent:
            raise Ended("malformed")

    def tickets(self, request: bytes) -> None:
        """Finish our side, and wait for what comes then."""
        talk, keys = self.talk, (self.cipher, self.hash)
        ours, theirs = (
            derive(self.hash, self.master, label, talk.transcript) for label in (b"c ap traffic", b"s ap traffic")
        )
        talk.change(guard13(*keys, theirs))
        said = time.monotonic()
        try:
            if self.seen.wants_client:
                talk.say(message(wire.CERTIFICATE, wire.vector(self.context, 1) + bytes(3)))
            talk.say(message(wire.FINISHED, finished13(self.hash, self.ours, talk.transcript)))
            talk.going = guard13(*keys, ours)
            if request:
                talk.tell(wire.DATA, request)
            else:
                talk.bye()  # tickets come with the handshake, so a server that sends none hangs up at once
            while not self.seen.tickets:
                kind, body = talk.hear(past_data=True)
                if kind != wire.NEW_TICKET:
                    raise Ended("out-of-order")
                self._ticket(body)
            self.seen.after = "ticket"
        except Malformed:
            self.seen.after = "malformed"
        except Ended as exc:
            quiet = str(exc) == "timeout" and time.monotonic() - said >= QUIET_S
            self.seen.after = "quiet" if quiet else str(exc)

    def _ticket(self, body: bytes) -> None:
        read = Reader(body)
        read.take(8)
        read.vector(1)
        read.vector()
        allowed = extensions(read.vector()).get(hellos.EARLY_DATA, b"")
        self.seen.tickets += (int.from_bytes(allowed, "big"),)
