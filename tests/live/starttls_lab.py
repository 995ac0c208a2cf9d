"""Real servers that speak something else before TLS, each on a port of loopback, in a folder of its own.

Each starter takes a folder that its server's user may reach (``open_folder``), a certificate chain and a key as
PEM files, and settings in the server's own words; it gives the port. They need root, as most of these servers do.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.live.tls_lab import free_port, process

PROGRAMS = {
    "postfix": "/usr/sbin/postfix",
    "dovecot": "/usr/sbin/dovecot",
    "slapd": "/usr/sbin/slapd",
    "postgres": "/usr/bin/pg_config",
    "mariadb": "/usr/sbin/mariadbd",
    "vsftpd": "/usr/sbin/vsftpd",
    "xrdp": "/usr/sbin/xrdp",
    "prosody": "/usr/bin/prosody",
}


def missing(*names: str) -> list[str]:
    """Those of ``PROGRAMS`` that are not installed; ``root`` where we are not."""
    absent = [name for name in names if name != "postgres" and not Path(PROGRAMS[name]).exists()]
    absent += ["postgres"] if "postgres" in names and not _postgres_folder() else []
    return absent + (["root"] if os.geteuid() else [])


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may pass through."""
    with tempfile.TemporaryDirectory(prefix="capdo-lab-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


def own(folder: Path, name: str, user: str = "root", mode: int = 0o755) -> Path:
    """A folder inside, made where it is not there, belonging to a user."""
    made = folder / name
    made.mkdir(exist_ok=True)
    made.chmod(mode)
    shutil.chown(made, user)
    return made


@contextlib.contextmanager
def postfix(folder: Path, cert: Path, key: Path, *, methods: tuple[str, ...] = (), **settings: str) -> Iterator[int]:
    """``smtpd``; ``methods`` of login come from an authentication service of ours (Dovecot's protocol)."""
    port = free_port()
    queue, data, config = own(folder, "queue"), own(folder, "data", "postfix"), own(folder, "config")
    own(queue, "pid")
    for name in ("private", "public"):
        own(queue, name, "postfix")
    main = {
        "compatibility_level": "3.6", "queue_directory": str(queue), "data_directory": str(data),
        "myhostname": "thu.tinh.example", "mydestination": "", "local_recipient_maps": "", "alias_maps": "",
        "smtpd_tls_chain_files": f"{key}, {cert}", "smtpd_tls_security_level": "may", "inet_protocols": "ipv4",
        "smtpd_tls_session_cache_database": "", "maillog_file": "/dev/stdout",
    }  # fmt: skip
    if methods:
        main |= {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "private/auth", "smtpd_sasl_auth_enable": "yes"}
    main |= settings
    (config / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    (config / "master.cf").write_text(
        f"127.0.0.1:{port} inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\n"
        "rewrite unix - - n - - trivial-rewrite\ncleanup unix n - n - 0 cleanup\nproxymap unix - - n - - proxymap\n"
        "postlog unix-dgram n - n - 1 postlogd\n"
    )
    with contextlib.ExitStack() as stack:
        if methods:
            stack.enter_context(_authentication(queue / "private/auth", methods))
        stack.enter_context(process(["/usr/lib/postfix/sbin/master", "-d", "-s", "-c", str(config)], port))
        yield port


@contextlib.contextmanager
def _authentication(path: Path, methods: tuple[str, ...]) -> Iterator[None]:
    """What Dovecot tells a mail server at the start of a conversation; nobody is ever let in by it."""
    told = "".join(f"MECH\t{method}\tplaintext\n" for method in methods)
    hello = f"VERSION\t1\t1\n{told}SPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n".encode()
    with _answering(path, lambda conn: conn.sendall(hello)):
        path.chmod(0o666)
        yield


@contextlib.contextmanager
def _answering(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    stop, held = threading.Event(), contextlib.ExitStack()

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                conn, _ = listening.accept()
                held.enter_context(conn)
                answer(conn)

    with held, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(0.1)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextlib.contextmanager
def dovecot(folder: Path, cert: Path, key: Path, **settings: str) -> Iterator[dict[str, int]]:
    """IMAP, POP3 and, where it is installed, ManageSieve; gives the port of each.

    Reach it at 127.0.0.2 where it should refuse logins in the clear: a client at its own address counts as safe.
    """
    sieve = Path("/usr/lib/dovecot/managesieve-login").exists()
    ports = {name: free_port() for name in ("imap", "pop3", *(["sieve"] if sieve else []))}
    (folder / "users").write_text("")
    main = {
        "base_dir": str(own(folder, "run")), "state_dir": str(own(folder, "state")), "log_path": str(folder / "log"),
        "listen": "127.0.0.1, 127.0.0.2", "protocols": " ".join(ports), "ssl": "yes", "ssl_cert": f"<{cert}",
        "ssl_key": f"<{key}", "disable_plaintext_auth": "no", "auth_mechanisms": "plain login",
        "mail_location": f"maildir:{folder}/mail/%u",
    } | settings  # fmt: skip
    text = "".join(f"{name} = {value}\n" for name, value in main.items())
    text += f"passdb {{\n driver = passwd-file\n args = {folder}/users\n}}\n"
    text += "userdb {\n driver = static\n args = uid=mail gid=mail home=/nonexistent\n}\n"
    for name, port in ports.items():
        service = "managesieve" if name == "sieve" else name
        listener = f" inet_listener {name} {{\n  port = {port}\n }}\n"
        closed = "" if name == "sieve" else f" inet_listener {name}s {{\n  port = 0\n }}\n"
        text += f"service {service}-login {{\n{listener}{closed}}}\n"
    (folder / "dovecot.conf").write_text(text)
    with process([PROGRAMS["dovecot"], "-F", "-c", str(folder / "dovecot.conf")], ports["pop3"]):
        yield ports


@contextlib.contextmanager
def slapd(folder: Path, cert: Path, key: Path, *, tls: bool = True, **settings: str) -> Iterator[int]:
    """OpenLDAP without a database: its root entry is all there is."""
    port = free_port()
    held = {"TLSCertificateFile": str(cert), "TLSCertificateKeyFile": str(key)} if tls else {}
    lines = "".join(f"{name} {value}\n" for name, value in (held | settings).items())
    (folder / "slapd.conf").write_text(f"pidfile {folder}/pid\n{lines}")
    url = f"ldap://127.0.0.1:{port}"
    with process([PROGRAMS["slapd"], "-d", "0", "-h", url, "-f", str(folder / "slapd.conf")], port):
        yield port


def _postgres_folder() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgres(folder: Path, cert: Path, key: Path, **settings: str) -> Iterator[int]:
    """PostgreSQL, as the system's user of that name. ``ssl="off"`` does without TLS."""
    port, bin_, data = free_port(), _postgres_folder(), own(folder, "data", "postgres", 0o700)
    assert bin_
    held = own(folder, "tls", "postgres", 0o700)
    for source in (cert, key):
        made = held / source.name
        made.write_bytes(source.read_bytes())
        shutil.chown(made, "postgres")
        made.chmod(0o600)
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*drop, str(bin_ / "initdb"), "-D", str(data), "--auth-local=peer", "--auth-host=reject", "--no-sync"],
        cwd="/", check=True, capture_output=True,
    )  # fmt: skip
    main = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "ssl": "on", "fsync": "off",
        "ssl_cert_file": str(held / cert.name), "ssl_key_file": str(held / key.name), "shared_buffers": "1MB",
        "max_connections": "20",
    } | settings  # fmt: skip
    options = [part for name, value in main.items() for part in ("-c", f"{name}={value}")]
    with process([*drop, str(bin_ / "postgres"), "-D", str(data), "-p", str(port), *options], port):
        yield port


