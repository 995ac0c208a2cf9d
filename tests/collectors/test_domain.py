"""Reading what name servers tell, honest or not."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._dns import read
from auditor.collectors._dns_mail import dkim, dmarc, is_spf, spf, spf_names, spf_record
from auditor.collectors.dns_domain import DnsDomain
from auditor.evidence.domain import DomainRecords, State
from auditor.model import CollectError
from tests.support import reading, target

SERVICE = target(
    kind="service",
    platform=None,
    address="cong.tinh.example",
    url="https://cong.tinh.example",
    dns={"resolver": "127.0.0.1", "mail_domain": "tinh.example", "dkim_selectors": ["s1"]},
)
few = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("v=spf1 -all", 0),
        ("v=spf1 a mx a:x.example/24 mx/24//64 ptr exists:%{i}.x.example ip4:10.0.0.0/8 ip6:fd00::/8 ~all", 0),
        ("v=spf1 exp=x.example redirect=y.example", 0),
        ("v=spf1 ip4:10.0.0.300 -all", 1),
        ("v=spf1 include -all", 1),
        ("v=spf1 all:x -all", 1),
        ("v=spf1 lalala -all", 1),
        ("v=spf1 redirect=a.example redirect=b.example", 1),
        ("v=spf1 -all lalala", 0),
    ],
)
def test_terms_of_spf(text: str, wrong: int) -> None:
    assert len(spf_record(text).errors) == wrong


def test_lookups_are_counted_through_includes_and_redirects() -> None:
    texts = {
        "a.example": ("v=spf1 include:b.example mx redirect=c.example",),
        "b.example": ("v=spf1 a exists:x.example -all",),
        "c.example": ("v=spf1 ?all", "another"),
    }
    found = spf("a.example", texts)
    assert found is not None
    assert (found.lookups, found.all, found.whole, found.errors) == (5, "?", True, ())
    assert spf_names("a.example", {}) == ["a.example"]


def test_an_include_that_depends_on_the_sender_is_not_whole() -> None:
    found = spf("a.example", {"a.example": ("v=spf1 include:%{d}.x.example -all",)})
    assert found is not None
    assert not found.whole


def test_a_tree_of_includes_ends() -> None:
    texts = {f"{n}.example": (f"v=spf1 include:{2 * n}.example include:{2 * n + 1}.example -all",) for n in range(9999)}
    began = time.process_time()
    found = spf("1.example", texts)
    assert found is not None
    assert not found.whole or found.lookups > 10
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("holder", "policy"), [("tinh.example", "quarantine"), ("example", "reject")], ids=["its own", "of one above"]
)
def test_the_policy_that_counts(holder: str, policy: str) -> None:
    found = dmarc("tinh.example", holder, ("v=DMARC1;p=quarantine; sp=reject;",))
    assert found is not None
    assert found.policy == policy


@pytest.mark.parametrize(
    ("text", "state", "problem"),
    [
        ("v=DKIM1; p=", State.FOUND, "revoked"),
        ("v=DKIM1; p=!", State.FOUND, "malformed"),
        ("v=DKIM1; p=AAAA", State.FOUND, "malformed"),
        ("v=DKIM2; p=AAAA", State.FOUND, "malformed"),
        ("anything", State.FOUND, "malformed"),
        ("k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", State.FOUND, ""),
    ],
)
def test_keys(text: str, state: State, problem: str) -> None:
    found = dkim("s1", (text,))
    assert (found.state, found.problem) == (state, problem)


def test_no_key() -> None:
    assert dkim("s1", ()).state is State.MISSING


@few
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for record in (text, f"v=spf1 {text}", f"v=DMARC1;{text}", f"v=DKIM1;p={text}"):
        spf_record(record)
        is_spf(record)
        dmarc("a.example", "a.example", (record,))
        dkim("s", (record,))


@few
@given(st.lists(st.dictionaries(st.sampled_from(["name", "type", "wire", "problem"]), st.text(max_size=9))))
def test_anything_stored_is_read_or_refused(stored: list[dict[str, str]]) -> None:
    try:
        read(stored)
    except ValueError:
        return


@few
@given(st.binary())
def test_any_bytes_stored_are_evidence_or_a_reason(raw: bytes) -> None:
    for text in (raw, json.dumps({"answers": [{"name": "a", "type": "A", "wire": raw.hex()}]})):
        try:
            found = DnsDomain().parse(reading({"answers": text}, SERVICE))
        except CollectError:
            continue
        assert isinstance(found, DomainRecords)


def test_the_resolver_is_whom_it_talks_to() -> None:
    assert DnsDomain().contact(SERVICE) == "127.0.0.1"
    assert DnsDomain().serves(SERVICE)
    assert not DnsDomain().serves(SERVICE.model_copy(update={"dns": None}))
    assert [action.ports for action in DnsDomain().actions(SERVICE)] == [(53,)]
