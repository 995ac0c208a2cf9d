"""What is said before TLS, by URL scheme: how to get to TLS, and what the service does without.

line = preface("smtp")(line, name)          # then speak TLS on it
told = survey("smtp", dial, name)           # two or three short connections; a document to be stored
opening(told)                               # what they showed, from the document alone
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from auditor.collectors._tls import databases, lines, packets
from auditor.collectors._tls.dialogue import Dialogue, Heard, Recording, recorded
from auditor.collectors._tls.io import Ended, Line, Preface
from auditor.evidence.tls import Answer

PORTS: Mapping[str, int] = {
    "https": 443, "smtps": 465, "ldaps": 636, "ftps": 990, "imaps": 993, "pop3s": 995,
    "smtp": 25, "submission": 587, "imap": 143, "pop3": 110, "ldap": 389, "postgres": 5432, "postgresql": 5432,
    "mysql": 3306, "mariadb": 3306, "ftp": 21, "rdp": 3389, "mssql": 1433, "sqlserver": 1433, "sieve": 4190,
    "xmpp": 5222,
}  # fmt: skip
"""URL schemes whose TLS can be looked at, with the port each has where the URL says none."""

_SAME = {"submission": "smtp", "postgresql": "postgres", "mariadb": "mysql", "sqlserver": "mssql"}
_DIALOGUES: Mapping[str, Callable[[Dialogue], Line]] = {
    "smtp": lines.smtp,
    "imap": lines.imap,
    "pop3": lines.pop3,
    "ftp": lines.ftp,
    "sieve": lines.sieve,
    "xmpp": lines.xmpp,
    "ldap": packets.ldap,
    "postgres": databases.postgres,
    "mysql": databases.mysql,
    "rdp": packets.rdp,
    "mssql": databases.mssql,
}
_QUESTIONS: Mapping[str, Mapping[str, Callable[[Dialogue], None]]] = {
    "pop3": {"clear": lines.pop3_clear},
    "ftp": {"clear": lines.ftp_clear},
    "ldap": {"clear": packets.ldap_clear},
    "rdp": {"clear": packets.rdp_clear, "without-nla": packets.rdp_without_nla},
    "mssql": {"clear": databases.mssql_clear},
}
"""What can only be asked on a line of its own."""

_BEARS: Mapping[str, int] = {"mysql": 20}

Dial = Callable[[], AbstractContextManager[Line]]
"""Opens a line on which nothing was said yet, and closes it. Raises ``Ended``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a service shows before TLS."""

    name: str
    """smtp, imap …; empty where TLS comes first."""
    offered: Answer
    """Is TLS to be had?"""
    clear: Answer
    """Is a client let on to a login, or to the service itself, without TLS?"""
    why: str = ""
    banner: str = ""
    ended: str = ""
    """How the way to TLS ended: ``tls``, or ``preface: …`` with the word for why it led nowhere."""
    security: tuple[str, ...] = ()
    """RDP: what it takes, of rdp (its own encryption), tls (TLS alone) and nla (with network-level authentication)."""


def spoken(scheme: str) -> str:
    """The protocol spoken before TLS under a URL scheme: ``smtp`` for ``submission`` too; empty where none is.

    Raises ``KeyError`` for a scheme that is not in ``PORTS``.
    """
    PORTS[scheme]
    name = _SAME.get(scheme, scheme)
    return name if name in _DIALOGUES else ""


def bears(scheme: str, otherwise: int) -> int:
    """How many connections a service may be asked for in one look; ``otherwise`` where nothing forbids more.

    MySQL and MariaDB shut an address out, until somebody mends it by hand, after ``max_connect_errors`` (100 unless
    set) conversations that end before a login; each look counts, whether its handshake was whole or not.
    """
    return min(otherwise, _BEARS.get(spoken(scheme), otherwise))


def preface(scheme: str, heard: Heard | None = None, behind: bytes = b"") -> Preface:
    """The way to TLS. It raises ``Ended("preface: …")`` where TLS cannot be had, with one of these words.

    not-offered, refused CODE, turned-away CODE (a greeting that says no), surplus (more in the clear than the
    go-ahead), http, ssh, tls (that protocol answered), junk, long-line, too-long; or the line's own: timeout, closed …
    ``heard`` keeps what was said. ``behind`` is sent in one piece with the command that starts TLS.
    Raises ``KeyError`` for a scheme that is not in ``PORTS``.
    """
    name = spoken(scheme)

    def direct(line: Line, _server_name: str) -> Line:
        return line

    def dialogue(line: Line, server_name: str) -> Line:
        kept = Heard() if heard is None else heard
        try:
            return _DIALOGUES[name](Dialogue(line, kept, server_name, behind))
        except Ended as exc:
            kept.ended = str(exc)
            raise

    return dialogue if name else direct


def survey(scheme: str, dial: Dial, server_name: str) -> dict[str, Any]:
    """Ask a service what it shows before TLS, in at most three short connections; gives a document for JSON."""
    name = spoken(scheme)
    talks: list[dict[str, Any]] = []
    clear = Answer.UNTESTED
    for ask in ("tls", *_QUESTIONS.get(name, ())) if name else ():
        if ask == "clear" and clear is not Answer.UNTESTED:
            continue
        heard = Heard()
        try:
            with dial() as line:
                _run(name, ask, line, server_name, heard)
        except Ended as exc:
            heard.ended = str(exc)
        talks.append(heard.document(ask))
        clear = heard.clear
        if not heard.said or (ask == "tls" and heard.offered is Answer.NO):
            break
    return {"spoken": name, "server_name": server_name, "talks": talks}


def opening(document: Any) -> Opening:
    """What a survey showed. Pure. Raises ``ValueError`` for what is no document of a survey."""
    try:
        name, server_name, talks = document["spoken"], document["server_name"], list(document["talks"])
    except (KeyError, TypeError):
        raise ValueError("no document of a survey") from None
    if name == "" and not talks:
        return Opening(name="", offered=Answer.YES, clear=Answer.NO)
    if not isinstance(name, str) or name not in _DIALOGUES or not isinstance(server_name, str) or not talks:
        raise ValueError("no document of a survey")
    heard = {}
    for told in talks[:4]:
        ask, said, ended, cut = recorded(told)
        if ask != "tls" and ask not in _QUESTIONS.get(name, ()):
            raise ValueError(f"no such question: {ask[:40]!r}")
        heard[ask] = _reheard(name, ask, said, ended, cut, server_name)
    first = heard.get("tls", Heard(ended="not asked"))
    # A yes from any talk stands; a no needs that no other talk says yes.
    order = (Answer.YES, Answer.NO, Answer.UNTESTED)
    judged = min(heard.values(), key=lambda one: (order.index(one.clear), not one.why))
    return Opening(
        name=name,
        offered=first.offered,
        clear=judged.clear,
        why=judged.why or first.ended,
        banner=next((one.banner for one in heard.values() if one.banner), ""),
        ended=first.ended,
        security=tuple(dict.fromkeys(word for one in heard.values() for word in one.security)),
    )


def _reheard(name: str, ask: str, said: list[tuple[bool, bytes]], ended: str, cut: bool, server_name: str) -> Heard:
    heard = Heard()
    try:
        _run(name, ask, Recording(said, ended), server_name, heard)
    except Ended as exc:
        heard.ended = str(exc)
    if cut:
        heard.clear = heard.offered = Answer.UNTESTED
    return heard


def _run(name: str, ask: str, line: Line, server_name: str, heard: Heard) -> None:
    talk = Dialogue(line, heard, server_name)
    if ask == "tls":
        _DIALOGUES[name](talk)
    else:
        _QUESTIONS[name][ask](talk)
