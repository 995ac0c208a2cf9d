"""Real TLS servers on loopback, good and bad: nginx and openssl s_server with certificates made here, and raw bytes."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
NAME = "cong.tinh.example"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key; ``above`` are the certificates a server should send with it."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    def chain_pem(self, whole: bool = True) -> bytes:
        sent = (self.certificate, *self.above) if whole else (self.certificate,)
        return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in sent)

    def key_pem(self) -> bytes:
        traditional = serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(serialization.Encoding.PEM, traditional, serialization.NoEncryption())


def issue(
    name: str,
    by: Pair | None = None,
    *,
    names: tuple[str, ...] = (NAME,),
    days: tuple[float, float] = (-10, 90),
    key: Key | None = None,
    ca: bool = False,
    now: datetime.datetime | None = None,
) -> Pair:
    """A certificate called ``name``, by an issuer or by itself; ``days`` are its validity counted from now."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = now or datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names and not ca:
        alternatives: list[x509.GeneralName] = []
        for item in names:
            ip = item.replace(".", "").isdigit()
            alternatives.append(x509.IPAddress(ipaddress.ip_address(item)) if ip else x509.DNSName(item))
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    certificate = made.sign(by.key if by else key, hashes.SHA256())
    above = (by.certificate, *by.above) if by and by.certificate.issuer != by.certificate.subject else ()
    return Pair(certificate, key, above)


def sha1_signed(folder: Path, by: Pair) -> tuple[Path, Path]:
    """A certificate signed with SHA-1, by openssl: the library that makes the others refuses."""
    (folder / "ca.pem").write_bytes(by.chain_pem())
    (folder / "ca.key").write_bytes(by.key_pem())
    (folder / "ext").write_text(f"subjectAltName=DNS:{NAME}\n")
    ask = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sha1", "-keyout", "sha1.key"]
    subprocess.run([*ask, "-out", "sha1.csr"], cwd=folder, check=True, capture_output=True)
    sign = ["openssl", "x509", "-req", "-in", "sha1.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-sha1", "-days", "90"]
    subprocess.run([*sign, "-extfile", "ext", "-out", "sha1.crt"], cwd=folder, check=True, capture_output=True)
    (folder / "sha1.crt").write_bytes((folder / "sha1.crt").read_bytes() + by.chain_pem())
    return folder / "sha1.crt", folder / "sha1.key"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@dataclass
class Nginx:
    """One nginx of our own, as many servers as are added before it is started."""

    folder: Path
    servers: list[str] = field(default_factory=list)

    def add(self, chain: bytes | Path, key: bytes | Path, settings: str = "") -> int:
        port = free_port()
        for kind, held in (("crt", chain), ("key", key)):
            (self.folder / f"{port}.{kind}").write_bytes(held.read_bytes() if isinstance(held, Path) else held)
        files = f"ssl_certificate {self.folder}/{port}.crt; ssl_certificate_key {self.folder}/{port}.key;"
        self.servers.append(f"server {{ listen 127.0.0.1:{port} ssl; {files} {settings} return 200; }}")
        return port

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        here = self.folder
        paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{name}_temp_path {here}/{name};" for name in paths)
        servers = "\n".join(self.servers)
        (here / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\n"
            f"events {{ worker_connections 256; }}\nhttp {{ access_log off; {temporary}\n{servers}\n}}\n"
        )
        command = ["nginx", "-p", str(here), "-c", str(here / "nginx.conf"), "-e", str(here / "error.log")]
        with process(command, int(self.servers[0].split("127.0.0.1:")[1].split()[0])):
            yield


@contextlib.contextmanager
def process(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends; it must listen within ten seconds."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        try:
            for _ in range(100):
                if run.poll() is not None:
                    raise RuntimeError(f"{command[0]}: {run.stderr.read() if run.stderr else ''!r}")
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield
        finally:
            run.terminate()


@contextlib.contextmanager
def s_server(pair: Pair, folder: Path, *options: str) -> Iterator[int]:
    """``openssl s_server`` with these options; gives its port."""
    port = free_port()
    (folder / f"{port}.crt").write_bytes(pair.chain_pem())
    (folder / f"{port}.key").write_bytes(pair.key_pem())
    held = ["-cert", str(folder / f"{port}.crt"), "-key", str(folder / f"{port}.key")]
    with process(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *held, "-quiet", *options], port):
        yield port


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[int]:
    """A server that hands each connection and its first bytes to ``answer``, in a thread of its own."""
    stop = threading.Event()

    def serve(conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError):
            conn.settimeout(10)
            answer(conn, conn.recv(4096))

    def accept() -> None:
        while not stop.is_set():
            try:
                conn, _ = listening.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=serve, args=(conn,), daemon=True))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            stop.set()
            accepting.join()
            for thread in threads:
                thread.join(12)
