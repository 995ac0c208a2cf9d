"""Servers that mean harm, or nothing: whatever they send, a handshake ends with a word, in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import wire
from auditor.collectors._tls.io import Ended
from auditor.collectors._tls.replies import RETRY
from auditor.collectors._tls.session import MESSAGES, Talk
from auditor.collectors._tls.session12 import Session12, tls12
from auditor.collectors._tls.session13 import Session13, tls13
from auditor.evidence.tls import Answer
from tests.collectors.tls_peers import (
    CHAIN13,
    DER,
    EXTENSIONS,
    NAME,
    VERIFY,
    Against,
    Hostile,
    Says,
    hello,
    record,
    server,
    write_files,
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("pem"))


# --- spoilt -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_flight_in_small_pieces_is_the_same_flight(files: Path, version: str, size: int) -> None:
    class Slow(Against):
        held = b""

        def receive(self) -> bytes:
            self.held = self.held or super().receive()
            taken, self.held = self.held[:size], self.held[size:]
            return taken

    ask = tls13 if version == "TLSv1_3" else tls12
    assert ask(Slow(server(files, version=version)), NAME).ending == "done"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_flight_with_any_byte_changed_gives_a_word(files: Path, data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(["TLSv1_2", "TLSv1_3"]))
    at, flip = data.draw(st.integers(0, 900)), data.draw(st.integers(1, 255))

    def spoil(said: bytes) -> bytes:
        return said[:at] + bytes((said[at] ^ flip,)) + said[at + 1 :] if at < len(said) else said

    line = Against(server(files, version=version), spoil)
    seen: Session12 | Session13
    seen = tls13(line, NAME, tickets=True) if version == "TLSv1_3" else tls12(line, NAME, renegotiate=True)
    assert seen.ending
    if version == "TLSv1_3" and seen.ending == "done":
        assert seen.certificates == (DER["ecdsa"],), "nothing unproven passes for done"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=12))
def test_any_bytes_at_all_give_a_word(chunks: list[bytes]) -> None:
    assert tls13(Says(chunks), NAME, tickets=True).ending not in ("", "done")
    assert tls12(Says(chunks), NAME, renegotiate=True).ending not in ("", "done")


MESSAGE = st.builds(wire.message, st.sampled_from([0, 1, 2, 4, 11, 12, 13, 14, 20, 22]), st.binary(max_size=120))
CHAIN = wire.message(wire.CERTIFICATE, wire.vector(wire.vector(DER["rsa"], 3), 3))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(MESSAGE, st.just(CHAIN)), max_size=6), st.sampled_from([0x002F, 0x0033, 0xC013, 0xC02B, 0x1301])
)
def test_messages_of_tls_1_2_in_any_order_give_a_word(messages: list[bytes], suite: int) -> None:
    said = wire.records(wire.HANDSHAKE, 0x0303, hello(suite=suite) + b"".join(messages))
    assert tls12(Says([said]), NAME, renegotiate=True).ending not in ("", "done")


def endings(*chunks: bytes) -> tuple[str, str]:
    return tls12(Says(chunks), NAME).ending, tls13(Says(chunks), NAME).ending


def test_words_for_what_servers_do() -> None:
    assert endings() == ("closed", "closed")
    assert endings(b"HTTP/1.1 400 Bad Request\r\n\r\n") == ("malformed", "malformed")
    assert endings(record(b"\x02\x28", wire.ALERT)) == ("alert 40", "alert 40")
    assert endings(record(b"\x01\x00", wire.ALERT)) == ("closed", "closed")
    assert endings(record(b"\x02", wire.ALERT)) == ("malformed", "malformed")
    assert endings(record(b"hello", wire.DATA)) == ("out-of-order", "out-of-order")
    assert endings(record(hello(version=0x0300))) == ("other-version", "other-version")
    assert endings(record(hello(suite=0x00FF))) == ("unsupported", "other-version")
    assert endings(record(hello()[:-3])) == ("cut", "cut")
    assert endings(record(b"\x02\x01\x00\x00")) == ("cut", "cut")
    assert endings(record(b"\x02\x02\x00\x01")) == ("too-long", "too-long")


def test_endless_wishes_to_begin_anew_end() -> None:
    talk = Talk(Says(record(bytes(4)) for _ in range(1000)), version=0x0303)
    for _ in range(MESSAGES):
        assert talk.hear(past_data=True) == (0, b"")
    with pytest.raises(Ended, match="too-long"):
        talk.hear(past_data=True)


def test_endless_servers_end() -> None:
    def forever(data: bytes) -> Iterator[bytes]:
        while True:
            yield data

    for said in (
        record(b""),
        record(b"\x01\x70", wire.ALERT),
        record(b"\x01", wire.CHANGE_CIPHER),
        record(b"\x00\x00\x00\x00"),
    ):
        for ending in (tls12(Says(forever(said)), NAME).ending, tls13(Says(forever(said)), NAME).ending):
            assert ending in ("too-long", "out-of-order", "alert 112")


# --- a server that has the keys and means harm ------------------------------------------------------------------


def hostile(*flight: bytes, again: bytes = b"", proven: bool = False) -> Session13:
    def say() -> Iterator[bytes]:
        yield from flight
        while again:
            yield again

    return tls13(Hostile(say, proven=proven), NAME, tickets=True)


def test_a_certificate_of_another_is_not_taken_for_theirs() -> None:
    seen = hostile(EXTENSIONS, CHAIN13, VERIFY)
    assert (seen.ending, seen.certificates) == ("bad-signature", (DER["ecdsa"],))
    assert hostile(EXTENSIONS, CHAIN13 + VERIFY).ending == "bad-signature"


def test_words_under_keys() -> None:
    nobody = wire.message(wire.CERTIFICATE, b"\x00" + bytes(3))
    unread = wire.message(wire.CERTIFICATE, b"\x00" + wire.vector(wire.vector(b"junk", 3) + b"\x00\x00", 3))
    assert hostile().ending == "closed"
    assert hostile(EXTENSIONS, EXTENSIONS).ending == "out-of-order"
    assert hostile(CHAIN13).ending == "out-of-order"
    assert hostile(EXTENSIONS, nobody).ending == "malformed"
    assert hostile(EXTENSIONS, unread, VERIFY).ending == "unreadable-key"
    assert hostile(wire.message(wire.ENCRYPTED_EXTENSIONS, b"\x00\x07\x00")).ending == "malformed"
    assert hostile(EXTENSIONS, b"\x0b\x7f\xff\xff", again=b"x" * 16000).ending == "too-long"
    assert hostile(again=b"").ending == "closed"
    assert hostile(EXTENSIONS, b"\x0b\x01\xff\x00", again=b"x").ending == "too-long"


class Retries(Says):
    """Asks for other groups, one after the other, and for none at the end."""

    def __init__(self, *groups: int) -> None:
        super().__init__([])
        self._groups = list(groups)

    def receive(self) -> bytes:
        if not self._groups:
            return b""
        more = wire.extension(43, b"\x03\x04") + wire.extension(51, wire.u16(self._groups.pop(0)))
        said = hello(suite=0x1301, extensions=more + wire.extension(44, b"\x00\x01c"), session=self.said[44:76])
        return record(said.replace(b"r" * 32, RETRY))


def test_asking_again() -> None:
    def ending(*groups: int) -> str:
        return tls13(Retries(*groups), NAME).ending

    line = Retries(0x0018)
    assert tls13(line, NAME).ending == "closed"
    assert wire.extension(44, b"\x00\x01c") in line.said, "the cookie goes back"
    assert ending(0x0018, 0x0018) == "out-of-order"
    assert ending(0x0018, 0x0017) == "out-of-order"
    assert ending(0x11EC) == "unsupported"


def ticket(allowed: int | None) -> bytes:
    more = b"" if allowed is None else wire.extension(42, allowed.to_bytes(4, "big"))
    return wire.message(wire.NEW_TICKET, bytes(8) + b"\x00" + wire.vector(b"ticket") + wire.vector(more))


def test_after_a_handshake_that_was_in_order() -> None:
    def after(*flight: bytes, again: bytes = b"") -> tuple[str, str, tuple[int, ...], Answer]:
        seen = hostile(*flight, again=again, proven=True)
        return seen.ending, seen.after, seen.tickets, seen.early_data

    update = wire.message(24, b"\x00")
    assert after() == ("done", "closed", (), Answer.NO)
    assert after(ticket(None)) == ("done", "ticket", (0,), Answer.NO)
    assert after(ticket(9), again=ticket(9)) == ("done", "ticket", (9,), Answer.YES)
    assert after(b"DATA 220 mail", ticket(7)) == ("done", "ticket", (7,), Answer.YES)
    assert after(again=b"DATA") == ("done", "too-long", (), Answer.UNTESTED)
    assert after(update, ticket(9)) == ("done", "out-of-order", (), Answer.UNTESTED)
    assert after(wire.message(wire.NEW_TICKET, b"short")) == ("done", "malformed", (), Answer.UNTESTED)
    assert after(ticket(9)[:20]) == ("done", "cut", (), Answer.UNTESTED)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(MESSAGE, st.binary(max_size=60), st.sampled_from([EXTENSIONS, CHAIN13, VERIFY])), max_size=6))
def test_messages_of_tls_1_3_in_any_order_give_a_word(flight: list[bytes]) -> None:
    assert hostile(*flight).ending not in ("", "done")
