"""What is said before TLS in protocols of packets: LDAP and RDP; see databases.py for those of databases.

No user, no password and no empty password is sent to any of them.
"""

from __future__ import annotations

from auditor.collectors._tls.dialogue import PACKET_CAP, Dialogue, Refused, stranger
from auditor.collectors._tls.io import Line
from auditor.evidence.tls import Answer

# --- LDAP: RFC 4511 ---

_START_TLS = b"1.3.6.1.4.1.1466.20037"
_PROTOCOL_ERROR, _CONFIDENTIALITY_REQUIRED = 2, 13
_PLAIN = (b"PLAIN", b"LOGIN")


def ldap(talk: Dialogue) -> Line:
    """The StartTLS operation (RFC 4511 4.14)."""
    talk.say(_tlv(0x30, b"\x02\x01\x01" + _tlv(0x77, _tlv(0x80, _START_TLS))))
    kind, body = _ldap_message(talk)
    code = _result(body) if kind == 0x78 else -1
    if code == _PROTOCOL_ERROR:
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why = Answer.YES, "TLS is not offered"
        raise Refused("not-offered", str(code))
    if code != 0:
        raise Refused("refused" if code > 0 else "junk", str(code) if code > 0 else "")
    return talk.tls()


def ldap_clear(talk: Dialogue) -> None:
    """Ask for the root entry, as anybody may (RFC 4513 5.1): a server that insists on TLS refuses that.

    That it answers says nothing of logins, which are not tried.
    """
    wanted = b"".join(_tlv(4, word) for word in (b"supportedSASLMechanisms", b"supportedExtension"))
    # base object "", scope base, never dereference, at most 1 entry and 5 seconds, (objectClass=*)
    ask = _tlv(4, b"") + b"\x0a\x01\x00\x0a\x01\x00\x02\x01\x01\x02\x01\x05\x01\x01\x00" + _tlv(0x87, b"objectClass")
    talk.say(_tlv(0x30, b"\x02\x01\x02" + _tlv(0x63, ask + _tlv(0x30, wanted))))
    kind, body = _ldap_message(talk)
    heard = talk.heard
    methods: tuple[str, ...] = ()
    if kind == 0x64:
        methods = tuple(word.decode() for word in _PLAIN if _tlv(4, word) in body)
        kind, body = _ldap_message(talk)
    code = _result(body) if kind == 0x65 else -1
    if code < 0:
        raise Refused("junk")
    if methods:
        heard.clear, heard.why = Answer.YES, f"login without TLS: {', '.join(methods)}"
    elif code == _CONFIDENTIALITY_REQUIRED:
        heard.clear, heard.why = Answer.NO, "confidentialityRequired"
    else:
        heard.why = f"answers without TLS (result {code}); whether it takes a password so is not tried"
    heard.ended = "answered"


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    head = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + head + value


def _ldap_message(talk: Dialogue) -> tuple[int, bytes]:
    """Tag and body of the operation in the next message."""
    head = talk.exactly(2)
    if head[0] != 0x30:
        raise Refused(stranger(head + talk.rest()) or "junk")
    message = talk.exactly(_size(head[1], talk))
    inside = _items(message)
    if len(inside) < 2 or inside[0][0] != 2:
        raise Refused("junk")
    return inside[1]


