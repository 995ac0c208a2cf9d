"""What answers in the example province besides SSH: real programs of this machine, in the network of one host.

    python -m tests.province_services services|old|router|database FOLDER

Run by ``tests/record_province.py`` inside a host's network namespace, as the first process of a process namespace:
all that it starts ends with it. FOLDER is one that every user may pass through. It says ``ready`` when everything
listens, and stays until its input ends.
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.live import starttls_lab
from tests.live.dns_lab import NameServer
from tests.live.tls_lab import DAY, Pair, issue

DOMAIN, RESOLVER, NETWORK = "binh-minh.example", "10.77.0.54", "10.77.40"

# --- pages --------------------------------------------------------------------------------------------------------

_PAGE = (
    "<!doctype html><html lang=vi><head><meta charset=utf-8><title>{title}</title></head>"
    "<body><h1>{title}</h1><a href=/gioi-thieu>Giới thiệu</a>{more}</body></html>\n"
)
_HIDDEN = (
    "<div style='position:absolute; left:-9999px'><a href='https://cuoc77vang.example/?ref=2'>Nhà cái uy tín</a>"
    "<a href='https://may-man.example/slot-gacor'>slot gacor</a></div>"
)
_FOREIGN = f"<script src=http://vanban-cu.{DOMAIN}/menu.js></script>"
"""Loaded without TLS from the page's forerunner."""
_GUARDED = (
    "server_tokens off;"
    'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
    "add_header X-Content-Type-Options nosniff always; add_header X-Frame-Options SAMEORIGIN always;"
    "add_header Referrer-Policy strict-origin-when-cross-origin always;"
    "add_header Content-Security-Policy \"default-src 'self'; frame-ancestors 'self'\" always;"
    'add_header Set-Cookie "phien=khong-co-gi; Path=/; Secure; HttpOnly; SameSite=Lax" always;'
)
_SECURED = "server_tokens off; add_header Strict-Transport-Security max-age=31536000 always;"
_MOVED = "server_tokens off; return 301 https://$host$request_uri;"

# --- settings of TLS ----------------------------------------------------------------------------------------------

_MODERN = (
    "ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1:secp384r1; ssl_session_tickets off;"
    "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305;"
)
_USUAL = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
_TRIPLE_DES = (
    "NONE:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+ECDHE-RSA:+RSA:+AES-128-GCM:+AEAD:+AES-128-CBC:+3DES-CBC:+SHA1"
    ":+GROUP-SECP256R1:+SIGN-RSA-SHA256:+SIGN-RSA-PSS-RSAE-SHA256:+CTYPE-X509"
)
"""GnuTLS still speaks it; the OpenSSL of Debian does not."""


@dataclass(frozen=True)
class Site:
    """A web site of the one nginx; without ``tls`` only the port without it is served."""

    name: str
    number: int
    title: str
    tls: str
    settings: str = ""
    plain: str = _MOVED
    more: str = ""

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}"

    @property
    def host(self) -> str:
        return f"{self.name}.{DOMAIN}"


SITES = (
    Site("dichvucong", 11, "Cổng dịch vụ công", _MODERN, _GUARDED),
    Site("vanban", 12, "Quản lý văn bản và điều hành", _USUAL, _SECURED, more=_FOREIGN),
    Site("suckhoe", 14, "Hồ sơ sức khỏe điện tử", "", plain=""),
    Site("caodang", 16, "Trường Cao đẳng Bình Minh", _USUAL, _SECURED, more=_HIDDEN),
    Site("ketoan", 18, "Phần mềm kế toán", _USUAL, plain=""),
    Site("luutru", 17, "Kho lưu trữ số", _MODERN, _GUARDED),
)
MAIL, HOSPITAL, NOWHERE = f"{NETWORK}.13", f"{NETWORK}.15", "10.77.21.99"

ADDRESSES = {one.host: one.address for one in SITES} | {
    f"thu.{DOMAIN}": MAIL,
    f"benhvien.{DOMAIN}": HOSPITAL,
    f"motcua.{DOMAIN}": NOWHERE,
}

# --- starting -----------------------------------------------------------------------------------------------------


