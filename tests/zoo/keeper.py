"""Starts the animals on loopback, each at an address of its own, and ends them again.

Many share a process (nginx, apache, haproxy, lighttpd, stunnel take as many servers as are wanted in one
configuration); ``openssl s_server`` and ``gnutls-serv`` run once for each. Everything lies in one temporary folder.
"""

from __future__ import annotations

import base64
import contextlib
import selectors
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.live import starttls_lab
from tests.zoo import broken
from tests.zoo.papers import Office, Papers
from tests.zoo.toy import DH512, OAKLEY2, Toy

HERE = Path(__file__).parent / "animals"
TOOLS = {
    "nginx": "/usr/sbin/nginx",
    "apache": "/usr/sbin/apache2",
    "haproxy": "/usr/sbin/haproxy",
    "lighttpd": "/usr/sbin/lighttpd",
    "stunnel": "/usr/bin/stunnel4",
    "openssl": "/usr/bin/openssl",
    "gnutls": "/usr/bin/gnutls-serv",
}


@dataclass(frozen=True)
class Animal:
    """One server: how it is set up (all of it from its YAML entry), and where it lives once started."""

    id: str
    software: str
    papers: tuple[str, ...]
    settings: Any
    truth: Mapping[str, Any]
    about: str = ""
    address: str = ""
    port: int = 0


def animals() -> tuple[Animal, ...]:
    """All of them, with addresses but no ports; ids are unique."""
    found: list[Animal] = []
    for path in sorted(HERE.glob("[!_]*.yaml")):
        held = yaml.safe_load(path.read_text(encoding="utf-8"))  # noqa: TID251 (ours, with anchors)
        for one in held["animals"]:
            papers = one.get("papers", held.get("papers", "rsa"))
            truth = _merged(held.get("truth", {}), one.get("truth", {}))
            address = f"127.0.71.{len(found) + 1}"
            found.append(
                Animal(
                    one["id"],
                    one.get("software", path.stem),
                    tuple(papers.split()),
                    one.get("settings", ""),
                    truth,
                    one.get("about", ""),
                    address,
                )
            )
    assert len({one.id for one in found}) == len(found), "an id stands twice"
    return tuple(found)


