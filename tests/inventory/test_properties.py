"""Whatever stands in a file, loading it gives an inventory or names mistakes; and it does so in time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import strictyaml
from auditor.inventories import from_snapshot, snapshot
from auditor.inventoryfile import build
from auditor.mistakes import InventoryError
from bench.inventory_load import province
from tests.inventory.support import HEAD, source

_shared_folder = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_WORDS = """
id address url servers links services agencies from to target systems [ ] { } : , - 01 no '' " & * ! # | 10.1.1.1 so-a
dc cong backups scope waivers until 2026-01-01 handling secret-standalone null true 9 runs_on kind ; server
"""
_SECTIONS = """
servers services devices links endpoints waivers authorities systems sites agencies groups retired attestations
shared_controls defaults province
"""
_words = st.sampled_from([*_WORDS.split(), "\n", "\t", ""])


def attempt(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    try:
        made = source(path.suffix).load(path)
    except InventoryError as exc:
        found = exc.mistakes
    else:
        assert from_snapshot(snapshot(made)) == made
        return
    assert found
    assert all(one.line >= 1 and one.column >= 1 and one.text("vi") and one.text("en") for one in found)


@_shared_folder
@given(raw=st.binary(max_size=200), suffix=st.sampled_from([".yaml", ".csv"]))
def test_no_bytes_raise_anything_else(tmp_path: Path, raw: bytes, suffix: str) -> None:
    attempt(tmp_path / f"tinh{suffix}", raw)


@_shared_folder
@given(words=st.lists(_words, max_size=40), suffix=st.sampled_from([".yaml", ".csv"]), head=st.booleans())
def test_no_text_raises_anything_else(tmp_path: Path, words: list[str], suffix: str, head: bool) -> None:
    start = (HEAD if suffix == ".yaml" else "kind,id,address,system,level,agency,group\n") if head else ""
    attempt(tmp_path / f"tinh{suffix}", (start + " ".join(words)).encode())


_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | _words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


@_shared_folder
@given(
    sections=st.dictionaries(
        st.sampled_from(_SECTIONS.split()),
        st.lists(st.dictionaries(_words, _values, max_size=6), max_size=3) | _values,
        max_size=4,
    )
)
def test_no_shape_raises_anything_else(tmp_path: Path, sections: dict[str, Any]) -> None:
    import json

    data = {"province": {"id": "binh-minh"}, **sections}
    attempt(tmp_path / "tinh.yaml", json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


_ids = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@_shared_folder
@given(
    servers=st.lists(
        st.fixed_dictionaries(
            {"id": _ids, "address": st.ip_addresses().map(str)},
            optional={
                "name": st.text(st.characters(categories=("L", "N")), min_size=1, max_size=9),
                "tags": st.lists(_ids, max_size=3),
                "ssh": st.fixed_dictionaries({}, optional={"port": st.integers(1, 65535), "user": _ids}),
                "handling": st.sampled_from(["normal", "secret-standalone"]),
                "systems": st.lists(st.sampled_from(["cong", "thu"]), max_size=2),
                "agency": st.just("so-b"),
            },
        ).filter(lambda one: one.get("handling", "normal") == "normal" or one.get("agency") or one.get("systems")),
        max_size=6,
        unique_by=lambda one: str(one["id"]),
    )
)
def test_every_proper_inventory_loads_and_survives_its_snapshot(tmp_path: Path, servers: list[dict[str, Any]]) -> None:
    import json

    for one in servers:
        if one.get("handling") == "secret-standalone":  # it has none
            del one["address"]
    path = tmp_path / "tinh.yaml"
    path.write_text(HEAD + "servers: " + json.dumps(servers, ensure_ascii=False), encoding="utf-8")
    made = source(".yaml").load(path)
    assert from_snapshot(snapshot(made)) == made
    assert snapshot(from_snapshot(snapshot(made))) == snapshot(made)
    hidden = sum(one.get("handling") == "secret-standalone" for one in servers)
    assert len(made.targets) == len(servers) - hidden
    assert sum(made.secret_standalone.values()) == hidden


def test_ten_thousand_targets_load_in_time(tmp_path: Path) -> None:
    path = tmp_path / "binh-minh.yaml"
    path.write_text(province(10_000), encoding="utf-8")
    start = time.perf_counter()
    inventory = build(strictyaml.load(path), path.parent)
    assert time.perf_counter() - start < 5  # 1.4 s measured; the rest is for busy machines
    assert len(inventory.targets) == 10_000
    assert {target.level for target in inventory.targets} == {1, 2, 3, 4, 5}


def test_a_flood_of_unknown_keys_is_named_in_time(tmp_path: Path) -> None:
    path = tmp_path / "binh-minh.yaml"
    path.write_text("".join(f"khoa{n}: {n}\n" for n in range(30_000)), encoding="utf-8")
    start = time.perf_counter()
    with pytest.raises(InventoryError) as caught:
        build(strictyaml.load(path), path.parent)
    assert time.perf_counter() - start < 10
    assert len(caught.value.mistakes) == 30_001


def test_ten_thousand_mistakes_are_named_in_time(tmp_path: Path) -> None:
    path = tmp_path / "binh-minh.yaml"
    path.write_text(province(10_000).replace("role: web", "rloe: web").replace("[ht", "[hx"), encoding="utf-8")
    start = time.perf_counter()
    with pytest.raises(InventoryError) as caught:
        build(strictyaml.load(path), path.parent)
    assert time.perf_counter() - start < 10
    assert len(caught.value.mistakes) == 20_000
