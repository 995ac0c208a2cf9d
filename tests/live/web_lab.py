"""Real web servers on loopback, good and bad: nginx, apache, lighttpd; each with a port for TLS and one without."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.tls_lab import Pair, free_port, process

OWN = (
    "<!doctype html><html lang=vi><head><title>Cổng dịch vụ công</title><link rel=stylesheet href=/a.css></head>"
    "<body><div class=menu style='display:none'><a href=/tin>Tin</a><a href=https://nha-nuoc.gov.vn/>Cơ quan</a></div>"
    "<a href=/tin/danh-bac>Triệt phá đường dây đánh bạc, cá cược</a><script src=https://thong-ke.example/a.js></script>"
    "</body></html>\n"
)
SPAM = OWN.replace(
    "</body>",
    "<div style='position:absolute; left:-9999px'>\n<a href='https://cuoc88bet.example/?ref=1'>Nhà cái uy tín</a>\n"
    "<a href='https://x.example/slot-gacor'>slot gacor hari ini</a></div>\n</body>",
)
MIXED = OWN.replace(
    "</body>", "<script src=http://cu.tinh.example/x.js></script>\n<img src='http://cu.tinh.example/a.png'></body>"
)
GUARDS = (
    'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
    "add_header X-Content-Type-Options nosniff always; add_header X-Frame-Options SAMEORIGIN always;"
    "add_header Content-Security-Policy \"default-src 'self' https:; frame-ancestors 'self'\" always;"
    'add_header Set-Cookie "PHPSESSID=bi-mat-cua-nguoi-dung; Path=/; Secure; HttpOnly; SameSite=Lax" always;'
)


@dataclass
class Door:
    """Where a site is: the port with TLS and the one without."""

    https: int
    http: int


@dataclass
class WebNginx:
    """One nginx of our own with as many sites as are added before it is started."""

    folder: Path
    pair: Pair
    servers: list[str] = field(default_factory=list)
    first: int = 0

    def add(self, page: str, settings: str = "", plain: str = "", name: str = "index.html") -> Door:
        """``plain``: what the port without TLS does; nothing listens there when it is empty."""
        door = Door(free_port(), free_port())
        root = self.folder / f"site-{door.https}"
        root.mkdir()
        (root / name).write_text(page, "utf-8")
        for kind, held in (("crt", self.pair.chain_pem()), ("key", self.pair.key_pem())):
            (self.folder / f"server.{kind}").write_bytes(held)
        files = f"ssl_certificate {self.folder}/server.crt; ssl_certificate_key {self.folder}/server.key; root {root};"
        self.servers.append(f"server {{ listen 127.0.0.1:{door.https} ssl; charset utf-8; {files} {settings} }}")
        if plain:
            given = plain.replace("HTTPS", str(door.https))
            self.servers.append(f"server {{ listen 127.0.0.1:{door.http}; charset utf-8; root {root}; {given} }}")
        self.first = self.first or door.https
        return door

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        here = self.folder
        temporary = "\n".join(
            f"{one}_temp_path {here}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (here / "nginx.conf").write_text(
            f"user root; daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\n"
            f"events {{ worker_connections 256; }}\nhttp {{ types {{ text/html html; }} access_log off; {temporary}\n"
            + "\n".join(self.servers)
            + "\n}\n"
        )
        with process(
            ["nginx", "-p", str(here), "-c", str(here / "nginx.conf"), "-e", str(here / "error.log")], self.first
        ):
            yield


@contextlib.contextmanager
def apache(folder: Path, pair: Pair, page: str) -> Iterator[Door]:
    """An apache as it is often left: full banner, files listed, plain HTTP answered."""
    door, modules = Door(free_port(), free_port()), "/usr/lib/apache2/modules"
    root = folder / "apache"
    (root / "site").mkdir(parents=True)
    (root / "site" / "bao-cao.html").write_text(page, "utf-8")
    (root / "s.crt").write_bytes(pair.chain_pem())
    (root / "s.key").write_bytes(pair.key_pem())
    (root / "types").write_text("text/html html\n")
    load = "\n".join(f"LoadModule {one}_module {modules}/mod_{one}.so" for one in ("mpm_event", "authz_core", "ssl", "autoindex", "mime", "dir"))  # fmt: skip # noqa: E501
    (root / "apache.conf").write_text(
        f"{load}\nServerName cong.tinh.example\nServerRoot {root}\nPidFile {root}/pid\nErrorLog {root}/error.log\n"
        f"Listen 127.0.0.1:{door.http}\nListen 127.0.0.1:{door.https}\nServerTokens Full\nTypesConfig {root}/types\n"
        f"DocumentRoot {root}/site\n<Directory {root}/site>\nRequire all granted\nOptions +Indexes\n</Directory>\n"
        f"<VirtualHost 127.0.0.1:{door.https}>\nSSLEngine on\nSSLCertificateFile {root}/s.crt\n"
        f"SSLCertificateKeyFile {root}/s.key\n</VirtualHost>\n"
    )
    with process(["apache2", "-DFOREGROUND", "-f", str(root / "apache.conf")], door.https):
        yield door


@contextlib.contextmanager
def lighttpd(folder: Path, pair: Pair, page: str) -> Iterator[Door]:
    """A lighttpd whose port without TLS is closed."""
    door, root = Door(free_port(), free_port()), folder / "lighttpd"
    root.mkdir()
    (root / "index.html").write_text(page, "utf-8")
    (root / "s.pem").write_bytes(pair.key_pem() + pair.chain_pem())
    (root / "l.conf").write_text(
        f'server.document-root = "{root}"\nserver.bind = "127.0.0.1"\nserver.port = {door.https}\n'
        'server.modules = ("mod_openssl")\nindex-file.names = ("index.html")\nserver.tag = "lighttpd"\n'
        'mimetype.assign = (".html" => "text/html; charset=utf-8")\n'
        f'ssl.engine = "enable"\nssl.pemfile = "{root}/s.pem"\n'
    )
    with process(["lighttpd", "-D", "-f", str(root / "l.conf")], door.https):
        yield door
