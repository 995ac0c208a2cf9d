"""Which keys a host is known by: our reader against ssh-keygen's own, and against hostile files."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.hostkeys import KnownHosts, fingerprint, host_names, load, parse_key
from auditor.model import CapdoError

A = "AAAAC3NzaC1lZDI1NTE5AAAAIDJ4NfBrF2Qyv7vZwKBmBo+2dYkDPnvDJrvNZ0C9cS1k"
B = "AAAAC3NzaC1lZDI1NTE5AAAAIL0b8pZ9K7vG2i0m7wZr0+2S7pCqk3gqvZJmYbD1vT5e"


def known(folder: Path, text: str | bytes) -> KnownHosts:
    path = folder / "known_hosts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    load.cache_clear()
    return load(path)


def blobs(found: KnownHosts, host: str, address: str = "", port: int = 22) -> list[str]:
    keys = found.keys(host_names(host, address or host, port))
    return [("revoked " if key.revoked else "") + base64.b64encode(key.blob).decode() for key in keys]


@pytest.mark.parametrize(
    ("line", "host", "port", "found"),
    [
        (f"web01 ssh-ed25519 {A}", "web01", 22, True),
        (f"web01 ssh-ed25519 {A} a comment", "web01", 22, True),
        (f"WEB01 ssh-ed25519 {A}", "web01", 22, True),
        (f"web01 ssh-ed25519 {A}", "Web01", 22, True),
        (f"web01,10.1.1.10 ssh-ed25519 {A}", "10.1.1.10", 22, True),
        (f"web01 ssh-ed25519 {A}", "web01", 2222, False),
        (f"[web01]:2222 ssh-ed25519 {A}", "web01", 2222, True),
        (f"[web01]:2222 ssh-ed25519 {A}", "web01", 22, False),
        (f"*.so-khcn ssh-ed25519 {A}", "web01.so-khcn", 22, True),
        (f"*.so-khcn ssh-ed25519 {A}", "so-khcn", 22, False),
        (f"*.so-khcn,!web01.so-khcn ssh-ed25519 {A}", "web01.so-khcn", 22, False),
        (f"web0? ssh-ed25519 {A}", "web07", 22, True),
        (f"web[01] ssh-ed25519 {A}", "web0", 22, False),
        (f"[10.1.*]:2222 ssh-ed25519 {A}", "10.1.1.10", 2222, True),
        (f"[10.1.*]:2222 ssh-ed25519 {A}", "10.2.1.10", 2222, False),
        (f"@cert-authority * ssh-ed25519 {A}", "web01", 22, False),
        (f"# web01 ssh-ed25519 {A}", "web01", 22, False),
        ("web01 ssh-ed25519", "web01", 22, False),
        ("web01 ssh-ed25519 not*base64", "web01", 22, False),
        ("web01 ssh-ed25519 Đ", "web01", 22, False),
        ("|1|bad*salt|digest ssh-ed25519 " + A, "web01", 22, False),
        ("|1|only ssh-ed25519 " + A, "web01", 22, False),
    ],
)
def test_lines(tmp_path: Path, line: str, host: str, port: int, found: bool) -> None:
    after = f"\nother ssh-ed25519 {B}\n"
    file = known(tmp_path, line + after)
    assert blobs(file, host, port=port) == ([A] if found else [])
    assert blobs(file, "other") == [B], "a line that cannot be read costs no other line"


def test_revoked_keys_are_known_as_such(tmp_path: Path) -> None:
    file = known(tmp_path, f"web01 ssh-ed25519 {A}\n@revoked * ssh-ed25519 {A}\n")
    assert sorted(blobs(file, "web01")) == [A, f"revoked {A}"]


def test_hashed_names_as_ssh_keygen_makes_them(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "known_hosts"
    path.write_text(f"web01,10.1.1.10 ssh-ed25519 {A}\n[db01]:2222 ssh-ed25519 {B}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True, timeout=30)
    text = path.read_text()
    assert text.startswith("|1|")
    file = known(tmp_path, text)
    assert blobs(file, "web01") == [A]
    assert blobs(file, "nowhere", "10.1.1.10") == [A]
    assert blobs(file, "db01", port=2222) == [B]
    assert blobs(file, "db01") == []


def test_fingerprints_as_ssh_keygen_prints_them(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    public = tmp_path / "key.pub"
    public.write_text(f"ssh-ed25519 {A}\n")
    told = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True, timeout=30)
    assert told.stdout.split()[1] == fingerprint(base64.b64decode(A))


def test_pinned_keys() -> None:
    key = parse_key(f"ssh-ed25519 {A} comment")
    assert (key.kind, base64.b64encode(key.blob).decode()) == ("ssh-ed25519", A)
    for text in ("", "ssh-ed25519", "ssh-ed25519 ***", "ssh-ed25519 Đ"):
        with pytest.raises(ValueError, match="host key"):
            parse_key(text)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CapdoError, match="No such file"):
        load(tmp_path / "absent")


LINES = st.sampled_from([f"web01 ssh-ed25519 {A}", "|1|YQ==|YQ==", "@revoked", "|1|", "[", "*?!", "web01", A, "\x00"])


@given(st.lists(LINES | st.text(max_size=40), max_size=12).map(" ".join) | st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_file_is_read(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    body = text.encode("utf-8", "replace") if isinstance(text, str) else text
    file = known(tmp_path_factory.getbasetemp(), body)
    file.keys(["web01", "[web01]:22", "10.0.0.1", ""])
