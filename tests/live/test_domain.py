"""The prober of names against a name server of ours that can misbehave, and against a real nsd."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.collect import Collection
from auditor.collector import Addressed, Reading
from auditor.collectors.dns_domain import DnsDomain
from auditor.evidence.domain import DomainRecords
from auditor.folder import FolderWriter
from auditor.model import CollectError, Evidence, Observation, Reason, Seen, Unavailable
from auditor.targets import Authority, Inventory, Province, Target
from tests.live.dns_lab import NameServer
from tests.live.tls_lab import free_port, process
from tests.support import target

pytestmark = [pytest.mark.net, pytest.mark.live]

ASKED = ("network.mail-spf", "network.mail-dmarc", "network.mail-dkim", "network.dangling-name")
GOOD = """
cong 60 A 127.0.0.1
trang 60 CNAME cong
@ 60 MX 10 thu
thu 60 A 127.0.0.1
@ 60 TXT "khac=1"
@ 60 TXT "v=spf1 mx include:_spf.tinh.example -all"
_spf 60 TXT "v=spf1 ip4:127.0.0.0/8 ip6:::1 ~all"
_dmarc 60 TXT "v=DMARC1; p=reject; rua=mailto:bao-cao@tinh.example"
_mta-sts 60 TXT "v=STSv1; id=1"
cong 60 CAA 0 issue "ca.example"
s1._domainkey 60 TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
s2._domainkey 60 TXT "v=DKIM1; p="
cu 60 CNAME da-bo.dam-may.example.
"""


def service(host: str, port: int, mail: str = "tinh.example", selectors: tuple[str, ...] = ("s1",)) -> Target:
    settings = {"resolver": "127.0.0.1", "port": port, "mail_domain": mail, "dkim_selectors": selectors}
    return target(kind="service", platform=None, address=host, url=f"https://{host}/", dns=settings)


def look(on: Target) -> tuple[Evidence | Unavailable, Sequence[Observation]]:
    now, collector = datetime.now(UTC), DnsDomain()
    stored = collector.probe([Addressed(on, "127.0.0.1")], now)[on.id]
    try:
        found: Evidence | Unavailable = collector.parse(
            Reading(on, Seen(now, now, None, ("0" * 64,)), {item.key: item for item in stored})
        )
    except CollectError as exc:
        found = Unavailable(exc.reason, exc.detail)
    return found, stored


def judged(found: Evidence | Unavailable) -> dict[str, str]:
    checks = {key: registry.checks()[key][0] for key in ASKED}
    return {
        key.removeprefix("network."): run_check(
            check, needs(type(check)), {"domain": found}, check.params()
        ).verdict.message.code
        for key, check in checks.items()
    }


PASSES = {"mail-spf": "guarded", "mail-dmarc": "guarded", "mail-dkim": "keys-pass", "dangling-name": "names-pass"}
MANY = " ".join(f"a:h{n}.tinh.example" for n in range(11))
LONG = '" "'.join(["ip4:127.0.0.1 " * 12] * 12)


@pytest.mark.parametrize(
    ("host", "zone", "differs"),
    [
        ("cong", GOOD, {}),
        ("trang", GOOD, {}),
        ("cu", GOOD, {"dangling-name": "names-fail"}),
        ("khong-co", GOOD, {"dangling-name": "names-fail"}),
        ("cong", GOOD.replace("thu 60 A 127.0.0.1\n", ""), {"dangling-name": "names-fail"}),
        ("cong", GOOD.replace("-all", "+all"), {"mail-spf": "open"}),
        ("cong", GOOD.replace("-all", "?all"), {"mail-spf": "open"}),
        ("cong", GOOD.replace(" -all", ""), {"mail-spf": "open"}),
        ("cong", GOOD.replace(" -all", " redirect=_spf.tinh.example"), {}),
        ("cong", GOOD.replace(" -all", " ip4:1.2.3 -all"), {"mail-spf": "wrong"}),
        ("cong", GOOD.replace(" -all", " include:khong-co.tinh.example -all"), {"mail-spf": "wrong"}),
        ("cong", GOOD.replace(" -all", f" {MANY} -all"), {"mail-spf": "too-many"}),
        ("cong", GOOD.replace(" -all", f' {LONG} -all'), {}),
        ("cong", GOOD + '@ 60 TXT "v=spf1 -all"\n', {"mail-spf": "wrong"}),
        ("cong", GOOD.replace("v=spf1 mx", "v=spf10 mx"), {"mail-spf": "absent"}),
        ("cong", GOOD.replace("p=reject", "p=none"), {"mail-dmarc": "weak"}),
        ("cong", GOOD.replace("p=reject", "p=reject; pct=10"), {"mail-dmarc": "partly"}),
        ("cong", GOOD.replace("p=reject", "p=rejec"), {"mail-dmarc": "wrong"}),
        ("cong", GOOD.replace("; rua=mailto:bao-cao@tinh.example", ""), {"mail-dmarc": "no-reports"}),
        ("cong", GOOD.replace("_dmarc 60", "_dmarc2 60"), {"mail-dmarc": "absent"}),
        ("cong", GOOD + '_dmarc 60 TXT "v=DMARC1; p=reject"\n', {"mail-dmarc": "absent"}),
        ("cong", GOOD.replace("s1._domainkey", "s9._domainkey"), {"mail-dkim": "keys-fail"}),
        ("cong", GOOD.replace("p=11q", "p=!!"), {"mail-dkim": "keys-fail"}),
    ],
)  # fmt: skip
def test_zones(host: str, zone: str, differs: dict[str, str]) -> None:
    with NameServer({"tinh.example": zone}).running() as server:
        found, stored = look(service(f"{host}.tinh.example", server.port))
    assert judged(found) == {**PASSES, **differs}
    assert len(stored[0].stdout) < 64 << 10
    assert len(server.asked) <= 30


def test_a_mail_domain_below_its_policy() -> None:
    zone = GOOD + '@ 60 TXT "x"\nso 60 TXT "v=spf1 -all"\ns1._domainkey.so 60 TXT "v=DKIM1; p="\n'
    zone = zone.replace("p=reject", "p=none; sp=reject")
    with NameServer({"tinh.example": zone}).running() as server:
        found, _ = look(service("cong.tinh.example", server.port, "so.tinh.example"))
    assert judged(found) == {**PASSES, "mail-dkim": "keys-fail"}


@pytest.mark.parametrize("how", ["silent", "broken"])
@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("tinh.example", {"mail-spf": "no-answer"}),
        ("_spf.tinh.example", {"mail-spf": "no-answer"}),
        ("_dmarc.tinh.example", {"mail-dmarc": "no-answer"}),
        ("s1._domainkey.tinh.example", {"mail-dkim": "keys-unknown"}),
        ("cong.tinh.example", {"dangling-name": "names-unknown"}),
    ],
)
def test_no_answer_is_never_absence(
    how: str, name: str, differs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.collectors._dns.STEP_S", 0.1)
    server = NameServer({"tinh.example": GOOD}, **{how: (name,)})
    with server.running():
        found, _ = look(service("cong.tinh.example", server.port))
    assert judged(found) == {**PASSES, **differs}


def test_a_resolver_that_is_away_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.collectors._dns.STEP_S", 0.2)
    began = time.monotonic()
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        found, _ = look(service("cong.tinh.example", deaf.getsockname()[1]))
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.UNREACHABLE
    assert time.monotonic() - began < 5


def test_names_in_a_circle() -> None:
    zone = GOOD + "a 60 CNAME b\nb 60 CNAME a\n"
    with NameServer({"tinh.example": zone.replace("mx include", "include:_v.tinh.example include") +
                     '_v 60 TXT "v=spf1 include:_v.tinh.example include:tinh.example -all"\n'}).running() as server:  # fmt: skip # noqa: E501
        found, _ = look(service("a.tinh.example", server.port))
    assert isinstance(found, DomainRecords)
    assert judged(found)["dangling-name"] == "names-unknown"


def test_nsd(tmp_path: Path) -> None:
    """A real server, which here stands for the resolver of a province that knows its own zone."""
    if not shutil.which("nsd"):
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)("nsd not installed")
    port = free_port()
    (tmp_path / "zone").write_text(
        "$ORIGIN tinh.example.\n@ 60 SOA ns h 1 1 1 1 1\n@ 60 NS ns\nns 60 A 127.0.0.1\n" + GOOD
    )
    (tmp_path / "nsd.conf").write_text(
        f'server:\n ip-address: 127.0.0.1@{port}\n username: ""\n zonesdir: "{tmp_path}"\n pidfile: "{tmp_path}/pid"\n'
        f' database: ""\n xfrdfile: "{tmp_path}/xfrd"\n zonelistfile: "{tmp_path}/list"\n xfrdir: "{tmp_path}"\n'
        ' server-count: 1\nremote-control:\n control-enable: no\nzone:\n name: "tinh.example"\n zonefile: "zone"\n'
    )
    with process(["nsd", "-d", "-c", str(tmp_path / "nsd.conf")], port):
        found, _ = look(service("trang.tinh.example", port))
    assert judged(found) == PASSES
    assert isinstance(found, DomainRecords)
    assert found.caa == ("ca.example",)


@pytest.mark.parametrize(("networks", "asked"), [(["198.51.100.0/24"], False), (["127.0.0.2/32"], True)])
def test_no_packet_to_a_resolver_outside_the_authority(
    networks: list[str], asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate admits the resolver that is asked, not the service that is asked about."""
    monkeypatch.setattr("auditor.authority.exempt", lambda *_: False)
    monkeypatch.setattr("auditor.collectors._dns.STEP_S", 0.1)
    authority = {
        "id": "kh-12", "basis": "operator-selfcheck", "document": {"no": "12", "date": "2026-01-15", "signer": "x"},
        "scope": {"networks": networks}, "methods": ["web"], "from": "2026-01-01", "until": "2029-12-31",
    }  # fmt: skip
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.2", 0))
        deaf.settimeout(0.1)
        on = service("cong.tinh.example", deaf.getsockname()[1])
        on = on.model_copy(update={"dns": on.dns.model_copy(update={"resolver": "127.0.0.2"}) if on.dns else None})
        basis = Authority.model_validate(authority)
        inventory = Inventory(province=Province(id="tinh"), targets=(on,), authorities=(basis,))
        folder = FolderWriter(tmp_path / "evidence")
        assert Collection(inventory, {"dns.domain": DnsDomain()}, folder).run() == (0 if asked else 1)
        heard = False
        with contextlib.suppress(TimeoutError):
            heard = bool(deaf.recv(4096))
    assert heard is asked
