"""Which ports are asked and how; and reading what nmap, our own scan and the targets told, honest or not."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collector import Addressed
from auditor.collectors import _connect_scan, _exposure_looks, _nmap, ports_nmap
from auditor.collectors import _exposure_reading as reads
from auditor.collectors._exposure_data import ports_of, read, spans, table
from auditor.collectors._nmap_reading import states
from auditor.collectors.ports_nmap import NmapPorts, wanted
from auditor.evidence.exposure import Exposure
from auditor.model import CapdoError, CollectError, Reason
from tests.support import reading, target
from tests.test_cases import load

CASES = Path(__file__).parents[1] / "cases" / "ports.nmap"
RECORDED = {path.stem: load(path)["observations"] for path in CASES.glob("*.yaml")}
XML: str = RECORDED["signed-file-server"]["scan"]
LOOKS: str = RECORDED["everything-old"]["looks"]


def parse(scan: str | bytes, looks: str | bytes) -> Exposure:
    return NmapPorts().parse(reading({"scan": scan, "looks": looks}, target(connect="network")))


# --- what is asked, and of whom -----------------------------------------------------------------------------


def test_no_fragile_port_is_ever_asked_whoever_names_it() -> None:
    fragile = table().fragile
    assert {515, 631, 1720, 5060, 5061, 102, 502, 2404, 20000, 44818, 47808, *range(9100, 9108)} <= fragile.keys()
    hostile = target(ports=[9100, 515, 8443, 502], connect="ssh", ssh={"port": 9100})
    asked = wanted([hostile], range(1, 65536))
    assert not fragile.keys() & set(asked)
    assert 8443 in asked
    assert len(asked) == 65535 - len(fragile)
    assert not fragile.keys() & set(wanted([hostile], ()))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "device", "role": "printer"},
        {"kind": "device", "role": "ip-camera"},
        {"kind": "device", "platform": "PLC", "role": "bom"},
        {"kind": "server", "tags": ["tầng 2", "medical"]},
        {"kind": "server", "connect": "local"},
    ],
)
def test_fragile_things_and_this_machine_itself_are_left_alone(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("something was sent")

    for name in ("_batch", "_no_way"):
        monkeypatch.setattr(ports_nmap, name, never)
    one = target(**{"address": "127.0.0.9", "connect": "network", "platform": None, **fields})
    (seen,) = NmapPorts().probe([Addressed(one, "127.0.0.9")], datetime.now(UTC))[one.id]
    assert (seen.problem, seen.stdout) == (Reason.UNSUPPORTED, b"")
    assert not NmapPorts().actions(one)


def test_words_within_words_are_not_fragile() -> None:
    for role in ("statistics", "blueprint", "web", "scanning-free", "upstream"):
        assert not table().why_fragile(target(role=role)), role


def test_nmap_gets_addresses_and_numbers_only() -> None:
    words = _nmap.argv("/usr/bin/nmap", ["127.0.0.2", "127.0.0.3"], [1, 2, 3, 9])
    assert words[-3:] == ["--", "127.0.0.2", "127.0.0.3"]
    assert words[words.index("-p") + 1] == "T:1-3,9"
    assert {"-n", "-Pn", "-sT", "--unprivileged", "--max-rate", "--max-retries", "--host-timeout"} <= set(words)
    assert not {"-A", "-sV", "-sC", "-O", "--script", "-6"} & set(words)
    assert "-6" in _nmap.argv("/usr/bin/nmap", ["::1"], [1])
    for hostile in (["localhost"], ["-iL/etc/passwd"], ["127.0.0.1/8"], ["127.0.0.2", "::1"], [""], []):
        with pytest.raises(ValueError, match=r"does not appear|nmap needs"):
            _nmap.argv("/usr/bin/nmap", hostile, [1])


@given(st.sets(st.integers(1, 65535), max_size=60))
def test_ports_are_written_and_read_back(ports: set[int]) -> None:
    assert ports_of(spans(ports)) == tuple(sorted(ports))


@pytest.mark.parametrize("text", ["0", "65536", "5-3", "1,,2", "-1", "1-", "٤", "1-65535," * 9 + "1", "x"])
def test_what_are_no_ports(text: str) -> None:
    with pytest.raises(ValueError, match="not ports"):
        ports_of(text)


def test_the_table_refuses_what_it_cannot_mean() -> None:
    good = "fragile_ports: [{ports: '9100', why: x}]\nfragile_words: [plc]\nudp: []\n"
    assert read(good + "services: []").fragile == {9100: "x"}
    for bad in (
        "services: [{name: a, ports: '9100', family: admin}]",
        "services: [{name: a, ports: '1', family: b}]",
        "",
    ):
        with pytest.raises(CapdoError, match=r"exposure\.yaml"):
            read(good + bad)


# --- reading the scan ---------------------------------------------------------------------------------------


def test_every_port_asked_is_told_of() -> None:
    found = states(XML.encode())
    assert found.open == {199, 445}
    assert (len(found.closed), len(found.filtered)) == (121, 0)
    assert found.scanner == "nmap 7.93"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('exit="success"', 'exit="error"', Reason.INCOMPLETE),
        ("<host starttime", '<host timedout="true" starttime', Reason.INCOMPLETE),
        ('services="7,', 'services="1,7,', Reason.INCOMPLETE),
        ('ports="7,', 'ports="', Reason.UNPARSABLE),
        ('<port protocol="tcp" portid="199">', '<port protocol="tcp" portid="7">', Reason.UNPARSABLE),
        ('state="open"', 'state="open|filtered"', Reason.UNPARSABLE),
        ('type="connect"', 'type="syn"', Reason.UNPARSABLE),
        ("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a "b">]>', Reason.UNPARSABLE),
        ("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun SYSTEM "file:///etc/passwd">', Reason.UNPARSABLE),
        ("</host>", "</host><host></host>", Reason.UNPARSABLE),
        ("</nmaprun>", "", Reason.UNPARSABLE),
        ('srtt="', 'srtt="990000', Reason.INCOMPLETE),
        ('srtt="', 'srtt="x', Reason.UNPARSABLE),
        ('encoding="UTF-8"', 'encoding="no-such"', Reason.UNPARSABLE),
        ("<runstats>", "<runstat>", Reason.UNPARSABLE),
        ("<ports><extraports", "<ports>" + "<x>" * 20000 + "<extraports", Reason.UNPARSABLE),
    ],
)
def test_a_scan_that_is_not_whole_or_not_ours(old: str, new: str, reason: Reason) -> None:
    assert old in XML
    with pytest.raises(CollectError) as caught:
        states(XML.replace(old, new, 1).encode())
    assert caught.value.reason is reason


def test_a_document_of_many_hosts_is_split_and_no_target_can_end_its_element() -> None:
    said = quoteattr('</host>\n<host <address addr="10.9.9.9"')
    evil = f"<port><service product={said}/></port>"
    head, _, rest = XML.partition("\n<host ")
    body, _, tail = rest.partition("</host>")
    other = body.replace("198.51.100.3", "198.51.100.77").replace("<ports>", "<ports>" + evil)
    documents = _nmap.split(f"{head}\n<host {body}</host>\n<host {other}</host>{tail}".encode())
    assert documents is not None
    assert set(documents) == {"198.51.100.3", "198.51.100.77"}
    assert states(documents["198.51.100.3"]).open == {199, 445}
    for cut in (XML[:-200], XML.partition("<runstats>")[0], "", "x"):
        assert _nmap.split(cut.encode()) is None


_NAMES = st.sampled_from(["host", "ports", "port", "extraports", "extrareasons", "scaninfo", "runstats", "finished"])
_VALUES = st.one_of(st.text(max_size=8), st.sampled_from(["tcp", "open", "connect", "1-3", "3", "success", "nmap"]))


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(_NAMES)
    keys = st.sampled_from(["protocol", "portid", "state", "count", "ports", "services", "type", "exit", "addr"])
    said = {key: draw(_VALUES) for key in draw(st.sets(keys, max_size=4))}
    inner = "".join(draw(st.lists(elements(depth=depth + 1), max_size=3))) if depth < 3 else ""
    return f"<{name} {' '.join(f'{key}={quoteattr(value)}' for key, value in said.items())}>{inner}</{name}>"


@settings(max_examples=30)
@given(st.lists(elements(), max_size=4), st.booleans())
def test_any_xml_gives_states_or_a_reason(parts: list[str], head: bool) -> None:
    start = XML.partition("<host ")[0] if head else '<nmaprun scanner="nmap">'
    with contextlib.suppress(CollectError):
        states((start + "".join(parts) + "</nmaprun>").encode("utf-8", "replace"))


@settings(max_examples=60)
@given(st.integers(0, len(XML) - 1), st.binary(min_size=1, max_size=3))
def test_any_damage_gives_states_or_a_reason(at: int, put: bytes) -> None:
    raw = XML.encode()
    with contextlib.suppress(CollectError):
        states(raw[:at] + put + raw[at + len(put) :])


# --- reading the looks --------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["smb1", "smb2", "rdp-standard", "rdp-tls", "rdp-nla"]), st.binary(max_size=90)))
def test_any_answer_is_read(told: dict[str, bytes]) -> None:
    heard = {name: reads.Heard("said", data) for name, data in told.items()}
    reads.smb(heard)
    reads.rdp(heard)
    for data in told.values():
        for port, name in table().udp.items():
            assert reads.udp_answer(port, name, reads.Heard("said", data)).state in ("answered", "other")
        for port in (13, 19, 21, 23, 3306, 5900):
            reads.recognised(port, reads.Heard("said", data))


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["udp", "tcp", "161", "state", "b64", "address", "said"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_evidence_or_a_reason(told: object) -> None:
    raw = json.dumps(told).encode()
    for make in (reads.connected, lambda data: reads.document(data, "127.0.0.2")):
        with contextlib.suppress(CollectError):
            make(raw)


def test_looks_at_another_address_are_not_ours() -> None:
    with pytest.raises(CollectError, match="looks at"):
        parse(XML, LOOKS)


def test_what_hangs_up_on_everybody_has_told_nothing() -> None:
    closed = {name: reads.Heard("closed") for name in ("smb1", "smb2", "rdp-standard", "rdp-tls", "rdp-nla")}
    assert reads.smb(closed).smb1 is None
    assert reads.smb(closed).signing_required is None
    assert {reads.rdp(closed).standard, reads.rdp(closed).tls, reads.rdp(closed).nla} == {None}


def test_a_server_of_smb1_alone_and_one_that_signs_only_on_one_of_two_ways() -> None:
    told = json.loads(LOOKS)["tcp"]
    old, new = (reads.Heard("said", base64.b64decode(told[name]["b64"])) for name in ("smb1", "smb2"))
    alone = reads.smb({"smb1": old, "smb2": reads.Heard("reset")})
    assert (alone.smb1, alone.dialect, alone.signing_required) == (True, "", False)
    strict = reads.Heard("said", new.data[:70] + b"\x03\x00" + new.data[72:])
    assert reads.smb({"smb1": old, "smb2": strict}).signing_required is False


def test_the_datagrams_are_what_they_say() -> None:
    assert len(_exposure_looks.SNMP_PUBLIC) == 0x29 + 2
    assert reads._fields(_exposure_looks.SNMP_PUBLIC)[0][0] == 0x30
    assert len(_exposure_looks.rdp(2)) == 19
    assert _exposure_looks.SMB1[3] == len(_exposure_looks.SMB1) - 4
    assert _exposure_looks.DATAGRAMS.keys() == table().udp.keys()


def test_hostile_words_are_shown_harmless_and_short() -> None:
    shown = reads.printable(b"220 \x1b[31m\xe2\x80\xae evil \x00" + b"x" * 5000)
    assert shown.isprintable()
    assert len(shown) <= 80


# --- our own scan, on loopback ------------------------------------------------------------------------------


@pytest.mark.net
def test_the_connect_scan_tells_of_every_port_or_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.7", 0)) as server:
        port = server.getsockname()[1]
        raw = _connect_scan.scan(["127.0.0.7", "127.0.0.8"], [port, 1], 5.0)
    found = reads.connected(raw["127.0.0.7"])
    assert (set(found.open), set(found.closed), found.scanner) == ({port}, {1}, "connect")
    assert reads.connected(raw["127.0.0.8"]).closed == {1, port}
    monkeypatch.setattr(_connect_scan, "RATE", 10)
    with pytest.raises(CollectError) as caught:
        reads.connected(_connect_scan.scan(["127.0.0.7"], range(1, 20), 0.3)["127.0.0.7"])
    assert caught.value.reason is Reason.INCOMPLETE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("exit 1", Reason.INCOMPLETE),
        ("exec sleep 60", Reason.TIMEOUT),
        ("exec yes", Reason.TRUNCATED),
        ("echo '<nmaprun>'", Reason.INCOMPLETE),
    ],
    ids=["failed", "hangs", "flood", "short"],
)
def test_an_nmap_that_does_not_do_its_work(
    text: str, reason: Reason, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nmap"
    tool.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(_nmap, "_SPARE_S", 0.2)
    documents, problem = _nmap.scan(str(tool), ["127.0.0.7"], [1])
    assert not documents
    assert problem is not None
    assert problem[0] is reason
