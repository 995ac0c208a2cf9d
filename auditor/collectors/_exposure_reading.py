"""What targets answered to the looks → facts. Pure; every byte may be hostile."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.collectors._exposure_data import ports_of, spans
from auditor.collectors._nmap_reading import States
from auditor.evidence.exposure import RdpLook, SmbLook, UdpAnswer
from auditor.model import CollectError, Reason

_STATES = {"said", "silent", "closed", "refused", "reset", "unreachable"}
_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
_SAID = 80
_STANDARD, _TLS, _NLA = 0, 1, 2
_NLA_NEEDED, _TLS_NEEDED = 5, 1


@dataclass(frozen=True, slots=True)
class Heard:
    """The end of one conversation, and the last that was said."""

    state: str
    data: bytes = b""

    @property
    def refused(self) -> bool:
        """The other side ended it, and so will not have what it was offered."""
        return self.state in {"closed", "reset"}


def document(raw: bytes, address: str) -> tuple[dict[str, Heard], dict[str, Heard], bool]:
    """The looks at UDP and at TCP, and whether the target is there at all.

    Raises ``CollectError`` for anything that this program did not write.
    """
    told = _json(raw)
    if told.get("address") != address:
        raise CollectError(Reason.UNPARSABLE, f"looks at {str(told.get('address'))[:60]!r}, ports of {address!r}")
    return _heard(told.get("udp")), _heard(told.get("tcp")), told.get("alive") is True


def connected(raw: bytes) -> States:
    """The document of our own connect scan."""
    told = _json(raw)
    try:
        asked = frozenset(ports_of(told["asked"]))
        one, two, three = (frozenset(ports_of(told[name])) for name in ("open", "closed", "filtered"))
    except (KeyError, ValueError, TypeError) as exc:
        raise CollectError(Reason.UNPARSABLE, f"connect scan: {exc}") from None
    if told.get("scanner") != "connect" or len(one) + len(two) + len(three) != len(one | two | three):
        raise CollectError(Reason.UNPARSABLE, "not a connect scan")
    if not asked or asked != one | two | three:
        raise CollectError(
            Reason.INCOMPLETE, f"ports that were not reached in time: {spans(asked - one - two - three)}"
        )
    return States("connect", str(told.get("address", "")), one, two, three)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        raise CollectError(Reason.UNPARSABLE, "not the JSON that was written") from None
    if not isinstance(told, dict):
        raise CollectError(Reason.UNPARSABLE, "not a document but a list or a word")
    return told


def _heard(told: object) -> dict[str, Heard]:
    if not isinstance(told, dict):
        raise CollectError(Reason.UNPARSABLE, "no looks in the document")
    made = {}
    for name, one in told.items():
        state = one.get("state") if isinstance(one, dict) else None
        if state not in _STATES:
            raise CollectError(Reason.UNPARSABLE, f"look {name[:20]}: no such state")
        try:
            made[name] = Heard(state, base64.b64decode(one.get("b64", ""), validate=True))
        except (TypeError, ValueError):
            raise CollectError(Reason.UNPARSABLE, f"look {name[:20]}: not base64") from None
    return made


def printable(data: bytes) -> str:
    """The beginning of what was said, without what a terminal or a page might take for its own."""
    text = data[:_SAID].decode("utf-8", "replace")
    return " ".join("".join(ch if ch.isprintable() and ch != "\ufffd" else " " for ch in text).split())


# --- UDP ----------------------------------------------------------------------------------------------------


def udp_answer(port: int, name: str, heard: Heard) -> UdpAnswer:
    """Was it the service's own protocol that answered?"""
    if heard.state != "said":
        return UdpAnswer(port=port, name=name, state="refused" if heard.state == "refused" else "silent")
    read = {"snmp": _snmp, "tftp": _tftp, "upnp": _upnp, "netbios": _name_status}.get(name)
    said = read(heard.data) if read else None
    if said is None:
        return UdpAnswer(port=port, name=name, state="other", said=printable(heard.data))
    return UdpAnswer(port=port, name=name, state="answered", said=printable(said))


def _snmp(data: bytes) -> bytes | None:
    """sysDescr, or what little came: any GetResponse to our request shows that the community was taken."""
    message = _ber(data, 0x30)
    fields = _fields(message) if message is not None else []
    if len(fields) != 3 or [tag for tag, _ in fields] != [0x02, 0x04, 0xA2] or fields[1][1] != b"public":
        return None
    inner = _fields(fields[2][1])
    if len(inner) != 4 or inner[0] != (0x02, b"\x7c\xab\x50\xc1"):
        return None
    pair = [field for _, binding in _fields(inner[3][1])[:1] for field in _fields(binding)]
    return pair[1][1] if len(pair) == 2 and pair[1][0] == 0x04 else b""


