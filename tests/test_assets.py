"""What a system stands on, and the level that is carried down to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.assets import EDGES, Asset, Assets, carried_levels, with_carried_levels
from auditor.targets import Inventory, Target
from tests.rulesets import inventory, server

NAMES = [f"m{number}" for number in range(7)]


def place(*targets: Target, systems: tuple[str, ...] = ("ht",)) -> Inventory:
    return inventory(*targets, systems=[{"id": name, "owner": "so"} for name in systems])


@pytest.mark.parametrize("edge", EDGES)
def test_every_edge_leads_to_an_asset(edge: str) -> None:
    held = Assets(place(server("a", systems=("ht",), **{edge: ("b",)}), server("b"), server("c"))).of("ht")
    assert held == (Asset("a"), Asset("b", edge, "a"))


def test_edges_lead_on_and_rings_end() -> None:
    made = place(
        server("a", systems=("ht",), runs_on=("b",)),
        server("b", stores_on=("c",)),
        server("c", depends_on=("a", "c")),
        server("d", depends_on=("a",)),
    )
    assert [asset.id for asset in Assets(made).of("ht")] == ["a", "b", "c"]


def test_edges_to_nowhere_are_no_assets() -> None:
    made = place(server("a", systems=("ht", "la"), runs_on=("khong-co",)))
    assert Assets(made).of("ht") == Assets(made).of("la") == (Asset("a"),)
    assert Assets(made).systems == ["ht", "la"]
    assert Assets(made).of("khong-co") == ()


def test_whom_a_shared_target_touches() -> None:
    made = place(
        server("a", systems=("ht-1",), runs_on=("may-chu",)),
        server("b", systems=("ht-2",), runs_on=("may-chu",)),
        server("may-chu", systems=("ht-3",)),
        systems=("ht-1", "ht-2", "ht-3"),
    )
    assert Assets(made).touched() == {"may-chu": ("ht-1", "ht-2")}


def test_a_target_carries_the_highest_level_above_it() -> None:
    made = place(
        server("a", level=3, systems=("ht",), runs_on=("b",)),
        server("b", level=None, stores_on=("c",)),
        server("c", level=2, depends_on=("a",)),
        server("d", level=None),
    )
    assert carried_levels(made) == {"a": 3, "b": 3, "c": 3}
    assert [target.level for target in with_carried_levels(made).targets] == [3, 3, 3, None]
    assert with_carried_levels(with_carried_levels(made)) is not made
    lifted = with_carried_levels(made)
    assert with_carried_levels(lifted) is lifted, "nothing more to lift"


GRAPH = st.lists(
    st.fixed_dictionaries(
        {
            "systems": st.lists(st.sampled_from(["ht-1", "ht-2"]), max_size=2, unique=True).map(tuple),
            "level": st.sampled_from([None, 1, 2, 3, 4, 5]),
            **{edge: st.lists(st.sampled_from(NAMES), max_size=2).map(tuple) for edge in EDGES[:3]},
        }
    ),
    min_size=len(NAMES),
    max_size=len(NAMES),
)


def below(target: str, targets: dict[str, Target]) -> set[str]:
    """All that a target stands on, found the plain way."""
    found: set[str] = set()
    while True:
        more = {
            other
            for name in (found or {target})
            for edge in EDGES
            for other in getattr(targets[name], edge)
            if other in targets
        } | {other for edge in EDGES for other in getattr(targets[target], edge)}
        if more <= found:
            return found
        found |= more


@given(GRAPH, st.randoms())
@settings(max_examples=100, deadline=None)
def test_any_graph(parts: list[dict[str, Any]], chance: Any) -> None:
    listed = [server(name, **fields) for name, fields in zip(NAMES, parts, strict=True)]
    targets = {target.id: target for target in listed}
    made = place(*listed, systems=("ht-1", "ht-2"))
    for system in ("ht-1", "ht-2"):
        own = {name for name, target in targets.items() if system in target.systems}
        held = Assets(made).of(system)
        assert {asset.id for asset in held} == own | {one for name in own for one in below(name, targets)}
        assert [asset.id for asset in held] == sorted(asset.id for asset in held)
        assert all((asset.edge is None) == (asset.id in own) for asset in held)
        assert all(asset.edge is None or asset.id in getattr(targets[asset.of or ""], asset.edge) for asset in held)
    levels = carried_levels(made)
    for name in NAMES:
        above = [other for other in NAMES if name == other or name in below(other, targets)]
        assert levels.get(name) == max((targets[one].level or 0 for one in above), default=0) or (
            name not in levels and all(targets[one].level is None for one in above)
        )
    chance.shuffle(listed)
    shuffled = place(*listed, systems=("ht-1", "ht-2"))
    assert Assets(shuffled).of("ht-1") == Assets(made).of("ht-1")
    assert carried_levels(shuffled) == levels


def test_an_asset_is_written_as_json_has_it() -> None:
    assert json.loads(json.dumps(Asset("b", "runs_on", "a").as_dict())) == {"id": "b", "edge": "runs_on", "of": "a"}
