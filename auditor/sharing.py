"""Which keys several targets show. Pure: evidence in, evidence out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from auditor.evidence.shared_keys import HeldKey, Holder, SharedKeys, ShownKey, ShowsKeys
from auditor.model import Evidence, Reason, Seen, Unavailable
from auditor.targets import Target


class KeyRing:
    """Every key shown in a run, with those who show it."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, str], list[Holder]] = {}
        self._showing: dict[str, set[str]] = {}
        self._unseen: set[str] = set()

    def add(self, target: Target, keys: Iterable[ShownKey]) -> None:
        """What ``target`` showed; nothing, where it should have shown a key and none could be had."""
        holder, shown = _holder(target), set(keys)
        if not shown:
            self._unseen.add(target.id)
        for key in shown:
            self._showing.setdefault(key.kind, set()).add(target.id)
            held = self._holders.setdefault((key.kind, key.fingerprint), [])
            if holder not in held:
                held.append(holder)

    def of(self, target: Target, made: Iterable[Evidence | Unavailable], now: datetime) -> SharedKeys | Unavailable:
        """The keys ``target`` shows in its own evidence, each with the others that show it too."""
        shown: dict[ShownKey, None] = {}
        looked: list[Seen] = []
        missing = Unavailable(Reason.INCOMPLETE, "no key of it was seen")
        for one in made:
            if isinstance(one, Unavailable):
                missing = one
            elif isinstance(one, ShowsKeys):
                looked.append(one.seen)
                shown.update(dict.fromkeys(one.shown_keys()))
        if not shown:
            return missing
        return SharedKeys(
            seen=Seen(
                collected_at=min(seen.collected_at for seen in looked),
                now=now,
                observations=tuple(dict.fromkeys(ref for seen in looked for ref in seen.observations)),
            ),
            own=_holder(target),
            keys=tuple(HeldKey(key, self._others(target, key)) for key in shown),
            compared=len(set().union(*(self._showing.get(key.kind, set()) for key in shown)) - {target.id}),
            unseen=len(self._unseen - {target.id}),
        )

    def _others(self, target: Target, key: ShownKey) -> tuple[Holder, ...]:
        held = self._holders.get((key.kind, key.fingerprint), ())
        return tuple(sorted((one for one in held if one.target != target.id), key=lambda one: one.target))


def _holder(target: Target) -> Holder:
    return Holder(target=target.id, address=target.address, agency=target.agency, systems=target.systems)
