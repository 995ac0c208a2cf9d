"""What is asked of a target beyond "is it open".

At most one datagram to each of a few UDP ports; and on a few open TCP ports the first words of a protocol, or only
ears. No login is ever tried, no name of a user or a file that exists is given, nothing is changed.
"""

from __future__ import annotations

import base64
import errno
import selectors
import socket
import struct
import time
from collections.abc import Collection, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from auditor.collectors._nmap import run

FPING = ("/usr/bin/fping", "/usr/sbin/fping")
UDP_WAIT_S = 1.0
TCP_WAIT_S = 3.0
_CAP = 2048

# GET sysDescr.0 of SNMPv1, which agents that speak a later version answer too.
SNMP_PUBLIC = bytes.fromhex("3029020100 04067075626c6963 a01c02047cab50c1020100020100 300e300c06082b060102010101000500")
TFTP_READ = b"\x00\x01capdo-khong-co-tep-nay\x00octet\x00"
SSDP_SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n'
)
NETBIOS_STATUS = b"\x43\x50\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20CK" + b"A" * 30 + b"\x00\x00\x21\x00\x01"
DATAGRAMS = {161: SNMP_PUBLIC, 69: TFTP_READ, 1900: SSDP_SEARCH, 137: NETBIOS_STATUS}


def _netbios(packet: bytes) -> bytes:
    return struct.pack(">I", len(packet)) + packet


# NEGOTIATE with NT LM 0.12 as the only dialect: who accepts it speaks SMBv1.
SMB1 = _netbios(
    b"\xffSMB\x72" + bytes(4) + b"\x18" + struct.pack("<H", 0xC801) + bytes(12) + b"\0\0\x01\0\0\0\x01\0"
    b"\x00\x0c\x00\x02NT LM 0.12\x00"
)
_SMB2_HEAD = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + bytes(16)
_DIALECTS = struct.pack("<5H", 0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
_BODY = struct.pack("<HHHHI", 36, 5, 1, 0, 0) + b"capdo-asks-smb2." + struct.pack("<IHH", 112, 1, 0)
_PREAUTH = struct.pack("<HHI", 1, 38, 0) + struct.pack("<HHH", 1, 32, 1) + b"capdo" * 6 + b"!!"
SMB2 = _netbios(_SMB2_HEAD + _BODY + _DIALECTS + bytes(2) + _PREAUTH)
"""NEGOTIATE with all dialects of SMB 2 and 3."""


def rdp(protocols: int) -> bytes:
    """RDP's connection request (X.224), asking for one kind of protection: 0 its own, 1 TLS, 2 CredSSP."""
    return bytes.fromhex("0300001 3 0ee00000000000 01000800".replace(" ", "")) + struct.pack("<I", protocols)


FIRST_WORDS: dict[int, tuple[tuple[str, bytes], ...]] = {
    445: (("smb1", SMB1), ("smb2", SMB2)),
    3389: (("rdp-standard", rdp(0)), ("rdp-tls", rdp(1)), ("rdp-nla", rdp(2))),
}
LISTEN = frozenset({13, 19, 21, 22, 23, 2323, 3306, 5900, 5901, 5902, 5903})
"""Ports whose services speak first."""


def udp(address: str, ports: Collection[int]) -> dict[str, Any]:
    """Send each port its one datagram and hear what comes back within ``UDP_WAIT_S`` seconds."""
    six = ":" in address
    told: dict[str, Any] = {}
    with selectors.DefaultSelector() as ears:
        try:
            for port in ports:
                mouth = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
                ears.register(mouth, selectors.EVENT_READ, port)
                mouth.setblocking(False)
                # IP_RECVERR, IPV6_RECVERR: hear of refusals on a socket that is open to answers from another port.
                mouth.setsockopt(*((41, 25) if six else (0, 11)), 1)
                try:
                    mouth.sendto(DATAGRAMS[port], (address, port))
                except OSError as exc:
                    told[str(port)] = {"state": _word(exc)}
            until = time.monotonic() + UDP_WAIT_S
            while len(told) < len(ports) and (left := until - time.monotonic()) > 0:
                for key, _ in ears.select(left):
                    told.setdefault(str(key.data), _heard(key.fileobj, address) or {"state": "silent"})
        finally:
            for key in list(ears.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    return {str(port): told.get(str(port), {"state": "silent"}) for port in ports}


def _heard(ear: Any, address: str) -> dict[str, str] | None:
    try:
        data, (sender, *_) = ear.recvfrom(_CAP)
    except OSError as exc:
        return {"state": _word(exc)}
    return {"state": "said", "b64": base64.b64encode(data).decode()} if sender == address else None


def echo(address: str) -> bool:
    """Does a target on which no port answered answer to a ping? False too where fping is not installed."""
    tool = next((path for path in FPING if Path(path).is_file()), None)
    if tool is None:
        return False
    told, _, _ = run([tool, "-a", "-r", "2", "-t", "500", "--", str(ip_address(address))], 5.0, 256)
    return told.decode("ascii", "replace").strip() == address


def tcp(address: str, ports: Collection[int]) -> dict[str, Any]:
    """What open ports say, unasked or to the first words of their protocol; one conversation after another."""
    told: dict[str, Any] = {}
    for port in sorted(ports):
        for name, words in FIRST_WORDS.get(port, ()):
            told[name] = _talk(address, port, [words])
        if port in LISTEN:
            told[str(port)] = _talk(address, port, [b""])
        if port == 21:
            told["ftp-tls"] = _talk(address, port, [b"", b"AUTH TLS\r\n"])
    return told


def _talk(address: str, port: int, words: Sequence[bytes]) -> dict[str, str]:
    """The answer to the last of ``words``; empty ones are only waited for. Ends with the first silence."""
    said = b""
    try:
        with socket.create_connection((address, port), TCP_WAIT_S) as line:
            until = time.monotonic() + TCP_WAIT_S
            for word in words:
                if word:
                    line.sendall(word)
                line.settimeout(max(0.01, until - time.monotonic()))
                said = line.recv(_CAP)
                if not said:
                    return {"state": "closed"}
    except OSError as exc:
        return {"state": _word(exc)}
    return {"state": "said", "b64": base64.b64encode(said).decode()}


def _word(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "silent"
    words = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.EPIPE: "reset"}
    return words.get(exc.errno or 0, "unreachable")
