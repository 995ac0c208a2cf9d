"""Are commands that came in the clear, in one piece with STARTTLS, carried out as if they had come under TLS?

CVE-2011-0411 and its many kin: somebody in between can put words into a session that its client takes for safe.
The command sent behind STARTTLS does nothing (NOOP); under TLS we say goodbye, and see which answers come first.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from functools import cache
from typing import Any

from auditor.collectors._tls.io import Ended, Line
from auditor.collectors._tls.prefaces import Dial, preface, spoken
from auditor.evidence.tls import Answer, Feature

FEATURE = "starttls-injection"
_CAP = 4096
"""Bytes of answers under TLS that are kept; they are two lines."""
_FLIGHT_CAP = 1 << 18
_WORDS = {
    "smtp": (b"NOOP\r\n", b"QUIT\r\n"),
    "pop3": (b"NOOP\r\n", b"QUIT\r\n"),
    "ftp": (b"NOOP\r\n", b"QUIT\r\n"),
    "imap": (b"c3 NOOP\r\n", b"c4 LOGOUT\r\n"),
}
"""What goes behind STARTTLS, and the goodbye under TLS."""
_ANSWERS = {
    "smtp": re.compile(rb"^([1-5][0-9][0-9])(?: |\r?$)", re.MULTILINE),
    "ftp": re.compile(rb"^([1-5][0-9][0-9])(?: |\r?$)", re.MULTILINE),
    "pop3": re.compile(rb"^(\+OK|-ERR)\b", re.MULTILINE),
    "imap": re.compile(rb"^(c[34]) ", re.MULTILINE),
}
_BYE = {"smtp": b"221", "ftp": b"221", "pop3": b"+OK", "imap": b"c4"}
_REFUSED = ("preface: refused 503", "preface: refused 554")
"""What SMTP servers say that want to hear nothing before their go-ahead."""


def try_injection(scheme: str, dial: Dial, server_name: str) -> dict[str, Any] | None:
    """Ask in one connection, or two where the first came to nothing; None where the protocol has no such question."""
    name = spoken(scheme)
    if name not in _WORDS:
        return None
    behind, bye = _WORDS[name]
    ended, answers = _conversation(name, dial, server_name, behind, bye)
    control = ""
    if ended not in ("answered", *_REFUSED):
        control, _ = _conversation(name, dial, server_name, b"", bye)
    told = base64.b64encode(answers).decode("ascii")
    return {"spoken": name, "ended": ended, "answers": told, "control": control}


def injection(document: Any) -> Feature:
    """What became of it. Pure. Raises ``ValueError`` for what is no document of ``try_injection``."""
    try:
        name, ended, control = document["spoken"], document["ended"], document["control"]
        answers = base64.b64decode(document["answers"], validate=True)[:_CAP]
        heard = [found.group(1) for found in _ANSWERS[name].finditer(answers)]
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise ValueError("no document of an injection") from None
    if heard and heard[-1] == _BYE[name] and ended == "answered":
        if len(heard) == 1:
            return Feature(FEATURE, Answer.NO, "what was sent behind STARTTLS was thrown away")
        return Feature(FEATURE, Answer.YES, "what was sent behind STARTTLS was answered under TLS")
    if ended in _REFUSED:
        return Feature(FEATURE, Answer.NO, f"STARTTLS with something behind it was refused ({str(ended)[17:]})")
    if ended == "preface: surplus" and control == "answered":
        return Feature(FEATURE, Answer.NO, "what was sent behind STARTTLS was answered in the clear")
    if str(ended).startswith("tls: ") and ended != "tls: timeout" and control == "answered":
        return Feature(FEATURE, Answer.NO, "what was sent behind STARTTLS was not understood as TLS")
    return Feature(FEATURE, Answer.UNTESTED, str(ended)[:80])


def _conversation(name: str, dial: Dial, server_name: str, behind: bytes, bye: bytes) -> tuple[str, bytes]:
    """How it ended, and what was said under TLS until the goodbye was answered.

    Endings: ``answered``; ``closed`` under TLS; ``tls: …`` where the handshake failed; else the word of ``Ended``.
    """
    answers = b""
    try:
        with dial() as bare:
            line = preface(name, behind=behind)(bare, server_name)
            session = Session(line)
            session.shake()
            session.send(bye)
            while chunk := session.receive():
                answers = (answers + chunk)[:_CAP]
                heard = [found.group(1) for found in _ANSWERS[name].finditer(answers)]
                if len(answers) == _CAP or (name != "pop3" and heard[-1:] == [_BYE[name]]):
                    break
            return ("answered" if answers else "closed"), answers
    except Ended as exc:
        return ("answered" if answers and str(exc) in ("reset", "timeout") else str(exc)), answers


class Session:
    """As much TLS as it takes to say goodbye, by OpenSSL, with any version and suite that it knows."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._coming, self._going)
        self._taken = 0

    def shake(self) -> None:
        """Raises ``Ended``: ``tls: …`` when the handshake fails or the line ends within it."""
        try:
            while True:
                try:
                    self._tls.do_handshake()
                    return
                except ssl.SSLWantReadError:
                    self._exchange()
                finally:
                    self._flush()
        except ssl.SSLError as exc:
            raise Ended(f"tls: {(exc.reason or 'broken').lower()}") from None
        except Ended as exc:
            raise Ended(f"tls: {exc}") from None

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def receive(self) -> bytes:
        """b"" when the other side has closed."""
        while True:
            try:
                return self._tls.read(_CAP)
            except ssl.SSLWantReadError:
                self._exchange()
            except ssl.SSLError:
                return b""

    def _flush(self) -> None:
        if data := self._going.read():
            self._line.send(data)

    def _exchange(self) -> None:
        self._flush()
        data = self._line.receive()
        self._taken += len(data)
        if self._taken > _FLIGHT_CAP:
            raise Ended("too-long")
        self._coming.write(data) if data else self._coming.write_eof()


@cache
def _context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    made.set_ciphers("ALL:@SECLEVEL=0")
    return made
