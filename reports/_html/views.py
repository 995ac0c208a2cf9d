"""How the page orders and groups what a run holds; the templates ask these questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .run import Run
from .survey import Survey
from .text import Text

KINDS = ("server", "service", "device", "link", "endpoint")
FAMILIES = ("firewall", "antivirus", "backup", "tls", "patch")  # these first: the five an audit is asked for
STATES = ("unreachable", "stale", "partial")
Cures = dict[Text, dict[str, dict[Text, list[dict[str, Any]]]]]  # by cure, target and detail
LEAD = re.compile(  # the engine's own words for a reason
    r"\A(?:(?:Không đánh giá được|Not assessed): [^.]*\.\s*"
    r"|Chưa có xác nhận hợp lệ của người có trách nhiệm\.|No valid attestation by the person responsible\.)"
)
DIMENSIONS = ("confidentiality", "integrity", "availability")
STATUSES = ("met", "partial", "notmet", "notapplicable", "undecided")


def kinds(run: Run, targets: Iterable[Mapping[str, Any]]) -> Text:
    """So many of each kind, in words."""
    counts = Counter(t["kind"] if t.get("kind") in KINDS else "target" for t in targets)
    ordered = [kind for kind in (*KINDS, "target") if counts[kind]]
    return run.words.join(" · ", [run.words.t(f"count.{kind}", n=counts[kind]) for kind in ordered])


def scope(run: Run) -> Text:
    return run.words.join(" · ", [run.words.t("scope.agencies", n=len(run.agencies)), kinds(run, run.targets.values())])


def whole_percent(share: float) -> int:
    """Rounded down, so that 79.6 % under a gate of 80 % never reads as 80 %."""
    return int(round(100 * share, 6))


def why_no_grade(run: Run, score: Mapping[str, Any]) -> Text:
    gate, coverage = run.run.get("coverage_gate"), score["coverage"]
    if run.run.get("state") == "partial":
        return run.words.t("conclusion.no_grade_partial")
    if isinstance(gate, (int, float)) and coverage is not None and coverage < gate:
        numbers = {"n": whole_percent(coverage), "gate": whole_percent(gate)}
        return run.words.t("conclusion.no_grade_coverage", **numbers)
    return run.words.t("conclusion.no_grade_other")


def packs(run: Run) -> list[dict[str, Any]]:
    return [pack for pack in run.run.get("packs") or [] if isinstance(pack, dict)]


def families(run: Run, survey: Survey) -> list[str]:
    """Every family that has a rule, a score or a finding."""
    known = {str(rule.get("family") or rule_id.partition(".")[0]) for rule_id, rule in run.rules.items()}
    known |= set(run.scored("families")) | {name for by, name, _ in survey.counts if by == "family"}
    return [f for f in FAMILIES if f in known] + sorted(known - set(FAMILIES))


def dimensions(scored: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The scores by dimension, in the order everybody knows."""
    return sorted(scored.items(), key=lambda item: (*(item[0] != one for one in DIMENSIONS), item[0]))


def grouped_agencies(run: Run) -> list[tuple[Any, Text | None, list[str]]]:
    """Agencies by group, best first within it; those without a group last."""
    scores = run.scored("agencies")
    names = {group["id"]: run.name(group) for group in run.organisation.get("groups", []) if "id" in group}
    members: dict[Any, list[str]] = {group: [] for group in names}
    for agency_id, agency in run.agencies.items():
        members.setdefault(agency.get("group"), []).append(agency_id)
    for ids in members.values():
        ids.sort(key=lambda i: -(scores.get(i, {}).get("low") or 0))
    return [(g, names.get(g, str(g)) if g else None, ids) for g, ids in members.items() if ids]


def weakest(run: Run, most: int) -> list[str]:
    """Agencies without a score first, then the lowest scores."""
    scores = run.scored("agencies")

    def rank(agency: str) -> tuple[float, str]:
        low = scores.get(agency, {}).get("low")
        return -1.0 if low is None else low, agency

    return sorted(run.agencies, key=rank)[:most]