@contextlib.contextmanager
def mariadb(folder: Path, cert: Path, key: Path, *, tls: bool = True, **settings: str) -> Iterator[int]:
    """MariaDB without a system database: what it does before a login needs none."""
    port, data = free_port(), own(folder, "data", "mysql", 0o700)
    held = own(folder, "tls", "mysql", 0o700)
    for source in (cert, key):
        (held / source.name).write_bytes(source.read_bytes())
        shutil.chown(held / source.name, "mysql")
    main = {
        "datadir": str(data), "bind-address": "127.0.0.1", "port": str(port), "socket": str(data / "socket"),
        "innodb-buffer-pool-size": "8M", "innodb-log-file-size": "4M", "innodb-flush-method": "nosync",
        "log-error": str(data / "log"), "pid-file": str(data / "pid"), "user": "mysql",
    } | settings  # fmt: skip
    if tls:
        main |= {"ssl-cert": str(held / cert.name), "ssl-key": str(held / key.name)}
    options = [f"--{name}={value}" for name, value in main.items()]
    with process([PROGRAMS["mariadb"], "--no-defaults", "--skip-grant-tables", "--skip-networking=0", *options], port):
        yield port


@contextlib.contextmanager
def vsftpd(folder: Path, cert: Path, key: Path, *, tls: bool = True, **settings: str) -> Iterator[int]:
    port = free_port()
    main = {
        "listen": "YES", "listen_address": "127.0.0.1", "listen_port": str(port), "background": "NO",
        "anonymous_enable": "NO", "local_enable": "YES", "secure_chroot_dir": str(own(folder, "empty")),
        "seccomp_sandbox": "NO", "ssl_enable": "YES" if tls else "NO", "force_local_logins_ssl": "NO",
        "force_local_data_ssl": "NO", "ssl_tlsv1": "YES",
    } | settings  # fmt: skip
    if tls:
        main |= {"rsa_cert_file": str(cert), "rsa_private_key_file": str(key)}
    (folder / "vsftpd.conf").write_text("".join(f"{name}={value}\n" for name, value in main.items()))
    with process([PROGRAMS["vsftpd"], str(folder / "vsftpd.conf")], port):
        yield port


