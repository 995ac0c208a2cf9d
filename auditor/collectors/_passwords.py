"""What PAM modules ask of passwords, from their arguments, configuration files and documented defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.collectors._text import Line, PamLine
from auditor.evidence.passwords import Lockout
from auditor.model import CollectError, Reason

HASHES = ("yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "bigcrypt", "md5")
QUALITY = ("pam_pwquality", "pam_passwdqc", "pam_cracklib")
_CREDITS = ("dcredit", "ucredit", "lcredit", "ocredit")
_UNIX_LENGTH = 6
"""pam_unix(8): the least length it takes by itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Quality:
    module: str | None
    enforced: bool
    where: str
    min_length: int
    min_length_where: str
    min_classes: int


def settings(lines: Iterable[Line]) -> dict[str, Setting]:
    """``key = value`` lines (pwquality.conf, faillock.conf); a bare word is a flag. The last one counts."""
    found = {}
    for line in lines:
        said = line.text.partition("#")[0].strip()
        if said:
            key, _, value = said.partition("=")
            found[key.strip()] = Setting(value.strip(), line.where)
    return found


def number(text: str, where: str) -> int:
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 10):
        raise CollectError(Reason.UNPARSABLE, f"{where}: {text[:40]!r} is not a number")
    return int(text)


def quality(stack: Sequence[PamLine], conf: Mapping[str, Setting]) -> Quality:
    """What judges a new password. A length counts only where its module's refusal is binding."""
    unix = next((line for line in stack if line.kind == "password" and line.module == "pam_unix"), None)
    length, where = _UNIX_LENGTH, "pam_unix"
    if unix is not None:
        where = unix.where
        length = max(length, number(unix.option("minlen") or "0", unix.where))
    line = next((line for line in stack if line.kind == "password" and line.module in QUALITY), None)
    if line is None:
        return Quality(None, False, stack[0].where.rpartition(":")[0], length, where, 0)
    if line.module == "pam_passwdqc":
        shortest, classes, source = _passwdqc(line)
        enforced = line.binding and line.option("enforce") != "none"
    else:
        own = conf if line.module == "pam_pwquality" else {}
        shortest, classes, source = _pwquality(line, own)
        enforced = line.binding and own.get("enforcing", Setting("1", "")).value != "0"
    if enforced and shortest >= length:
        length, where = shortest, source
    return Quality(line.module, enforced, line.where, length, where, classes if enforced else 0)


def _pwquality(line: PamLine, conf: Mapping[str, Setting]) -> tuple[int, int, str]:
    """Least length and classes. A positive credit lets a password be shorter, a negative one demands the class."""
    cracklib = line.module == "pam_cracklib"

    def get(name: str, default: int) -> tuple[int, str]:
        given = line.option(name)
        if given is not None:
            return number(given, line.where), line.where
        held = conf.get(name)
        return (number(held.value, held.where), held.where) if held else (default, line.where)

    length, where = get("minlen", 9 if cracklib else 8)
    credits_ = [get(name, 1 if cracklib else 0)[0] for name in _CREDITS]
    shortest = max(length - sum(credit for credit in credits_ if credit > 0), _UNIX_LENGTH)
    classes = max(get("minclass", 0)[0], sum(credit < 0 for credit in credits_))
    return shortest, classes, where


def _passwdqc(line: PamLine) -> tuple[int, int, str]:
    """``min=N0,N1,N2,N3,N4``: least length by number of classes; ``disabled`` refuses that kind."""
    said = (line.option("min") or "disabled,24,11,8,7").split(",")
    if len(said) != 5:
        raise CollectError(Reason.UNPARSABLE, f"{line.where}: min has {len(said)} numbers, not 5")
    lengths = {kind: number(word, line.where) for kind, word in enumerate(said) if word != "disabled"}
    if not lengths:
        raise CollectError(Reason.UNPARSABLE, f"{line.where}: every kind of password is disabled")
    # N0 and N1 are for one and two classes, N2 for passphrases, N3 and N4 for three and four classes.
    return min(lengths.values()), {0: 1, 1: 2, 2: 1, 3: 3, 4: 4}[min(lengths)], line.where


def remembered(stack: Sequence[PamLine]) -> int:
    """Old passwords kept by pam_pwhistory (10 unless said) or pam_unix (none unless said)."""
    found = 0
    for line in stack:
        if line.kind == "password" and line.module in ("pam_pwhistory", "pam_unix"):
            usual = "10" if line.module == "pam_pwhistory" else "0"
            found = max(found, number(line.option("remember") or usual, line.where))
    return found


def lockout(stack: Sequence[PamLine], path: str, conf: Mapping[str, Setting]) -> Lockout:
    """pam_faillock needs two lines: one that counts the wrong password, one that refuses the locked account."""
    lines = [line for line in stack if line.module == "pam_faillock"]
    counts = next(
        (line for line in lines if line.kind == "auth" and "authfail" in line.arguments and line.binding), None
    )
    refuses = any(
        line.binding and (line.kind == "account" or (line.kind == "auth" and "preauth" in line.arguments))
        for line in lines
    )
    if counts is not None and refuses:
        deny = _of(counts, conf, "deny", "3")
        unlock = _of(counts, conf, "unlock_time", "600")
        return Lockout(where=counts.where, module="pam_faillock", deny=deny, unlock_s=unlock)
    tally = next(
        (
            line
            for line in stack
            if line.module == "pam_tally2" and line.kind == "auth" and line.binding and line.option("deny")
        ),
        None,
    )
    if tally is not None:
        return Lockout(
            where=tally.where,
            module="pam_tally2",
            deny=number(tally.option("deny") or "", tally.where),
            unlock_s=number(tally.option("unlock_time") or "0", tally.where),
        )
    return Lockout(where=path, module=None, deny=None, unlock_s=None)


def _of(line: PamLine, conf: Mapping[str, Setting], name: str, usual: str) -> int:
    given = line.option(name)
    if given is None:
        held = conf.get(name, Setting(usual, line.where))
        given = "0" if held.value == "never" else held.value
    return 0 if given == "never" else number(given, line.where)
