"""Parsers of access, logging and time under any text at all: evidence or a reason, never another exception."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import registry
from auditor.collector import CommandCollector
from auditor.collectors import _sshd, _text
from auditor.collectors._text import Line
from auditor.model import CollectError, Evidence, Reason
from tests.support import reading, target
from tests.test_cases import CASES, load, observations

IDS = (
    "sshd.openssh", "accounts.linux", "credentials.linux", "logins.linux", "passwords.linux", "shells.linux",
    "processes.linux", "journal.systemd", "syslog.linux", "rotation.logrotate", "audit.auditd", "timesync.linux",
)  # fmt: skip

WORDS = st.sampled_from([
    "root", "x", "0", "P", "NP", "Match ", "Include ", "permitrootlogin yes", "passwordauthentication no", "@@h",
    "-w", "-a", "auth", "required", "[default=die]", "pam_unix.so", "minlen=", "=", ":", ",", " ", "\t", "\n",
    "{", "}", "rotate ", "weekly", "[Journal]", "Storage=", "/etc/passwd:1:", "/etc/profile:1:TMOUT=", "@", "\0",
    "\u2028", "9" * 12, "é", "**Never logged in**", "associd=", "leap_none", "NTPSynchronized=yes", "#", '"', "'",
    "\\", "system@",
])  # fmt: skip
TEXT = st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map("".join))
OUTPUT = st.fixed_dictionaries(
    {"stdout": st.one_of(TEXT.map(str.encode), st.binary(max_size=200)), "exit": st.sampled_from([0, 0, 0, 1, 2, 255])},
    optional={"stderr": TEXT, "truncated": st.booleans(), "problem": st.sampled_from(["denied", "no-tool", "timeout"])},
)


def collector_of(collector_id: str) -> CommandCollector:
    found = registry.collectors()[collector_id]
    assert isinstance(found, CommandCollector)
    return found


def survives(collector_id: str, outputs: dict[str, dict[str, Any]]) -> None:
    with contextlib.suppress(CollectError):
        assert isinstance(collector_of(collector_id).parse(reading(outputs)), Evidence)


@pytest.mark.parametrize("collector_id", IDS)
@given(data=st.data())
@settings(max_examples=40, deadline=2000)
def test_any_output_is_evidence_or_a_reason(collector_id: str, data: st.DataObject) -> None:
    keys = [command.key for command in collector_of(collector_id).commands(target())]
    survives(collector_id, {key: data.draw(OUTPUT) for key in keys if data.draw(st.booleans()) or key == keys[0]})


@pytest.mark.parametrize("collector_id", IDS)
@given(data=st.data())
@settings(max_examples=40, deadline=2000)
def test_real_output_with_a_hostile_part_is_evidence_or_a_reason(collector_id: str, data: st.DataObject) -> None:
    case = load(data.draw(st.sampled_from(sorted((CASES / collector_id).glob("*.yaml")))))
    outputs = observations(case)
    key = data.draw(st.sampled_from(sorted(outputs)))
    raw = outputs[key].get("stdout", "")
    body = raw.encode() if isinstance(raw, str) else raw
    at = data.draw(st.integers(0, len(body)))
    outputs[key] = {**outputs[key], "stdout": body[:at] + data.draw(TEXT).encode("utf-8", "replace") + body[at:]}
    survives(collector_id, outputs)


@pytest.mark.parametrize("collector_id", IDS)
def test_long_lines_take_no_time(collector_id: str) -> None:
    starts = ("", "/etc/ssh/sshd_config:1:port ", "/etc/profile:1:declare -", "/etc/rsyslog.conf:1:include", "auth [")
    for piece in ("a", " ", "@", "1m", "[", "x=", "*?", "r"):
        for start in starts:
            flood = {"stdout": start + piece * (200_000 // len(piece)) + "\n"}
            survives(collector_id, {command.key: flood for command in collector_of(collector_id).commands(target())})


def config(*lines: str, drop_in: tuple[str, ...] = ()) -> _sshd.Config:
    main = [Line(_sshd.MAIN, number, text) for number, text in enumerate(lines, 1)]
    more = [Line(f"{_sshd.DROP_INS}/a.conf", number, text) for number, text in enumerate(drop_in, 1)]
    return _sshd.config(main + more)


def test_sshd_config_is_walked_as_sshd_does() -> None:
    said = config(
        "Include /etc/ssh/sshd_config.d/*.conf", "port 22", "MaxAuthTries 6", drop_in=("maxauthtries=3", "Match all")
    )
    assert said.set_at["maxauthtries"] == "/etc/ssh/sshd_config.d/a.conf:1"
    assert said.set_at["port"] == "/etc/ssh/sshd_config:2"  # a Match of an included file ends with that file
    assert config("port 22", drop_in=("Match all",)).blocks == []  # a folder that nothing includes says nothing
    policy = "Include /etc/crypto-policies/back-ends/opensshserver.config"
    assert (
        config("Include /etc/ssh/sshd_config.d/*.conf", drop_in=(policy, "port 22")).set_at["port"].endswith("a.conf:2")
    )
    assert config("Match User a", "MaxAuthTries 9").blocks[0].settings == {"maxauthtries": "9"}


@pytest.mark.parametrize("lines", [("Include /srv/*.conf",), ("Match User a", "Include /etc/ssh/sshd_config.d/*.conf")])
def test_include_that_cannot_be_followed_is_incomplete(lines: tuple[str, ...]) -> None:
    with pytest.raises(CollectError) as caught:
        config(*lines)
    assert caught.value.reason is Reason.INCOMPLETE


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("5m", 300), ("1h30m", 5400), ("2 weeks", 1209600), ("1month", 2629800)]
)
def test_spans_of_time(text: str, seconds: int) -> None:
    units = {"": 1, "m": 60, "h": 3600, "weeks": 604800, "month": 2629800}
    assert _text.seconds(text, units, "x") == seconds


@pytest.mark.parametrize("text", ["", "-1", "5q", "m", "1 h x", "forever"])
def test_what_is_no_span_of_time(text: str) -> None:
    with pytest.raises(CollectError):
        _text.seconds(text, {"": 1, "m": 60, "h": 3600}, "x")


PASSWDQC = "password requisite pam_passwdqc.so min={min}\npassword sufficient pam_unix.so use_authtok sha512 shadow\n"


@pytest.mark.parametrize(
    ("line", "length"),
    [
        ("password requisite pam_pwquality.so minlen=12", 12),
        ("password requisite pam_pwquality.so minlen=12 dcredit=1 ucredit=1", 10),
        ("password requisite pam_pwquality.so minlen=12 dcredit=-1 ucredit=-1", 12),
        ("password optional pam_pwquality.so minlen=20", 6),
        ("password requisite pam_cracklib.so", 6),
        ("password requisite pam_cracklib.so minlen=18", 14),
        ("password requisite pam_passwdqc.so min=disabled,24,11,8,7", 7),
        ("password requisite pam_passwdqc.so min=disabled,disabled,disabled,disabled,15", 15),
        ("password required pam_unix.so minlen=16", 16),
        ("-password [success=1 default=ignore] pam_unix.so minlen=4", 6),
    ],
)
def test_shortest_password(line: str, length: int) -> None:
    """Red Hat's layout: format as documented in pam_pwquality(8), pam_cracklib(8), pam_passwdqc(8), pam_unix(8)."""
    stack = "auth required pam_unix.so\naccount required pam_unix.so\n" + line + "\n"
    gone = {"exit": 1, "stderr": "cat: x: No such file or directory"}
    empty = {"exit": 2, "stderr": "\n".join(f"grep: {path}: No such file or directory" for path in (
        "/etc/security/pwquality.conf.d", "/etc/security/pwquality.conf", "/etc/security/faillock.conf"))}  # fmt: skip
    outputs: dict[str, Any] = {
        "login-defs": "UID_MIN 1000\nENCRYPT_METHOD SHA512\n",
        "common-password": gone,
        "system-auth": stack,
        "password-auth": gone,
        "pwquality": empty,
        "faillock": empty,
    }
    found = collector_of("passwords.linux").parse(reading(outputs))
    assert getattr(found, "min_length") == length  # noqa: B009 (the collector's own type is its secret)
    assert getattr(found, "hash_method") == "sha512"  # noqa: B009


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("    5 402 sh\n    9 402 ps\n", "denied"),  # hidepid: others are hidden
        ("    1 402 init\n    9 402 sh\n", "incomplete"),  # cut before ps
        ("    1 - init\n    9 - ps\n", "incomplete"),  # nobody's namespace can be seen
        ("    1 402 init\n    x\n", "unparsable"),
    ],
)
def test_list_of_processes_that_is_not_whole(rows: str, reason: str) -> None:
    with pytest.raises(CollectError) as caught:
        collector_of("processes.linux").parse(reading({"ps": rows}))
    assert caught.value.reason == reason