@contextlib.contextmanager
def xrdp(folder: Path, cert: Path, key: Path, **settings: str) -> Iterator[int]:
    """``security_layer``: tls, rdp or negotiate."""
    port = free_port()
    main = {
        "port": f"tcp://127.0.0.1:{port}", "security_layer": "negotiate", "crypt_level": "high",
        "certificate": str(cert), "key_file": str(key), "ssl_protocols": "TLSv1.2, TLSv1.3", "fork": "true",
        "runtime_user": "", "rsakeys_ini": str(folder / "rsakeys.ini"),
    } | settings  # fmt: skip
    text = "[Globals]\nini_version=1\n" + "".join(f"{name}={value}\n" for name, value in main.items() if value)
    log = f"[Logging]\nLogFile={folder}/log\nLogLevel=INFO\nEnableSyslog=false\n"
    (folder / "xrdp.ini").write_text(f"{text}{log}[Channels]\n[Xvnc]\nname=Xvnc\nlib=libvnc.so\n")
    with process([PROGRAMS["xrdp"], "--nodaemon", "--config", str(folder / "xrdp.ini")], port):
        yield port


@contextlib.contextmanager
def prosody(folder: Path, cert: Path, key: Path, host: str, **settings: str) -> Iterator[int]:
    """XMPP for one host, as the system's user of that name."""
    port, data = free_port(), own(folder, "data", "prosody")
    held = own(folder, "tls", "prosody", 0o700)
    for source in (cert, key):
        (held / source.name).write_bytes(source.read_bytes())
        shutil.chown(held / source.name, "prosody")
    main = {
        "data_path": f'"{data}"', "pidfile": f'"{data}/pid"', "daemonize": "false", "c2s_ports": f"{{ {port} }}",
        "s2s_ports": "{ }", "interfaces": '{ "127.0.0.1" }', "authentication": '"internal_hashed"',
        "modules_enabled": '{ "saslauth", "tls", "roster" }', "certificates": f'"{held}"', "log": f'"{data}/log"',
        "ssl": f'{{ certificate = "{held / cert.name}", key = "{held / key.name}" }}',
        "c2s_require_encryption": "true",
    } | settings  # fmt: skip
    text = "".join(f"{name} = {value}\n" for name, value in main.items())
    (folder / "prosody.cfg.lua").write_text(f'{text}VirtualHost "{host}"\n')
    user = pwd.getpwnam("prosody")
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    with process([*drop, PROGRAMS["prosody"], "--config", str(folder / "prosody.cfg.lua"), "-F"], port):
        yield port


@contextlib.contextmanager
def in_thread(serve: Callable[[], None]) -> Iterator[None]:
    """Run a server of ours beside the block, which must make it end."""
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(5)
