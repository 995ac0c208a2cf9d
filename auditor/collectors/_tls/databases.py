"""What is said before TLS to databases: PostgreSQL, MySQL and MariaDB, MSSQL.

None of them shows before a login whether it insists on TLS for everybody, except MSSQL; no login is tried.
"""

from __future__ import annotations

from auditor.collectors._tls.dialogue import PACKET_CAP, Dialogue, Refused, shown, stranger
from auditor.collectors._tls.io import Ended, Line
from auditor.evidence.tls import Answer

# --- PostgreSQL: "Frontend/Backend Protocol", SSLRequest ---


def postgres(talk: Dialogue) -> Line:
    """One byte of answer: S or N. That S is said says nothing of sessions without TLS: pg_hba.conf decides by name."""
    talk.say(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
    answer = talk.exactly(1)
    if answer == b"N":
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why = Answer.YES, "TLS is not offered"
        raise Refused("not-offered")
    if answer == b"E":
        raise Refused("turned-away")
    if answer != b"S":
        raise Refused(stranger(answer + talk.rest()) or "junk")
    talk.heard.why = "which names are let in without TLS is not shown before a login"
    return talk.tls()


# --- MySQL and MariaDB: "Client/Server Protocol", Protocol::HandshakeV10 ---

_CLIENT_SSL, _PROTOCOL_41, _SECURE_CONNECTION = 0x800, 0x200, 0x8000


def mysql(talk: Dialogue) -> Line:
    """The server speaks first; TLS follows a short packet of flags."""
    head = talk.exactly(4)
    size = int.from_bytes(head[:3], "little")
    if head[3] != 0 or not 1 <= size <= PACKET_CAP:
        raise Refused(stranger(head + talk.rest()) or "junk")
    packet = talk.exactly(size)
    if packet[0] == 0xFF:
        talk.heard.banner = shown(packet[3:])
        raise Refused("turned-away", str(int.from_bytes(packet[1:3], "little")))
    version, end, after = packet[1:].partition(b"\x00")
    if packet[0] != 10 or not end or len(after) < 18:
        raise Refused("junk")
    talk.heard.banner = shown(version)
    # connection number (4), first part of the salt (8), a zero, then the flags' lower half; their upper half later
    flags = int.from_bytes(after[13:15], "little")
    if not flags & _CLIENT_SSL:
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why = Answer.YES, "TLS is not offered"
        raise Refused("not-offered")
    talk.heard.why = "whether it insists on TLS is not shown before a login"
    flags = _CLIENT_SSL | _PROTOCOL_41 | _SECURE_CONNECTION
    body = flags.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + bytes(23)
    talk.say(len(body).to_bytes(3, "little") + b"\x01" + body)
    return talk.tls()


# --- MSSQL: MS-TDS 2.2.6.5, 3.2.5.1; written from the document, and never run against a SQL Server ---

_PRELOGIN, _REPLY = 0x12, 0x04
_ENCRYPT_ON, _ENCRYPT_NOT_SUP, _ENCRYPT_REQ = 1, 2, 3
_TDS_BODY = 4096 - 8


def mssql(talk: Dialogue) -> Line:
    """TDS 7 pre-login asking for encryption; the handshake then travels inside packets of the same kind."""
    answer = _prelogin(talk, _ENCRYPT_ON)
    if answer == _ENCRYPT_NOT_SUP:
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why = Answer.YES, "TLS is not offered"
        raise Refused("not-offered")
    if answer not in (_ENCRYPT_ON, _ENCRYPT_REQ):
        raise Refused("refused", str(answer))
    return talk.tls(Tds(talk.bare))


def mssql_clear(talk: Dialogue) -> None:
    """Would a client that knows no encryption be let on to the login?"""
    answer = _prelogin(talk, _ENCRYPT_NOT_SUP)
    if answer == _ENCRYPT_NOT_SUP:
        talk.heard.clear, talk.heard.why = Answer.YES, "a client without encryption is let on to the login"
    elif answer in (_ENCRYPT_ON, _ENCRYPT_REQ):
        talk.heard.clear, talk.heard.why = Answer.NO, "a client without encryption is told that it must have it"
    else:
        talk.heard.why = f"answers a client without encryption with {answer}"
    talk.heard.ended = "answered"


def _prelogin(talk: Dialogue, encryption: int) -> int:
    """What the server says of encryption, when asked with one of the four values."""
    values = ((0, bytes(6)), (1, bytes([encryption])), (2, b"\x00"), (3, bytes(4)))
    heads, body, at = b"", b"", 5 * len(values) + 1
    for option, value in values:
        heads += bytes([option]) + (at + len(body)).to_bytes(2, "big") + len(value).to_bytes(2, "big")
        body += value
    talk.say(_tds(heads + b"\xff" + body))
    head = talk.exactly(8)
    size = int.from_bytes(head[2:4], "big")
    if head[0] != _REPLY or not head[1] & 1 or not 9 <= size <= 4096:
        raise Refused(stranger(head + talk.rest()) or "junk")
    packet = talk.exactly(size - 8)
    found = {}
    for at in range(0, len(packet) - 4, 5):
        if packet[at] == 0xFF:
            break
        start, length = int.from_bytes(packet[at + 1 : at + 3], "big"), int.from_bytes(packet[at + 3 : at + 5], "big")
        found[packet[at]] = packet[start : start + length]
    version = found.get(0, b"")
    if len(version) == 6:
        talk.heard.banner = f"{version[0]}.{version[1]}.{int.from_bytes(version[2:4], 'big')}"
    if len(found.get(1, b"")) != 1:
        raise Refused("junk")
    return found[1][0]


def _tds(body: bytes, last: bool = True) -> bytes:
    return bytes([_PRELOGIN, 1 if last else 0]) + (8 + len(body)).to_bytes(2, "big") + bytes(4) + body


class Tds:
    """A ``Line`` whose bytes travel inside TDS pre-login packets, as those of MSSQL's handshake do.

    A record that comes bare is passed on as it is: some servers send their alerts so.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._coming = b""
        self._bare = False

    def send(self, data: bytes) -> None:
        parts = [data[at : at + _TDS_BODY] for at in range(0, len(data), _TDS_BODY)]
        self._line.send(b"".join(_tds(part, part is parts[-1]) for part in parts))

    def receive(self) -> bytes:
        while True:
            if self._bare or (self._coming and self._coming[0] in (0x14, 0x15, 0x16, 0x17)):
                self._bare = True
                data, self._coming = self._coming, b""
                return data or self._line.receive()
            size = int.from_bytes(self._coming[2:4], "big")
            if len(self._coming) >= 8 and not (self._coming[0] in (_PRELOGIN, _REPLY) and size >= 8):
                raise Ended("tds-broken")
            if len(self._coming) >= 8 and len(self._coming) >= size:
                data, self._coming = self._coming[8:size], self._coming[size:]
                if data:
                    return data
                continue
            more = self._line.receive()
            if not more:
                return b""
            self._coming += more