def worst_targets(run: Run, scores: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Targets that gave no evidence first, then the lowest scores."""

    def rank(target: dict[str, Any]) -> tuple[int, float, str]:
        state = STATES.index(target["state"]) if target.get("state") in STATES else len(STATES)
        low = scores.get(target["id"], {}).get("low")
        return state, 101.0 if low is None else low, str(target["id"])

    return sorted(run.targets.values(), key=rank)


def requirements_by_category(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    """Requirements in the order of their clauses, under their categories."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for req_id, known in run.requirements.items():
        status = known.get("status") if known.get("status") in STATUSES else "undecided"
        row = {**known, "id": req_id, "status": status}
        grouped.setdefault(str(known.get("category") or "–"), []).append(row)
    for rows in grouped.values():
        rows.sort(key=lambda row: _natural(run.words.one(run.clauses(row["id"]))))
    return sorted(grouped.items())


def _natural(text: str) -> list[tuple[bool, int, str]]:
    """Clause numbers in their own order: 12.9 comes before 12.10."""
    return [
        (part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", text) if part
    ]


def is_hash(instance_id: str) -> bool:
    """Whether an instance is known only by a digest; report-draw.js asks the same."""
    return re.fullmatch(r"[0-9A-Fa-f]{32,}", instance_id) is not None


def beyond_reason(message: Text) -> Text:
    """What a message adds to the heading it stands under."""
    if isinstance(message, str):
        return LEAD.sub("", message)
    vi, en = (LEAD.sub("", words) for words in message)
    return vi if vi == en else (vi, en)


def by_reason(run: Run, findings: Iterable[dict[str, Any]]) -> list[tuple[Text, int, Cures]]:
    """What was not assessed, under its reason and cure, by target; the commonest reason first.

    What is said of several findings of a target in the same words is said once.
    """
    grouped: dict[Text, Cures] = {}
    sizes: Counter[Text] = Counter()
    for finding in findings:
        said = run.describe(finding)
        targets = grouped.setdefault(said["reason"], {}).setdefault(said["cure"], {})
        told = targets.setdefault(finding["target"], {})
        told.setdefault(beyond_reason(said["message"]), []).append(finding)
        sizes[said["reason"]] += 1
    return [(reason, sizes[reason], grouped[reason]) for reason, _ in sizes.most_common()]


def stricter(run: Run) -> list[tuple[str, str, Text]]:
    """Where an overlay asks otherwise than the framework: by rule, at which levels, and what counts."""
    found = []
    for rule, known in run.rules.items():
        for won in known.get("overlaid") or []:
            if isinstance(won, dict):
                clauses = won.get("clauses") if isinstance(won.get("clauses"), dict) else {}
                told = run.won(won, ", ".join(dict.fromkeys(str(c) for c in (clauses or {}).values() if c)))
                found.append((rule, ", ".join(map(str, won.get("levels") or [])), told))
    return found


def frameworks(run: Run) -> list[tuple[Text, Text, Text, list[str]]]:
    """Which rule packs judge which targets, and why: framework, reason, overlays, targets."""
    grouped: dict[tuple[Text, Text, Text], list[str]] = {}
    for name, target in run.targets.items():
        packs, over = (_pack_names(run, target.get(key)) for key in ("frameworks", "overlays"))
        if packs:
            grouped.setdefault((packs, run.words.say(target.get("framework_reason")), over), []).append(name)
    return [(*key, names) for key, names in sorted(grouped.items(), key=lambda item: -len(item[1]))]


def _pack_names(run: Run, packs: Any) -> Text:
    ids = packs if isinstance(packs, list) else []
    return run.words.join("; ", [run.words.say(run.packs.get(p, {}).get("title")) or str(p) for p in ids])


def checked(run: Run) -> tuple[int, int]:
    """How many requirements somebody compared with the original text, and of how many that is known at all."""
    known = [r.get("confirmed") for r in run.requirements.values() if r.get("confirmed") is not None]
    return sum(bool(one) for one in known), len(known)


def confirmed(run: Run, told: Any) -> Text:
    """By whom and from which page a requirement was compared with the original text."""
    if not isinstance(told, dict):
        return ""
    page = run.words.t("requirement.page", n=str(told["page"])) if told.get("page") else ""
    parts = (told.get("by"), told.get("document"))
    names = [run.words.say(part) for part in parts]
    return run.words.t("requirement.confirmed", by=run.words.join(", ", [*names, page, run.words.date(told.get("on"))]))


def params(run: Run, requirement: Mapping[str, Any]) -> Text:
    """The numbers that the text itself asks; of those by level only the levels in use."""
    used = {f"L{target.get('level')}" for target in run.targets.values()}
    told = []
    asked = requirement.get("params")
    for name, value in asked.items() if isinstance(asked, dict) else ():
        if isinstance(value, dict):
            kept = [(level, run.plain(one)) for level, one in value.items() if level in used]
            text = run.words.join(", ", [run.words.join(" ", pair) for pair in kept])
        else:
            text = run.plain(value)
        if text:
            told.append(run.words.join(": ", [run.words.label("param", name), text]))
    return run.words.join("; ", told)


def lift_of(run: Run, score: Mapping[str, Any]) -> dict[str, Any] | None:
    """The shortest way of a scope to a better grade, its fixes by their gain; None where none is told."""
    lift = score["lift"]
    if not lift:
        return None
    t, grades = run.words.t, {str(g.get("id")): run.name(g) for g in run.grades}
    fixes = [fix for fix in lift.get("fixes") or [] if isinstance(fix, dict)]
    low, coverage, least = (lift.get(key) for key in ("low", "coverage", "at_least"))
    numbers = {
        "low": run.words.num(low) if isinstance(low, (int, float)) else "–",
        "coverage": whole_percent(coverage) if isinstance(coverage, (int, float)) else "–",
    }
    exact = t("lift.exact") if lift.get("exact") is True else t("lift.about", n=least) if least else ""
    return {
        "to": grades.get(str(lift.get("to")), str(lift.get("to") or "")),
        "n": len(fixes),
        "outcome": t("lift.outcome", **numbers),
        "exact": exact,
        "fixes": [_fix(run, fix) for fix in fixes],
        "explain": run.words.join(", ", [str(one) for one in lift.get("explain") or []]),
    }


def by_action(fixes: Iterable[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Fixes by what is to be done: mend, get measured, answer."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for one in fixes:
        grouped.setdefault(str(one["action"]), []).append(one)
    return list(grouped.items())


def lifts(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """The agencies that one can be told of, in the order of the inventory, each with its shortest way."""
    scores = run.scored("agencies")
    ways = ((name, lift_of(run, scores[name])) for name in run.agencies if name in scores)
    return [(name, way) for name, way in ways if way]


def _fix(run: Run, fix: Mapping[str, Any]) -> dict[str, Any]:
    action, gain, n, target = (fix.get(key) for key in ("action", "gain", "targets", "target"))
    rule = str(fix.get("rule"))
    asked = run.rule(rule).get("scope")
    where = run.name(run.targets.get(target), target) if target and asked in (None, "target") else ""
    if not where and isinstance(n, int):
        where = run.words.t(f"count.{asked if asked in ('system', 'agency') else 'target'}", n=n)
    known = isinstance(gain, (int, float))
    return {
        "rule": rule,
        "title": run.title(rule, failed=action == "mend"),
        "action": action,
        "where": where,
        "target": str(target or ""),
        "gain": run.words.t("actions.gain", n=run.words.say(float(gain or 0))) if known and gain else "",
        "tags": [run.words.t(f"lift.{tag}") for tag in ("caps", "waived") if fix.get(tag) is True],
    }
