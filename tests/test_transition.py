"""Which framework a target is judged by: the dates of its systems' decisions, the day, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from auditor import packfile
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from auditor.packlint import lint
from auditor.packs import default_pack, load_pack, ruleset
from auditor.rulepack import Pack, Transition
from auditor.targets import Inventory, System
from auditor.transition import Reach, in_transition, words
from tests.packfiles import CHECKS, a_rule, codes, overlay, pack
from tests.rulesets import inventory, server

PACKS = Path(__file__).parents[1] / "checks" / "packs"
DAY = date(2026, 11, 22)
GRACE: dict[str, Any] = {
    "decided_before": "2026-07-01",
    "until": "2027-06-30",
    "invested_before": "2026-07-01",
    "invested_decided_by": "2026-12-31",
}


def system(name: str, decided: str | None = None, invested: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "owner": "so-1"}
    if decided:
        made["decision"] = {"no": "1/QĐ", "date": decided}
    if invested:
        made["invested_from"] = invested
    return made


def packs(folder: Path) -> list[Pack]:
    """The old framework and the new one, as the law has them."""
    old = pack(
        folder / "old", a_rule("r.old", check="antivirus.plain"), id="cu", in_force="2022-10-01",
        until="2026-08-18", transition=GRACE,
    )  # fmt: skip
    new = pack(folder / "new", a_rule("r.new", check="antivirus.plain"), id="moi", in_force="2026-08-19")
    return [old, new]


@pytest.mark.parametrize(
    ("decided", "invested", "day", "expected"),
    [
        ("2026-06-30", None, "2026-11-22", True),
        ("2026-06-30", None, "2027-06-30", True),
        ("2026-06-30", None, "2027-07-01", False),
        ("2026-07-01", None, "2026-11-22", False),
        (None, None, "2026-11-22", False),
        (None, "2026-06-30", "2026-12-31", True),
        (None, "2026-06-30", "2027-01-01", False),
        ("2026-12-31", "2026-06-30", "2027-06-30", True),
        ("2027-01-01", "2026-06-30", "2027-02-01", False),
        ("2026-12-31", "2026-07-01", "2027-02-01", False),
    ],
)
def test_a_system_is_in_transition_by_its_dates(
    decided: str | None, invested: str | None, day: str, expected: bool
) -> None:
    made = System.model_validate(system("s", decided, invested), by_alias=True)
    rule = Transition.model_validate(GRACE, by_alias=True)
    assert in_transition(made, rule, date.fromisoformat(day)) is expected
    if invested and expected:
        bare = rule.model_copy(update={"invested_before": None})
        assert not in_transition(made, bare, date.fromisoformat(day))


def known() -> Inventory:
    targets = [
        server("old", systems=("a", "b")),
        server("new", systems=("c",)),
        server("shared", systems=("a", "c")),
        server("none"),
        server("unknown", systems=("z",)),
    ]
    systems = [system("a", "2026-01-05"), system("b", "2025-03-01"), system("c", "2026-09-01")]
    return inventory(*targets, systems=systems)


@pytest.mark.parametrize("turn", [list, lambda made: made[::-1]])
def test_each_target_has_the_framework_of_its_systems(tmp_path: Path, turn: Callable[[list[Pack]], list[Pack]]) -> None:
    here = known()
    table = ruleset(turn(packs(tmp_path)), CHECKS, DAY, here)
    assert table.base.id == "moi", "grades are those of the law in force, however the packs were named"
    told = {target.id: table.framework_of(target) for target in here.targets}
    assert {name: (frameworks, said.code) for name, (frameworks, said) in told.items()} == {
        "old": (("cu",), "framework-old"),
        "new": (("moi",), "framework-new"),
        "shared": (("moi", "cu"), "framework-both"),
        "none": (("moi",), "framework-no-system"),
        "unknown": (("moi",), "framework-no-system"),
    }
    rules = {target.id: [one.rule.id for one in table.of(target)] for target in here.targets}
    assert rules == {
        "old": ["cu/r.old"],
        "new": ["r.new"],
        "shared": ["cu/r.old", "r.new"],
        "none": ["r.new"],
        "unknown": ["r.new"],
    }
    for _names, said in told.values():
        assert all(text and "{" not in text for text in words(said).values())
    assert "a" in words(told["shared"][1])["vi"]
    assert "c" in words(told["shared"][1])["en"]


def test_after_the_transition_the_old_pack_is_refused(tmp_path: Path) -> None:
    both = packs(tmp_path)
    assert ruleset(both, CHECKS, date(2027, 6, 30), known()).rules
    with pytest.raises(InventoryError) as caught:
        ruleset(both, CHECKS, date(2027, 7, 1), known())
    assert codes(caught.value.mistakes) == ["pack-not-in-force"]


def test_alone_each_framework_falls_on_everything(tmp_path: Path) -> None:
    old, new = packs(tmp_path)
    for one in (old, new):
        here = known()
        table = ruleset([one], CHECKS, DAY, here)
        assert all(table.of(target) for target in here.targets)
        assert table.framework_of(here.targets[0])[0] == (one.info.id,)
    reach = Reach([new.info], DAY)
    assert reach.framework_of(server("a"))[1].code == "framework-only"


def test_an_overlay_follows_the_framework_it_lies_over(tmp_path: Path) -> None:
    over = overlay(tmp_path / "o", a_rule("r.more", check="antivirus.plain"), over=["cu"])
    here = known()
    table = ruleset([*packs(tmp_path), over], CHECKS, DAY, here)
    reached = [target.id for target in here.targets if any("r.more" in one.rule.id for one in table.of(target))]
    assert reached == ["old", "shared"]


def test_the_dates_of_a_transition_are_linted(tmp_path: Path) -> None:
    wrong = {**GRACE, "until": "2026-01-01", "invested_before": None}
    made = pack(tmp_path / "p", a_rule(), a_rule("antivirus.plain"), transition=wrong)
    assert sorted(codes(lint([made], CHECKS))) == ["pack-dates", "pack-needs"]


# --- the default of a day


def test_the_default_pack_is_the_law_of_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packfile, "folder_of", lambda _socket: tmp_path)
    folder = tmp_path / "packs"
    packs(folder)
    overlay(folder / "phu")
    days = {"2022-10-01": "cu", "2026-08-18": "cu", "2026-08-19": "moi", "2030-01-01": "moi"}
    assert {day: default_pack(date.fromisoformat(day)) for day in days} == days
    with pytest.raises(CapdoError, match="2022-09-30"):
        default_pack(date(2022, 9, 30))
    (folder / "phu" / "pack.yaml").write_text("id: 1")
    with pytest.raises(InventoryError):
        default_pack(DAY)


def test_the_frameworks_that_come_with_the_program() -> None:
    assert default_pack(date(2026, 8, 18)) == "tt12-2022"
    assert default_pack(date(2026, 8, 19)) == default_pack(date(2027, 6, 30)) == "tcvn-14423-2026"
    old = load_pack(PACKS / "tt12-2022").info
    assert old.transition is not None
    assert old.transition.decided_before == date(2026, 7, 1)
    assert old.transition.until == date(2027, 6, 30), "inclusive: law 116/2025 art. 45.1, twelve months"
