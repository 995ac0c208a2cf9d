"""What the case files of ports.nmap cannot say: parameters, and the odd corners of the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditor import registry
from auditor.check import needs, run_check
from auditor.declared import declared
from auditor.evidence.exposure import Exposure, OpenPort, SmbLook, UdpAnswer
from auditor.model import Result, Verdict
from auditor.packfile import find_pack, load_pack
from tests.support import NOW, seen, target

QUIET = Exposure(
    seen=seen(),
    address="10.1.1.10",
    scanner="nmap 7.93",
    vantage="auditor",
    login_port=None,
    open=(),
    echo=True,
    closed=frozenset({139, 445, 3389}),
    filtered=frozenset(),
    left_out=frozenset(),
    udp=(),
    smb=None,
    rdp=None,
    ftp_tls=None,
)


def port(number: int, family: Any = "", seen_as: str = "", name: str = "") -> OpenPort:
    return OpenPort(port=number, name=name, family=family, seen=seen_as)


def judge(check_id: str, evidence: Exposure, on: dict[str, Any] | None = None, **params: Any) -> Verdict:
    check, _ = registry.checks()[check_id]
    held = {"exposure": evidence, "declared": declared(target(**(on or {})), {}, "1" * 64, NOW)}
    return run_check(check, needs(type(check)), held, check.params(**params)).verdict


@pytest.mark.parametrize(
    ("vantage", "result"), [("user", Result.FAIL), ("admin", Result.INFORMATIONAL), ("unsaid", Result.UNKNOWN)]
)
def test_administration_is_weighed_by_where_the_auditor_stands(vantage: str, result: Result) -> None:
    rdp = replace(QUIET, open=(port(3389, "admin", name="rdp"),))
    assert judge("network.admin-exposure", rdp, vantage=vantage).result is result


def test_the_way_by_which_the_audit_logs_in_is_no_fault_of_the_target() -> None:
    own = replace(QUIET, open=(port(2222),), login_port=2222)
    assert judge("network.admin-exposure", own, vantage="user").result is Result.INFORMATIONAL
    assert judge("network.undeclared-ports", own).result is Result.PASS
    assert judge("network.admin-exposure", replace(own, open=(port(2222, "admin"),)), {"ports": [2222]}).result is (
        Result.PASS
    )


def test_a_role_opens_its_ports_and_no_others() -> None:
    web = replace(QUIET, open=(port(80), port(443)))
    assert judge("network.undeclared-ports", web, {"role": "web"}).result is Result.PASS
    verdict = judge("network.undeclared-ports", web, {"role": "database"})
    assert (verdict.result, [item.id for item in verdict.instances]) == (Result.FAIL, ["tcp/80", "tcp/443"])


def test_udp_counts_and_what_answered_strangely_is_not_condemned() -> None:
    strange = replace(QUIET, udp=(UdpAnswer(port=161, name="snmp", state="other"),))
    assert judge("network.undeclared-ports", strange).result is Result.FAIL
    assert judge("network.insecure-services", strange).result is Result.UNKNOWN
    tftp = replace(QUIET, udp=(UdpAnswer(port=69, name="tftp", state="answered"),))
    assert judge("network.insecure-services", tftp).result is Result.FAIL
    assert judge("network.insecure-services", tftp, allowed=("tftp",)).result is Result.PASS


@pytest.mark.parametrize(
    ("one", "ftp_tls", "result"),
    [
        (port(21, "legacy", "ftp", "ftp"), True, Result.PASS),
        (port(21, "legacy", "ftp", "ftp"), None, Result.UNKNOWN),
        (port(514, "legacy", "", "rsh"), None, Result.UNKNOWN),
        (port(2323, "legacy", "telnet", "telnet"), None, Result.FAIL),
        (port(23, "legacy", "ssh", "telnet"), None, Result.PASS),
    ],
)
def test_a_number_alone_condemns_nothing(one: OpenPort, ftp_tls: bool | None, result: Result) -> None:
    assert judge("network.insecure-services", replace(QUIET, open=(one,), ftp_tls=ftp_tls)).result is result


def test_smb_on_139_alone_was_not_asked() -> None:
    old = replace(QUIET, open=(port(139),), closed=frozenset({445}))
    assert judge("network.smb-signing", old).result is Result.UNKNOWN
    mute = replace(QUIET, open=(port(445),), smb=SmbLook(smb1=None, dialect=None, signing_required=None))
    assert judge("network.smb-signing", mute).result is Result.UNKNOWN
    assert judge("network.insecure-services", mute).result is Result.UNKNOWN


def test_roles_mean_the_same_ports_to_the_firewall_and_from_the_network() -> None:
    rules = {rule.id: rule for rule in load_pack(find_pack("tcvn-14423-2026")).rules}
    within = rules["firewall.open-ports"].params["role_ports"]
    outside = rules["network.undeclared-ports"].params["role_ports"]
    assert {role: outside.get(role) for role in within} == within
