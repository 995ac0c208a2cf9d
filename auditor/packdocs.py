"""Pages and the JSON Schema that are made from rule packs: ``python -m auditor.packdocs [FOLDER]`` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, Literal

from pydantic.json_schema import models_json_schema

from auditor.catalogue import catalogue
from auditor.packfile import all_packs
from auditor.rulepack import Pack, PackFile, PackInfo

Lang = Literal["vi", "en"]

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "made": (
        "Trang này được tạo từ gói quy tắc; đừng sửa tay (`make docs`).",
        "This page is made from the rule pack; do not edit it (`make docs`).",
    ),
    "in-force": ("Có hiệu lực từ {day}", "In force from {day}"),
    "until": ("đến {day}", "until {day}"),
    "over": ("Lớp phủ lên: {packs}", "An overlay over: {packs}"),
    "dated": ("phiên bản {version}, lập ngày {day}", "version {version}, dated {day}"),
    "count": (
        "{count} yêu cầu; {checked} có phép kiểm tra tự động, {asked} cần người trả lời.",
        "{count} requirements; {checked} have automatic checks, {asked} need a person's answer.",
    ),
    "unread": (
        "Lời văn là của chúng tôi, chưa đối chiếu bản gốc trừ khi có ghi nhận (`rules confirm`).",
        "The words are ours, not checked against the originals unless recorded (`rules confirm`).",
    ),
    "level": ("Cấp {level}", "Level {level}"),
    "technical": ("Kỹ thuật", "Technical"),
    "management": ("Quản lý", "Management"),
    "none": ("Khác", "Other"),
    "id": ("Mã", "Id"),
    "requirement": ("Yêu cầu", "Requirement"),
    "clauses": ("Điều khoản", "Clauses"),
    "params": ("Tham số", "Parameters"),
    "force": ("Hiệu lực", "Force"),
    "checks": ("Phép kiểm tra", "Checks"),
    "asked": ("(người trả lời)", "(a person answers)"),
}


def _word(code: str, lang: Lang, **values: Any) -> str:
    return _WORDS[code][lang == "en"].format(**values)


def page(pack: Pack, packs: list[Pack], lang: Lang) -> str:
    """One pack as Markdown: for each level a table of its requirements with clause, parameters and checks."""
    info = pack.info
    rows = [one for one in catalogue(packs) if one["pack"] == info.id]
    checked = sum(bool(one["checks"]) for one in rows)
    asked = sum(any("check" not in rule for rule in one["rules"]) for one in rows)
    dates = _word("in-force", lang, day=info.in_force)
    if info.until is not None:
        dates += " " + _word("until", lang, day=info.until)
    lines = [f"# {info.title[lang]}", "", _word("made", lang), ""]
    lines += [f"`{info.id}`, {_word('dated', lang, version=info.version, day=info.dated)}. {dates}.", ""]
    if info.over:
        lines += [_word("over", lang, packs=", ".join(f"`{name}`" for name in info.over)) + ".", ""]
    lines += [_word("count", lang, count=len(rows), checked=checked, asked=asked), "", _word("unread", lang), ""]
    for level in range(1, 6):
        here = [one for one in rows if level in one["levels"]]
        if not here:
            continue
        lines += [f"## {_word('level', lang, level=level)}", ""]
        for domain in ("technical", "management", None):
            some = [one for one in here if one["domain"] == domain]
            if some:
                lines += [f"### {_word(domain or 'none', lang)} ({len(some)})", "", *_table(some, level, lang), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: list[dict[str, Any]], level: int, lang: Lang) -> list[str]:
    heads = ("id", "requirement", "clauses", "params", "force", "checks")
    lines = ["| " + " | ".join(_word(name, lang) for name in heads) + " |", "|" + "---|" * len(heads)]
    for one in rows:
        key = f"L{level}"
        clauses = [f"{name}: {text}" for name, said in one["clauses"].items() if (text := _at(said, key))]
        params = [f"{name} = {_value(said[key])}" for name, said in one["params"].items() if key in said]
        standing = [rule for rule in one["rules"] if level in rule["levels"]]
        checks = sorted({f"`{rule['check']}`" for rule in standing if "check" in rule})
        checks += [f"{rule['id']} {_word('asked', lang)}" for rule in standing if "check" not in rule]
        force = f"{one['force']}, {one['obligation']}"
        cells = (one["id"], one["title"][lang], *map("<br>".join, (clauses, params)), force, "<br>".join(checks) or "–")
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return lines


def _at(said: Any, key: str) -> str:
    return said if isinstance(said, str) else str(said.get(key, ""))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_value(item)}" for key, item in value.items()) or "–"
    return str(value)


def schema() -> str:
    """JSON Schema of ``pack.yaml`` and of the category files, made from the models."""
    refs, made = models_json_schema(
        [(PackInfo, "validation"), (PackFile, "validation")], by_alias=True, title="A file of a Capdo rule pack"
    )
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": made["title"],
        "anyOf": [refs[PackInfo, "validation"], refs[PackFile, "validation"]],
        "$defs": made["$defs"],
    }
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def pages() -> dict[str, str]:
    """All that is generated, by its path below ``docs/``."""
    packs = all_packs()
    langs: tuple[Lang, Lang] = ("vi", "en")
    made = {f"rules/{pack.info.id}.{lang}.md": page(pack, packs, lang) for pack in packs for lang in langs}
    return {**made, "pack.schema.json": schema()}


def write(docs: Path) -> list[Path]:
    """Write everything below ``docs``; pages of packs that are gone are removed."""
    (docs / "rules").mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in (docs / "rules").glob("*.md"):
        if f"rules/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (docs / name).write_text(text, "utf-8")
    return [docs / name for name in sorted(made)]


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        sys.stdout.write(f"{written}\n")
