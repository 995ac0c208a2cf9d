"""Parses ``sshd -T`` and the text of sshd_config; see sshd_openssh.py for what is asked and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed

from auditor.collectors._text import Line, seconds, whole_lines
from auditor.evidence.sshd import SshLogin
from auditor.model import CollectError, Reason

MAIN = "/etc/ssh/sshd_config"
DROP_INS = "/etc/ssh/sshd_config.d"

# The last ones are printed near the end: they show that the output was not cut.
_REQUIRED = (
    "port", "permitrootlogin", "passwordauthentication", "permitemptypasswords", "maxauthtries", "clientaliveinterval",
    "clientalivecountmax", "ciphers", "macs", "kexalgorithms", "authenticationmethods", "permittunnel", "rekeylimit",
)  # fmt: skip
# Several lines of these are normal, and their order or number does not matter here.
_REPEATED = frozenset({
    "port", "listenaddress", "hostkey", "acceptenv", "subsystem", "allowusers", "allowgroups", "denyusers",
    "denygroups", "setenv", "permitopen", "permitlisten", "authorizedkeysfile",
})  # fmt: skip
_ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
}
_ROOT = {
    "yes": "yes",
    "no": "no",
    "without-password": "prohibit-password",
    "prohibit-password": "prohibit-password",
    "forced-commands-only": "forced-commands-only",
}
_UNITS = {
    "": 1,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "S": 1,
    "M": 60,
    "H": 3600,
    "D": 86400,
    "W": 604800,
}
_DROP_IN_WORDS = (f"{DROP_INS}/*.conf", "sshd_config.d/*.conf")
# Red Hat's generated list of algorithms; it holds no Match block, and -T shows what it sets.
_CRYPTO_POLICY = "/etc/crypto-policies/back-ends/opensshserver.config"
_WORDS = re.compile(r"^([A-Za-z0-9]+) ?[= ] ?(.*)$")


def effective(text: str, what: str) -> dict[str, str]:
    """Keyword to value from ``sshd -T`` or ``sshd -G``; ``unparsable`` unless all needed ones stand there once."""
    found: dict[str, str] = {}
    for line in whole_lines(text, what):
        keyword, space, value = line.partition(" ")
        if not space or not keyword.isalnum() or not keyword.islower():
            raise CollectError(Reason.UNPARSABLE, f"{what}: not a setting: {line[:80]!r}")
        keyword = _ALIASES.get(keyword, keyword)
        if found.setdefault(keyword, value) != value and keyword not in _REPEATED:
            raise CollectError(Reason.UNPARSABLE, f"{what}: {keyword} stands there twice")
    missing = [keyword for keyword in _REQUIRED if keyword not in found]
    if missing:
        raise CollectError(Reason.UNPARSABLE, f"{what}: does not say {', '.join(missing)}")
    return found


def login(name: str, where: str, told: Mapping[str, str]) -> SshLogin:
    """One kind of connection from its effective settings."""
    return SshLogin(
        name=name,
        where=where,
        permit_root=_root(told["permitrootlogin"]),
        password=_flag("passwordauthentication", told["passwordauthentication"]),
        keyboard_interactive=_flag("kbdinteractiveauthentication", told.get("kbdinteractiveauthentication", "")),
        empty_passwords=_flag("permitemptypasswords", told["permitemptypasswords"]),
        methods=_methods(told["authenticationmethods"]),
        max_auth_tries=_number("maxauthtries", told["maxauthtries"]),
        alive_interval_s=seconds(told["clientaliveinterval"], _UNITS, "clientaliveinterval"),
        alive_count_max=_number("clientalivecountmax", told["clientalivecountmax"]),
        session_timeout_s=_session_timeout(told.get("channeltimeout", "none")),
    )


def algorithms(told: Mapping[str, str], keyword: str) -> tuple[str, ...]:
    """A comma-separated list; ``unparsable`` when it is not there or empty."""
    names = tuple(name for name in told.get(keyword, "").split(",") if name)
    if not names:
        raise CollectError(Reason.UNPARSABLE, f"sshd -T: {keyword} lists nothing")
    return names


@dataclass(slots=True)
class Block:
    """One Match block: its words, where it begins, and the settings that it gives first."""

    match: str
    where: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Config:
    """The text of the configuration: where each keyword is set for all, and the Match blocks."""

    set_at: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


def config(lines: Iterable[Line]) -> Config:
    """Walks sshd_config as sshd does: first value wins, ``Include`` in place, Match until the file's end.

    ``incomplete`` for an Include that cannot be followed here: a Match block might hide in it.
    """
    files: dict[str, list[Line]] = {}
    for line in lines:
        files.setdefault(line.path, []).append(line)
    if MAIN not in files:
        raise CollectError(Reason.INCOMPLETE, f"no line of {MAIN} was read")
    said = Config()
    _walk(files, MAIN, said)
    return said


def _walk(files: Mapping[str, list[Line]], path: str, said: Config) -> None:
    block: Block | None = None
    for line in files[path]:
        match = _WORDS.match(" ".join(line.text.split()))
        if match is None:
            continue
        keyword, value = _ALIASES.get(match[1].lower(), match[1].lower()), match[2].strip('"')
        if keyword == "match":
            block = Block(f"Match {value}", line.where)
            said.blocks.append(block)
        elif keyword == "include":
            if value == _CRYPTO_POLICY and block is None:
                continue
            if block is not None or path != MAIN or value not in _DROP_IN_WORDS:
                raise CollectError(Reason.INCOMPLETE, f"{line.where}: cannot follow Include {value[:120]}")
            for name in sorted(files):
                if name.startswith(f"{DROP_INS}/") and name.endswith(".conf") and name.count("/") == 4:
                    _walk(files, name, said)
        elif block is None:
            said.set_at.setdefault(keyword, line.where)
        else:
            block.settings.setdefault(keyword, value)


def for_root(base: SshLogin, blocks: Iterable[Block]) -> list[SshLogin]:
    """Root's own settings, then as each block would change them that may apply to root.

    What an earlier ``Match User root`` sets, no later block changes: the first value wins.
    """
    found, fixed = [base], set[str]()
    for block in blocks:
        words = block.match.split()[1:]
        users = [names for word, names in zip(words[::2], words[1::2], strict=False) if word.lower() == "user"]
        names = users[0].split(",") if users else ["*"]
        if not any(name == "root" or "*" in name or "?" in name for name in names):
            continue
        made = apply(base, block, fixed)
        if made is not None:
            found.append(made)
        if [word.lower() for word in words] == ["user", "root"]:
            fixed |= block.settings.keys()
    return found


def apply(base: SshLogin, block: Block, fixed: Collection[str] = ()) -> SshLogin | None:
    """``base`` as it is where only this block applies; None when the block sets nothing that matters here."""
    told = {keyword: value for keyword, value in block.settings.items() if keyword not in fixed}
    given: dict[str, object] = {}
    if "permitrootlogin" in told:
        given["permit_root"] = _root(told["permitrootlogin"].lower())
    for keyword, name in (
        ("passwordauthentication", "password"),
        ("kbdinteractiveauthentication", "keyboard_interactive"),
        ("permitemptypasswords", "empty_passwords"),
    ):
        if keyword in told:
            given[name] = _flag(keyword, told[keyword].lower())
    for keyword, name in (("maxauthtries", "max_auth_tries"), ("clientalivecountmax", "alive_count_max")):
        if keyword in told:
            given[name] = _number(keyword, told[keyword])
    if "clientaliveinterval" in told:
        given["alive_interval_s"] = seconds(told["clientaliveinterval"], _UNITS, "clientaliveinterval")
    if "channeltimeout" in told:
        given["session_timeout_s"] = _session_timeout(told["channeltimeout"])
    if "authenticationmethods" in told:
        given["methods"] = _methods(told["authenticationmethods"])
    return changed(base, name=block.match[:200], where=block.where, **given) if given else None  # type: ignore[arg-type]


def _root(value: str) -> str:
    if value not in _ROOT:
        raise CollectError(Reason.UNPARSABLE, f"sshd: permitrootlogin is {value[:40]!r}")
    return _ROOT[value]


def _flag(keyword: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise CollectError(Reason.UNPARSABLE, f"sshd: {keyword} is {value[:40]!r}, neither yes nor no")
    return value == "yes"


def _number(keyword: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise CollectError(Reason.UNPARSABLE, f"sshd: {keyword} is {value[:40]!r}, not a number")
    return int(value)


_METHODS = frozenset(
    {"publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "gssapi-keyex", "none"}
)


def _methods(value: str) -> tuple[tuple[str, ...], ...]:
    if value == "any":
        return ()
    chains = tuple(tuple(method.partition(":")[0] for method in chain.split(",")) for chain in value.split())
    if not chains or any(method not in _METHODS for chain in chains for method in chain):
        raise CollectError(Reason.UNPARSABLE, f"sshd: authenticationmethods is {value[:80]!r}")
    return chains


def _session_timeout(value: str) -> int | None:
    """Of ``session=5m global=1h``; the word for sessions wins over the one for all (sshd_config(5))."""
    found: dict[str, int] = {}
    for word in value.split():
        kind, equals, span = word.partition("=")
        if equals:
            found[kind] = seconds(span, _UNITS, "channeltimeout")
        elif value != "none":
            raise CollectError(Reason.UNPARSABLE, f"sshd: channeltimeout is {value[:80]!r}")
    for kind in ("session", "session:shell", "session:*", "session*", "*", "global"):
        if found.get(kind):
            return found[kind]
    return None
