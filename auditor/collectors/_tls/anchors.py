"""Trust anchors of the system and of the inventory, and local CRLs, read from files."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from auditor.collectors._tls import paths, revocation
from auditor.collectors._tls.certificates import load
from auditor.model import CollectError

_FILES = 400
"""Files of one folder that are read."""
_SIZE = 8 << 20
_CRL_KEPT = 1 << 18
"""Bytes of a CRL that is stored with what was seen; a longer one counts as not read."""
_ENDINGS = (".pem", ".crt", ".cer", ".der", ".crl")
_once = Lock()
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")


@dataclass(frozen=True, slots=True)
class Sources:
    """What can matter to one chain, DER, and whether all that should be read could be."""

    system: bool
    """Has the system any anchors at all?"""
    unread: tuple[str, ...]
    """Which of the inventory's files and folders could not be read."""
    anchors: tuple[bytes, ...]
    named: tuple[bytes, ...]
    crls: tuple[bytes, ...]


def sources(sent: Sequence[bytes], trust: Iterable[str]) -> Sources:
    """Anchors and CRLs for the certificates sent, from the system and from what the inventory names."""
    unread, named, lists = [], [], []
    for name in trust:
        path = Path(name).expanduser()
        try:
            contents = _contents(path)
        except OSError:
            contents = []
        found = []
        for content in contents:
            try:
                certificates, crls = _held(content)
            except CollectError:
                certificates, crls = [], []
            found += certificates + crls
            named += certificates
            lists += [crl for crl in crls if revocation.is_of(crl, sent)]
            if not certificates and not crls:
                unread.append(path.name)
        if not found:
            unread.append(path.name)
    if any(len(crl) > _CRL_KEPT for crl in lists):
        unread.append("crl")
    with _once:  # many services are done at the same time, and each would read the system's store
        everybody = system()
        reachable = _reachable(sent, everybody)
    return Sources(
        system=bool(everybody),
        unread=tuple(dict.fromkeys(unread)),
        anchors=tuple(reachable),
        named=tuple(_reachable(sent, named)),
        crls=tuple(crl for crl in lists if len(crl) <= _CRL_KEPT),
    )


def _reachable(sent: Sequence[bytes], anchors: Sequence[bytes]) -> list[bytes]:
    """Anchors by which anything sent says it was issued, and those above them."""
    found: list[bytes] = []
    wanted = list(sent)
    for _ in range(3):
        more = [der for der in paths.relevant(wanted, anchors) if der not in found]
        if not more:
            break
        found += more
        wanted = more
    return found


@lru_cache(maxsize=1)
def system() -> tuple[bytes, ...]:
    """Anchors of the system, where OpenSSL looks for them; read once."""
    usual = ssl.get_default_verify_paths()
    ders: dict[bytes, None] = {}
    with suppress(OSError):
        if usual.cafile:  # ten times as fast as to have OpenSSL read it and to ask it for what it has read
            ders |= dict.fromkeys(_certificates(_read(Path(usual.cafile))))
    if not ders:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        ders |= dict.fromkeys(context.get_ca_certs(binary_form=True))
    if ders or not usual.capath:
        return tuple(ders)
    with suppress(OSError):
        for file in sorted(Path(usual.capath).iterdir())[: 4 * _FILES]:
            if file.suffix in (*_ENDINGS, ".0") and file.is_file():
                ders |= dict.fromkeys(_certificates(_read(file)))
    return tuple(ders)


def _contents(path: Path) -> list[bytes]:
    """Raises ``OSError``."""
    if not path.is_dir():
        return [_read(path)]
    return [_read(file) for file in sorted(path.iterdir())[:_FILES] if file.suffix in _ENDINGS and file.is_file()]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_SIZE + 1)
    if len(content) > _SIZE:
        raise OSError(f"{path.name}: longer than {_SIZE} bytes")
    return content


def _held(content: bytes) -> tuple[list[bytes], list[bytes]]:
    """Certificates and CRLs of a file, DER. Raises ``CollectError``."""
    certificates = _certificates(content)
    for der in certificates:
        load(der)
    return certificates, revocation.crls(content)


def _certificates(content: bytes) -> list[bytes]:
    if b"-----BEGIN" not in content:
        try:
            load(content)
        except CollectError:
            return []
        return [content]
    found = []
    for block in _PEM.findall(content):
        try:
            found.append(base64.b64decode(block))
        except (binascii.Error, ValueError):
            continue
    return found
