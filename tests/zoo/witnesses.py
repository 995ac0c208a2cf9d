"""What other scanners say of the same servers: sslyze, nmap's ssl-enum-ciphers, sslscan and testssl.sh.

They are witnesses, not judges: the truth is how a server was set up. Each answers with the names of the suites it saw
accepted, by version (IANA's names), or with nothing where it could not read the server.

sslyze lives in an environment of its own (it is AGPL, and wants its own cryptography); ``sslyze_program`` makes that
once, in a cache folder, from requirements/witness.txt.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from tests.zoo.keeper import Animal
from tests.zoo.papers import NAME

PROGRAMS = ("/usr/bin/nmap", "/usr/bin/sslscan", "/usr/bin/testssl")
NMAP_TABLE = Path("/usr/share/nmap/nselib/tls.lua")
Seen = Mapping[str, frozenset[str]]
"""Names of accepted suites by version."""
ROOT = Path(__file__).parent.parent.parent
VERSIONS = {"SSL 2.0": "SSLv2", "SSL 3.0": "SSLv3", "TLS 1.0": "TLSv1", "TLS 1.1": "TLSv1.1", "TLS 1.2": "TLSv1.2",
            "TLS 1.3": "TLSv1.3"}  # fmt: skip


@cache
def _names() -> dict[int, str]:
    """IANA's names by code, from nmap's table; it calls those of TLS 1.3 by what they were called in a draft."""
    found = re.findall(r'(TLS_\w+)(?:"\])?\s*=\s*0x([0-9A-Fa-f]{4}),', NMAP_TABLE.read_text(encoding="utf-8"))
    return {int(code, 16): _final(name) for name, code in found}


def _final(name: str) -> str:
    return name.replace("TLS_AKE_WITH_", "TLS_")


@cache
def sslyze_program() -> Path | None:
    """sslyze's command, installed on first use, for which the package registry must be in reach; else None."""
    asked = (ROOT / "requirements" / "witness.txt").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capdo-witness"
    done, program = cache / "requirements.txt", cache / "bin" / "sslyze"
    if not (done.exists() and done.read_bytes() == asked and program.exists()):
        shutil.rmtree(cache, ignore_errors=True)
        pip = [str(cache / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
               "-r", str(ROOT / "requirements" / "witness.txt")]  # fmt: skip
        try:
            subprocess.run([sys.executable, "-m", "venv", str(cache)], check=True, timeout=120)
            subprocess.run(pip, check=True, timeout=240)
        except (OSError, subprocess.SubprocessError):
            return None
        done.write_bytes(asked)
    return program


SSLYZE_SCOPE = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3")
SSLYZE_ALL = (*SSLYZE_SCOPE, "--certinfo", "--reneg", "--resum", "--compression", "--fallback", "--elliptic_curves",
              "--ems", "--early_data", "--heartbleed", "--openssl_ccs", "--robot")  # fmt: skip


UNREAD_BY_SSLYZE = {
    "gnutls-anonymous": "it begins with a whole handshake, and has no suite without authentication for that",
    "gnutls-only-13": "it has no CCM suite of TLS 1.3 to begin with",
    "openssl-ccm": "as gnutls-only-13",
    "openssl-ffdhe": "its TLS library has no finite-field groups in TLS 1.3",
    "openssl-anonymous": "as gnutls-anonymous",
}
"""And every toy, as those never end a handshake."""
UNREAD_BY_NMAP = {"haproxy-strict-sni": "its first hello names no server, and that is refused"}
WRONG = {
    (
        "sslyze",
        "gnutls-camellia",
        "TLSv1.2",
    ): "the library it is built on has no Camellia in GCM; the server is set to it",
    ("sslyze", "openssl-ed25519", "TLSv1.2"): "asks for AES-GCM with a library older than Ed25519; s_client connects",
    ("nmap", "nginx-p384", "TLSv1.3"): "offers no signature scheme for P-384 in TLS 1.3; s_client connects",
    (
        "sslscan",
        "gnutls-no-renegotiation-info",
        "TLSv1.2",
    ): "its TLS library finishes no handshake without RFC 5746 unless told to; s_client -legacy_server_connect does",
    ("sslscan", "openssl-wants-certificate", "TLSv1.2"): "counts whole handshakes, and has no certificate of its own",
    ("sslscan", "apache-pair", "TLSv1.2"): "as openssl-wants-certificate",
}
"""Where a witness differs from the truth (by witness, animal and version), why it is the witness who is wrong."""


def disagreements(
    witness: str, members: Sequence[Animal], seen: Mapping[str, Seen], ours: Mapping[str, Seen]
) -> Iterator[str]:
    """In words, all that are not explained; an explanation that explains nothing is one too."""
    for one in members:
        if one.id not in seen:
            yield f"{one.id}: {witness} could not read it"
            continue
        for version in VERSIONS.values():
            theirs, own = seen[one.id].get(version, frozenset()), ours[one.id].get(version, frozenset())
            explained = WRONG.get((witness, one.id, version))
            if (theirs != own) != bool(explained):
                told = f"only {witness}: {sorted(theirs - own)}, only ours: {sorted(own - theirs)}"
                yield f"{one.id}: {version}: {told}" + (f", though: {explained}" if explained else "")


def sslyze_command(members: Sequence[Animal], scope: Iterable[str] = SSLYZE_SCOPE) -> list[str]:
    """One run over all of them, with JSON on its standard output."""
    where = [f"{NAME}:{one.port}{{{one.address}}}" for one in members]
    return [str(sslyze_program()), *scope, "--json_out=-", *where]


def sslyze(members: Sequence[Animal]) -> dict[str, Seen]:
    """By animal; without those that sslyze could not talk to."""
    run = subprocess.run(sslyze_command(members), capture_output=True, timeout=600, check=False)
    by_port = {one.port: one.id for one in members}
    seen: dict[str, Seen] = {}
    for result in json.loads(run.stdout)["server_scan_results"]:
        if result["connectivity_status"] != "COMPLETED":
            continue
        found: dict[str, frozenset[str]] = {}
        for version, key in zip(
            VERSIONS.values(), ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"), strict=True
        ):
            attempt = result["scan_result"][f"{key}_cipher_suites"]
            if attempt["status"] != "COMPLETED":
                continue
            names = frozenset(one["cipher_suite"]["name"] for one in attempt["result"]["accepted_cipher_suites"])
            if names:
                found[version] = names
        seen[by_port[result["server_location"]["port"]]] = found
    return seen


def nmap_command(members: Sequence[Animal], *more: str) -> list[str]:
    """One run over all of them (every port at every address: those that nobody listens on cost next to nothing)."""
    ports = ",".join(sorted({str(one.port) for one in members}))
    return ["nmap", "-sT", "-Pn", "-n", "-T4", "-p", ports, "--script", "ssl-enum-ciphers" + "".join(more),
            "--script-args", f"tls.servername={NAME}", "-oX", "-",
            *sorted({one.address for one in members})]  # fmt: skip


def nmap(members: Sequence[Animal]) -> dict[str, Seen]:
    run = subprocess.run(nmap_command(members), capture_output=True, timeout=600, check=True)
    by_place = {(one.address, str(one.port)): one.id for one in members}
    seen: dict[str, Seen] = {}
    for host in ElementTree.fromstring(run.stdout).iter("host"):  # noqa: S314 (nmap, run here)
        address = host.find("address").get("addr")  # type: ignore[union-attr]
        for port in host.iter("port"):
            name = by_place.get((str(address), str(port.get("portid"))))
            script = port.find("script[@id='ssl-enum-ciphers']")
            if name is None or script is None:
                continue
            seen[name] = {
                {"SSLv3": "SSLv3", "TLSv1.0": "TLSv1"}.get(str(table.get("key")), str(table.get("key"))): frozenset(
                    _final(str(one.text).partition(" ")[0]) for one in table.iterfind(".//elem[@key='name']")
                )
                for table in script.iterfind("table")
            }
    return seen


def sslscan(members: Sequence[Animal]) -> dict[str, Seen]:
    """By OpenSSL's codes: it names suites in OpenSSL's way and gives their code beside. Not for toys: it waits long
    for the end of each handshake."""
    seen: dict[str, Seen] = {}
    for one in members:
        command = ["sslscan", "--xml=-", "--no-colour", f"--sni-name={NAME}", "--timeout=3",
                   f"{one.address}:{one.port}"]  # fmt: skip
        run = subprocess.run(command, capture_output=True, timeout=120, check=True)
        found: dict[str, set[str]] = {}
        for cipher in ElementTree.fromstring(run.stdout).iter("cipher"):  # noqa: S314 (sslscan, run here)
            version = str(cipher.get("sslversion")).replace("TLSv1.0", "TLSv1")
            found.setdefault(version, set()).add(_names()[int(str(cipher.get("id")), 16)])
        seen[one.id] = {version: frozenset(names) for version, names in found.items()}
    return seen


def testssl(one: Animal) -> Seen:
    """Slow: it takes ten seconds for one server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--ip", one.address, "--jsonfile",
                   str(path), "-p", "-E", f"{NAME}:{one.port}"]  # fmt: skip
        subprocess.run(command, capture_output=True, timeout=600, check=False, stdin=subprocess.DEVNULL)
        keys = [str(item["id"]) for item in json.loads(path.read_text())]
    found: dict[str, set[str]] = {}
    for key in keys:
        version, _, code = key.partition("_x")
        if key.startswith("cipher-") and len(code) in (2, 4):
            name = {"tls1": "TLSv1", "tls1_1": "TLSv1.1", "tls1_2": "TLSv1.2", "tls1_3": "TLSv1.3",
                    "ssl3": "SSLv3", "ssl2": "SSLv2"}[version.removeprefix("cipher-")]  # fmt: skip
            found.setdefault(name, set()).add(_names()[int(code, 16)])
    return {version: frozenset(names) for version, names in found.items()}
