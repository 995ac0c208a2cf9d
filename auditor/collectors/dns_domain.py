"""Asks the resolver that the inventory names about a service's name and its mail domain, and nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors import _dns_reading as reading
from auditor.collectors._dns import QUESTIONS, Question, Told, ask, read
from auditor.collectors._doors import turn
from auditor.evidence.domain import DomainRecords
from auditor.model import CollectError, Evidence, Observation, Reason
from auditor.targets import Target

DEADLINE_S = 40.0
_LOST = 3
"""After so many names in a row without any answer the resolver is taken to be away."""


class DnsDomain(ProbeCollector):
    """Where the name leads, who may issue certificates for it, and how its mail is guarded against forgers."""

    id: ClassVar[str] = "dns.domain"
    evidence: ClassVar[type[Evidence]] = DomainRecords
    kinds: ClassVar[frozenset[str]] = frozenset({"service"})
    method: ClassVar[str] = "web"

    def serves(self, target: Target) -> bool:
        return super().serves(target) and self.contact(target) is not None

    def contact(self, target: Target) -> str | None:
        return target.dns.resolver if target.dns else None

    def actions(self, target: Target) -> Sequence[Action]:
        what = f"at most {QUESTIONS} DNS questions to the resolver {self.contact(target)}"
        return (Action(what, (_port(target),)),) if self.contact(target) else ()

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        return {item.target.id: (_look(item, now),) for item in targets}

    def parse(self, seen: Reading) -> DomainRecords:
        try:
            stored = json.loads(seen.text("answers"))
            told = read(stored["answers"])
        except (ValueError, RecursionError, KeyError, TypeError) as exc:
            raise CollectError(Reason.UNPARSABLE, f"answers: {type(exc).__name__}: {exc}"[:200]) from None
        missing = [one for one in reading.questions(seen.target, told) if one not in told]
        if missing:
            name, kind = missing[0]
            raise CollectError(Reason.INCOMPLETE, f"{len(missing)} questions were not asked, such as {kind} of {name}")
        return DomainRecords(
            seen=seen.seen,
            resolver=str(stored.get("resolver", ""))[:100],
            name=reading.host(seen.target),
            pointers=reading.pointers(seen.target, told),
            caa=reading.caa(seen.target, told),
            mail=reading.mail(seen.target, told),
        )


def _port(target: Target) -> int:
    return (target.dns and target.dns.port) or 53


def _look(item: Addressed, now: datetime) -> Observation:
    stored: list[dict[str, str]] = []
    told: dict[Question, Told] = {}
    until, lost = time.monotonic() + DEADLINE_S, set[str]()
    with turn(item.address):
        while left := [one for one in reading.questions(item.target, told) if one not in told]:
            for question in left:
                away = len(lost) >= _LOST or time.monotonic() >= until
                answer = {"name": question[0], "type": question[1], "problem": "timeout"}
                if not away:
                    answer = ask(item.address, _port(item.target), question, until)
                lost = set() if "wire" in answer else lost | {question[0]}
                stored.append(answer)
                told |= read([answer])
    silent = bool(stored) and not any("wire" in one for one in stored)
    return Observation(
        key="answers",
        source=f"DNS questions to {item.address} port {_port(item.target)}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=b"" if silent else json.dumps({"resolver": item.address, "answers": stored}, sort_keys=True).encode(),
        stderr=f"{item.address}: {stored[0]['problem']}" if silent else "",
        exit=None if silent else 0,
        problem=Reason.UNREACHABLE if silent else None,
    )
