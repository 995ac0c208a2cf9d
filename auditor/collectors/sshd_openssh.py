"""Asks the OpenSSH server for its effective settings.

``sshd -T`` resolves defaults, included files and Match blocks; it is asked for an ordinary user and for root,
both from an address outside (192.0.2.1, RFC 5737). It needs the host keys, hence root, and /run/sshd. Newer
releases (9.3) also know ``sshd -G``, which needs neither but resolves no Match block: it stands in where -T
could not answer. The text of the configuration tells in which line a setting stands, and what Match blocks
give to others than those two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Privilege, Reading, read_file
from auditor.collectors._sshd import DROP_INS, MAIN, algorithms, apply, config, effective, for_root, login
from auditor.collectors._text import grepped, pam_stack
from auditor.evidence.sshd import SshdState, SshLogin
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target

_SSHD = "/usr/sbin/sshd"
_OUTSIDE = "host=outside.invalid,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
_SECOND_FACTORS = frozenset({
    "pam_google_authenticator", "pam_oath", "pam_u2f", "pam_duo", "pam_yubico", "pam_radius_auth", "pam_privacyidea",
    "pam_linotp", "pam_fido2", "pam_pkcs11", "pam_p11", "pam_ussh", "pam_securid", "pam_okta_auth",
})  # fmt: skip


class OpenSshServer(CommandCollector):
    """Effective settings of sshd, its Match blocks, and a second factor asked for by PAM."""

    id: ClassVar[str] = "sshd.openssh"
    evidence: ClassVar[type[Evidence]] = SshdState

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("user", (_SSHD, "-T", "-C", f"user=ordinary-user,{_OUTSIDE}"), Privilege.ROOT),
            Command("root", (_SSHD, "-T", "-C", f"user=root,{_OUTSIDE}"), Privilege.ROOT),
            Command("defaults", (_SSHD, "-G")),
            Command("config", ("/bin/grep", "-RHna", "^", DROP_INS, MAIN), Privilege.LADDER),
            read_file("pam", "/etc/pam.d/sshd"),
        )

    def parse(self, seen: Reading) -> SshdState:
        if all(seen.missing_tool(key) for key in ("user", "root", "defaults")):
            return SshdState(seen=seen.seen, installed=False)
        told, logins = _told(seen)
        text = config(grepped(seen, "config"))
        blocks = [made for block in text.blocks if (made := apply(logins[0], block)) is not None]
        pam = told.get("usepam") == "yes"
        return SshdState(
            seen=seen.seen,
            installed=True,
            logins=(*logins, *blocks),
            root_logins=tuple(for_root(logins[-1], text.blocks)),
            kex=algorithms(told, "kexalgorithms"),
            ciphers=algorithms(told, "ciphers"),
            macs=algorithms(told, "macs"),
            host_keys=algorithms(told, "hostkeyalgorithms"),
            public_keys=algorithms(told, "pubkeyacceptedalgorithms"),
            pam=pam,
            second_factor=_second_factor(seen) if pam else None,
            set_at=tuple(text.set_at.items()),
        )


def _told(seen: Reading) -> tuple[Mapping[str, str], list[SshLogin]]:
    try:
        user = effective(seen.text("user"), "sshd -T")
        root = effective(seen.text("root"), "sshd -T")
    except CollectError as refused:
        try:
            both = effective(seen.text("defaults"), "sshd -G")
        except CollectError:
            raise _helpful(refused) from None
        return both, [login("any user", "sshd -G", both)]
    return user, [login("any user", "sshd -T", user), login("root", "sshd -T -C user=root", root)]


def _helpful(refused: CollectError) -> CollectError:
    if "privilege separation directory" in refused.detail:
        return CollectError(Reason.INCOMPLETE, f"{refused.detail} (it is made when the ssh service first starts)")
    return refused


def _second_factor(seen: Reading) -> str | None:
    text = seen.file("pam")
    for line in pam_stack(text, "/etc/pam.d/sshd") if text is not None else ():
        if line.kind == "auth" and line.module in _SECOND_FACTORS and line.binding and "nullok" not in line.arguments:
            return line.module
    return None
