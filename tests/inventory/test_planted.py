"""Every mistake of an inventory is named at once, each at its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.support import HEAD, load, mistakes, places

PLANTED = """\
province: {id: binh-minh, nmae: Tỉnh Bình Minh}
groups: [{id: so-nganh}, {id: so-nganh}]
agencies:
  - {id: so-a, group: so-nghanh}
  - {id: so-b, group: so-nganh, from: 2026-03-01, until: 2025-03-01}
  - {id: so-c}
systems:
  - {id: cong, owner: so-x, level: 6}
  - {id: thu, level: 3, level_status: maybe}
sites: [{id: dc, agency: so-a, agency: so-b}]
authorities:
  - id: kh
    basis: operator-selfcheck
    document: {no: 12, date: 15/01/2026}
    scope: {networks: [10.1.0.5/16], targets: [web09]}
    methods: []
    from: 2026-01-15
    until: 2026-12-31
defaults: {ssh: {user: audit, port: 0022, password: mat-khau}}
servers:
  - {id: web01, address: -web01, systems: [cong, thx]}
  - {id: WEB01, address: 10.1.1.300}
  - {id: web02, address: 10.1.1.2:22, runs_on: esx01, connect: shh}
  - {id: esx01, address: 10.1.1.3, runs_on: web02}
  - {id: db01, address: 10.1.1.4, backups: [{id: n, tool: restic}, {id: n, tool: files, path: ../x}]}
  - {address: 10.1.1.5, handling: secret-standalone}
