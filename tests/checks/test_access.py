"""Access checks over whole hosts, and what no recorded host shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from auditor.evidence.accounts import Account, Accounts, Credentials, Logins, PasswordStatus
from auditor.evidence.sshd import SshdState
from auditor.model import Reason, Result, Unavailable
from tests.checks.scenes import held, judge, passes_made_by_robbing
from tests.support import NOW, seen

PEOPLE = ("accounts.linux/people", "credentials.linux/people", "logins.linux/people")
ORDERLY = ("accounts.linux/orderly", "credentials.linux/orderly", "logins.linux/orderly")
BARE = ("accounts.linux/bare", "credentials.linux/bare", "logins.linux/bare")
TRIXIE = ("accounts.linux/trixie", "credentials.linux/trixie", "logins.linux/trixie")
CHECKS: dict[str, dict[str, Any]] = {
    "access.uid-zero": {},
    "access.empty-passwords": {},
    "access.inactive-accounts": {},
    "access.admin-password-age": {},
    "access.system-shells": {},
}
WHEN = {"now": "2026-11-22T11:00:00+00:00"}


@pytest.mark.parametrize(
    ("cases", "results"),
    [
        (PEOPLE, ["fail", "fail", "fail", "fail", "fail"]),
        (ORDERLY, ["pass", "pass", "pass", "pass", "pass"]),
        (BARE, ["pass", "pass", "notapplicable", "notapplicable", "pass"]),
        (TRIXIE, ["pass", "pass", "pass", "notapplicable", "pass"]),
    ],
)
def test_hosts(cases: tuple[str, ...], results: list[str]) -> None:
    found = held(cases, **WHEN)
    assert [judge(check, found).verdict.result.value for check in CHECKS] == results
    assert passes_made_by_robbing(cases, CHECKS, **WHEN) == []


def test_what_fails_is_named() -> None:
    found = held(PEOPLE, **WHEN)

    def failing(check: str) -> set[str]:
        return {each.id for each in judge(check, found).verdict.instances if each.result is Result.FAIL}

    assert failing("access.inactive-accounts") == {"ngoc.bich"}  # never logged in, password of March
    assert failing("access.admin-password-age") == {"lan.anh"}
    assert failing("access.system-shells") == {"appsvc"}
    assert judge("access.empty-passwords", found).verdict.found == ("duc.dung",)
    assert judge("access.uid-zero", found).verdict.found == ("root", "toor")


def test_later_the_orderly_host_is_not() -> None:
    found = held(ORDERLY, now="2027-02-01T00:00:00+00:00")
    inactive = judge("access.inactive-accounts", found).verdict
    assert inactive.result is Result.FAIL
    assert {each.id for each in inactive.instances} == {"lan.anh", "van.cuong"}  # cu.nghi has nothing that opens
    assert judge("access.admin-password-age", found).verdict.result is Result.FAIL


def _account(name: str, uid: int, home: str, *groups: str) -> Account:
    told: dict[str, Any] = {"shell": "/bin/bash"}
    return Account(name=name, uid=uid, home=home, groups=groups, **told)


def host(
    state: str = "usable",
    changed: date | None = date(2026, 1, 1),
    key: bool | None = False,
    last: datetime | None = None,
) -> dict[str, Any]:
    """One person besides root."""
    home = "/home/an"
    return {
        "accounts": Accounts(
            seen=seen(),
            accounts=(
                _account("root", 0, "/root", "root"),
                _account("an", 1000, home, "an", "sudo"),
            ),
        ),
        "credentials": Credentials(
            seen=seen(),
            passwords=(
                PasswordStatus(name="root", state="locked", changed=None, max_days=None),
                PasswordStatus(name="an", state=state, changed=changed, max_days=None),  # type: ignore[arg-type]
            ),
            homes=() if key is None else (home,),
            key_homes=(home,) if key else (),
        ),
        "logins": Logins(seen=seen(), last=(("root", None), ("an", last)), lists_all=True),
    }


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (host(), "fail"),
        (host(last=NOW), "pass"),
        (host(changed=date(2026, 11, 1)), "pass"),
        (host(changed=None), "unknown"),
        (host(changed=None, last=NOW), "pass"),
        (host(state="locked"), "notapplicable"),
        (host(state="locked", key=True), "fail"),
        (host(state="locked", key=None), "unknown"),
        (host(state="locked", key=True, last=NOW), "pass"),
        (host(last=datetime(2026, 10, 8, tzinfo=UTC)), "pass"),
        (host(last=datetime(2026, 10, 7, tzinfo=UTC)), "fail"),
    ],
)
def test_inactive_accounts(found: dict[str, Any], result: str) -> None:
    assert judge("access.inactive-accounts", found).verdict.result == result


def test_inactive_accounts_without_a_record_of_logins() -> None:
    lost = Unavailable(Reason.NO_TOOL)
    assert judge("access.inactive-accounts", {**host(), "logins": lost}).verdict.result is Result.UNKNOWN
    assert (
        judge("access.inactive-accounts", {**host(changed=date(2026, 11, 1)), "logins": lost}).verdict.result == "pass"
    )


def test_account_that_passwd_does_not_name_is_unknown() -> None:
    found = host()
    found["credentials"] = replace(found["credentials"], passwords=found["credentials"].passwords[:1])
    for check in ("access.empty-passwords", "access.admin-password-age", "access.inactive-accounts"):
        assert judge(check, found).verdict.result is Result.UNKNOWN


def test_algorithm_that_nobody_knows_is_unknown() -> None:
    ssh = held(("sshd.openssh/bookworm-hardened",))["sshd"]
    assert isinstance(ssh, SshdState)
    for field, name in (("kex", "quux-sha512"), ("ciphers", "quux-ctr"), ("macs", "quux"), ("host_keys", "ssh-quux")):
        changes: dict[str, Any] = {field: (*getattr(ssh, field), name)}
        odd = replace(ssh, **changes)
        assert judge("access.ssh-algorithms", {"sshd": odd}).verdict.result is Result.UNKNOWN
        worse = replace(odd, ciphers=(*odd.ciphers, "3des-cbc"))
        assert judge("access.ssh-algorithms", {"sshd": worse}).verdict.result is Result.FAIL


@pytest.mark.parametrize(
    ("keyboard", "pam", "methods", "alone"),
    [
        (False, True, (), False),
        (True, False, (), False),
        (True, True, (), True),
        (True, True, (("publickey", "keyboard-interactive"),), False),
        (True, True, (("publickey",), ("keyboard-interactive",)), True),
        (True, True, (("none",),), True),
    ],
)
def test_password_alone(keyboard: bool, pam: bool, methods: tuple[tuple[str, ...], ...], alone: bool) -> None:
    ssh = held(("sshd.openssh/bookworm-hardened",))["sshd"]
    assert isinstance(ssh, SshdState)
    login = replace(ssh.logins[0], keyboard_interactive=keyboard, methods=methods)
    assert login.password_alone(pam=pam) is alone
