"""Reads the local accounts and groups. The files themselves: getent would walk a whole directory service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.accounts import Account, Accounts
from auditor.model import CollectError, Evidence, Privacy, Reason
from auditor.targets import Target


class LinuxAccounts(CommandCollector):
    """/etc/passwd and /etc/group."""

    id: ClassVar[str] = "accounts.linux"
    evidence: ClassVar[type[Evidence]] = Accounts

    def commands(self, target: Target) -> Sequence[Command]:
        files = (("passwd", "/etc/passwd"), ("group", "/etc/group"))
        return [Command(key, ("/bin/cat", "--", path), privacy=Privacy.PERSONAL) for key, path in files]

    def parse(self, seen: Reading) -> Accounts:
        names: dict[int, str] = {}
        members: dict[str, list[str]] = {}
        for name, _, number, listed in _rows(seen.text("group"), 4, "/etc/group"):
            names.setdefault(_id(number, "/etc/group"), name)
            for member in listed.split(","):
                members.setdefault(member, []).append(name)
        accounts = []
        for name, _, number, group, _, home, shell in _rows(seen.text("passwd"), 7, "/etc/passwd"):
            primary = names.get(_id(group, "/etc/passwd"))
            groups = dict.fromkeys([*([primary] if primary else []), *members.get(name, [])])
            accounts.append(
                Account(name=name, uid=_id(number, "/etc/passwd"), home=home, shell=shell, groups=tuple(groups))
            )
        if not any(account.uid == 0 for account in accounts) or "root" not in names.values():
            raise CollectError(Reason.UNPARSABLE, "no account or no group of root is listed")
        return Accounts(seen=seen.seen, accounts=tuple(accounts))


def _rows(text: str, fields: int, path: str) -> list[list[str]]:
    rows = []
    for number, line in enumerate(whole_lines(text, path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        row = line.split(":")
        if len(row) != fields or not row[0] or row[0].startswith(("+", "-")):
            # A leading + or - calls in NIS, whose accounts are not seen here.
            raise CollectError(Reason.UNPARSABLE, f"{path}:{number}: not {fields} fields of a local entry")
        rows.append(row)
    return rows


def _id(text: str, path: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise CollectError(Reason.UNPARSABLE, f"{path}: {text[:20]!r} is not a number of an account or group")
    return int(text)