def _merged(usual: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What is usual for a file, with what is said of one animal; mappings are joined, all else replaced."""
    made = dict(usual)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = _merged(made[key], value) if both else value
    return made


@dataclass
class Zoo:
    """Animals by id, once they run."""

    folder: Path
    office: Office
    animals: dict[str, Animal] = field(default_factory=dict)


@contextlib.contextmanager
def zoo(folder: Path, only: Sequence[str] = ()) -> Iterator[Zoo]:
    """Start the animals (or only those named), wait until all answer, and end them afterwards."""
    made = Zoo(folder, Office(folder))
    wanted = [one for one in animals() if not only or one.id in only]
    for one in wanted:
        # Some bind all addresses of the machine, so that a port must be free on them all.
        made.animals[one.id] = _placed(one, {item.port for item in made.animals.values()})
    with contextlib.ExitStack() as stack:
        groups: dict[str, list[Animal]] = {}
        for one in made.animals.values():
            groups.setdefault(one.software, []).append(one)
        for software, members in groups.items():
            for command in _SET_UP[software](made, members):
                stack.enter_context(_running(command, folder))
        stack.enter_context(_toys(made, groups.get("toy", [])))
        made.animals.update(stack.enter_context(_prefaced(made, groups.get("starttls", []))))
        _wait([one for one in made.animals.values() if one.software not in ("nobody", "toy")])
        yield made


def _placed(one: Animal, taken: set[int]) -> Animal:
    while True:
        with socket.socket() as held:
            held.bind(("0.0.0.0" if one.software == "gnutls" else one.address, 0))
            port = int(held.getsockname()[1])
        if port not in taken:
            return replace(one, port=port)


@contextlib.contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    log = (folder / "servers.log").open("ab")
    with log, subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as run:
        try:
            yield
        finally:
            run.terminate()
            try:
                run.wait(5)
            except subprocess.TimeoutExpired:
                run.kill()


def _wait(members: Sequence[Animal], within_s: float = 60) -> None:
    until = time.monotonic() + within_s
    for one in members:
        while True:
            with contextlib.suppress(OSError), socket.create_connection((one.address, one.port), 1):
                break
            if time.monotonic() > until:
                raise RuntimeError(f"{one.id} does not listen on {one.address}:{one.port}")
            time.sleep(0.05)


# --- how each software is told -------------------------------------------------------------------------------


def _files(made: Zoo, one: Animal) -> list[tuple[Papers, Path, Path]]:
    """Its papers, written down as a chain and a key; the CA, staples and both in one lie beside them."""
    written = []
    for name in one.papers:
        papers, stem = made.office[name], made.folder / f"{one.id}-{name}.crt"
        chain, key = stem.with_suffix(".crt"), stem.with_suffix(".key")
        chain.write_bytes(papers.chain_pem)
        key.write_bytes(papers.key_pem)
        stem.with_suffix(".pem").write_bytes(papers.chain_pem + papers.key_pem)
        if papers.staple:
            stem.with_suffix(".ocsp").write_bytes(papers.staple)
        written.append((papers, chain, key))
    return written


def _filled(made: Zoo, one: Animal) -> str:
    """Its settings with the files they may name put in."""
    text = str(one.settings or "")
    for word, path in {"@TRUST": made.office.trust, "@DH1024": _dh(made, 1024), "@DH2048": _dh(made, 2048)}.items():
        text = text.replace(word, str(path))
    return text


def _dh(made: Zoo, bits: int) -> Path:
    """Well-known DH parameters: RFC 2409 group 2, and RFC 7919 ffdhe2048."""
    path = made.folder / f"dh{bits}.pem"
    if path.exists():  # a server may be reading it
        return path
    prime = (OAKLEY2 if bits == 1024 else FFDHE2048).to_bytes(bits // 8 + 1, "big")
    inside = b"\x02\x82" + len(prime).to_bytes(2, "big") + prime + b"\x02\x01\x02"
    der = b"\x30\x82" + len(inside).to_bytes(2, "big") + inside
    text = base64.encodebytes(der).decode()
    path.write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")
    return path


FFDHE2048 = int(
    "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF9"
    "7D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
    "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FB"
    "B96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
    "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA"
    "886B423861285C97FFFFFFFFFFFFFFFF",
    16,
)


def _nginx(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    here, servers = made.folder, []
    for one in members:
        lines = [f"listen {one.address}:{one.port} ssl{' http2' if 'h2' in one.truth.get('alpn', ()) else ''};"]
        for papers, chain, key in _files(made, one):
            lines.append(f"ssl_certificate {chain}; ssl_certificate_key {key};")
            if papers.staple:
                lines.append(f"ssl_stapling on; ssl_stapling_file {chain.with_suffix('.ocsp')};")
        servers.append(f"server {{ {' '.join(lines)} {_filled(made, one)} location / {{ return 200; }} }}")
    temporary = " ".join(
        f"{n}_temp_path {here}/nginx-{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    made_of = "\n".join(servers)
    (here / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {here}/nginx.pid; error_log {here}/nginx.log;\n"
        f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {temporary}\n{made_of}\n}}\n"
    )
    return [[TOOLS["nginx"], "-p", str(here), "-c", f"{here}/nginx.conf", "-e", f"{here}/nginx.log"]]


def _apache(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    here = made.folder
    (here / "www").mkdir(exist_ok=True)
    modules = "mpm_event authn_core authz_core socache_shmcb ssl http2"
    lines = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules.split()]
    lines += [f"ServerRoot {here}", f"PidFile {here}/apache.pid", f"ErrorLog {here}/apache.log",
              f"DefaultRuntimeDir {here}",
              f"DocumentRoot {here}/www", "ServerName cong.tinh.example",
              f"SSLSessionCache shmcb:{here}/apache.cache(65536)",
              "StartServers 1", "ThreadsPerChild 8", "ServerLimit 2", "MaxRequestWorkers 16", "MinSpareThreads 1",
              "MaxSpareThreads 16"]  # fmt: skip
    for one in members:
        lines += [f"Listen {one.address}:{one.port}", f"<VirtualHost {one.address}:{one.port}>", "SSLEngine on"]
        for _, chain, key in _files(made, one):
            lines += [f"SSLCertificateFile {chain}", f"SSLCertificateKeyFile {key}"]
        lines += [_filled(made, one), "</VirtualHost>"]
    (here / "apache.conf").write_text("\n".join(lines) + "\n")
    return [[TOOLS["apache"], "-f", f"{here}/apache.conf", "-X"]]


def _haproxy(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    lines = ["global", "  maxconn 200", "  nbthread 1", "  tune.ssl.default-dh-param 2048", "defaults", "  mode http",
             "  timeout client 30s", "  timeout server 5s", "  timeout connect 5s"]  # fmt: skip
    for one in members:
        shown = " ".join(f"crt {chain.with_suffix('.pem')}" for _, chain, _ in _files(made, one))
        lines += [f"frontend {one.id}", f"  bind {one.address}:{one.port} ssl {shown} {_filled(made, one)}",
                  "  http-request return status 200"]  # fmt: skip
    (made.folder / "haproxy.cfg").write_text("\n".join(lines) + "\n")
    return [[TOOLS["haproxy"], "-db", "-q", "-f", f"{made.folder}/haproxy.cfg"]]


def _lighttpd(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    here = made.folder
    (here / "www").mkdir(exist_ok=True)
    lines = ['server.modules = ("mod_openssl")', f'server.document-root = "{here}/www"',
             'server.bind = "127.0.71.250"', f"server.port = {_placed(members[0], set()).port}",
             f'server.errorlog = "{here}/lighttpd.log"']  # fmt: skip
    for one in members:
        ((_, chain, key),) = _files(made, one)
        lines += [f'$SERVER["socket"] == "{one.address}:{one.port}" {{', 'ssl.engine = "enable"',
                  f'ssl.pemfile = "{chain}"', f'ssl.privkey = "{key}"', _filled(made, one), "}"]  # fmt: skip
    (here / "lighttpd.conf").write_text("\n".join(lines) + "\n")
    return [[TOOLS["lighttpd"], "-D", "-f", f"{here}/lighttpd.conf"]]


def _stunnel(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    here = made.folder
    lines = ["foreground = yes", "pid =", f"output = {here}/stunnel.log", "syslog = no"]
    for one in members:
        ((_, chain, key),) = _files(made, one)
        lines += [f"[{one.id}]", f"accept = {one.address}:{one.port}", "exec = /bin/cat", "execArgs = cat",
                  f"cert = {chain}", f"key = {key}", _filled(made, one)]  # fmt: skip
    (here / "stunnel.conf").write_text("\n".join(lines) + "\n")
    return [[TOOLS["stunnel"], f"{here}/stunnel.conf"]]


def _openssl(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    commands = []
    for one in members:
        command = [TOOLS["openssl"], "s_server", "-accept", f"{one.address}:{one.port}"]
        for at, (papers, chain, key) in enumerate(_files(made, one)):
            held = ("-cert", "-key", "-cert_chain") if at == 0 else ("-dcert", "-dkey", "-dcert_chain")
            command += [held[0], str(chain), held[1], str(key), held[2], str(chain)]
            if papers.staple:
                command += ["-status_file", str(chain.with_suffix(".ocsp"))]
        options = shlex.split(_filled(made, one))
        commands.append([*command, *([] if "-early_data" in options else ["-www"]), "-quiet", *options])
    return commands


def _gnutls(made: Zoo, members: Sequence[Animal]) -> list[list[str]]:
    """It has no option to bind one address; its priority string comes first in the settings."""
    commands = []
    for one in members:
        priority, *options = shlex.split(_filled(made, one))
        command = [TOOLS["gnutls"], "--http", "--quiet", "--port", str(one.port), "--priority", priority, *options]
        for papers, chain, key in _files(made, one):
            command += ["--x509certfile", str(chain), "--x509keyfile", str(key)]
            if papers.staple:
                command += ["--ocsp-response", str(chain.with_suffix(".ocsp"))]
        commands.append(command)
    return commands


def _none(_: Zoo, __: Sequence[Animal]) -> list[list[str]]:
    return []


_SET_UP = {
    "nginx": _nginx, "apache": _apache, "haproxy": _haproxy, "lighttpd": _lighttpd, "stunnel": _stunnel,
    "openssl": _openssl, "gnutls": _gnutls, "toy": _none, "nobody": _none,
    "starttls": _none,
}  # fmt: skip


@contextlib.contextmanager
def _prefaced(made: Zoo, members: Sequence[Animal]) -> Iterator[dict[str, Animal]]:
    """Those that speak something else before TLS, started side by side; the laboratory chooses their ports."""
    with contextlib.ExitStack() as stack:

        def start(one: Animal) -> Animal:
            told = dict(one.settings)
            server, scheme = told.pop("server"), told.pop("scheme")
            ((_, chain, key),) = _files(made, one)
            folder = stack.enter_context(starttls_lab.open_folder())
            held = [folder / path.name for path in (chain, key)]
            for path, at in zip((chain, key), held, strict=True):
                at.write_bytes(path.read_bytes())
                at.chmod(0o644)
            port = stack.enter_context(getattr(starttls_lab, server)(folder, *held, **told))
            # Dovecot takes a client at its own address for a safe one.
            address = "127.0.0.2" if server == "dovecot" else "127.0.0.1"
            return replace(one, address=address, port=port[scheme] if isinstance(port, dict) else port)

        if not members:
            yield {}
            return
        with ThreadPoolExecutor(len(members)) as pool:
            started = list(pool.map(start, members))
        yield {one.id: one for one in started}


@contextlib.contextmanager
def _toys(made: Zoo, members: Sequence[Animal]) -> Iterator[None]:
    """All toys behind one accepting thread; each client is served in a thread of its own."""
    stop, accepting = threading.Event(), selectors.DefaultSelector()
    with contextlib.ExitStack() as stack:
        for one in members:
            listening = stack.enter_context(socket.create_server((one.address, one.port), backlog=64))
            listening.setblocking(False)
            accepting.register(listening, selectors.EVENT_READ, toy(made, one))

        def serve(conn: socket.socket, kind: Toy) -> None:
            with conn:
                broken.serve(kind, conn)

        def accept() -> None:
            while not stop.is_set():
                for key, _ in accepting.select(0.2):
                    with contextlib.suppress(OSError):
                        conn, _ = key.fileobj.accept()  # type: ignore[union-attr]
                        threading.Thread(target=serve, args=(conn, key.data), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            accepting.close()


def toy(made: Zoo, one: Animal) -> Toy:
    """The toy that an animal's settings describe; suites by the codes its YAML gives."""
    said = one.settings or {}
    primes = {"dh512": DH512, "oakley2": OAKLEY2, "ffdhe2048": FFDHE2048}
    return Toy(
        versions={name: tuple(codes) for name, codes in said.get("versions", {}).items()},
        papers=made.office[one.papers[0]] if one.papers else None,
        ssl2=tuple(said.get("ssl2", ())),
        prime=primes[said.get("prime", "ffdhe2048")],
        groups=tuple(said.get("groups", (29,))),
        says=frozenset(said.get("says", "").split()),
        quirk=said.get("quirk", ""),
    )
