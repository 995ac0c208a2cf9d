"""Reading what fping told, honest or not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collectors.link_fping import FpingLink
from auditor.evidence.link import LinkState
from auditor.model import CollectError
from tests.support import reading, target

LINK = target(kind="link", platform=None, address=None, link={"from": "dc", "to": "xa", "target": "10.9.1.1"})


def parse(stdout: str | bytes) -> LinkState:
    return FpingLink().parse(reading({"echo": stdout}, LINK))


def test_times_and_losses() -> None:
    found = parse("sent 4\n10.9.1.1  : 1.5 - 20.25 0.250\n")
    assert (found.address, found.sent, found.received, found.loss_pct) == ("10.9.1.1", 4, 3, 25.0)
    assert (found.rtt_min_ms, found.rtt_avg_ms, found.rtt_max_ms) == (0.25, 7.333, 20.25)


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "sent 4\n",
        "sent 4\n10.9.1.1 :\n",
        "sent 4\n10.9.1.1 : 1 2 3\n",
        "sent 4\n10.9.1.1 : 1 2 3 4 5\n",
        "sent 4\n10.9.1.1 : 1 2 3 nan\n",
        "sent 4\n10.9.1.1 : 1 2 3 -1\n",
        "sent 4\n10.9.1.1 : 1 2 3 1e9\n",
        "sent 4\n10.9.1.1 : 1 2 3 ٤\n",
        "sent 4\n10.9.1.1 : 1 2 3 4\n10.9.1.2 : 1 2 3 4\n",
        "sent 0\n10.9.1.1 : \n",
        "sent four\n10.9.1.1 : 1 2 3 4\n",
        "10.9.1.1 : 1 2 3 4\n",
    ],
)
def test_a_line_that_is_not_whole_is_not_evidence(stdout: str) -> None:
    with pytest.raises(CollectError):
        parse(stdout)


@given(stdout=st.text() | st.binary() | st.from_regex(r"sent \d{1,3}\n\S+ : [0-9. -]{0,40}\n"))
def test_anything_is_evidence_or_not(stdout: str | bytes) -> None:
    with contextlib.suppress(CollectError):
        found = parse(stdout)
        assert 0 <= found.loss_pct <= 100
        assert found.received <= found.sent


@given(times=st.lists(st.none() | st.floats(0, 1000).map(lambda time: round(time, 3)), min_size=1, max_size=100))
def test_what_fping_writes_is_read_back(times: list[float | None]) -> None:
    told = " ".join("-" if time is None else f"{time:.3f}" for time in times)
    found = parse(f"sent {len(times)}\n10.9.1.1 : {told}\n")
    assert found.received == sum(time is not None for time in times)
    assert found.rtt_max_ms == max((time for time in times if time is not None), default=None)
