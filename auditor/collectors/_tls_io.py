"""Connections of the TLS prober: one address, a wall-clock deadline and a byte cap for each.

Deadlines are instants of ``time.monotonic()``. Nothing here resolves a name, and nothing is raised
for what a server does: every way a conversation can end has a word.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from auditor.collectors._hello import is_ip

REPLY_CAP = 8192
"""Bytes kept of the reply to a hello; a ServerHello is a few hundred."""
FLIGHT_CAP = 1 << 18
"""Bytes taken in during a whole handshake; chains longer than 100 KB no client takes."""
NO_CONNECTION = ("no-connection", "unreachable")
WANTS_CLIENT = "wants-client-certificate"
"""A handshake that ended because we have no certificate of our own to show; the server's was seen."""
TIME_CODES = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED."""

_CLIENT_ALERTS = (
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "TLSV1_ALERT_ACCESS_DENIED",
)
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
_ANCHOR_FILES = 200


class Ended(Exception):
    """A conversation ended early: ``str()`` is the word for how."""


def exchange(address: str, port: int, said: bytes, enough: Callable[[bytes], bool], until: float) -> tuple[str, bytes]:
    """Send bytes, read until ``enough``. Gives how it ended and what was read.

    Endings: answered, closed, reset, timeout, too-long, no-connection (refused), unreachable.
    """
    reply = b""
    try:
        with _dial(address, port, until) as sock:
            sock.sendall(said)
            while len(reply) < REPLY_CAP:
                chunk = _receive(sock, until)
                if not chunk:
                    return "closed", reply
                reply = (reply + chunk)[:REPLY_CAP]
                if enough(reply):
                    return "answered", reply
    except (Ended, OSError) as exc:
        return _word(exc), reply
    return "too-long", reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Shake:
    """How a handshake ended: done, untrusted, ``WANTS_CLIENT``, OpenSSL's reason, or one of ``exchange``'s endings."""

    ending: str
    verify_code: int = 0
    verify_message: str = ""
    version: str = ""
    cipher: str = ""
    sent: tuple[bytes, ...] = ()
    """The chain as sent, DER, leaf first; just the leaf where ``whole`` is false."""
    path: tuple[bytes, ...] = ()
    """The chain as verified, to the anchor; empty when it was not, or this Python does not tell."""
    whole: bool = True


def handshake(address: str, port: int, context: ssl.SSLContext, server_name: str, until: float) -> Shake:
    """A TLS handshake and nothing after it. Driven by hand, as a socket's own timeout restarts with every byte."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    ending = "done"
    try:
        tls = context.wrap_bio(coming, going, server_hostname=server_name)
        with _dial(address, port, until) as sock:
            _drive(tls, coming, going, sock, until)
    except ssl.SSLCertVerificationError as exc:
        return Shake(ending="untrusted", verify_code=exc.verify_code, verify_message=exc.verify_message)
    except ssl.SSLError as exc:
        return Shake(ending=(exc.reason or type(exc).__name__).lower().replace("_", "-"))
    except (Ended, OSError, ValueError) as exc:
        ending = _word(exc)
        if ending != WANTS_CLIENT:
            return Shake(ending=ending)
    sent = _chain(tls, "get_unverified_chain")
    path = _chain(tls, "get_verified_chain") if context.verify_mode is ssl.CERT_REQUIRED else ()
    leaf = tls.getpeercert(binary_form=True) if ending == "done" and not sent else None
    return Shake(
        ending=ending,
        version=tls.version() or "",
        cipher=(tls.cipher() or ("",))[0],
        sent=sent or ((leaf,) if leaf else ()),
        path=path,
        whole=bool(sent),
    )


