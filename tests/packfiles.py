"""Rule packs written to disk and read back, with two small checks, for tests of packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import yaml

from auditor.check import Check, NoParams, param
from auditor.mistakes import Mistake
from auditor.model import Evidence, Verdict, passed
from auditor.packs import load_pack
from auditor.rulepack import Pack
from tests.rulesets import INFO, requirement, rule


class Mode(StrEnum):
    BLOCK = "block"
    WATCH = "watch"


@dataclass(frozen=True)
class AgeParams:
    max_age_days: int = param(3, stricter="lower")
    names: tuple[str, ...] = param((), stricter="fewer")
    mode: Mode = param(Mode.BLOCK, stricter="none")  # noqa: RUF009
    ratio: float = param(0.5, stricter="higher")

    def __post_init__(self) -> None:
        if self.max_age_days < 0:
            raise ValueError("max_age_days must not be negative")


class Age(Check[Evidence, AgeParams]):
    id: ClassVar[str] = "antivirus.age"
    evidence: ClassVar[type] = Evidence
    params: ClassVar[type] = AgeParams

    def judge(self, evidence: Evidence, params: AgeParams) -> Verdict:
        return passed("fine")


class Plain(Check[Evidence, NoParams]):
    id: ClassVar[str] = "antivirus.plain"
    evidence: ClassVar[type] = Evidence

    def judge(self, evidence: Evidence, params: NoParams) -> Verdict:
        return passed("fine")


CHECKS: Mapping[str, Check[Any, Any]] = {"antivirus.age": Age(), "antivirus.plain": Plain()}


def raw(model: Any) -> dict[str, Any]:
    """A model as a file would hold it."""
    return {
        key: value
        for key, value in model.model_dump(mode="json", by_alias=True, exclude_defaults=True).items()
        if value is not None
    }


def write(folder: Path, *, head: Mapping[str, Any] = INFO, **files: Any) -> Path:
    """A pack on disk; keywords are file names below requirements/ or rules/."""
    (folder / "requirements").mkdir(parents=True, exist_ok=True)
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(yaml.safe_dump(dict(head), allow_unicode=True), "utf-8")
    for name, items in files.items():
        kind, _, stem = name.partition("_")
        text = yaml.safe_dump({kind: items}, allow_unicode=True, sort_keys=False)
        (folder / kind / f"{stem}.yaml").write_text(text, "utf-8")
    return folder


def pack(folder: Path, *rules: dict[str, Any], requirements: Any = None, **head: Any) -> Pack:
    """A pack of these rules with requirement REQ-1, read back from disk."""
    needs = requirements if requirements is not None else [raw(requirement("REQ-1"))]
    return load_pack(write(folder, head={**INFO, **head}, requirements_all=needs, rules_all=list(rules)))


GRADING = ("grades", "mandatory_cap", "coverage_gate", "waiver_cap")


def overlay(
    folder: Path,
    *rules: dict[str, Any],
    requirements: Any = None,
    tighten: Sequence[dict[str, Any]] = (),
    **head: Any,
) -> Pack:
    """An overlay ``lop-phu`` over the pack of ``pack``, with its own requirement REQ-1, read back from disk."""
    made = {key: value for key, value in INFO.items() if key not in GRADING}
    made |= {"id": "lop-phu", "kind": "overlay", "over": [INFO["id"]], **head}
    needs = requirements if requirements is not None else [raw(requirement("REQ-1"))]
    folder = write(folder, head=made, requirements_all=needs, rules_all=list(rules))
    text = yaml.safe_dump({"tighten": list(tighten)}, allow_unicode=True, sort_keys=False)
    (folder / "rules" / "tighten.yaml").write_text(text, "utf-8")
    return load_pack(folder)


def a_rule(name: str = "antivirus.age", **changes: Any) -> dict[str, Any]:
    return {**raw(rule(name)), **changes}


def codes(mistakes: list[Mistake] | tuple[Mistake, ...]) -> list[str]:
    return [one.message.code for one in mistakes]
