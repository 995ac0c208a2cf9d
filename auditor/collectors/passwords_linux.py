"""Reads the password policy: login.defs, the PAM stacks, pwquality.conf and faillock.conf.

Debian's family keeps the stacks in common-password and common-auth, Red Hat's in system-auth and password-auth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading, read_file
from auditor.collectors._passwords import HASHES, lockout, number, quality, remembered, settings
from auditor.collectors._text import Line, PamLine, grepped, pam_stack, whole_lines
from auditor.evidence.passwords import PasswordPolicy
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_DEFS = "/etc/login.defs"
_PAM = "/etc/pam.d"
_QUALITY = "/etc/security/pwquality.conf"
_FAILLOCK = "/etc/security/faillock.conf"


class LinuxPasswords(CommandCollector):
    """The rules for new passwords and for wrong ones."""

    id: ClassVar[str] = "passwords.linux"
    evidence: ClassVar[type[Evidence]] = PasswordPolicy

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            read_file("login-defs", _DEFS),
            *(read_file(name, f"{_PAM}/{name}") for name in ("common-password", "common-auth", "common-account")),
            *(read_file(name, f"{_PAM}/{name}") for name in ("system-auth", "password-auth")),
            Command("pwquality", ("/bin/grep", "-RHna", "^", f"{_QUALITY}.d", _QUALITY)),
            Command("faillock", ("/bin/grep", "-Hna", "^", _FAILLOCK)),
        )

    def parse(self, seen: Reading) -> PasswordPolicy:
        defs = _defs(seen.text("login-defs"))
        new, entries = _stacks(seen)
        path = new[0].where.rpartition(":")[0]
        judged = quality(new, settings(_in_order(grepped(seen, "pwquality", [_QUALITY]))))
        locks = settings(grepped(seen, "faillock", [_FAILLOCK]))
        hashed, where = _hash(new, defs)
        longest = number(defs.get("PASS_MAX_DAYS", ("99999", _DEFS))[0], _DEFS)
        return PasswordPolicy(
            seen=seen.seen,
            stack=path,
            hash_method=hashed,
            hash_where=where,
            quality_module=judged.module,
            quality_enforced=judged.enforced,
            quality_where=judged.where,
            min_length=judged.min_length,
            min_length_where=judged.min_length_where,
            min_classes=judged.min_classes,
            remember=remembered(new),
            max_days=longest if 0 <= longest < 99999 else None,
            lockouts=tuple(lockout(stack, stack_path, locks) for stack_path, stack in entries),
        )


Stack = tuple[PamLine, ...]


def _stacks(seen: Reading) -> tuple[Stack, list[tuple[str, Stack]]]:
    """The stack for new passwords, and those through which people log in."""
    debian = seen.file("common-password")
    if debian is not None:
        auth = pam_stack(seen.text("common-auth"), f"{_PAM}/common-auth")
        account = pam_stack(seen.text("common-account"), f"{_PAM}/common-account")
        return _needed(debian, "common-password"), [(f"{_PAM}/common-auth", auth + account)]
    local = seen.file("system-auth")
    if local is None:
        raise CollectError(Reason.UNSUPPORTED, "neither common-password nor system-auth in /etc/pam.d")
    new = _needed(local, "system-auth")
    remote = seen.file("password-auth")
    entries = [(f"{_PAM}/system-auth", new)]
    if remote is not None:
        entries.append((f"{_PAM}/password-auth", pam_stack(remote, f"{_PAM}/password-auth")))
    return new, entries


def _needed(text: str, name: str) -> Stack:
    """A stack for new passwords. One that hands on to another file is not followed."""
    stack = pam_stack(text, f"{_PAM}/{name}")
    lines = [line for line in stack if line.kind in ("password", "*")]
    if not lines or any(line.control in ("@include", "include", "substack") for line in lines):
        raise CollectError(Reason.UNSUPPORTED, f"{_PAM}/{name} has no password lines of its own")
    return stack


def _defs(text: str) -> dict[str, tuple[str, str]]:
    found = {}
    for number_, line in enumerate(whole_lines(text, _DEFS), 1):
        words = line.partition("#")[0].split()
        if len(words) >= 2:
            found[words[0]] = (words[1], f"{_DEFS}:{number_}")
    if "UID_MIN" not in found and "PASS_MAX_DAYS" not in found:
        raise CollectError(Reason.UNPARSABLE, f"{_DEFS} sets neither UID_MIN nor PASS_MAX_DAYS")
    return found


def _hash(stack: Stack, defs: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """The module's own word wins over login.defs, which it reads when it has none."""
    unix = next((line for line in stack if line.kind == "password" and line.module == "pam_unix"), None)
    for name in HASHES:
        if unix is not None and name in unix.arguments:
            return name, unix.where
    method, where = defs.get("ENCRYPT_METHOD", ("des", _DEFS))
    return method.lower(), where


def _in_order(lines: list[Line]) -> list[Line]:
    """pwquality reads the files of its folder by name, then the main file last."""
    kept = (line for line in lines if line.path.endswith(".conf"))
    return sorted(kept, key=lambda line: (line.path == _QUALITY, line.path))
