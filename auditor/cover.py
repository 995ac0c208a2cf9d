"""The smallest set of things that covers some needs: exact where that can be proven, else greedy with a bound.

A pure helper of ``lift``. Every need is a whole number, everything has a whole number to give to some of them.
The general problem is NP-hard. Three ways are tried, from the cheapest:

1. *Nested* needs (each thing gives to the first need and, the same again, to at most one of the inner ones) are solved
   exactly by taking the largest: first what each inner need asks at least, then the largest of what is left. With the
   k largest of an inner need no other k give more, so no smaller set can do.
2. A greedy of Wolsey (1982): always what gives most to all needs together, each counted up to what it still lacks as a
   share of it. Its set is at most ``1 + ln(f)`` times the smallest, and is then freed of what is superfluous.
3. All sets, where at most ``TRIED`` things are to choose from.

The largest of what single needs, or the nested ones, ask at least is a lower bound; a set of that size is proven.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

TRIED: Final = 12
"""Above this many things not all sets are tried."""


class Need(NamedTuple):
    """What is to be covered, and what each thing (by number) gives to it."""

    amount: int
    gives: Mapping[int, int]


class Cover(NamedTuple):
    """The things chosen, in order of number; none can do with fewer than ``least``."""

    chosen: tuple[int, ...]
    least: int

    @property
    def exact(self) -> bool:
        return len(self.chosen) == self.least


def smallest(count: int, whole: Need, beside: Sequence[Need] = (), inner: Sequence[Need] = ()) -> Cover:
    """The smallest set of ``count`` things for all needs.

    ``inner`` are parts of ``whole``; ``beside`` are needs of their own. A need larger than all that can be given to
    it is lowered to that.
    """
    needs = [lowered for need in (whole, *beside, *inner) if (lowered := _lowered(need)).amount > 0]
    if not needs:
        return Cover((), 0)
    parts = [lowered for need in inner if (lowered := _lowered(need)).amount > 0]
    least = max(_fewest(need) for need in needs)
    found: set[int] | None = None
    if _is_nested(_lowered(whole), parts):
        found = _nested(_lowered(whole), parts, beside)
        least = max(least, len(found))
        if _covers(found, needs):
            return Cover(tuple(sorted(found)), least)
    greedy = _pruned(_greedy(count, needs, set()), needs)
    if found is not None:
        greedy = min(greedy, _pruned(_greedy(count, needs, found), needs), key=len)
    if len(greedy) > least and count <= TRIED:
        for size in range(least, len(greedy)):
            for some in itertools.combinations(range(count), size):
                if _covers(set(some), needs):
                    return Cover(some, size)
        least = len(greedy)
    return Cover(tuple(sorted(greedy)), least)


def _lowered(need: Need) -> Need:
    return Need(min(need.amount, sum(need.gives.values())), need.gives)


def _covers(chosen: set[int], needs: Sequence[Need]) -> bool:
    return all(sum(need.gives.get(one, 0) for one in chosen) >= need.amount for need in needs)


def _fewest(need: Need) -> int:
    """How many things a single need asks at least: as many of its largest as cover it."""
    given, number = 0, 0
    for number, amount in enumerate(sorted(need.gives.values(), reverse=True), 1):  # noqa: B007  (used after)
        given += amount
        if given >= need.amount:
            break
    return number


def _is_nested(whole: Need, parts: Sequence[Need]) -> bool:
    seen: set[int] = set()
    for part in parts:
        for one, amount in part.gives.items():
            if one in seen or whole.gives.get(one, 0) != amount:
                return False
            seen.add(one)
    return True


def _nested(whole: Need, parts: Sequence[Need], beside: Sequence[Need]) -> set[int]:
    """The largest of each part up to its need, then the largest of all; of equals, what gives most beside."""

    def largest(one: int) -> tuple[int, int, int]:
        return -whole.gives.get(one, 0), -sum(need.gives.get(one, 0) for need in beside), one

    found: set[int] = set()
    for part in parts:
        given = 0
        for one in sorted(part.gives, key=largest):
            if given >= part.amount:
                break
            found.add(one)
            given += part.gives[one]
    given = sum(whole.gives.get(one, 0) for one in found)
    for one in sorted(whole.gives, key=largest):
        if given >= whole.amount:
            break
        if one not in found:
            found.add(one)
            given += whole.gives[one]
    return found


def _greedy(count: int, needs: Sequence[Need], begun: set[int]) -> set[int]:
    """Wolsey's greedy from what is begun with; what a thing gives only falls, so an old value is a bound."""
    lacking = [need.amount - sum(need.gives.get(one, 0) for one in begun) for need in needs]
    of: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for place, need in enumerate(needs):
        for one, amount in need.gives.items():
            of[one].append((place, amount))

    def worth(one: int) -> float:
        return sum(min(amount, lacking[place]) / needs[place].amount for place, amount in of[one] if lacking[place] > 0)

    found = set(begun)
    heap = [(-worth(one), one) for one in range(count) if one not in begun]
    heapq.heapify(heap)
    while heap and any(rest > 0 for rest in lacking):
        value, one = heapq.heappop(heap)
        now = -worth(one)
        if now > value and heap and now > heap[0][0]:
            heapq.heappush(heap, (now, one))
            continue
        found.add(one)
        for place, amount in of[one]:
            lacking[place] -= amount
    return found


def _pruned(found: set[int], needs: Sequence[Need]) -> set[int]:
    """Without what the others make superfluous, the least giving first."""
    spare = [sum(need.gives.get(one, 0) for one in found) - need.amount for need in needs]
    for one in sorted(found, key=lambda one: (sum(need.gives.get(one, 0) for need in needs), one)):
        amounts = [need.gives.get(one, 0) for need in needs]
        if all(rest >= amount for rest, amount in zip(spare, amounts, strict=True)):
            found = found - {one}
            spare = [rest - amount for rest, amount in zip(spare, amounts, strict=True)]
    return found