services:
  - {id: s1, url: gopher://a.example}
  - {id: s2, url: "https://u:p@a.example"}
  - {id: s3}
devices:
  - {id: fw01, connect: file}
  - {id: fw02, networks: [10.1.1.5/24]}
links:
  - {id: l1, from: dc, to: dc, target: 10.1.9.1, backup: l1}
  - {id: l2, from: nowhere, to: x, target: 10.1.9.2, backup: web01, sla: {rtt_ms: -1}}
waivers:
  - {id: w1, rule: r, targets: [web2], reason_class: accepted-risk, reason: "đã có biện pháp khác",
     requester: Lê A, approver: "lê  a", document: {no: "1", date: 2026-02-30}, from: 2026-01-01, until: 2025-01-01}
retired: [{id: web02, on: 2026-01-01, reason: đã thay máy}]
"""

EXPECTED = [
    (1, "nmae: Tỉnh Bình Minh", "unknown-key-near"),
    (2, "so-nganh}]", "duplicate-id"),
    (4, "so-nghanh", "no-such-id"),
    (5, "2025-03-01", "until-before-from"),
    (6, "{id: so-c", "missing"),
    (8, "so-x", "no-such-id"),
    (8, "6", "wrong"),
    (9, "{id: thu", "missing"),
    (9, "maybe", "wrong"),
    (10, "agency: so-b", "duplicate-key"),
    (14, "12", "wrong-quote"),
    (14, "15/01/2026", "not-a-date"),
    (15, "10.1.0.5/16", "bad-network"),
    (15, "web09", "no-such-id"),
    (16, "[", "wrong"),
    (19, "0022", "ambiguous-number"),
    (19, "mat-khau", "secret"),
    (21, "-web01", "address-dash"),
    (21, "thx", "no-such-id"),
    (22, "WEB01", "duplicate-id-case"),
    (22, "10.1.1.300", "address-ip"),
    (23, "10.1.1.2:22", "address-port"),
    (23, "shh", "wrong"),
    (24, "web02", "cycle"),
    (25, "{id: n", "job-needs"),
    (25, "n, tool: f", "duplicate-id"),
    (25, "../x", "path-relative"),
    (26, "{address: 10.1.1.5", "missing"),
    (26, "10.1.1.5", "secret-address"),
    (26, "secret-standalone", "secret-no-agency"),
    (28, "gopher://a.example", "url-scheme"),
    (29, '"https://u:p@a.example"', "url-secret"),
    (30, "{id: s3", "missing"),
    (32, "file", "needs-config"),
    (33, "{id: fw02", "needs-address"),
    (33, "10.1.1.5/24", "bad-network"),
    (35, "dc, ta", "link-to-itself"),
    (35, "l1}", "refers-to-itself"),
    (36, "nowhere", "no-such-id"),
    (36, "web01", "no-such-id"),
    (36, "-1", "wrong"),
    (38, "web2", "no-such-id"),
    (39, '"lê  a"', "own-approval"),
    (39, "2026-02-30", "not-a-date"),
    (39, "2025-01-01", "until-before-from"),
    (40, "web02", "still-declared"),
]
"""Line, the text that begins where the mistake is said to stand, and its code."""


def test_all_planted_mistakes_are_named_at_once_and_in_order(tmp_path: Path) -> None:
    found = mistakes(tmp_path, PLANTED)
    text = PLANTED.splitlines()
    assert places(found) == [(line, text[line - 1].index(words) + 1, code) for line, words, code in EXPECTED]
    assert len(found) >= 25
    for one in found:
        for lang in ("vi", "en"):
            said = one.text(lang)
            assert said.startswith(f"{tmp_path / 'binh-minh.yaml'}:{one.line}:{one.column}: ")
            assert "mat-khau" not in said
            assert "u:p" not in said


def test_near_misses_are_suggested(tmp_path: Path) -> None:
    said = {one.line: one.text("en") for one in mistakes(tmp_path, PLANTED)}
    assert "did you mean 'name'?" in said[1]
    assert "'so-nghanh' is not declared; expected an id declared under groups; did you mean 'so-nganh'?" in said[4]
    assert "did you mean 'web02'?" in said[38]
    assert "web02 → esx01 → web02" in said[24]


RETIRED = "retired: [{id: a, on: 2026-01-01, reason: máy cũ}]"
ATTESTED = "attestations: [{{id: a, rule: r, {}, answer: met, explanation: đã xem, who: A, on: 2026-01-01, until: {}}}]"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("servers: [{id: a, address: 10.1.1.1, stores_on: nas}]", "no-such-id"),
        ("servers: [{id: a, address: 10.1.1.1, runs_on: a}]", "refers-to-itself"),
        ("servers: [{id: a, address: 10.1.1.1, agency: so-x}]", "no-such-id"),
        ("servers: [{id: a, address: 10.1.1.1, site: dx}]", "no-such-id"),
        ("servers: [{id: a, address: 10.1.1.1, systems: [congg]}]", "no-such-id"),
        ("servers: [{id: a, address: 10.1.1.010}]", "address-ip"),
        ("servers: [{id: a, address: 'fe80:::1'}]", "address-ip"),
        ("servers: [{id: a, address: '[::1]:22'}]", "address-port"),
        ("servers: [{id: a, address: 'a b'}]", "wrong"),
        ("servers: [{id: a, address: '$(id)'}]", "wrong"),
        ("servers: [{id: a, address: máy-a}]", "wrong"),
        ("servers: [{id: -a, address: 10.1.1.1}]", "wrong"),
        ("servers: [{id: ../a, address: 10.1.1.1}]", "wrong"),
        ("servers: [{id: a}]", "needs-address"),
        ("servers: [{id: a, address: 10.1.1.1, ports: [70000]}]", "wrong"),
        ("servers: [{id: a, address: 10.1.1.1, ssh: {user: -x}}]", "wrong"),
        ("servers: [{id: a, address: 10.1.1.1, ssh: {password: {file: x, env: Y}}}]", "secret-ref"),
        ("servers: [{id: a, address: 10.1.1.1, ssh: {password: {}}}]", "secret-ref"),
        ("servers: [{id: a, address: 10.1.1.1, ssh: {key_passphrase: 1234}}]", "secret"),
        ("servers: [{id: a, address: 10.1.1.1, mat_khau: abc}]", "secret"),
        ("servers: [{id: a, address: 10.1.1.1, platform: -x}]", "wrong"),
        ("servers: [{id: a, address: 10.1.1.1, backups: [{id: n, tool: files, path: x}]}]", "path-relative"),
        ("servers: [{id: a, address: 10.1.1.1, backups: [{id: n, tool: files, path: /a/../b}]}]", "path-dots"),
        ("servers: [{id: a, address: 10.1.1.1, backups: [{id: n, tool: files}]}]", "job-needs"),
        ("servers: [{id: a, address: 10.1.1.1, backups: [{id: n, tool: restic, repo: -x}]}]", "wrong"),
        (
            "servers: [{id: a, address: 10.1.1.1, backups: [{id: n, tool: files, path: /a, pattern: b/*}]}]",
            "pattern-path",
        ),
        ("servers: [{id: a, address: 10.1.1.1, networks: 10.1.1.1/24}]", "bad-network"),
        ("servers: [{id: a, address: 10.1.1.1, networks: [10.1.0.0/16, 10.2.0.0/32]}]", "too-many-addresses"),
        ("links: [{id: a, from: dc, to: x, target: 10.1.1.1, networks: ['fd00::/64']}]", "too-many-addresses"),
        ("endpoints: [{id: a, networks: [10.1.1.0/24]}]", "unknown-key"),
        ("servers: [{id: a, agency: so-b, address: 10.1.1.1, handling: secret-standalone}]", "secret-address"),
        ("servers: [{id: a, address: 10.1.1.1}]\nservices: [{id: a, url: 'https://a'}]", "duplicate-id"),
        ("services: [{id: a, url: 'https://'}]", "url-form"),
        ("services: [{id: a, url: 'https://a:99999'}]", "url-form"),
        ("services: [{id: a, url: 'https://-a'}]", "address-dash"),
        ("services: [{id: a, url: 'https://10.1.1.256'}]", "address-ip"),
        ("services: [{id: a, url: 'http://a'}]", "url-scheme"),
        ("links: [{id: a, from: dc, to: x, target: -a}]", "address-dash"),
        (ATTESTED.format("targets: [x]", "2027-01-01"), "no-such-id"),
        (ATTESTED.format("agencies: [so-a]", "2025-01-01"), "until-before-from"),
        (ATTESTED.format("systems: []", "2027-01-01"), "no-scope"),
        ("shared_controls: [{id: a, rule: r, provider: fw, covers_agencies: [so-b]}]", "no-such-id"),
        (
            "endpoints: [{id: a, agency: so-a, handling: secret-standalone}]\n" + RETIRED,
            "secret-reference",
        ),
        ("assessment_kind: friend", "wrong"),
        ("wiavers: []", "unknown-key-near"),
    ],
)
def test_each_check_on_its_own(tmp_path: Path, entry: str, code: str) -> None:
    assert [one.message.code for one in mistakes(tmp_path, HEAD + entry)] == [code]


def test_a_circle_is_named_once_and_a_long_chain_is_no_circle(tmp_path: Path) -> None:
    chain = "".join(f"  - {{id: m{n}, address: 10.1.1.1, runs_on: m{n + 1}}}\n" for n in range(3000))
    good = HEAD + "servers:\n" + chain + "  - {id: m3000, address: 10.1.1.1}\n"
    assert len(load(tmp_path, good).targets) == 3001
    bad = HEAD + "servers:\n" + chain + "  - {id: m3000, address: 10.1.1.1, hosted_by: m2998}\n"
    found = mistakes(tmp_path, bad)
    assert places(found) == [(3007, bad.splitlines()[3006].index("m2998") + 1, "cycle")]
    assert "m2998 → m2999 → m3000 → m2998" in found[0].text("en")


def test_shared_ground_is_no_circle(tmp_path: Path) -> None:
    text = "servers:\n" + "".join(
        f"  - {{id: {one}, address: 10.1.1.1, runs_on: {on}}}\n"
        for one, on in (("a", "[b, c]"), ("b", "d"), ("c", "d"), ("d", "[]"))
    )
    assert len(load(tmp_path, HEAD + text).targets) == 4


def test_mistakes_of_a_file_aside_carry_its_name(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("- {id: w, rule: r, targets: [web09]}\n- {id: w}\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text("a: [\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text("shared: 01\n", encoding="utf-8")
    text = HEAD + "waivers: ./w.yaml\nattestations: a.yaml\nshared_controls: s.yaml\n"
    found = mistakes(tmp_path, text)
    assert {Path(one.file).name for one in found} == {"w.yaml", "a.yaml", "s.yaml"}
    in_w = {(one.line, one.column, one.key) for one in found if one.file.endswith("w.yaml")}
    assert {(1, 3, "waivers[0].reason"), (1, 30, "waivers[0].targets[0]"), (2, 8, "waivers[1].id")} <= in_w
    found = mistakes(tmp_path, HEAD + "waivers: ./none.yaml\n")
    assert places(found) == [(6, 10, "unreadable")]
