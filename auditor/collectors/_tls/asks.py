"""What is kept of an answer, and what it says: used where questions are asked and where answers are judged. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.collectors._tls import replies, wire
from auditor.collectors._tls.replies import Flight, KeyExchange, Kind, Outcome
from auditor.collectors._tls.suites import suite
from auditor.collectors._tls.wire import Malformed

KINDS = ("suites", "groups", "signatures")
"""What can be found out by striking, each time, what the server picked."""
NO_CURVE = -1
_ODD_CAP = 400
_SSL2_CAP = 8192


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: how the conversation ended, the reply up to the ServerHello, and parameters of a key exchange."""

    version: str
    ending: str
    reply: bytes
    exchange: bytes = b""

    @property
    def outcome(self) -> Outcome:
        return replies.outcome(self.version, self.ending, self.reply)

    def keys(self) -> KeyExchange | None:
        """What stands in the ServerKeyExchange; None where none came, or one that does not fit."""
        hello = self.outcome.hello
        if hello is None or not self.exchange:
            return None
        try:
            return replies.key_exchange(self.exchange, suite(hello.suite), hello.version)
        except Malformed:
            return None


def heard(version: str, ending: str, data: bytes) -> tuple[Heard, Flight]:
    """Cut a reply down to what is kept; gives the whole flight too, read."""
    if version == "SSLv2" and data[:1] not in (b"\x15", b"\x16"):
        return Heard(version, ending, data[:_SSL2_CAP]), Flight()
    flight = replies.read(data)
    exchange = flight.message(wire.KEY_EXCHANGE) or b""
    if exchange and flight.hello:
        try:
            end = replies.key_exchange(exchange, suite(flight.hello.suite), flight.hello.version).end
        except Malformed:
            end = 0
        exchange = exchange[:end]
    return Heard(version, ending, data[: flight.head or _ODD_CAP], exchange), flight


def picks(kind: str, one: Heard) -> tuple[int, ...]:
    """What the server picked of what was offered; nothing where it answered otherwise."""
    outcome = one.outcome
    if outcome.kind is not Kind.TAKEN:
        return ()
    if kind == "suites":
        return outcome.taken
    if kind == "groups" and one.version == "TLSv1.3":
        group = outcome.hello.group if outcome.hello else None
        return () if group is None else (group,)
    keys = one.keys()
    found = None if keys is None else keys.group if kind == "groups" else keys.scheme
    return () if found is None else (found,)


@dataclass(frozen=True, slots=True)
class Run:
    """Some codes were offered, the one picked was struck, and so on until no more was picked."""

    kind: str
    version: str
    items: tuple[int, ...]
    answers: tuple[Heard, ...]
    alive: Heard | None = None
    """The answer to what it had picked first, asked once more after an end that was not said in words."""
    turned: Heard | None = None
    """The answer to all it picked, offered in another order (``turned``)."""
    kept: int = 0
    """A code that was offered each time, last; once it is picked, nothing else is to be had beside it.
    ``NO_CURVE``: the server's key lies on none of the groups, so that no group has to be kept for it."""
    together: bool = False
    """What was picked in several runs before, offered in one."""

    @property
    def picked(self) -> tuple[int, ...]:
        """In the order picked; an answer that picks what was not offered ends the run."""
        left = set(self.items)
        found: list[int] = []
        for one in self.answers:
            codes = picks(self.kind, one)
            if not codes or not left.issuperset(codes):
                break
            found += codes
            left.difference_update(codes)
        return tuple(found)

    @property
    def fell_back(self) -> bool:
        """Did it end with the code that was kept?"""
        return bool(self.kept > 0 and self.answers) and picks(self.kind, self.answers[-1]) == (self.kept,)

    @property
    def last(self) -> Outcome:
        return self.answers[-1].outcome if self.answers else Outcome(Kind.ODD, "not asked")

    def whole(self, lives: bool) -> bool:
        """Was it seen that nothing else would be picked? ``lives``: the server answered at the very end."""
        if set(self.picked) == set(self.items) or (self.version == "SSLv2" and self.picked):
            return True
        if self.fell_back:
            return len(self.answers) == len(self.picked) + 1
        if self.last.kind is not Kind.REFUSED or len(self.answers) != len(self.picked) + 1:
            return False
        alive = self.alive is not None and bool(picks(self.kind, self.alive))
        return self.last.firm or alive or (lives and not self.picked)


