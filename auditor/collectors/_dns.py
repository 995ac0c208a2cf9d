"""Questions to one resolver, and its answers as they came: the only place that speaks to name servers.

The system's own resolver is never used, so that nobody is asked whom the inventory does not name.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

QUESTIONS = 60
"""Most questions asked for one service."""
TRIES = 2
STEP_S = 3.0
ANSWER_CAP = 8192
Question = tuple[str, str]
"""Name in lower case without its last dot, and type."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer. ``state`` is found, missing (no such name), empty (no such record) or untested."""

    state: str
    why: str
    records: tuple[Any, ...] = ()
    """dnspython's rdata of the type asked for, wherever the aliases led."""
    aliases: tuple[str, ...] = ()
    """What the name is another name of, in turn."""


def ask(resolver: str, port: int, question: Question, until: float) -> dict[str, str]:
    """One question, over UDP and where that is cut over TCP; the answer or a word, as it is stored."""
    import dns.exception
    import dns.message
    import dns.name
    import dns.query

    stored = {"name": question[0], "type": question[1]}
    try:
        query = dns.message.make_query(dns.name.from_text(question[0]), question[1], use_edns=0, payload=1232)
    except (dns.exception.DNSException, ValueError):
        return {**stored, "problem": "not a name"}
    problem = "timeout"
    for _ in range(TRIES):
        left = min(STEP_S, until - time.monotonic())
        if left <= 0:
            break
        try:
            reply, _ = dns.query.udp_with_fallback(query, resolver, left, port, ignore_unexpected=True)
            raw = reply.to_wire(max_size=65535)
        except (dns.exception.Timeout, TimeoutError):
            continue
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as exc:
            problem = type(exc).__name__
            continue
        if len(raw) > ANSWER_CAP:
            return {**stored, "problem": "answer too long"}
        return {**stored, "wire": base64.b64encode(raw).decode("ascii")}
    return {**stored, "problem": problem}


def read(stored: Iterable[Any]) -> Mapping[Question, Told]:
    """Stored answers, read. Raises ``ValueError`` for what was not stored by ``ask``."""
    import dns.exception

    found: dict[Question, Told] = {}
    for item in stored:
        if not isinstance(item, dict) or not all(isinstance(value, str) for value in item.values()):
            raise ValueError("an answer of another shape")
        question = (item.get("name", ""), item.get("type", ""))
        if "problem" in item:
            found[question] = Told("untested", item["problem"][:100])
            continue
        try:
            raw = base64.b64decode(item.get("wire", ""), validate=True)
            found[question] = _told(raw, question)
        except (binascii.Error, dns.exception.DNSException, ValueError) as exc:
            raise ValueError(f"answer on {question[0][:100]}: {type(exc).__name__}") from None
    return found


def _told(raw: bytes, question: Question) -> Told:
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdatatype

    reply = dns.message.from_wire(raw)
    wanted = dns.rdatatype.from_text(question[1])
    name = dns.name.from_text(question[0])
    if len(reply.question) != 1 or reply.question[0].name != name or reply.question[0].rdtype != wanted:
        raise ValueError("an answer to another question")
    code = reply.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Told("untested", dns.rcode.to_text(code))
    sets = {(item.name, item.rdtype): item for item in reply.answer}
    aliases: list[str] = []
    while (alias := sets.get((name, dns.rdatatype.CNAME))) and wanted != dns.rdatatype.CNAME:
        name = alias[0].target
        aliases.append(name.to_text(omit_final_dot=True).lower())
        if len(aliases) > len(sets):
            return Told("untested", "aliases go in a circle", aliases=tuple(aliases))
    records = tuple(sets.get((name, wanted), ()))
    if code == dns.rcode.NXDOMAIN:
        return Told("missing", "NXDOMAIN", (), tuple(aliases))
    return Told("found" if records else "empty", "NOERROR", records, tuple(aliases))
