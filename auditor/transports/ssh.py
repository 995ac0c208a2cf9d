"""Reaches a host by SSH (paramiko), with strict host keys and one script over one channel.

No agent, no key search, no forwarding, no password but the one referred to, one attempt each.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import paramiko

from auditor import hostkeys
from auditor.collector import Command
from auditor.model import CapdoError, Reason
from auditor.printable import one_line
from auditor.redact import mask_text
from auditor.script import HostOutput
from auditor.secrets import fetch, refuse_readable
from auditor.targets import SshSettings
from auditor.transports import INVOKE, SESSION_CAP, Session, TransportError

CONNECT_S = 6.0
"""Most time for each of: TCP, key exchange, authentication."""

HANDSHAKE_CAP = 256 << 10
"""Most bytes read before the host has shown its key: an endless banner must not fill memory."""

# paramiko prints tracebacks of its thread when nobody listens; we report errors ourselves.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


_KEX_INFO: dict[str, Any] = vars(paramiko.Transport)["_kex_info"]


class _Strict(paramiko.Transport):
    """paramiko with today's algorithms only.

    It lacks the standard name of curve25519 (paramiko #2221) and still offers 3DES, CBC, MD5 and
    truncated SHA-1; GCM first, since its MAC is not computed in Python.
    """

    _kex_info: ClassVar[dict[str, Any]] = {
        **_KEX_INFO,
        "curve25519-sha256": _KEX_INFO["curve25519-sha256@libssh.org"],
    }
    _preferred_kex = (
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "mlkem768x25519-sha256",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group14-sha256",
    )
    _preferred_ciphers = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )


_LOOK_UP_S = 10.0


_GULP = 1 << 16


class _Eager:
    """A socket without Nagle's delay and with acknowledgements sent at once, read in gulps.

    paramiko does none of it: serial latency falls from 122 to 29 ms a host on loopback, and a packet, which it
    asks for in three parts, costs one system call.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._allowance = HANDSHAKE_CAP
        self._quick = getattr(socket, "TCP_QUICKACK", None)
        self._held = b""
        self._used = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = sock.send

    def trust(self) -> None:
        """The host has shown its key: from here on its bytes are counted by the session."""
        self._allowance = -1

    def recv(self, size: int) -> bytes:
        if self._used >= len(self._held):
            if self._quick is not None:
                with contextlib.suppress(OSError):
                    self._sock.setsockopt(socket.IPPROTO_TCP, self._quick, 1)
            self._held, self._used = self._sock.recv(_GULP), 0
            if self._allowance >= 0:
                self._allowance -= len(self._held)
                if self._allowance < 0:
                    self._held = b""
        got = self._held[self._used : self._used + size]
        self._used += size
        return got

    def settimeout(self, _: float | None) -> None:
        """paramiko's thread would look up ten times a second, which costs more than a host's whole answer."""
        self._sock.settimeout(_LOOK_UP_S)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # whoever waits for bytes is woken at once
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


_keys: dict[tuple[str, str | None], paramiko.PKey] = {}
_keys_lock = threading.Lock()


def _key(path: str, passphrase: str | None) -> paramiko.PKey:
    """A private key, read once a run: a passphrase costs a second of key derivation."""
    with _keys_lock:
        known = _keys.get((path, passphrase))
        if known is None:
            file = Path(path).expanduser()
            refuse_readable(file)
            # paramiko says that it takes text, and hands it to a function that takes bytes only.
            secret: Any = passphrase.encode() if passphrase is not None else None
            try:
                known = _keys[path, passphrase] = paramiko.PKey.from_path(file, secret)
            except Exception as exc:  # noqa: BLE001  (paramiko and cryptography raise a dozen kinds)
                raise CapdoError(f"{file}: not a usable private key ({type(exc).__name__})") from None
        return known


class SshTransport:
    """One host by SSH at the address that was resolved and allowed."""

    name = "ssh"

    def __init__(self, host: str, address: str, settings: SshSettings) -> None:
        self._host = host
        self._address = address
        self._settings = settings

    def run(self, commands: Sequence[Command], deadline_s: float = 60.0) -> HostOutput:
        end = time.monotonic() + deadline_s
        session = Session(commands)
        connection = self._connect(end)
        # Some of paramiko's waits know no timeout (the answer to exec, a window that never opens):
        # at the deadline the connection is closed under them.
        watch = threading.Timer(_left(end), connection.close)
        watch.daemon = True
        watch.start()
        try:
            self._authenticate(connection, end)
            return self._ask(connection, session, end)
        except (paramiko.SSHException, EOFError, OSError) as exc:
            if time.monotonic() >= end or isinstance(exc, TimeoutError) or "timeout" in _words(exc).lower():
                raise TransportError(Reason.TIMEOUT, f"no answer in time: {_words(exc)}") from None
            raise TransportError(Reason.INCOMPLETE, f"the session ended early: {_words(exc)}") from None
        finally:
            watch.cancel()
            connection.close()

    def _connect(self, end: float) -> paramiko.Transport:
        port = self._settings.port or 22
        known = self._known(port)
        try:
            sock = socket.create_connection((self._address, port), timeout=_left(end, CONNECT_S))
        except OSError as exc:
            raise TransportError(Reason.UNREACHABLE, f"{self._address} port {port}: {_words(exc)}") from None
        eager = _Eager(sock)
        connection = _Strict(eager)  # type: ignore[arg-type]
        connection.banner_timeout = CONNECT_S
        connection.handshake_timeout = CONNECT_S
        kinds = _offer(known)
        if kinds:
            connection.get_security_options().key_types = kinds
        most = _left(end, CONNECT_S)
        began = time.monotonic()
        try:
            connection.start_client(timeout=most)
            offered = connection.get_remote_server_key()
        except (paramiko.SSHException, EOFError, OSError) as exc:
            connection.close()
            eager.close()
            raise _handshake_error(exc, known, late=time.monotonic() - began >= most) from None
        trouble = _host_key_trouble(offered, known)
        if trouble:
            connection.close()
            raise TransportError(Reason.HOST_KEY, trouble)
        eager.trust()
        return connection

    def _known(self, port: int) -> list[hostkeys.KnownKey]:
        if self._settings.host_key:
            try:
                return [hostkeys.parse_key(self._settings.host_key)]
            except ValueError as exc:
                raise TransportError(Reason.HOST_KEY, str(exc)) from None
        if not self._settings.known_hosts:
            return []
        try:
            known = hostkeys.load(Path(self._settings.known_hosts).expanduser())
        except CapdoError as exc:
            raise TransportError(Reason.HOST_KEY, str(exc)) from None
        return known.keys(hostkeys.host_names(self._host, self._address, port))

    def _authenticate(self, connection: paramiko.Transport, end: float) -> None:
        settings = self._settings
        if not settings.user or not (settings.key_file or settings.password):
            raise TransportError(
                Reason.DENIED, "the inventory names no user with a key_file or a password for this host"
            )
        try:
            if settings.key_file:
                phrase = fetch(settings.key_passphrase) if settings.key_passphrase else None
                key = _key(settings.key_file, phrase)
            secret = fetch(settings.password) if settings.password and not settings.key_file else None
        except CapdoError as exc:
            raise TransportError(Reason.DENIED, str(exc)) from None
        connection.auth_timeout = _left(end, CONNECT_S)
        try:
            if settings.key_file:
                connection.auth_publickey(settings.user, key)
            else:
                connection.auth_password(settings.user, secret or "", fallback=False)
        except paramiko.AuthenticationException as exc:
            timed_out = "timeout" in str(exc).lower()
            reason = Reason.TIMEOUT if timed_out else Reason.DENIED
            raise TransportError(reason, f"login as {settings.user}: {_words(exc)}") from None
        if not connection.is_authenticated():
            raise TransportError(Reason.DENIED, f"login as {settings.user}: more than one factor is asked for")

    def _ask(self, connection: paramiko.Transport, session: Session, end: float) -> HostOutput:
        channel = connection.open_session(timeout=_left(end, CONNECT_S))
        channel.settimeout(_left(end))
        channel.set_combine_stderr(True)
        try:
            channel.exec_command(INVOKE)
            channel.sendall(session.asked())
            channel.shutdown_write()
        except TimeoutError:
            raise
        except (OSError, EOFError, paramiko.SSHException):
            pass  # it has ended already; what it said is read below
        chunks: list[bytes] = []
        tail = b""
        size = 0
        cut: Reason | None = None
        while True:
            channel.settimeout(_left(end))
            try:
                chunk = channel.recv(1 << 16)
            except TimeoutError:
                chunk = b""
            if not chunk:
                cut = Reason.TIMEOUT if time.monotonic() >= end else None
                break
            chunks.append(chunk)
            size += len(chunk)
            if size > SESSION_CAP:
                cut = Reason.TRUNCATED
                break
            tail = (tail + chunk)[-session.TAIL :]
            if session.ended(tail):
                break
        raw = b"".join(chunks)
        if not session.began(raw):
            said = one_line(mask_text(raw[-2000:].decode("utf-8", "backslashreplace")), 200)
            raise TransportError(
                cut or Reason.INCOMPLETE, f"no POSIX shell answered; the host said: {said or 'nothing'}"
            )
        return session.end(raw, cut)


def _left(end: float, most: float = 3600.0) -> float:
    return max(0.05, min(most, end - time.monotonic()))


def _offer(known: list[hostkeys.KnownKey]) -> tuple[str, ...]:
    """Ask for the key types we know, so that a host with several keys shows the one we can check."""
    types: list[str] = []
    for key in known:
        types += ["rsa-sha2-512", "rsa-sha2-256"] if key.kind == "ssh-rsa" else [key.kind]
    allowed = vars(paramiko.Transport)["_preferred_keys"]
    return tuple(kind for kind in allowed if kind in types)


def _host_key_trouble(offered: paramiko.PKey, known: list[hostkeys.KnownKey]) -> str | None:
    blob = offered.asbytes()
    shown = f"{offered.get_name()} {hostkeys.fingerprint(blob)}"
    same = [key for key in known if key.blob == blob]
    if any(key.revoked for key in same):
        return f"the host key is marked as revoked: {shown}"
    if same:
        return None
    if known:
        return f"the host key has changed: the host shows {shown}, which is not the one that is known"
    return f"the host key is not known: the host shows {shown}"


def _handshake_error(exc: Exception, known: list[hostkeys.KnownKey], *, late: bool) -> TransportError:
    words = _words(exc)
    if isinstance(exc, paramiko.ssh_exception.IncompatiblePeer):
        reason = Reason.HOST_KEY if known and "host key" in words.lower() else Reason.UNSUPPORTED
        return TransportError(reason, f"no common algorithm: {words}")
    # paramiko says the same of a banner that never came and of a connection that was closed before it.
    if late:
        return TransportError(Reason.TIMEOUT, f"no SSH handshake within {CONNECT_S:g} s")
    return TransportError(Reason.UNREACHABLE, f"no SSH handshake: {words}")


def _words(exc: BaseException) -> str:
    return str(exc)[:200] or type(exc).__name__
