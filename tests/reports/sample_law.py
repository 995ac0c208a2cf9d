"""What a run document knows of the law, added to the sample: levels, papers, questions, overlays, ways up."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]


def text(vi: str, en: str) -> dict[str, str]:
    return {"vi": vi, "en": en}


def add(head: Doc, findings: list[Doc], hostile: tuple[str, ...]) -> None:
    """Adds to ``head`` and ``findings`` in place; nothing added carries weight, so scores stay as they are."""
    _questions(head, findings)
    _papers(head, findings, hostile)
    _packs(head, findings)
    _scores(head)
    asked = {"NET-003": "notmet", "SRV-010": "met", "SRV-014": "partial", "SRV-011": "undecided"}
    head["requirements_by_system"] = {system["id"]: dict(asked) for system in head["organisation"]["systems"]}
    head["level_view"] = {
        system["id"]: {"level": system["level"], "level_status": system["level_status"], "suggested": None,
                       "next": _next(system["level"] + 1)}
        for system in head["organisation"]["systems"]
    }  # fmt: skip
    head["level_view"]["his"]["suggested"] = {
        "level": 4, "beside": "higher", "open": ["harm", "around_the_clock"],
        "reasons": [{"code": "x", "level": 4, "clause": "NĐ 331/2026 Đ14", "facts": ["information"],
                     "text": text("Xử lý dữ liệu rất nhiều người", "Holds data of very many people")}],
    }  # fmt: skip


def _questions(head: Doc, findings: list[Doc]) -> None:
    """One question asked of each system and one of each agency, each on one bearer; of two there is an answer."""
    for name, scope, vi, en in (
        ("access.account-review", "system", "Tài khoản đã được rà soát", "Accounts were reviewed"),
        ("management.regulation", "agency", "Quy chế đang có hiệu lực", "A regulation is in force"),
    ):
        head["rules"][name] = {
            "title": text(vi, en), "failure_title": text(vi, en), "why": text("Vì vậy.", "So."), "check": None,
            "family": name.partition(".")[0], "severity": "medium", "weight": 0, "mandatory": True,
            "mode": "attested", "scope": scope, "remediation": {}, "requirements": ["SRV-011"], "overlaid": [],
        }  # fmt: skip
        seen: set[str] = set()
        for target in head["targets"]:
            about = (target["systems"] or [""])[0] if scope == "system" else target["agency"]
            if about and about not in seen:
                seen.add(about)
                findings.append(_question(target["id"], name))
    head["requirements"]["SRV-011"] = {
        **head["requirements"]["SRV-020"], "title": text("Rà soát tài khoản", "Accounts are reviewed"),
        "rules": ["access.account-review"], "status": "undecided", "params": {"interval_days": {"L2": 365, "L3": 183}},
        "confirmed": {"by": "Trần Thị B", "document": "bản in của Cục", "page": 41, "on": "2026-10-01"},
        "domain": "technical", "family": "access",
    }  # fmt: skip
    answered = next(f for f in findings if (f["rule"], f["target"]) == ("management.regulation", "ns-app"))
    answered |= {"result": "fail", "attested_by": "xn-01"}
    findings.sort(key=lambda f: (f["target"], f["rule"]))


def _question(target: str, rule: str) -> Doc:
    return {
        "target": target, "rule": rule, "check": "", "result": "notchecked", "severity": "medium", "mandatory": True,
        "message": text("Chưa có xác nhận hợp lệ của người có trách nhiệm.", "No valid attestation by the person."),
        "expected": None, "found": None, "where": None, "instances": [], "requirements": ["SRV-011"],
        "observations": [], "waived_by": None, "inherited_from": None, "mend_by": "agency", "first_seen": None,
        "runs_open": 0, "change": "same", "reason": None, "cure": text("Ghi xác nhận.", "Record an attestation."),
    }  # fmt: skip


def _papers(head: Doc, findings: list[Doc], hostile: tuple[str, ...]) -> None:
    head["waivers"] = [
        {"id": "nl-01", "rule": "link.latency", "targets": ["wan-y-te"], "groups": [], "instance": None,
         "reason_class": "accepted-risk", "reason": "Chờ nâng cấp đường truyền", "requester": "Trung tâm",
         "approver": hostile[4], "document": {"no": "45/QĐ-SKHCN", "date": "2026-09-01", "signer": None},
         "from": "2026-09-01", "until": "2026-12-10"},
    ]  # fmt: skip
    head["attestations"] = [
        {"id": "xn-01", "rule": "management.regulation", "agencies": ["so-tai-chinh"], "answer": "notmet",
         "explanation": "Quy chế đang soạn", "who": "Trưởng phòng Quản trị", "on": "2026-10-12", "until": "2027-10-12",
         "document": {"no": "7/BC", "date": "2026-10-12"}},
        {"id": "xn-02", "rule": "firewall.default-deny", "targets": ["web01"], "answer": "met", "who": "Quản trị viên",
         "explanation": hostile[0], "on": "2026-10-12", "until": "2027-10-12", "document": None},
        {"id": "xn-03", "rule": "access.account-review", "systems": ["his"], "answer": "met", "who": "Trưởng phòng",
         "explanation": "Đã rà soát", "on": "2025-01-01", "until": "2026-01-01", "document": None},
    ]  # fmt: skip
    against = next(f for f in findings if f["result"] == "fail" and f["rule"] == "firewall.default-deny")
    against["contradicted_by"] = "xn-02"
    plain: Doc = {"why": None, "until_first": None, "contradicted": [], "contradictions": 0, "long": False}
    head["papers"] = [
        {**plain, "kind": "attestation", "id": "xn-02", "rule": "firewall.default-deny", "state": "contradicted",
         "from": "2026-10-12", "until": "2027-10-12", "days_left": 326, "findings": 0,
         "contradicted": [[against["target"], against["rule"]]], "contradictions": 3},
        {**plain, "kind": "attestation", "id": "xn-03", "rule": "access.account-review", "state": "expired",
         "from": "2025-01-01", "until": "2026-01-01", "days_left": -323, "findings": 0, "why": "period"},
        {**plain, "kind": "waiver", "id": "nl-01", "rule": "link.latency", "state": "expiring", "from": "2026-09-01",
         "until": "2026-12-10", "days_left": 20, "findings": 1, "long": True},
        {**plain, "kind": "attestation", "id": "xn-01", "rule": "management.regulation", "state": "active",
         "from": "2026-10-12", "until": "2027-10-12", "days_left": 326, "findings": 1},
    ]  # fmt: skip
    head["run"]["waiver_cap"] = 0.2


def _packs(head: Doc, findings: list[Doc]) -> None:
    won = {"param": "max_days", "value": 1, "other": 2, "pack": "quy-che", "requirement": "quy-che/D7"}
    head["rules"]["antivirus.signatures-fresh"]["overlaid"] = [
        {**won, "overlay": "quy-che", "levels": [2, 3], "clauses": {"L2": "Điều 7", "L3": "Điều 7"}}
    ]
    for finding in findings:
        if finding["rule"] == "antivirus.signatures-fresh":
            finding["overlaid"] = [{**won, "clause": "Điều 7"}]
    for target in head["targets"]:
        target["frameworks"], target["overlays"] = ["tcvn-14423-2026"], ["quy-che"]
        target["framework_reason"] = text("hệ thống mới", "a new system")


def _scores(head: Doc) -> None:
    scores = head["scores"]
    fixes = [
        {"rule": "backup.recent-copy", "target": None, "targets": 2, "action": "mend", "gain": 1.25, "caps": True,
         "waived": False},
        {"rule": "access.account-review", "target": "web01", "targets": 1, "action": "attest", "gain": 0.5,
         "caps": False, "waived": False},
        *({"rule": "patch.security-updates", "target": f"pc-kh-{n:02}", "targets": 1, "action": "measure",
           "gain": 0.1, "caps": False, "waived": n == 3} for n in range(1, 14)),
    ]  # fmt: skip
    lift = {"to": "tot", "low": 81.5, "coverage": 0.9, "exact": False, "at_least": 12, "explain": ["pc-yt-09"]}
    for score in (scores["province"], *scores["agencies"], *scores["systems"]):
        score["weights"] = {"met": 80, "failed": 12, "undecided": 7, "waived": 1}
        score["lift"] = {**lift, "fixes": fixes}
    for system in scores["systems"]:
        system["assets"] = [t["id"] for t in head["targets"] if system["id"] in t["systems"]]
        system |= {"stands_on": [], "weakest": system["assets"][0]}
    first = scores["systems"][0]
    first["assets"].append("mail01")
    first["stands_on"] = [{"id": "mail01", "edge": "depends_on", "of": "web01"}]
    named = ("availability", "confidentiality", "integrity")
    scores["dimensions"] = [{**scores["province"], "id": name, "lift": None} for name in named]


def _next(level: int) -> Doc | None:
    if level > 5:
        return None
    counts = {"would-fail": 9}
    return {
        "level": level, "assets": 4, "higher": 1,
        "summary": {"would-fail": 1, "undecided": 1, "not-asked-now": 1, "would-pass": 4},
        "missing": [
            {"requirement": "NET-003", "answer": "would-fail", "rules": ["firewall.admin-ports"]},
            {"requirement": "SRV-011", "answer": "undecided", "rules": ["access.account-review"]},
            {"requirement": "DAT-004", "answer": "not-asked-now", "rules": []},
        ],
        "rules": {
            "firewall.admin-ports": {"answer": "would-fail", "counts": counts, "targets": ["web01", "web02"],
                                     "params": {"max_days": [30, 7]}},
            "access.account-review": {"answer": "undecided", "counts": {"undecided": 1}, "targets": ["web01"],
                                      "params": {}},
        },
    }  # fmt: skip