def _start(*words: str) -> None:
    subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait(*doors: tuple[str, int]) -> None:
    until = time.monotonic() + 20
    for door in doors:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(door, 1):
                break
            if time.monotonic() > until:
                raise RuntimeError(f"nothing listens at {door}")
            time.sleep(0.05)


def _redirect(*rules: tuple[str, int, int]) -> None:
    """What comes for an address and port goes to a port of the loopback, where most programs of the lab listen."""
    Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1")
    lines = "\n".join(f"ip daddr {to} tcp dport {port} dnat to 127.0.0.1:{at}" for to, port, at in rules)
    chain = f"chain p {{\n type nat hook prerouting priority dstnat;\n {lines}\n}}"
    subprocess.run(["nft", "-f", "-"], input=f"table ip lab {{\n{chain}\n}}\n", text=True, check=True)


def _store(folder: Path, name: str, pair: Pair) -> tuple[Path, Path]:
    chain, key = folder / f"{name}.crt", folder / f"{name}.key"
    chain.write_bytes(pair.chain_pem())
    key.write_bytes(pair.key_pem())
    return chain, key


def _nginx(folder: Path) -> None:
    parts = []
    for site in SITES:
        root = folder / site.name
        root.mkdir()
        (root / "index.html").write_text(_PAGE.format(title=site.title, more=site.more), "utf-8")
        here = f"server_name {site.host}; charset utf-8; root {root};"
        parts.append(f"server {{ listen {site.address}:80; {here} {site.plain} }}")
        if site.tls:
            held = f"ssl_certificate {folder}/{site.name}.crt; ssl_certificate_key {folder}/{site.name}.key;"
            parts.append(f"server {{ listen {site.address}:443 ssl; {here} {held} {site.tls} {site.settings} }}")
    temporary = " ".join(
        f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"user root; daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ types {{ text/html html; }} access_log off; {temporary}\n"
        + "\n".join(parts)
        + "\n}\n"
    )
    _start("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log"))


def _apache(folder: Path, name: str, address: str) -> None:
    """As it is often left: full banner, files listed, the same without TLS, and every version of TLS it knows."""
    root, modules = folder / name, "/usr/lib/apache2/modules"
    root.mkdir()
    (root / "lich-kham.html").write_text(_PAGE.format(title="Lịch khám", more=""), "utf-8")
    (folder / "types").write_text("text/html html\n")
    loaded = ("mpm_event", "authz_core", "ssl", "autoindex", "mime", "dir")
    load = "\n".join(f"LoadModule {one}_module {modules}/mod_{one}.so" for one in loaded)
    (folder / "apache.conf").write_text(
        f"{load}\nServerName {name}.{DOMAIN}\nServerRoot {folder}\nPidFile {folder}/apache.pid\n"
        f"ErrorLog {folder}/apache.log\nListen {address}:80\nListen {address}:443\nServerTokens Full\n"
        f"TypesConfig {folder}/types\nDocumentRoot {root}\n<Directory {root}>\nRequire all granted\n"
        f"Options +Indexes\n</Directory>\n<VirtualHost {address}:443>\nSSLEngine on\nSSLProtocol all -SSLv3\n"
        f"SSLCipherSuite ALL:@SECLEVEL=0\nSSLCertificateFile {folder}/{name}.crt\n"
        f"SSLCertificateKeyFile {folder}/{name}.key\n</VirtualHost>\n"
    )
    _start("apache2", "-DFOREGROUND", "-f", str(folder / "apache.conf"))


def _gnutls(folder: Path, name: str, port: int) -> None:
    held = ("--x509certfile", str(folder / f"{name}.crt"), "--x509keyfile", str(folder / f"{name}.key"))
    more = ("--http", "--quiet", "--disable-client-cert", "--port", str(port), "--priority", _TRIPLE_DES)
    _start("gnutls-serv", *more, *held)


