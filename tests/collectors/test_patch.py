"""Reading what apt says, honest or not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collectors import _apt
from auditor.collectors.patch_apt import Apt
from auditor.collectors.patch_automatic_apt import AptAutomatic
from auditor.collectors.restart_dpkg import DpkgRestart
from auditor.evidence.patch import Update
from auditor.model import CollectError, Reason, Unavailable
from tests.support import reading, target

CLOSING = "{} upgraded, {} newly installed, 0 to remove and {} not upgraded.\n"
LISTS = "/var/lib/apt/lists/"
WHOLE: Mapping[str, Any] = {
    "simulate": CLOSING.format(0, 0, 0),
    "sources": f"Packages|{LISTS}kho.local%3a8080_dists_x_main_Packages|Debian|Debian-Security|x-security\n",
    "lists": f"{LISTS}kho.local%3a8080_dists_x_InRelease:Date: Sat, 21 Nov 2026 00:53:02 UTC\n",
    "held": {"exit": 1},
    "held-count": {"stdout": "0\n", "exit": 1},
    "settings": 'APT::Architecture "amd64";\nAcquire::http::Proxy "http://10.1.9.8:3128/";\n',
}


def missing(text: str) -> Any:
    return _apt.missing(text)


@pytest.mark.parametrize(
    ("line", "update", "security"),
    [
        ("a [1] (2 Debian-Security:12/stable-security [amd64])", Update("a", "1", "2"), True),
        ("a (2 Debian-Security:12/stable-security [amd64])", Update("a", "", "2"), True),
        ("a [1] (2 Debian-Security:oldstable-security [amd64])", Update("a", "1", "2"), True),
        ("a [1] (2 Debian:oldstable [amd64])", Update("a", "1", "2"), False),
        ("a [1] (2 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])", Update("a", "1", "2"), True),
        ("a [1] (2 UbuntuESM:18.04/bionic-infra-security [amd64])", Update("a", "1", "2"), True),
        (
            "a [1] (2 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []",
            Update("a", "1", "2"),
            True,
        ),
        ("a [1] (2 Ubuntu:22.04/jammy-updates [amd64])", Update("a", "1", "2"), False),
        ("a [1] (2 Docker CE:bookworm [amd64])", Update("a", "1", "2"), False),
        ("a [1] (2 [amd64])", Update("a", "1", "2"), False),
        (
            "a:i386 [1] (1:2~x+y Google LLC:cloud/x-security [i386]) [b:amd64 on c:amd64]",
            Update("a:i386", "1", "1:2~x+y"),
            False,
        ),
    ],
)
def test_lines_of_updates(line: str, update: Update, security: bool) -> None:
    found = missing(f"Inst {line}\n" + CLOSING.format(1, 0, 0))
    assert (found.security, found.others) == (((update,), 0) if security else ((), 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Reading package lists...\n",
        "Inst a [1] (2 Debian-Security:12/x [amd64])\n",
        "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded",
        CLOSING.format(1, 0, 0),
        "Inst a [1] (2 x:1/y [amd64])\n" + CLOSING.format(0, 0, 0),
        "Inst a\n" + CLOSING.format(1, 0, 0),
        "Inst a [1] (2 x:1/y [amd64]\n" + CLOSING.format(1, 0, 0),
        CLOSING.format(0, 0, 0) * 2,
        CLOSING.format(0, 0, 0) + "x" * 70_000 + "\n",
        "٠ upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n",
    ],
)
def test_what_is_not_a_whole_answer_is_refused(text: str) -> None:
    with pytest.raises(CollectError):
        missing(text)


def test_packages_kept_back_are_named() -> None:
    text = "The following packages have been kept back:\n  a b\n  c\nThe following packages will be upgraded:\n  d\n"
    found = missing(text + "Inst d [1] (2 x:1/y [all])\n" + CLOSING.format(1, 0, 3))
    assert found.kept_back == ("a", "b", "c")


def test_kept_back_without_names_is_not_none() -> None:
    assert missing(CLOSING.format(0, 0, 2)).kept_back == ("(2)",)


PACKAGE = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,30}(:amd64)?", fullmatch=True)
VERSION = st.from_regex(r"[0-9][0-9A-Za-z.+~:-]{0,30}", fullmatch=True)
LABEL = st.sampled_from(["Debian", "Debian-Security", "Ubuntu", "UbuntuESM", "Docker CE", "kho nội bộ"])
SUITE = st.sampled_from(["stable", "oldstable-security", "jammy-updates", "jammy-security", "x"])
ORIGIN = st.builds(lambda label, version, suite: f"{label}:{version}/{suite}", LABEL, st.just("12.1"), SUITE)


@given(
    st.lists(
        st.tuples(
            PACKAGE,
            st.none() | VERSION,
            VERSION,
            st.lists(ORIGIN, max_size=3),
            st.sampled_from(["", " []", " [b:all ]"]),
        ),
        max_size=8,
    )
)
def test_every_update_is_counted_where_it_belongs(updates: list[tuple[str, str | None, str, list[str], str]]) -> None:
    text, wanted = "", []
    for package, old, new, origins, tail in updates:
        held = f" [{old}]" if old is not None else ""
        text += f"Inst {package}{held} ({new} {', '.join(origins)}{' ' if origins else ''}[amd64]){tail}\n"
        if any("Security:" in each or (each.startswith("Ubuntu") and each.endswith("-security")) for each in origins):
            wanted.append(Update(package, old or "", new))
    new_ones = sum(old is None for _, old, _, _, _ in updates)
    found = missing(text + CLOSING.format(len(updates) - new_ones, new_ones, 0))
    assert found.security == tuple(wanted)
    assert found.others == len(updates) - len(wanted)


@given(st.text(alphabet=st.sampled_from("Inst []().,:/0123456789abcdeupgrnwlyiosm\n"), max_size=400))
def test_any_text_gives_an_answer_or_a_reason(text: str) -> None:
    with contextlib.suppress(CollectError):
        missing(text)


def test_a_whole_host() -> None:
    found = Apt().parse(reading(WHOLE))
    assert [(source.host, source.security) for source in found.sources] == [("kho.local:8080", True)]
    assert found.sources[0].dated == datetime(2026, 11, 21, 0, 53, 2, tzinfo=UTC)
    assert (found.held, found.proxies) == ((), ("10.1.9.8",))


@pytest.mark.parametrize("key", sorted(WHOLE))
@given(body=st.binary(max_size=300), code=st.sampled_from([0, 1, 2, 100]))
def test_any_bytes_give_evidence_or_a_reason(key: str, body: bytes, code: int) -> None:
    with contextlib.suppress(CollectError):
        Apt().parse(reading({**WHOLE, key: {"stdout": body, "exit": code}}))


def test_a_source_without_a_release_file_has_no_date() -> None:
    found = Apt().parse(reading({**WHOLE, "lists": {"exit": 1}}))
    assert found.sources[0].dated is None


def test_a_list_of_sources_that_stops_early_is_seen() -> None:
    with pytest.raises(CollectError, match="does not tell of"):
        Apt().parse(reading({**WHOLE, "sources": ""}))


def test_a_failed_simulation_keeps_the_rest() -> None:
    found = Apt().parse(reading({**WHOLE, "simulate": {"exit": 100, "stderr": "E: Unmet dependencies.\n"}}))
    assert isinstance(found.missing, Unavailable)
    assert found.missing.reason is Reason.INCOMPLETE
    assert found.sources


def test_a_proxy_password_is_not_kept() -> None:
    settings = 'APT::Architecture "amd64";\nAcquire::https::Proxy "http://an:bi-mat@10.1.9.8:3128/";\n'
    assert "bi-mat" not in repr(Apt().parse(reading({**WHOLE, "settings": settings})))


def test_holds_are_counted_against_their_names() -> None:
    stanza = "Package: perl-base\nEssential: yes\nStatus: hold ok installed\n--\n"
    held = {**WHOLE, "held": stanza, "held-count": "1\n"}
    assert Apt().parse(reading(held)).held == ("perl-base",)
    with pytest.raises(CollectError, match="2"):
        Apt().parse(reading({**held, "held-count": "2\n"}))


def test_the_simulation_names_only_harmless_verbs() -> None:
    simulate = Apt().commands(target())[0]
    assert simulate.argv[:2] == ("/usr/bin/apt-get", "-s")
    assert not {"update", "install", "autoremove", "-y"} & set(simulate.argv)


@pytest.mark.parametrize(
    ("value", "on"),
    [("0", False), ("", False), ("1", True), ("7", True), ("12h", True), ("always", True), ("0d", False)],
)
def test_periods(value: str, on: bool) -> None:
    settings = f'APT::Architecture "amd64";\nAPT::Periodic::Unattended-Upgrade "{value}";\n'
    told: dict[str, Any] = {"settings": settings, "programs": "/\n/var\n", "timers": {"problem": "no-tool"}}
    assert AptAutomatic().parse(reading(told)).upgrade is on


@pytest.mark.parametrize("timers", ["enabled\n", "enabled\nenabled\nenabled\n", "enabled\nperhaps\n", ""])
def test_timers_not_understood_are_refused(timers: str) -> None:
    told: dict[str, Any] = {"settings": 'APT::Architecture "amd64";\n', "programs": "/\n/var\n", "timers": timers}
    with pytest.raises(CollectError, match="systemctl"):
        AptAutomatic().parse(reading(told))


@given(boot=st.binary(max_size=60), core=st.binary(max_size=200))
def test_any_bytes_about_restarts(boot: bytes, core: bytes) -> None:
    told: dict[str, Any] = {"flag": "/run\n/var\n", "packages": "", "boot": boot, "core": core}
    with contextlib.suppress(CollectError):
        DpkgRestart().parse(reading(told))
