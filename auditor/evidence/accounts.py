"""The local accounts of a host, the state of their passwords, and when they last logged in.

Three topics, because they need different rights: anyone may read /etc/passwd, only root the password state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal

from auditor.model import Evidence, personal

ADMIN_GROUPS = frozenset({"sudo", "wheel", "admin"})
"""Groups whose members may become root in the distributions' own sudoers files."""

_CLOSED_SHELLS = frozenset(
    {"nologin", "false", "true", "sync", "shutdown", "halt", "git-shell", "git_shell", "scponly"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One line of /etc/passwd, with its groups."""

    name: str = personal()
    uid: int
    home: str = personal()
    shell: str
    groups: tuple[str, ...]
    """Names of its primary and further groups."""

    @property
    def has_shell(self) -> bool:
        """Does it start a command line after login? An empty shell means /bin/sh."""
        return self.shell.rpartition("/")[2] not in _CLOSED_SHELLS

    @property
    def is_person(self) -> bool:
        """A regular account: uid from 1000, without nobody and the range of systemd's dynamic users."""
        return 1000 <= self.uid < 60000

    @property
    def is_admin(self) -> bool:
        return self.uid == 0 or bool(ADMIN_GROUPS.intersection(self.groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts(Evidence):
    """All accounts that the host itself keeps."""

    topic: ClassVar[str] = "accounts"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordStatus:
    """What ``passwd -S`` says of one account; never a hash."""

    name: str = personal()
    state: Literal["usable", "locked", "none"]
    """``none``: an empty password opens it."""
    changed: date | None
    """Day of the last change; None when it was never recorded."""
    max_days: int | None
    """Days after which it must be changed; None for no such limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials(Evidence):
    """By what each local account can be entered."""

    topic: ClassVar[str] = "credentials"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    passwords: tuple[PasswordStatus, ...]
    homes: tuple[str, ...] = personal()
    """Folders directly under /home in which authorized keys were looked for."""
    key_homes: tuple[str, ...] = personal()
    """Those of them that hold a non-empty .ssh/authorized_keys."""

    def of(self, name: str) -> PasswordStatus | None:
        """The status of one account; None when the tool did not name it."""
        return next((status for status in self.passwords if status.name == name), None)

    def keys(self, account: Account) -> bool | None:
        """Has it authorized keys? None when its home was not looked into."""
        return account.home in self.key_homes if account.home in self.homes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins(Evidence):
    """When accounts last logged in, as the host's own record has it."""

    topic: ClassVar[str] = "logins"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    last: tuple[tuple[str, datetime | None], ...] = personal()
    """Account and its last login; None for never."""
    lists_all: bool
    """Does the record name every account? Otherwise one that is not named never logged in."""

    def knows(self, name: str) -> bool:
        """Can the record say of this account when it last logged in, even if never?"""
        return not self.lists_all or any(name == listed for listed, _ in self.last)
