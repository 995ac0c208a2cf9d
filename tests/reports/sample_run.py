"""An invented province's run document, with every kind of target, every result and hostile evidence.

Scores are summed here the plain way, so that the sample agrees with itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.reports import sample_law

HOSTILE = (
    "</script><script>document.title='owned';alert(1)</script>",
    "<img src=http://evil.example/x onerror=\"document.title='owned'\">",
    "</pre></style><style>body{display:none}</style><!--",
    "\u202egnp.exe\u2066 \x1b[31mred\x1b[0m \x00nul \u2028line ]]>&lt;",
    "{{ 7*7 }} {% raw %} javascript:alert(1)",
    "\ud800 lone surrogate",
)

AGENCIES: tuple[tuple[str, str, str], ...] = (
    ("so-khcn", "Sở Khoa học và Công nghệ", "so-nganh"),
    ("so-y-te", "Sở Y tế", "so-nganh"),
    ("so-tai-chinh", "Sở Tài chính", "so-nganh"),
    ("vp-ubnd", "Văn phòng Ủy ban nhân dân tỉnh", "so-nganh"),
    ("xa-phu-hoa", "Xã Phú Hòa", "xa-phuong"),
    ("xa-tan-lap", "Xã Tân Lập", "xa-phuong"),
)
SYSTEMS = (
    ("cong-dvc", "Cổng dịch vụ công", "so-khcn", 3, "approved"),
    ("thu-cong-vu", "Thư công vụ", "so-khcn", 3, "approved"),
    ("his", "Quản lý khám chữa bệnh", "so-y-te", 3, "assumed"),
    ("ngan-sach", "Quản lý ngân sách", "so-tai-chinh", 2, "approved"),
    ("mot-cua", "Một cửa cấp xã", "vp-ubnd", 3, "approved"),
)
# id, kind, address, agency, system, level, platform, state, reason
TARGETS = (
    ("web01", "server", "10.1.1.10", "so-khcn", "cong-dvc", 3, "linux", "assessed", None),
    ("web02", "server", "10.1.1.11", "so-khcn", "cong-dvc", 3, "linux", "assessed", None),
    ("db01", "server", "10.1.1.20", "so-khcn", "cong-dvc", 3, "linux", "assessed", None),
    ("mail01", "server", "10.1.1.30", "so-khcn", "thu-cong-vu", 3, "windows", "partial", "denied"),
    ("his-app", "server", "10.2.1.10", "so-y-te", "his", 3, "windows", "assessed", None),
    ("his-db", "server", "10.2.1.11", "so-y-te", "his", 3, "windows", "assessed", None),
    ("ns-app", "server", "10.3.1.10", "so-tai-chinh", "ngan-sach", 2, "linux", "assessed", None),
    ("motcua-01", "server", "10.4.1.10", "vp-ubnd", "mot-cua", 3, "linux", "assessed", None),
    ("motcua-02", "server", "10.4.1.11", "vp-ubnd", "mot-cua", 3, "linux", "assessed", None),
    ("dvc-https", "service", "https://dvc.example", "so-khcn", "cong-dvc", 3, "", "assessed", None),
    ("mail-https", "service", "https://mail.example", "so-khcn", "thu-cong-vu", 3, "", "assessed", None),
    ("his-https", "service", "https://his.example", "so-y-te", "his", 3, "", "assessed", None),
    ("motcua-https", "service", "https://motcua.example", "vp-ubnd", "mot-cua", 3, "", "assessed", None),
    ("fw-bien-01", "device", "10.1.0.1", "so-khcn", "cong-dvc", 3, "fortios", "assessed", None),
    ("sw-loi-01", "device", "10.1.0.2", "so-khcn", "cong-dvc", 3, "ios", "assessed", None),
    ("rt-y-te", "device", "10.2.0.1", "so-y-te", "his", 3, "ios", "partial", "timeout"),
    ("wan-phu-hoa", "link", "10.9.1.1", "xa-phu-hoa", "mot-cua", 3, "", "assessed", None),
    ("wan-tan-lap", "link", "10.9.2.1", "xa-tan-lap", "mot-cua", 3, "", "unreachable", "not-authorised"),
    ("wan-y-te", "link", "10.9.3.1", "so-y-te", "his", 3, "", "assessed", None),
    ("pc-kh-01", "endpoint", "10.1.8.21", "so-khcn", None, 2, "windows", "assessed", None),
    ("pc-yt-01", "endpoint", "10.2.8.21", "so-y-te", None, 2, "windows", "assessed", None),
    ("pc-tc-01", "endpoint", "10.3.8.21", "so-tai-chinh", None, 2, "windows", "assessed", None),
    ("pc-tc-02", "endpoint", "10.3.8.22", "so-tai-chinh", None, 2, "windows", "stale", "stale"),
    ("pc-ph-01", "endpoint", "10.8.1.21", "xa-phu-hoa", None, 1, "windows", "assessed", None),
    ("pc-tl-01", "endpoint", "10.8.2.21", "xa-tan-lap", None, 1, "windows", "unreachable", "unreachable"),
)
# id, kinds, severity, weight, mandatory, mend_by, title, failure title (vi, en each), expected, found
RULES: tuple[tuple[Any, ...], ...] = (
    ("firewall.default-deny", "server device endpoint", "high", 5, True, "agency",
     ("Lưu lượng vào bị chặn theo mặc định", "Inbound traffic is denied by default"),
     ("Lưu lượng vào được phép theo mặc định", "Inbound traffic is allowed by default"),
     "drop", "IPv4 drop, IPv6 accept"),
    ("firewall.admin-ports", "server device", "critical", 6, True, "agency",
     ("Cổng quản trị chỉ mở cho mạng quản trị", "Management ports are open to the management network only"),
     ("Cổng quản trị mở cho mạng người dùng", "Management ports are open to user networks"),
     [], [3389, 22]),
    ("antivirus.signatures-fresh", "server endpoint", "high", 4, True, "agency",
     ("Mẫu nhận dạng mã độc còn mới", "Malware signatures are fresh"),
     ("Mẫu nhận dạng mã độc đã cũ", "Malware signatures are old"), 2, 41.5),
    ("backup.recent-copy", "server", "critical", 8, True, "dc",
     ("Bản sao lưu gần nhất còn trong hạn", "The latest backup is recent enough"),
     ("Không có bản sao lưu trong hạn", "No recent backup exists"),
     {"vi": "trong 26 giờ", "en": "within 26 hours"}, {"vi": "9 ngày trước", "en": "9 days ago"}),
    ("backup.offline-copy", "server", "high", 5, False, "budget",
     ("Có bản sao lưu ngoại tuyến", "An offline copy exists"),
     ("Chưa có bản sao lưu ngoại tuyến", "No offline copy exists"), True, False),
    ("tls.protocol-versions", "service", "high", 4, True, "agency",
     ("Chỉ dùng phiên bản TLS an toàn", "Only safe TLS versions are offered"),
     ("Còn dùng phiên bản TLS không an toàn", "Unsafe TLS versions are offered"),
     ["TLS 1.2", "TLS 1.3"], ["TLS 1.0", "TLS 1.2"]),
    ("tls.certificate-validity", "service", "critical", 6, True, "agency",
     ("Chứng thư số còn hạn và đáng tin", "The certificate is valid and trusted"),
     ("Chứng thư số không hợp lệ", "The certificate is not valid"), None, HOSTILE[0]),
    ("patch.security-updates", "server endpoint", "high", 6, True, "agency",
     ("Bản vá an ninh đã cài đủ", "Security updates are installed"),
     ("Còn bản vá an ninh chưa cài", "Security updates are missing"), 0, 18),
    ("patch.end-of-life", "server device endpoint", "critical", 6, False, "budget",
     ("Hệ điều hành còn được hỗ trợ", "The operating system is supported"),
     ("Hệ điều hành hết hỗ trợ", "The operating system is out of support"), None, "10/10/2023"),
    ("access.password-policy", "server endpoint", "medium", 3, False, "agency",
     ("Chính sách mật khẩu đủ mạnh", "The password policy is strong enough"),
     ("Chính sách mật khẩu yếu", "The password policy is weak"), 12, 6),
    ("logging.central", "server device", "medium", 3, True, "dc",
     ("Nhật ký được gửi về máy tập trung", "Logs go to a central server"),
     ("Nhật ký chỉ nằm tại máy", "Logs stay on the machine"), None, HOSTILE[1]),
    ("hardening.services", "server", "low", 1, False, "agency",
     ("Không chạy dịch vụ thừa", "No needless services run"),
     ("Có dịch vụ thừa đang chạy", "Needless services run"), [], ["telnetd", HOSTILE[2]]),
    ("link.latency", "link", "medium", 3, False, "provider",
     ("Độ trễ đường truyền trong cam kết", "Latency is within the agreement"),
     ("Độ trễ vượt cam kết", "Latency exceeds the agreement"), 30, 84.2),
    ("endpoint.disk-encryption", "endpoint", "info", 0, False, "agency",
     ("Ổ đĩa được mã hóa", "The disk is encrypted"), ("Ổ đĩa chưa được mã hóa", "The disk is not encrypted"),
     None, None),
)  # fmt: skip
PATTERN = (
    *("fail", "pass", "pass", "pass", "pass", "notapplicable", "pass", "pass", "fail", "pass", "pass"),
    *("unknown", "pass", "pass", "fail", "pass", "pass", "pass", "pass", "error", "pass", "pass", "pass"),
)
CHANGES = {"fail": ("new", "open", "open", "recurred"), "pass": ("same", "fixed"), "unknown": ("notmeasured",)}
RESULTS = ("pass", "fail", "error", "unknown", "notapplicable", "notchecked", "informational")


@dataclass
class Sample:
    """A run document as reports are handed one; its findings are made anew at each asking."""

    head: dict[str, Any]
    stored: list[dict[str, Any]] = field(default_factory=list)

    def findings(self) -> Iterator[dict[str, Any]]:
        return (dict(finding) for finding in self.stored)


def text(vi: str, en: str) -> dict[str, str]:
    return {"vi": vi, "en": en}


def sha(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def sample(**run: Any) -> Sample:
    """The whole province; keyword arguments change its `run` part."""
    targets = [_target(*row) for row in TARGETS]
    findings, observations = _findings(targets)
    head: dict[str, Any] = {
        "schema": "capdo.run/1",
        "run": {**_run(), **run},
        "organisation": _organisation(),
        "rules": {row[0]: _rule(*row) for row in RULES},
        "requirements": _requirements(),
        "targets": targets,
        "observations": observations,
    }
    head["scores"] = _scores(targets, findings, str(head["run"]["state"]))
    sample_law.add(head, findings, HOSTILE)
    return Sample(head, findings)


def _run() -> dict[str, Any]:
    return {
        "id": "2026-11-20-bm-7f3a", "started_at": "2026-11-19T18:00:04+00:00",
        "finished_at": "2026-11-19T18:41:30+00:00", "date": "2026-11-20", "state": "complete",
        "assessment_kind": "operator-selfcheck", "assessor": "Phòng An ninh mạng", "profile": "tcvn-14423-2026",
        "packs": [{"id": "tcvn-14423-2026", "version": "2026.11", "sha256": sha("pack"),
                   "title": text("TCVN 14423:2026 và Nghị định 331/2026", "TCVN 14423:2026 and Decree 331/2026")},
                  {"id": "quy-che", "version": "1", "title": text("Quy chế của tỉnh", "The province's regulation")}],
        "inventory_sha256": sha("inventory"), "manifest_sha256": sha("manifest"), "tool_version": "0.1.0",
        "previous": "2026-08-20-bm-1c9e", "verified": True, "recorded": False, "coverage_gate": 0.7,
        "grades": [{"id": "tot", "name": text("Tốt", "Good"), "at_least": 80},
                   {"id": "kha", "name": text("Khá", "Fair"), "at_least": 65},
                   {"id": "tb", "name": text("Trung bình", "Average"), "at_least": 50},
                   {"id": "yeu", "name": text("Yếu", "Weak"), "at_least": 0}],
        "formula": text("low = 100 × trọng số đạt ÷ trọng số được tính; high tính cả phần chưa biết là đạt.",
                        "low = 100 × weight passed ÷ weight counted; high also counts what is undecided as passed."),
        "data": [{"id": "end-of-life", "source": "endoflife.date", "date": "2026-11-01", "old": False},
                 {"id": "trust-anchors", "source": "Mozilla CA", "date": "2025-02-01", "old": True}],
        "removed": [{"id": "pc-yt-09", "name": "pc-yt-09", "agency": "so-y-te"}],
        "secret_standalone": {"vp-ubnd": 2},
    }  # fmt: skip


def _organisation() -> dict[str, Any]:
    return {
        "province": {"id": "binh-minh", "name": "Tỉnh Bình Minh"},
        "groups": [{"id": "so-nganh", "name": text("Sở, ngành", "Departments")},
                   {"id": "xa-phuong", "name": text("Xã, phường", "Communes")}],
        "agencies": [{"id": i, "name": n, "group": g} for i, n, g in AGENCIES],
        "systems": [{"id": i, "name": n, "owner": o, "operator": "so-khcn", "level": lv, "level_status": st,
                     "decision": {"no": "12/QĐ-UBND", "date": "2026-02-03"}} for i, n, o, lv, st in SYSTEMS],
        "sites": [{"id": "dc", "name": "Trung tâm Tích hợp dữ liệu"}],
        "authorities": [{"id": "kh-12", "basis": "operator-selfcheck", "from": "2026-01-15", "until": "2026-12-31",
                         "document": {"no": "12/KH-SKHCN", "date": "2026-01-15", "signer": "Giám đốc Sở"},
                         "methods": ["read-login", "tls", "ports", "links"]}],
    }  # fmt: skip


def _target(*row: Any) -> dict[str, Any]:
    name, kind, address, agency, system, level, platform, state, reason = row
    return {
        "id": name, "kind": kind, "name": name, "address": address, "agency": agency, "level": level,
        "systems": [system] if system else [], "site": "dc", "platform": platform, "role": kind,
        "state": state, "reason": reason,
    }  # fmt: skip


def _rule(*row: Any) -> dict[str, Any]:
    name, _, severity, weight, mandatory, _, title, failure, _, _ = row
    return {
        "title": text(*title), "failure_title": text(*failure), "check": name, "family": name.split(".")[0],
        "severity": severity, "weight": weight, "mandatory": mandatory, "mode": "automatic",
        "force": "standard-required" if mandatory else "standard-suggested",
        "why": text("Kẻ tấn công trong cùng mạng lợi dụng được điều này để chiếm quyền và lan sang máy khác.",
                    "An attacker on the same network can use this to take control and move to other machines."),
        "remediation": {
            "linux": text("Làm lần lượt các bước sau rồi kiểm tra lại:\n    nft add table inet loc\n"
                          "    nft add chain inet loc vao '{ type filter hook input priority 0; policy drop; }'\n"
                          "Giữ phiên đang mở cho đến khi đăng nhập lại được.",
                          "Take these steps, then check again:\n    nft add table inet loc\n"
                          "    nft add chain inet loc vao '{ type filter hook input priority 0; policy drop; }'\n"
                          "Keep the open session until a new login works."),
            "windows": text("Chạy với quyền quản trị:\n    Set-NetFirewallProfile -All -DefaultInboundAction Block",
                            "Run as administrator:\n    Set-NetFirewallProfile -All -DefaultInboundAction Block"),
            "any": text("Cấu hình theo tài liệu của nhà sản xuất rồi chạy lại kiểm tra.",
                        "Configure as the vendor documents, then run the audit again."),
        },
    }  # fmt: skip


def _requirements() -> dict[str, Any]:
    def requirement(vi: str, en: str, clause: str, category: str, status: str, rules: list[str], **more: Any) -> Any:
        levels = {f"L{n}": f"{n + 2}.{clause}" for n in range(1, 6)}
        return {
            "title": text(vi, en),
            "meaning": text(vi, en),
            "category": category,
            "levels": [1, 2, 3, 4, 5],
            "clauses": {"tcvn14423_2026": levels, "law": "NĐ 331/2026 Đ30 K4"},
            "force": "standard-required",
            "confidence": "verified-summary",
            "confirmed": True,
            "rules": rules,
            "status": status,
            **more,
        }

    return {
        "NET-003": requirement("Kiểm soát truy cập từ ngoài vào", "Inbound access is controlled", "12.2.4d", "network",
                               "notmet", ["firewall.default-deny", "firewall.admin-ports", "link.latency"]),
        "SRV-010": requirement("Phòng chống mã độc trên máy", "Malware protection", "10.1.2", "server", "partial",
                               ["antivirus.signatures-fresh"], force="decree"),
        "SRV-014": requirement("Cài bản vá an ninh", "Security updates", "7.1.3", "server", "notmet",
                               ["patch.security-updates", "patch.end-of-life", "hardening.services"]),
        "DAT-004": requirement("Sao lưu dữ liệu", "Data is backed up", "11.2.1", "data", "undecided",
                               ["backup.recent-copy", "backup.offline-copy"], confirmed=False),
        "APP-007": requirement("Mã hóa kênh truyền", "Connections are encrypted", "12.3.1", "application", "met",
                               ["tls.protocol-versions", "tls.certificate-validity"]),
        "SRV-020": requirement("Nhật ký và tài khoản", "Logs and accounts", "8.1.1", "server", "partial",
                               ["logging.central", "access.password-policy", "endpoint.disk-encryption"]),
        "MGT-001": requirement("Quy chế bảo đảm an ninh mạng", "A security regulation is in force", "13.1.1",
                               "management", "notapplicable", [], force="law"),
    }  # fmt: skip


def _findings(targets: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    clauses = {rule: [r for r, known in _requirements().items() if rule in known["rules"]] for rule, *_ in RULES}
    findings: list[dict[str, Any]] = []
    observations: dict[str, Any] = {}
    for target in targets:
        source = {"linux": "nft -j list ruleset", "windows": "Get-NetFirewallProfile"}.get(target["platform"], "probe")
        raw = f"# {target['id']}\ntable ip filter {{ policy accept; }}\n{HOSTILE[3]}\n{HOSTILE[5]}"
        seen = sha(target["id"])
        if target["state"] != "unreachable":
            observations[seen] = {
                "source": source, "collected_at": "2026-11-19T18:12:07+00:00", "exit": 0, "truncated": False,
                "target": target["id"], "vantage": "auditor", "excerpt": raw, "masked": target["platform"] == "windows",
            }  # fmt: skip
        for rule in RULES:
            if target["kind"] in rule[1].split():
                findings.append(_finding(len(findings), target, rule, seen, clauses[rule[0]]))
    return sorted(findings, key=lambda f: (f["target"], f["rule"])), observations


def _finding(n: int, target: dict[str, Any], rule: tuple[Any, ...], seen: str, clauses: list[str]) -> dict[str, Any]:
    name, _, severity, _, mandatory, mend, title, failure, expected, found = rule
    result = "unknown" if target["state"] in ("unreachable", "stale") else PATTERN[n % len(PATTERN)]
    if name == "endpoint.disk-encryption":
        result = "informational"
    elif (name, target["id"]) == ("tls.certificate-validity", "his-https"):
        result = "fail"
    elif target["state"] == "partial" and name in ("access.password-policy", "logging.central"):
        result = "unknown"
    elif name == "backup.offline-copy" and result != "fail":
        result = "notchecked"
    failed = result == "fail"
    words = failure if failed else title
    instances = []
    if name == "firewall.admin-ports" and failed:
        instances = [{"id": f"tcp/{port}", "result": r, "message": text(f"Cổng {port}", f"Port {port}"),
                      "expected": "", "found": HOSTILE[1], "where": f"0.0.0.0:{port}"}
                     for port, r in ((443, "pass"), (3389, "fail"), (22, "fail"))]  # fmt: skip
    changes = CHANGES.get(result, ("same",))
    change = changes[n % len(changes)]
    reason = {"unknown": target["reason"] or "no-tool", "error": "unparsable"}.get(result)
    return {
        "target": target["id"], "rule": name, "check": name, "result": result, "severity": severity,
        "mandatory": mandatory, "message": text(*words) if result in ("pass", "fail") else None,
        "expected": expected if result in ("pass", "fail") else None,
        "found": (found if failed else expected) if result in ("pass", "fail") else None,
        "where": f"/etc/nftables.conf:{n}" if failed else None, "reason": reason,
        "cure": text("Cấp quyền đọc cho tài khoản audit", "Give the audit account read access")
        if reason == "denied" else None,
        "instances": instances, "requirements": clauses,
        "observations": [seen] if target["state"] != "unreachable" else [],
        "waived_by": "nl-01" if failed and target["id"] == "wan-y-te" else None,
        "first_seen": ("2026-11-20" if change == "new" else "2026-02-20") if failed else None,
        "inherited_from": None, "mend_by": mend,
        "runs_open": (1 if change == "new" else 2 + n % 3) if failed else 0, "change": change,
    }  # fmt: skip


def _scores(targets: list[dict[str, Any]], findings: list[dict[str, Any]], state: str) -> dict[str, Any]:
    known = {t["id"]: t for t in targets}
    weights = {rule[0]: rule[3] for rule in RULES}

    def score(name: str, chosen: list[dict[str, Any]]) -> dict[str, Any]:
        counts = Counter(f["result"] for f in chosen)
        sums: Counter[str] = Counter()
        for f in chosen:
            sums[f["result"]] += weights[f["rule"]]
        unsure = sums["unknown"] + sums["error"] + sums["notchecked"]
        total = sums["pass"] + sums["fail"] + unsure
        low, high = (100 * sums["pass"] / total, 100 * (sums["pass"] + unsure) / total) if total else (0.0, 100.0)
        coverage = 1 - unsure / total if total else 0.0
        grade = next(g for g, least in (("tot", 80), ("kha", 65), ("tb", 50), ("yeu", 0)) if low >= least)
        grade = grade if coverage >= 0.7 and state == "complete" else ""
        return {"id": name, "low": low, "high": high, "coverage": coverage, "caps": [], "grade": grade or None,
                "counts": dict(counts)}  # fmt: skip

    def of(key: str, names: list[str]) -> list[dict[str, Any]]:
        return [score(n, [f for f in findings if n in str(known[f["target"]].get(key))]) for n in names]

    province = score("binh-minh", findings)
    province["caps"] = [{"rule": "backup.recent-copy", "reason": text(
        "2 hệ thống cấp độ 3 không có bản sao lưu trong hạn (Cổng dịch vụ công, Một cửa cấp xã).",
        "2 level-3 systems have no recent backup (Cổng dịch vụ công, Một cửa cấp xã).")}]  # fmt: skip
    groups = {agency: group for agency, _, group in AGENCIES}
    families = sorted({rule[0].split(".")[0] for rule in RULES})
    return {
        "province": province,
        "groups": [
            score(g, [f for f in findings if groups[known[f["target"]]["agency"]] == g]) for g in set(groups.values())
        ],
        "agencies": of("agency", [a[0] for a in AGENCIES]),
        "systems": of("systems", [s[0] for s in SYSTEMS]),
        "targets": of("id", [t["id"] for t in targets]),
        "requirements": [],
        "families": [score(f, [x for x in findings if x["rule"].startswith(f + ".")]) for f in families],
    }


def large(count: int) -> Sample:
    """About ``count`` findings: the same province many times over, each copy with targets of its own."""
    base = sample()
    head = {**base.head, "targets": [], "observations": dict(base.head["observations"])}
    stored: list[dict[str, Any]] = []
    copy = 0
    while len(stored) < count:
        copy += 1
        for target in base.head["targets"]:
            head["targets"].append({**target, "id": f"{target['id']}-{copy:04}", "name": f"{target['id']}-{copy:04}"})
        for finding in base.stored:
            if copy > 1 and head["rules"][finding["rule"]].get("scope"):
                continue  # a question of a whole system or agency has one bearer, however many targets there are
            name = f"{finding['target']}-{copy:04}"
            seen = sha(name)
            variant = name if finding["result"] == "fail" else f"{copy % 10}"  # failures are all different
            found = finding["found"] and f"{finding['found']} ({variant})"
            stored.append({**finding, "target": name, "found": found, "observations": [seen]})
            old = base.head["observations"].get(sha(finding["target"]))
            if old:
                head["observations"][seen] = {**old, "target": name, "excerpt": f"# {name}\n{old['excerpt']}"}
    return Sample(head, sorted(stored[:count], key=lambda f: (f["target"], f["rule"])))