def _dovecot(folder: Path, cert: Path, key: Path) -> None:
    """IMAP over TLS only."""
    own = starttls_lab.own
    main = {
        "base_dir": str(own(folder, "dovecot-run")), "state_dir": str(own(folder, "dovecot-state")),
        "log_path": str(folder / "dovecot.log"), "listen": MAIL, "protocols": "imap", "ssl": "required",
        "ssl_cert": f"<{cert}", "ssl_key": f"<{key}", "ssl_min_protocol": "TLSv1.2",
        "ssl_cipher_list": "ECDHE+AESGCM:ECDHE+CHACHA20", "auth_mechanisms": "plain login",
        "mail_location": f"maildir:{folder}/mail/%u",
    }  # fmt: skip
    (folder / "users").write_text("")
    (folder / "dovecot.conf").write_text(
        "".join(f"{name} = {value}\n" for name, value in main.items())
        + f"passdb {{\n driver = passwd-file\n args = {folder}/users\n}}\n"
        + "userdb {\n driver = static\n args = uid=mail gid=mail home=/nonexistent\n}\n"
        + "service imap-login {\n inet_listener imap {\n  port = 0\n }\n inet_listener imaps {\n  port = 993\n }\n}\n"
    )
    _start("dovecot", "-F", "-c", str(folder / "dovecot.conf"))


def _zone() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    lines = key.public_bytes(encoding, form).decode().splitlines()[1:-1]
    signed = " ".join(f'"{line}"' for line in ("v=DKIM1; k=rsa; p=", *lines))
    names = "".join(f"{name.removesuffix('.' + DOMAIN)} 60 A {address}\n" for name, address in ADDRESSES.items())
    return names + (
        f'@ 60 CAA 0 issue "ca.{DOMAIN}"\n@ 60 MX 10 thu\n@ 60 MX 20 thu-cu\n@ 60 TXT "v=spf1 mx -all"\n'
        f'_dmarc 60 TXT "v=DMARC1; p=quarantine; rua=mailto:thu@{DOMAIN}"\nkhoa1._domainkey 60 TXT {signed}\n'
    )


def _names() -> None:
    """A name server that knows the one domain; the old mail server is still named there, and is gone."""
    server, stop = NameServer({DOMAIN: _zone()}), threading.Event()
    line, long = socket.socket(type=socket.SOCK_DGRAM), socket.create_server((RESOLVER, 53))
    line.bind((RESOLVER, 53))
    for one, serve in ((line, server._udp), (long, server._tcp)):
        one.settimeout(0.2)
        threading.Thread(target=serve, args=(one, stop), daemon=True).start()


def _papers(folder: Path) -> None:
    """Certificates by an authority of the province, what it revoked, and one that a vendor made for itself.

    The health record and the hospital were set up by one vendor, who used one key for both.
    """
    root = issue("Bình Minh Root CA", ca=True, names=(), days=(-400, 3000))
    above = issue("Bình Minh Issuing CA", root, ca=True, names=())
    vendor = rsa.generate_private_key(65537, 2048)
    pairs = {
        "dichvucong": issue("dichvucong", above, names=(f"dichvucong.{DOMAIN}",)),
        "vanban": issue("vanban", above, names=(f"vanban.{DOMAIN}",), days=(-80, 10)),
        "thu": issue("thu", above, names=(f"thu.{DOMAIN}",)),
        "suckhoe": issue("suckhoe", above, names=(f"suckhoe.{DOMAIN}",), key=vendor),
        "benhvien": issue("benhvien", names=(f"benhvien.{DOMAIN}",), days=(-400, -35), key=vendor),
        "caodang": issue("caodang", above, names=(f"may-chu-7.{DOMAIN}",)),
        "ketoan": issue("ketoan", above, names=(f"ketoan.{DOMAIN}",)),
        "luutru": issue("luutru", above, names=(f"luutru.{DOMAIN}",)),
    }
    for name, pair in pairs.items():
        _store(folder, name, pair)
    now = datetime.datetime.now(datetime.UTC)
    gone = x509.RevokedCertificateBuilder().serial_number(pairs["suckhoe"].certificate.serial_number)
    entry = gone.revocation_date(now - 3 * DAY).add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), False)
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(above.certificate.subject)
        .last_update(now - DAY)
        .next_update(now + 30 * DAY)
        .add_revoked_certificate(entry.build())
        .sign(above.key, hashes.SHA256())
    )
    trust = folder / "trust"
    trust.mkdir()
    (trust / "ca.pem").write_bytes(root.chain_pem())
    (trust / "ca.crl").write_bytes(revoked.public_bytes(serialization.Encoding.PEM))


