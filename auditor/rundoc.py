"""The run document: what every report shows, and nothing else (design §8, fixed).

Made from the store or from a ``run.json``; findings come as a stream, sorted by target, then rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import codec, texts
from auditor.i18n import _
from auditor.model import CapdoError
from auditor.store import Store
from auditor.whole import whole_file

SCHEMA = "capdo.run/1"
INLINE = 100_000
"""Most findings that stand inside run.json; more go to NDJSON files beside it."""
PER_FILE = 50_000


@dataclass(frozen=True)
class RunDocument:
    """``head`` is the document without findings; ``findings`` may be called as often as wanted."""

    head: dict[str, Any]
    findings: Callable[[], Iterator[dict[str, Any]]]


def of_run(store: Store, run_id: str) -> RunDocument:
    """The document of a stored run, its findings streamed from the store."""
    row = store.find(run_id)
    head = store.head(row.seq)
    head["observations"] = dict(store.observations(row.seq))
    head["targets"], head["scores"]["targets"] = [], []
    for told, score in store.targets(row.seq):
        head["targets"].append(told)
        head["scores"]["targets"].append(score)
    rules = head["rules"]

    def stream() -> Iterator[dict[str, Any]]:
        for stored in store.findings(row.seq):
            yield export(stored, rules.get(stored["rule"], {}))

    return RunDocument(head, stream)


def export(stored: Any, rule: dict[str, Any]) -> dict[str, Any]:
    """One stored finding with its sentences in both languages."""
    check = stored["check_id"]
    finding = codec.load(stored["target"], stored["rule"], check, stored["result"], stored["doc"])
    verdict = finding.verdict
    notes = json.loads(stored["notes"]) if stored["notes"] else {}
    rule = rule | notes.get("made", {})
    cure = None
    if stored["final"] in ("unknown", "error", "notchecked"):
        cures = texts.engine().cures
        told = cures.get(finding.reason.value if finding.reason else stored["final"])
        cure = told["cure"] if told else None
    made: dict[str, Any] = {
        "target": finding.target,
        "rule": finding.rule,
        "check": check,
        "result": stored["final"],
        "severity": rule.get("severity"),
        "mandatory": rule.get("mandatory"),
        "message": texts.message(check, verdict.message),
        "expected": texts.value(check, verdict.expected),
        "found": texts.value(check, verdict.found),
        "where": texts.value(check, verdict.where),
        "instances": [_instance(check, one) for one in verdict.instances],
        "requirements": rule.get("requirements", []),
        "observations": list(finding.observations),
        "waived_by": notes.get("waived_by") or None,
        "inherited_from": notes.get("inherited_from"),
        "mend_by": rule.get("mend_by"),
        "first_seen": stored["first_seen"],
        "runs_open": stored["runs_open"],
        "change": stored["change"],
        "reason": finding.reason.value if finding.reason else None,
        "detail": finding.detail or None,
        "cure": cure,
    }
    if "made" in notes:
        made |= {"weight": rule.get("weight"), "force": rule.get("force"), "overlaid": rule["won"]}
    for name in ("waived_instances", "attested_by", "contradicted_by"):
        if name in notes:
            made[name] = notes[name]
    return made


def _instance(check: str, one: Any) -> dict[str, Any]:
    return {
        "id": one.id,
        "result": one.result.value,
        "message": texts.message(check, one.message) if one.message else None,
        "expected": texts.value(check, one.expected),
        "found": texts.value(check, one.found),
        "where": texts.value(check, one.where),
    }


def write(document: RunDocument, out: Path) -> Path:
    """Write ``run.json`` into ``out`` (and NDJSON files beside it above 100,000 findings); returns its path."""
    total = sum(document.head["scores"]["province"]["counts"].values())
    path = out / "run.json"
    with whole_file(path) as file:
        file.write("{\n")
        for key, value in document.head.items():
            file.write(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n")
        if total <= INLINE:
            file.write('"findings": [')
            for number, finding in enumerate(document.findings()):
                file.write((",\n" if number else "\n") + json.dumps(finding, ensure_ascii=False))
            file.write("]\n}\n")
        else:
            files = json.dumps(_split(document, out), ensure_ascii=False)
            file.write(f'"findings_files": {files}\n}}\n')
    return path


def _split(document: RunDocument, out: Path) -> list[dict[str, Any]]:
    """Findings as NDJSON, some 50,000 a file, each file named with its digest and count."""
    folder = out / "findings"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("findings-*.ndjson"):
        old.unlink()
    told: list[dict[str, Any]] = []
    stream = document.findings()
    while True:
        digest = hashlib.sha256()
        count = 0
        path = folder / f"findings-{len(told) + 1:04d}.ndjson"
        with path.open("wb") as file:
            for finding in stream:
                line = json.dumps(finding, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
                if count == PER_FILE:
                    break
        if count == 0:
            path.unlink()
            return told
        told.append({"path": f"findings/{path.name}", "sha256": digest.hexdigest(), "count": count})


def read(path: Path) -> RunDocument:
    """The document in a ``run.json``. Raises ``CapdoError`` for anything that is not one."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise CapdoError(_("{path}: cannot be read as a run document: {why}").format(path=path, why=exc)) from None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise CapdoError(_("{path}: not of schema {schema}").format(path=path, schema=SCHEMA))
    inline = told.pop("findings", None)
    files = told.pop("findings_files", None)
    if isinstance(inline, list):
        return RunDocument(told, lambda: iter(inline))
    if not isinstance(files, list):
        raise CapdoError(_("{path}: holds neither findings nor findings_files").format(path=path))
    return RunDocument(told, lambda: _lines(path, files))


def _lines(path: Path, files: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    folder = path.parent.resolve()
    for told in files:
        part = (folder / str(told["path"])).resolve()
        if not part.is_relative_to(folder) or not part.is_file():
            raise CapdoError(_("{path}: there is no such file beside the run document").format(path=told["path"]))
        with part.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != told["sha256"]:
                raise CapdoError(_("{path}: was changed: its bytes do not match its digest").format(path=part))
            file.seek(0)
            for line in file:
                yield json.loads(line)
