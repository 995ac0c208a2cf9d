"""The recorded example province, whole: the two-line promise of the README, and the gold run.

A change of checks, rules or parsers shows here as findings that differ from ``tests/gold/example-province.json``.
When they differ on purpose, look at each difference and write the gold anew:

    CAPDO_GOLD=renew python -m pytest tests/test_example_province.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.folder import EvidenceFolder
from auditor.inventories import load_inventory

ROOT = Path(__file__).parent.parent
PROVINCE = ROOT / "inventory" / "example-province.yaml"
CAPDO = ROOT / "inventory" / "recordings" / "example-province.capdo"
GOLD = ROOT / "tests" / "gold" / "example-province.json"
Results = dict[str, dict[str, str]]

STATES = {
    "bv-csdl": ("unreachable", "host-key"),
    "mc-minh-an": ("unreachable", "unreachable"),
    "mc-dong-moi": ("unreachable", "denied"),
    "hssk-csdl": ("partial", "denied"),
    "ke-toan-https": ("unreachable", "unreachable"),  # the refusal of its port was seen
}
"""What was recorded as it went wrong; all others were seen."""


def run(folder: Path) -> dict[str, Any]:
    words = ("run", str(PROVINCE), "--out", str(folder / "out"), "--db", f"sqlite:///{folder}/a.db")
    ended = subprocess.run(
        [sys.executable, str(ROOT / "audit.py"), *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert (folder / "out" / "index.html").is_file()
    told: dict[str, Any] = json.loads((folder / "out" / "run.json").read_text("utf-8"))
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(tmp_path_factory.mktemp("province"))


def results(told: dict[str, Any]) -> Results:
    made: Results = {}
    for one in told["findings"]:
        made.setdefault(one["target"], {})[one["rule"]] = one["result"]
    return made


def test_the_document_fits_its_schema_and_says_that_it_is_recorded(told: dict[str, Any]) -> None:
    jsonschema.validate(told, json.loads((ROOT / "docs" / "run.schema.json").read_text("utf-8")))
    assert told["run"]["recorded"] is True
    assert told["run"]["state"] == "complete"
    assert told["run"]["verified"] is True


def test_every_target_stands_in_it_as_it_was_found(told: dict[str, Any]) -> None:
    inventory = load_inventory(PROVINCE)
    states = {one["id"]: (one["state"], one["reason"]) for one in told["targets"]}
    assert set(states) == {target.id for target in inventory.targets}
    assert {one: state for one, state in states.items() if state[0] != "assessed"} == STATES
    assert "may-doc-lap" not in json.dumps(told)


def test_it_shows_a_whole_province(told: dict[str, Any]) -> None:
    """All results but errors, all kinds of grants, grades from one end to the other."""
    counts = Counter(one["result"] for one in told["findings"])
    assert set(counts) >= {"pass", "fail", "unknown", "notchecked", "notapplicable"}
    assert "error" not in counts
    assert any(one["waived_by"] for one in told["findings"])
    assert any(one["inherited_from"] for one in told["findings"])
    scores = told["scores"]
    assert scores["province"]["grade"] is not None
    assert len({score["grade"] for score in scores["targets"]}) >= 4
    assert {score["grade"] is None for score in scores["agencies"]} == {True, False}


def test_findings_are_those_of_the_gold_run(told: dict[str, Any]) -> None:
    found = results(told)
    if os.environ.get("CAPDO_GOLD") == "renew":
        lines = (f"{json.dumps(one)}: {json.dumps(rules, sort_keys=True)}" for one, rules in sorted(found.items()))
        GOLD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    gold: Results = json.loads(GOLD.read_text("utf-8"))
    differ = [
        f"{one} {rule}: {gold.get(one, {}).get(rule, 'no finding')} → {found.get(one, {}).get(rule, 'no finding')}"
        for one in sorted(gold.keys() | found.keys())
        for rule in sorted(gold.get(one, {}).keys() | found.get(one, {}).keys())
        if gold.get(one, {}).get(rule) != found.get(one, {}).get(rule)
    ]
    hint = "if this is on purpose: CAPDO_GOLD=renew python -m pytest tests/test_example_province.py"
    assert not differ, "\n".join([f"{len(differ)} findings differ from the gold run:", *differ[:80], hint])


def test_a_second_run_finds_the_same(told: dict[str, Any], tmp_path: Path) -> None:
    began = os.times()
    again = run(tmp_path)
    assert results(again) == results(told)
    assert again["run"]["date"] == told["run"]["date"], "the day is that of the recording, not of the run"
    assert again["scores"] == told["scores"]
    spent = os.times()
    seconds = spent.children_user + spent.children_system - began.children_user - began.children_system
    assert seconds < 20, "it must stay quick: this is what people try first"


def test_the_recording_is_whole_small_and_says_nothing_of_where_it_was_made() -> None:
    assert CAPDO.stat().st_size < 2 << 20
    folder = EvidenceFolder(CAPDO)
    assert folder.verify() == []
    manifest = json.dumps(folder.manifest())
    release = os.uname().release
    for target in {one.recording for one in load_inventory(PROVINCE).targets if one.recording}:
        for collector in folder.collected(target):
            for key, digest in folder.envelope(target, collector).observations:
                seen = folder.observation(key, digest)
                manifest += f"{seen.source}\n{seen.stdout.decode('utf-8', 'replace')}\n{seen.stderr}\n"
    for word in (str(ROOT), "capdo-lab", "site-packages", f" {release}\n", "Acquire::http::Proxy"):
        assert word not in manifest, word
    hosts = {
        line.split("|")[1].rpartition("/")[2].partition("_")[0]
        for line in manifest.split("\n")
        if line.startswith("Packages|")
    }
    assert hosts == {"deb.debian.org", "kho.binh-minh.lan"}
