"""How the OpenSSH server lets people in, as it itself resolves its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from auditor.model import Evidence, personal


@dataclass(frozen=True, slots=True, kw_only=True)
class SshLogin:
    """The settings that hold for one kind of connection."""

    name: str = personal()
    """Who and from where: ``root``, ``any user``, or the words of a Match block."""
    where: str
    """The command, or the file and line of the Match block, that says so."""
    permit_root: str
    """``yes``, ``no``, ``prohibit-password`` or ``forced-commands-only``."""
    password: bool
    keyboard_interactive: bool
    empty_passwords: bool
    methods: tuple[tuple[str, ...], ...]
    """AuthenticationMethods: alternatives, each a chain of methods that must all succeed; empty for any one."""
    max_auth_tries: int
    alive_interval_s: int
    """Seconds between questions to a silent client; 0 for never asking."""
    alive_count_max: int
    session_timeout_s: int | None
    """ChannelTimeout of idle sessions; None where none is set or the release knows none."""

    def password_alone(self, *, pam: bool) -> bool:
        """Can a password, and nothing else, open this login? Keyboard-interactive asks for one through PAM."""
        asked = {"none"} | ({"password"} if self.password else set())
        if self.keyboard_interactive and pam:
            asked.add("keyboard-interactive")
        if not self.methods:
            return len(asked) > 1
        return any(asked.issuperset(chain) for chain in self.methods)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshdState(Evidence):
    """The OpenSSH server's effective configuration; everything is empty when it is not installed."""

    topic: ClassVar[str] = "sshd"
    max_age: ClassVar[timedelta] = timedelta(days=7)

    installed: bool
    logins: tuple[SshLogin, ...] = ()
    """An ordinary user and root from outside, then every Match block as if it applied by itself."""
    root_logins: tuple[SshLogin, ...] = ()
    """Root from outside, then every Match block that may apply to root."""
    kex: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()
    public_keys: tuple[str, ...] = ()
    """Algorithms accepted from users' keys."""
    pam: bool = False
    second_factor: str | None = None
    """The PAM module of /etc/pam.d/sshd that asks everybody for a second factor."""
    set_at: tuple[tuple[str, str], ...] = ()
    """Keyword (lower case) and ``file:line`` of the line that decides it for all; a default has none."""

    def source(self, keyword: str) -> str:
        """Where a keyword gets its value from, for ``where``."""
        return dict(self.set_at).get(keyword, f"sshd -T: {keyword}")