def _ber(data: bytes, tag: int) -> bytes | None:
    fields = _fields(data)
    return fields[0][1] if fields and fields[0][0] == tag else None


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of a BER string; empty when it is none. Lengths of at most two bytes."""
    found = []
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length > 0x80:
            more = length - 0x80
            length = int.from_bytes(data[at : at + more], "big") if more <= 2 else len(data)
            at += more
        if at + length > len(data):
            return []
        found.append((tag, data[at : at + length]))
        at += length
    return found if at == len(data) else []


def _tftp(data: bytes) -> bytes | None:
    return data[4:].split(b"\0")[0] if data[:2] in (b"\x00\x03", b"\x00\x05", b"\x00\x06") and len(data) >= 4 else None


def _upnp(data: bytes) -> bytes | None:
    if not data.startswith(b"HTTP/1.1 200"):
        return None
    return next((line for line in data.split(b"\r\n") if line.lower().startswith(b"server:")), data[:12])


def _name_status(data: bytes) -> bytes | None:
    if len(data) < 57 or data[:2] != b"CP" or not data[2] & 0x80:
        return None
    return data[57:72] if data[56] else b""


# --- TCP ----------------------------------------------------------------------------------------------------


def recognised(port: int, heard: Heard) -> str:
    """The service that spoke first, by what it said; empty when that is not plain."""
    data = heard.data
    if data[:1] == b"\xff" and port in (23, 2323) and data[1:2] >= b"\xf0":
        return "telnet"
    if data.startswith(b"SSH-"):
        return "ssh"
    if data.startswith(b"RFB "):
        return "vnc"
    if data[:3] in (b"220", b"120", b"421", b"530") and port == 21:
        return "ftp"
    if len(data) > 5 and port == 3306 and data[3:4] == b"\0" and data[4:5] in (b"\x0a", b"\xff"):
        return "mysql"
    if port in (13, 19) and data:
        return {13: "daytime", 19: "chargen"}[port]
    return ""


def ftp_tls(heard: Heard | None) -> bool | None:
    """The answer to AUTH TLS: 234 begins it, 4xx and 5xx refuse it."""
    if heard is None or heard.state != "said":
        return None
    return True if heard.data.startswith(b"234") else False if heard.data[:1] in (b"4", b"5") else None


def smb(told: Mapping[str, Heard]) -> SmbLook:
    """SMBv1 by an offer of it alone; the rest by an offer of all later dialects."""
    old, new = told.get("smb1", Heard("silent")), told.get("smb2", Heard("silent"))
    smb1: bool | None = None
    required: bool | None = None
    packet = old.data[4:]
    if packet.startswith(b"\xffSMB\x72") and len(packet) >= 36:
        smb1 = packet[5:9] == bytes(4) and packet[33:35] != b"\xff\xff" and packet[32] > 1
        required = bool(packet[35] & 0x08) if smb1 else None
    packet = new.data[4:]
    dialect: str | None = "" if new.refused else None
    if packet.startswith(b"\xfeSMB") and len(packet) >= 70:
        status, mode, number = *struct.unpack_from("<I", packet, 8), *struct.unpack_from("<HH", packet, 66)
        dialect = (_DIALECTS.get(number) if status == 0 else "") if packet[12:14] == b"\0\0" else None
        if dialect:
            # A server that takes either is only as strict as its laxer answer.
            required = bool(mode & 2) and required is not False
    if smb1 is None and old.refused and dialect:
        smb1 = False  # it hangs up on the old offer, and takes a new one: the offer is what it will not have
    return SmbLook(smb1=smb1, dialect=dialect, signing_required=required)


def rdp(told: Mapping[str, Heard]) -> RdpLook:
    """Each kind of protection by an offer of it alone."""
    answers = [_rdp(told.get(name, Heard("silent"))) for name in ("rdp-standard", "rdp-tls", "rdp-nla")]
    if not any(answer is not None and answer >= 0 for answer in answers):
        return RdpLook(standard=None, tls=None, nla=None)  # who will have none of them may hang up on everybody
    standard, tls, nla = (
        None if answer is None else answer == number for answer, number in zip(answers, (0, 1, 2), strict=True)
    )
    return RdpLook(standard=standard, tls=tls, nla=nla)


def _rdp(heard: Heard) -> int | None:
    """The protection chosen; -1 for a clear refusal; None for no clear answer."""
    data = heard.data
    if heard.refused:
        return -1
    if len(data) < 11 or data[:2] != b"\x03\x00" or data[5] & 0xF0 != 0xD0:
        return None
    if len(data) < 19:
        return 0  # a server that knows nothing of negotiation speaks RDP's own protection only
    number = int(struct.unpack_from("<I", data, 15)[0])
    return number if data[11] == 2 else -1 if data[11] == 3 else None