def services(folder: Path, held: contextlib.ExitStack) -> None:
    """All services of the province with a URL, and the name server."""
    for address in {*ADDRESSES.values(), RESOLVER} - {NOWHERE}:
        subprocess.run(["ip", "addr", "add", f"{address}/16", "dev", "eth0"], check=True)
    _papers(folder)
    _nginx(folder)
    _apache(folder, "benhvien", HOSPITAL)
    _gnutls(folder, "suckhoe", 5443)
    cert, key = folder / "thu.crt", folder / "thu.key"
    _dovecot(folder, cert, key)
    settings = {
        "myhostname": f"thu.{DOMAIN}", "smtpd_tls_auth_only": "yes", "tls_preempt_cipherlist": "yes",
        "smtpd_peername_lookup": "no", "smtpd_tls_protocols": ">=TLSv1.2", "smtpd_tls_mandatory_protocols": ">=TLSv1.2",
        "smtpd_tls_ciphers": "high", "smtpd_tls_exclude_ciphers": "aNULL, kRSA, SHA1, SHA256, SHA384, ARIA, AESCCM",
    }  # fmt: skip
    port = held.enter_context(starttls_lab.postfix(folder, cert, key, methods=("PLAIN",), **settings))
    suckhoe = ADDRESSES[f"suckhoe.{DOMAIN}"]
    _redirect((MAIL, 587, port), (suckhoe, 443, 5443))
    _names()
    _wait(*((one.address, 443) for one in SITES if one.tls), (HOSPITAL, 443), (MAIL, 993), ("127.0.0.1", 5443))
    trusting = ssl.create_default_context(cafile=folder / "trust" / "ca.pem")
    with (
        socket.create_connection((MAIL, 993), 20) as line,
        trusting.wrap_socket(line, server_hostname=f"thu.{DOMAIN}") as spoken,
    ):
        spoken.recv(100)  # Dovecot starts the rest of itself for its first greeting


def _telnet(folder: Path) -> None:
    (folder / "inetd.conf").write_text("23 stream tcp nowait root /usr/sbin/telnetd telnetd\n")
    _start("inetutils-inetd", "-d", "-p", str(folder / "inetd.pid"), str(folder / "inetd.conf"))


def old(folder: Path, held: contextlib.ExitStack) -> None:
    """A server with telnet, and FTP without TLS."""
    _telnet(folder)
    (folder / "vsftpd.conf").write_text(
        f"listen=YES\nanonymous_enable=YES\nlocal_enable=NO\nsecure_chroot_dir={starttls_lab.own(folder, 'empty')}\n"
        "seccomp_sandbox=NO\n"
    )
    _start("vsftpd", str(folder / "vsftpd.conf"))
    _wait(("127.0.0.1", 23), ("127.0.0.1", 21))


def router(folder: Path, held: contextlib.ExitStack) -> None:
    """A router with telnet, and SNMP that everybody may read."""
    _telnet(folder)
    (folder / "snmpd.conf").write_text("agentAddress udp:161\nrocommunity public\nsysDescr Bo dinh tuyen\n")
    _start("snmpd", "-f", "-Lo", "-C", "-c", str(folder / "snmpd.conf"), "-p", str(folder / "snmpd.pid"))
    _wait(("127.0.0.1", 23))


def database(folder: Path, held: contextlib.ExitStack) -> None:
    """A database that everybody reaches."""
    cert, key = _store(folder, "own", issue("csdl", names=()))
    port = held.enter_context(starttls_lab.mariadb(folder, cert, key, tls=False))
    address = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()[0]
    _redirect((address, 3306, port))


MODES: Mapping[str, Callable[[Path, contextlib.ExitStack], None]] = {
    "services": services, "old": old, "router": router, "database": database,
}  # fmt: skip


def main(words: Sequence[str]) -> None:
    folder = Path(words[1])
    with contextlib.ExitStack() as held:
        MODES[words[0]](folder, held)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