def _drive(tls: ssl.SSLObject, coming: ssl.MemoryBIO, going: ssl.MemoryBIO, sock: socket.socket, until: float) -> None:
    taken, flights, done = 0, 0, False
    while not done:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            # We sent our second flight only because the server's first, certificate and all, was in order.
            if flights > 1 and exc.reason in _CLIENT_ALERTS:
                raise Ended(WANTS_CLIENT) from None
            raise
        if flight := going.read():
            sock.sendall(flight)
            flights += 1
        if not done:
            chunk = _receive(sock, until)
            taken += len(chunk)
            if taken > FLIGHT_CAP:
                raise Ended("too-long")
            coming.write(chunk) if chunk else coming.write_eof()


def _chain(tls: ssl.SSLObject, name: str) -> tuple[bytes, ...]:
    """Certificates by a method that is public from Python 3.13 and private before; empty where there is none."""
    public = getattr(tls, name, None)
    if public is not None:
        return tuple(public() or ())
    private: Any = getattr(getattr(tls, "_sslobj", None), name, None)
    return tuple(item.public_bytes(2) for item in private() or ()) if private is not None else ()


def _dial(address: str, port: int, until: float) -> socket.socket:
    if not is_ip(address):
        raise Ended("unreachable")
    try:
        return socket.create_connection((address, port), timeout=_left(until))
    except ConnectionRefusedError:
        raise Ended("no-connection") from None
    except TimeoutError:
        raise Ended("timeout") from None
    except OSError:
        raise Ended("unreachable") from None


def _receive(sock: socket.socket, until: float) -> bytes:
    sock.settimeout(_left(until))
    return sock.recv(16384)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise Ended("timeout")
    return left


def _word(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return "timeout"
    if isinstance(exc, Ended):
        return str(exc)
    return "reset" if isinstance(exc, (ConnectionResetError, BrokenPipeError)) else "broken"


_quietly = Lock()
_EVERY = "ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0"
ONE_VERSION = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@cache
def one_version(version: str) -> ssl.SSLContext:
    """A context that speaks one version only, with every cipher there is, and verifies nothing."""
    made = _bare(_EVERY)
    with _quietly, warnings.catch_warnings():
        # Python warns that the old versions are outdated: that is why they are asked for.
        warnings.filterwarnings("ignore", r"ssl\.TLSVersion\.", DeprecationWarning)
        made.minimum_version = ONE_VERSION[version]
        made.maximum_version = ONE_VERSION[version]
    return made


def asking(kind: str) -> ssl.SSLContext:
    """A context that gets certificates. ``current``: today's versions and ciphers. ``legacy``: all but anonymous.

    Neither minds weak keys and hashes in certificates: those are measured, not refused.
    """
    made = _bare("DEFAULT:!aNULL:@SECLEVEL=0" if kind == "current" else "ALL:!aNULL:!PSK:!SRP:@SECLEVEL=0")
    made.minimum_version = ssl.TLSVersion.TLSv1_2 if kind == "current" else ssl.TLSVersion.MINIMUM_SUPPORTED
    return made


def _bare(ciphers: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_ciphers(ciphers)
    return made


def anchor(context: ssl.SSLContext, trust: tuple[str, ...]) -> tuple[bool, list[str]]:
    """Make a context verify, against the system's anchors and ``trust`` (PEM files, or folders of them).

    Gives whether the system has any anchors, and which of ``trust`` could not be read.
    """
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # what the owner names is an anchor, root or not
    context.load_default_certs()
    system = context.cert_store_stats()["x509"] > 0
    if not system and (folder := ssl.get_default_verify_paths().capath):
        system = next(Path(folder).iterdir(), None) is not None
    unread = []
    for named in trust:
        path = Path(named).expanduser()
        try:
            inside = sorted(p for p in path.iterdir() if p.suffix in (".pem", ".crt")) if path.is_dir() else [path]
            for file in inside[:_ANCHOR_FILES]:
                context.load_verify_locations(file)
            if not inside:
                unread.append(path.name)
        except OSError:  # ssl.SSLError is one
            unread.append(path.name)
    return system, unread


def any_time(context: ssl.SSLContext) -> None:
    """Make a verifying context overlook expiry, to see whether that is all that is wrong."""
    context.verify_flags |= _NO_CHECK_TIME