def turned(picked: Sequence[int]) -> tuple[int, ...]:
    """Another order for suites that were picked in this one: back to front.

    Some servers prefer ChaCha20 whenever a client puts it first: it goes last, unless it was what was picked first.
    """
    other = picked[::-1]
    return tuple(sorted(other, key=lambda code: "CHACHA20" in suite(code).name and code != picked[0]))


def packed(one: Heard | None) -> dict[str, str] | None:
    """For JSON."""
    if one is None:
        return None
    made = {"version": one.version, "ending": one.ending, "reply": base64.b64encode(one.reply).decode("ascii")}
    return made | ({"exchange": base64.b64encode(one.exchange).decode("ascii")} if one.exchange else {})


def unpacked(told: Any) -> Heard:
    """From JSON. Raises ``Malformed``."""
    if not isinstance(told, Mapping):
        raise Malformed("an answer that is no object")
    version, ending = told.get("version"), told.get("ending")
    if version not in wire.VERSION or not isinstance(ending, str) or len(ending) > 100:
        raise Malformed("an answer without version and ending")
    return Heard(version, ending, unbase64(told.get("reply")), unbase64(told.get("exchange", "")))


def packed_run(run: Run) -> dict[str, Any]:
    width = 6 if run.version == "SSLv2" else 4
    return {
        "kind": run.kind,
        "version": run.version,
        "items": "".join(f"{code:0{width}x}" for code in run.items),
        "answers": [_short(one) for one in run.answers],
        "alive": run.alive and _short(run.alive),
        "turned": run.turned and _short(run.turned),
        "kept": run.kept,
    } | ({"together": True} if run.together else {})


def unpacked_run(told: Any) -> Run:
    """From JSON. Raises ``Malformed``."""
    if not isinstance(told, Mapping) or told.get("kind") not in KINDS or told.get("version") not in wire.VERSION:
        raise Malformed("a run without kind and version")
    items, answers = told.get("items"), told.get("answers")
    width = 6 if told["version"] == "SSLv2" else 4
    if not isinstance(items, str) or len(items) > 4000 or not isinstance(answers, list) or len(answers) > 500:
        raise Malformed("a run without items and answers")
    try:
        codes = tuple(int(items[at : at + width], 16) for at in range(0, len(items), width))
    except ValueError:
        raise Malformed("items of a run that are no numbers") from None
    if not answers:
        raise Malformed("a run without answers")
    version, kept = told["version"], told.get("kept", 0)
    together = told.get("together", False)
    if type(kept) is not int or not isinstance(together, bool):
        raise Malformed("a run that does not tell what was kept")
    alive, turned = (None if told.get(key) is None else _long(version, told[key]) for key in ("alive", "turned"))
    heard = tuple(_long(version, one) for one in answers)
    return Run(told["kind"], version, codes, heard, alive, turned, kept, together)


def _short(one: Heard) -> list[str]:
    """Within a run, where there are many and the version is known."""
    return [one.ending, *(base64.b64encode(part).decode("ascii") for part in (one.reply, one.exchange) if part)]


def _long(version: str, told: Any) -> Heard:
    if not isinstance(told, list) or not 0 < len(told) <= 3:
        raise Malformed("an answer of a run that is no short list")
    return unpacked({"version": version} | dict(zip(("ending", "reply", "exchange"), [*told, "", ""], strict=False)))


def unbase64(told: Any) -> bytes:
    """Raises ``Malformed``."""
    try:
        return base64.b64decode(told, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Malformed("not base64") from None
