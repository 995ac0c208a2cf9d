"""What a host demands of passwords: length, quality, hashing, and what happens after wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockout:
    """Locking after wrong passwords, in one PAM stack."""

    where: str
    module: str | None
    """pam_faillock or pam_tally2; None when the stack locks nobody out."""
    deny: int | None
    """Wrong passwords after which an account is locked; None without a module, 0 for never."""
    unlock_s: int | None
    """Seconds until it opens by itself; 0 for never, None without a module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy(Evidence):
    """The rules for new passwords, as PAM and login.defs make them effective."""

    topic: ClassVar[str] = "passwords"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    stack: str
    """The PAM file that new passwords go through."""
    hash_method: str
    """Lower case: yescrypt, sha512, md5, des …"""
    hash_where: str
    quality_module: str | None
    """pam_pwquality, pam_passwdqc or pam_cracklib; None when nothing judges new passwords."""
    quality_enforced: bool
    """False when its refusal is only advice."""
    quality_where: str
    min_length: int
    """The shortest password that may be set, whatever characters it is made of."""
    min_length_where: str
    min_classes: int
    """Kinds of characters (small, capital, digit, other) asked for; 0 when none."""
    remember: int
    """Old passwords that may not come back."""
    max_days: int | None
    """PASS_MAX_DAYS for new accounts; None for no limit."""
    lockouts: tuple[Lockout, ...]
    """One for each stack through which people log in with a password."""