def _size(first: int, talk: Dialogue) -> int:
    if first < 0x80:
        return first
    if not 0x81 <= first <= 0x84:
        raise Refused("junk")
    size = int.from_bytes(talk.exactly(first - 0x80), "big")
    if size > PACKET_CAP:
        raise Refused("too-long")
    return size


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """The items of a constructed value, as far as they are whole."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size >= 0x80:
            count = size - 0x80
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
            if not 1 <= count <= 4:
                break
        if at + size > len(data):
            break
        found.append((tag, data[at : at + size]))
        at += size
    return found


def _result(body: bytes) -> int:
    first = _items(body)[:1]
    return int.from_bytes(first[0][1], "big") if first and first[0][0] == 10 and len(first[0][1]) == 1 else -1


# --- RDP: MS-RDPBCGR 2.2.1.1 and 2.2.1.2 ---

_RDP, _TLS, _CREDSSP, _CREDSSP_EARLY = 0, 1, 2, 8
_RDP_FAILURES = {
    1: "tls-required",
    2: "tls-not-allowed",
    3: "no-certificate",
    4: "inconsistent-flags",
    5: "nla-required",
    6: "client-certificate-required",
}
_ONLY_PLAIN = (2, 3)


def rdp(talk: Dialogue) -> Line:
    """X.224 connection request that offers TLS, with and without network-level authentication (CredSSP)."""
    protocol, failure = _rdp_asked(talk, _TLS | _CREDSSP | _CREDSSP_EARLY)
    if failure:
        talk.heard.offered = Answer.NO if failure in _ONLY_PLAIN else Answer.UNTESTED
        if failure in _ONLY_PLAIN:
            talk.heard.clear, talk.heard.why = Answer.YES, f"standard RDP security only ({_RDP_FAILURES[failure]})"
        raise Refused("refused", _RDP_FAILURES.get(failure, str(failure)))
    if protocol == _RDP:
        talk.heard.offered = Answer.NO
        talk.heard.clear, talk.heard.why, talk.heard.security = Answer.YES, "standard RDP security only", ("rdp",)
        raise Refused("not-offered")
    talk.heard.security = ("nla",) if protocol in (_CREDSSP, _CREDSSP_EARLY) else ("tls",)
    return talk.tls()


def rdp_clear(talk: Dialogue) -> None:
    """Is RDP's own encryption taken, which proves nothing of the server and has been broken?"""
    protocol, failure = _rdp_asked(talk, _RDP)
    heard = talk.heard
    if not failure and protocol == _RDP:
        heard.clear, heard.why, heard.security = Answer.YES, "standard RDP security is taken", ("rdp",)
    elif failure in (1, 5, 6):
        heard.clear, heard.why = Answer.NO, f"standard RDP security: {_RDP_FAILURES[failure]}"
    else:
        heard.why = f"standard RDP security: {_RDP_FAILURES.get(failure, f'answer {protocol}, {failure}')}"
    heard.ended = "answered"


def rdp_without_nla(talk: Dialogue) -> None:
    """Is a client let on to the logon screen by TLS alone, without network-level authentication?"""
    protocol, failure = _rdp_asked(talk, _TLS)
    talk.heard.security = ("tls",) if not failure and protocol == _TLS else ()
    talk.heard.why = _RDP_FAILURES.get(failure, "")
    talk.heard.ended = "answered"


def _rdp_asked(talk: Dialogue, protocols: int) -> tuple[int, int]:
    """Which protocol is chosen out of those offered, and the failure code (0: none).

    An answer without a negotiation part, as of servers before 2003 SP1, chooses RDP's own.
    """
    negotiation = b"\x01\x00\x08\x00" + protocols.to_bytes(4, "little")
    request = b"\xe0\x00\x00\x00\x00\x00" + negotiation
    talk.say(b"\x03\x00" + (5 + len(request)).to_bytes(2, "big") + bytes([len(request)]) + request)
    head = talk.exactly(4)
    size = int.from_bytes(head[2:], "big")
    if head[:2] != b"\x03\x00" or not 11 <= size <= 512:
        raise Refused(stranger(head + talk.rest()) or "junk")
    body = talk.exactly(size - 4)
    if body[1] & 0xF0 == 0x80:
        raise Refused("turned-away")
    if body[1] & 0xF0 != 0xD0:
        raise Refused("junk")
    told = body[7:15]
    if not told:
        return _RDP, 0
    value = int.from_bytes(told[4:], "little")
    if len(told) != 8 or told[2:4] != b"\x08\x00" or told[0] not in (2, 3) or (told[0] == 3 and not value):
        raise Refused("junk")
    return (value, 0) if told[0] == 2 else (-1, value)
