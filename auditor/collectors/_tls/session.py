"""A TLS conversation as far as it is the same in every version: records and handshake messages.

Bounded whatever the server sends: bytes, records and messages are counted here, time is the line's.
"""

from __future__ import annotations

from contextlib import suppress

from auditor.collectors._tls import hellos, wire
from auditor.collectors._tls.guards import Guard
from auditor.collectors._tls.io import CAP, Ended, Line

RECORDS, MESSAGES = 1024, 64
"""How many of each one server may send in one conversation."""
STAPLE_AND_TIMESTAMPS = ((hellos.STATUS_REQUEST, b"\x01\x00\x00\x00\x00"), (hellos.TIMESTAMPS, b""))
"""Extensions that ask for a stapled OCSP answer and for signed certificate timestamps."""
_NO_RENEGOTIATION = 100


class Talk:
    """Our side of the conversation; raises ``Ended`` for how it ended, and nothing else.

    Words of its own beside the line's: ``closed``, ``cut`` (closed in the middle of something), ``alert N``,
    ``out-of-order``, ``malformed``, ``bad-record`` (not made with the keys agreed on), ``too-long``.
    """

    def __init__(self, line: Line, *, version: int) -> None:
        self.line, self.version = line, version
        self.transcript = b""
        self.going: Guard | None = None
        self.coming: Guard | None = None
        self._raw, self._messages = bytearray(), bytearray()
        self._bytes = self._records = self._count = 0
        self._left = False

    # --- what we say ---

    def tell(self, kind: int, data: bytes) -> None:
        """Send a record of one kind. The first hello goes as TLS 1.0, as all clients do; no ChangeCipherSpec of ours
        comes under keys, as no second handshake is gone through."""
        if self.going and kind != wire.CHANGE_CIPHER:
            self.line.send(self.going.seal(kind, data))
        else:
            self.line.send(wire.records(kind, min(self.version, 0x0303) if self.transcript else 0x0301, data))

    def say(self, message: bytes) -> None:
        """Send a handshake message, head and all."""
        self.tell(wire.HANDSHAKE, message)
        self.transcript += message

    def bye(self) -> None:
        """close_notify, once; that the other side has hung up already is no matter."""
        if not self._left:
            self._left = True
            with suppress(Ended):
                self.tell(wire.ALERT, b"\x01\x00")

    # --- what we hear ---

    def hear(self, *, past_data: bool = False) -> tuple[int, bytes]:
        """The next handshake message: its kind and body. It is in the transcript by then.

        ``past_data``: whatever an application says in between is skipped, as it may once the handshake is done.
        """
        while (message := self._message()) is None:
            kind, data = self._record()
            if kind == wire.HANDSHAKE:
                self._messages += data
            elif kind == wire.CHANGE_CIPHER and self.version >= 0x0304 and data == b"\x01":
                continue  # says nothing in TLS 1.3, and is there for middle boxes only
            elif not (kind == wire.DATA and past_data and self.coming):
                raise Ended("out-of-order")
        self._count += 1
        if self._count > MESSAGES:
            raise Ended("too-long")
        self.transcript += message
        return message[0], message[4:]

    def expect(self, kind: int) -> bytes:
        """The body of the next message, which must be of this kind."""
        heard, body = self.hear()
        if heard != kind:
            raise Ended("out-of-order")
        return body

    def change(self, guard: Guard) -> None:
        """From the next record on they speak under these keys. No message may be cut in two by that."""
        if self._messages:
            raise Ended("out-of-order")
        self.coming = guard

    def hear_change(self) -> None:
        """ChangeCipherSpec, before TLS 1.3."""
        if self._messages or self._record() != (wire.CHANGE_CIPHER, b"\x01"):
            raise Ended("out-of-order")

    def _message(self) -> bytes | None:
        if len(self._messages) < 4:
            return None
        size = 4 + int.from_bytes(self._messages[1:4], "big")
        if size > wire.MESSAGE_CAP:
            raise Ended("too-long")
        if len(self._messages) < size:
            return None
        message = bytes(self._messages[:size])
        del self._messages[:size]
        return message

    def _record(self) -> tuple[int, bytes]:
        """The next record that is not an alert to be passed over."""
        while True:
            header = self._take(5)
            kind, size = header[0], int.from_bytes(header[3:], "big")
            if header[1] != 3 or not wire.CHANGE_CIPHER <= kind <= wire.DATA or size > wire.RECORD_CAP:
                raise Ended("malformed")
            self._records += 1
            if self._records > RECORDS:
                raise Ended("too-long")
            data = self._take(size)
            if self.coming and not (kind == wire.CHANGE_CIPHER and self.version >= 0x0304):
                try:
                    kind, data = self.coming.open(header, data)
                except ValueError:
                    raise Ended("bad-record") from None
            if kind != wire.ALERT:
                return kind, data
            self._alert(data)

    def _alert(self, data: bytes) -> None:
        if len(data) != 2:
            raise Ended("malformed")
        level, code = data
        if code == 0:
            raise Ended("closed")
        # Warnings were passed over before TLS 1.3 (unrecognized_name is a common one); this one answers a question.
        if level != 1 or self.version >= 0x0304 or code == _NO_RENEGOTIATION:
            raise Ended(f"alert {code}")

    def _take(self, size: int) -> bytes:
        while len(self._raw) < size:
            got = self.line.receive()
            if not got:
                raise Ended("cut" if self._raw or self._messages else "closed")
            self._raw += got
            self._bytes += len(got)
            if self._bytes > CAP:
                raise Ended("too-long")
        taken = bytes(self._raw[:size])
        del self._raw[:size]
        return taken
