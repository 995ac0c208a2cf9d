"""What is said before TLS in protocols of lines: SMTP, IMAP, POP3, FTP, ManageSieve; and XMPP.

Each dialogue goes as far as the server's word that TLS may begin. On the way it learns from the list of
capabilities whether TLS is offered and whether a login would be taken without. No login is begun; the one
exception asks FTP and POP3, which have no other way to tell, with a name that nobody has and no password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from auditor.collectors._tls.dialogue import LINES_CAP, Dialogue, Refused, shown, stranger
from auditor.collectors._tls.io import Line
from auditor.evidence.tls import Answer

OWN_NAME = b"capdo.invalid"
"""How we introduce ourselves; RFC 6761 keeps the ending free for names that are none."""
NOBODY = b"capdo-nobody"
_WITHOUT_PASSWORD = frozenset({"ANONYMOUS", "EXTERNAL"})
"""SASL mechanisms that are no login in the clear: the second needs a certificate, so TLS."""
_ENCRYPT = re.compile(rb"\b(TLS|SSL|encrypt\w*|cleartext|use AUTH)\b", re.IGNORECASE)
"""What servers say that insist: vsftpd, ProFTPD, Pure-FTPd, IIS, FileZilla, in this order of appearance."""


def smtp(talk: Dialogue) -> Line:
    """RFC 3207."""
    _greeted(talk, *_replies(talk))
    talk.say(b"EHLO " + OWN_NAME + b"\r\n")
    code, lines = _replies(talk)
    if code in (b"500", b"502"):  # knows HELO only, so no TLS and no login either; or does not speak SMTP
        talk.say(b"HELO " + OWN_NAME + b"\r\n")
        code, lines = _replies(talk)[0], []
    if code != b"250":
        raise Refused("turned-away", shown(code))
    words = [line.upper().replace(b"=", b" ").split() for line in lines[1:]]
    methods = _methods(word for line in words if line[:1] == [b"AUTH"] for word in line[1:])
    _judge(talk, [b"STARTTLS"] in words, methods, Answer.NO)
    talk.start(b"STARTTLS\r\n")
    code, _ = _replies(talk)
    if code != b"220":
        raise Refused("refused", shown(code))
    return talk.tls()


def imap(talk: Dialogue) -> Line:
    """RFC 9051 6.2.1."""
    greeting = talk.line()
    talk.heard.banner = shown(greeting)
    if not greeting.startswith((b"* OK", b"* PREAUTH")):
        raise Refused("turned-away" if greeting.startswith(b"* BYE") else stranger(greeting) or "junk")
    talk.say(b"c1 CAPABILITY\r\n")
    words: list[bytes] = []
    for line in _tagged(talk, b"c1"):
        if line.upper().startswith(b"* CAPABILITY "):
            words = line.upper().split()[2:]
    if b"IMAP4REV1" not in words and b"IMAP4REV2" not in words:
        raise Refused("junk")
    methods = _methods(word[5:] for word in words if word.startswith(b"AUTH="))
    if greeting.startswith(b"* PREAUTH"):
        talk.heard.clear, talk.heard.why = Answer.YES, "logged in before anything was asked"
        raise Refused("turned-away", "PREAUTH")
    if b"LOGINDISABLED" not in words:
        methods = ("LOGIN", *(method for method in methods if method != "LOGIN"))
    _judge(talk, b"STARTTLS" in words, methods, Answer.NO, without_tls=Answer.NO)
    talk.start(b"c2 STARTTLS\r\n")
    _tagged(talk, b"c2")
    return talk.tls()


def pop3(talk: Dialogue) -> Line:
    """RFC 2595 4 and 2449. A server without CAPA is asked for TLS all the same; what it takes else is not known."""
    greeting = talk.line()
    talk.heard.banner = shown(greeting)
    if not greeting.startswith(b"+OK"):
        raise Refused("turned-away" if greeting.startswith(b"-ERR") else stranger(greeting) or "junk")
    talk.say(b"CAPA\r\n")
    status, listed = talk.line(), []
    if status.startswith(b"+OK"):
        while (line := talk.line()) != b".":
            listed.append(line.upper().split())
            if len(listed) > LINES_CAP:
                raise Refused("too-long")
        methods = _methods(word for line in listed if line[:1] == [b"SASL"] for word in line[1:])
        # A time stamp in the greeting offers APOP (RFC 1939), but some print one and then do not take it;
        # Dovecot lists USER even where it refuses it without TLS.
        apop = re.search(rb"<[^<>@]{1,100}@[^<>@]{1,100}>", greeting) is not None
        _judge(talk, [b"STLS"] in listed, methods, Answer.UNTESTED if apop or [b"USER"] in listed else Answer.NO)
    elif not status.startswith(b"-ERR"):
        raise Refused("junk")
    talk.start(b"STLS\r\n")
    answer = talk.line()
    if answer.startswith(b"-ERR") and not listed:
        _judge(talk, False, (), Answer.UNTESTED)
    if not answer.startswith(b"+OK"):
        raise Refused("refused")
    return talk.tls()


def pop3_clear(talk: Dialogue) -> None:
    """Would a login be taken without TLS? Asked with a name only; a server that insists says so at once."""
    greeting = talk.line()
    if not greeting.startswith(b"+OK"):
        raise Refused("turned-away" if greeting.startswith(b"-ERR") else stranger(greeting) or "junk")
    talk.say(b"USER " + NOBODY + b"\r\n")
    answer = talk.line()
    if not answer.startswith((b"+OK", b"-ERR")):
        raise Refused("junk")
    _name_taken(talk, answer.startswith(b"+OK"), answer.startswith(b"-ERR"), [answer])


def ftp(talk: Dialogue) -> Line:
    """RFC 4217."""
    _greeted(talk, *_replies(talk))
    if "SMTP" in talk.heard.banner.upper():
        raise Refused("junk")
    talk.start(b"AUTH TLS\r\n")
    code, lines = _replies(talk)
    if code in (b"500", b"502", b"504", b"530", b"534", b"503"):
        # 530 and 503 come from servers that know no AUTH and take it for a command before the login.
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why = Answer.YES, f"TLS is not offered: {shown(lines[-1], 80)}"
        raise Refused("not-offered", shown(code))
    if code not in (b"234", b"334"):
        raise Refused("refused", shown(code))
    return talk.tls()


def ftp_clear(talk: Dialogue) -> None:
    """Would a login be taken without TLS? Asked with a name only; a server that insists says so at once."""
    _greeted(talk, *_replies(talk))
    talk.say(b"USER " + NOBODY + b"\r\n")
    code, lines = _replies(talk)
    _name_taken(talk, code in (b"331", b"332", b"230"), code[:1] in (b"4", b"5"), lines)


def _name_taken(talk: Dialogue, taken: bool, refused: bool, lines: list[bytes]) -> None:
    """Note what a server makes of a name that comes without TLS."""
    if taken:
        talk.heard.clear = Answer.YES
    elif refused and any(_ENCRYPT.search(line) for line in lines):
        talk.heard.clear = Answer.NO
    talk.heard.why = f"USER without TLS: {shown(lines[-1], 80)}"
    talk.heard.ended = "answered"


def sieve(talk: Dialogue) -> Line:
    """ManageSieve, RFC 5804 2.2."""
    words, listed = b"", []
    while not words.upper().startswith((b"OK", b"NO", b"BYE")):
        words = talk.line()
        listed.append(words.upper())
        if not words.startswith(b'"') and not words.upper().startswith((b"OK", b"NO", b"BYE")):
            raise Refused(stranger(words) or "junk")
        if len(listed) > LINES_CAP:
            raise Refused("too-long")
    talk.heard.banner = shown(listed[0])
    if not words.upper().startswith(b"OK"):
        raise Refused("turned-away")
    sasl = next((line[6:].strip(b' "') for line in listed if line.startswith(b'"SASL"')), b"")
    _judge(talk, b'"STARTTLS"' in (line.strip() for line in listed), _methods(sasl.split()), Answer.NO)
    talk.start(b"STARTTLS\r\n")
    if not talk.line().upper().startswith(b"OK"):
        raise Refused("refused")
    return talk.tls()


def xmpp(talk: Dialogue) -> Line:
    """RFC 6120 5, without an XML parser: what matters has fixed names, and all of it is read as bytes."""
    to = talk.name.encode("ascii", "replace").translate(None, b"<>&'\"")
    talk.say(
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        b"version='1.0' to='" + to + b"'>"
    )
    ends = (b"</stream:features>", b"<stream:features/>", b"</stream:error>", b"</stream:stream>")
    told = talk.until(lambda data: data[:1] not in b" \r\n<" or any(end in data for end in ends))
    talk.heard.banner = shown(told)
    if b"<stream:stream" not in told:
        raise Refused(stranger(told) or "junk")
    if b"</stream:features>" not in told and b"<stream:features/>" not in told:
        error = re.search(rb"<([a-z-]{3,40})[^<>]{0,100}urn:ietf:params:xml:ns:xmpp-streams", told)
        raise Refused("turned-away", shown(error.group(1)) if error else "")
    features = told.partition(b"<stream:features")[2]
    tls = re.search(
        rb"<starttls\b[^<>]{0,100}urn:ietf:params:xml:ns:xmpp-tls[^<>]{0,20}>(\s{0,20}<required)?", features
    )
    methods = _methods(re.findall(rb"<mechanism>([A-Za-z0-9_-]{1,20})</mechanism>", features))
    if b"http://jabber.org/features/iq-auth" in features:
        methods = (*methods, "iq-auth")
    _judge(talk, tls is not None, methods, Answer.NO if tls and tls.group(1) else Answer.UNTESTED)
    talk.start(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    if not talk.until(lambda data: b">" in data).startswith(b"<proceed"):
        raise Refused("refused")
    return talk.tls()


def _judge(
    talk: Dialogue, offered: bool, methods: tuple[str, ...], otherwise: Answer, without_tls: Answer = Answer.YES
) -> None:
    """Note whether TLS is offered and what is taken without it; ends the talk where it is not.

    ``otherwise`` and ``without_tls``: what it means that no way to log in is shown, where TLS is offered and where not.
    """
    heard = talk.heard
    heard.offered = Answer.YES if offered else Answer.NO
    if methods:
        heard.clear, heard.why = Answer.YES, f"login without TLS: {', '.join(methods)[:120]}"
    elif offered:
        heard.clear, heard.why = otherwise, "no way to log in is offered before TLS"
    else:
        heard.clear, heard.why = without_tls, "TLS is not offered"
    if not offered:
        raise Refused("not-offered")


def _methods(words: Iterable[bytes]) -> tuple[str, ...]:
    named = (shown(word, 20) for word in words)
    return tuple(dict.fromkeys(word.upper() for word in named if word and word.upper() not in _WITHOUT_PASSWORD))


def _greeted(talk: Dialogue, code: bytes, lines: list[bytes]) -> None:
    talk.heard.banner = shown(lines[0])
    if code != b"220":
        raise Refused("turned-away", shown(code))


def _replies(talk: Dialogue) -> tuple[bytes, list[bytes]]:
    """One answer of SMTP or FTP: its code, and the text of its lines.

    FTP allows any text between its first and last line (RFC 959 4.2).
    """
    first = talk.line()
    code, lines = first[:3], [first[4:]]
    if not re.match(rb"[1-5][0-9][0-9](?:[ -]|$)", first):
        raise Refused(stranger(first) or "junk")
    more = first[3:4] == b"-"
    while more:
        line = talk.line()
        more = not (line[:3] == code and line[3:4] in (b" ", b""))
        lines.append(line[4:] if line[:3] == code else line)
        if len(lines) > LINES_CAP:
            raise Refused("too-long")
    return code, lines


def _tagged(talk: Dialogue, tag: bytes) -> list[bytes]:
    """The untagged lines of IMAP's answer to a command that was taken."""
    lines: list[bytes] = []
    while not (line := talk.line()).startswith(tag + b" "):
        if not line.startswith(b"* ") or len(lines) > LINES_CAP:
            raise Refused(stranger(line) or "junk")
        if line.upper().startswith(b"* BYE"):
            raise Refused("turned-away")
        lines.append(line)
    if line[len(tag) :].split()[:1] != [b"OK"]:
        raise Refused("refused", shown(b" ".join(line[len(tag) :].split()[:1])))
    return lines
