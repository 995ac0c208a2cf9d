"""Paths: our verdict beside that of ``openssl verify``, an independent witness; and what no order may change."""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collectors._tls import paths
from auditor.collectors._tls.constraints import _dns_within
from auditor.model import CollectError
from tests.chains import TABLE, Case, constrained, new_key, permitted
from tests.pki import CLIENT, DAY, SERVER, Issued, ca, issue, usage
from tests.support import NOW


def version_1(folder: Path, common: str, by: Issued | None = None) -> Issued:
    """By openssl: the library builds version 3 only. With the key of ``Issued``."""
    key = new_key()

    def write(which: Any, file: str) -> str:
        held = which.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / file).write_bytes(held)
        return str(folder / file)

    request = ["openssl", "req", "-new", "-key", write(key, "v1.key"), "-subj", f"/CN={common}", "-out"]
    subprocess.run([*request, str(folder / "v1.csr")], check=True, capture_output=True)
    sign = ["openssl", "x509", "-req", "-in", str(folder / "v1.csr"), "-days", "900", "-out", str(folder / "v1.pem")]
    if by:
        (folder / "by.pem").write_bytes(by.pem)
        sign += ["-CA", str(folder / "by.pem"), "-CAkey", write(by.key, "by.key")]
    else:
        sign += ["-signkey", str(folder / "v1.key")]
    subprocess.run(sign, check=True, capture_output=True)
    return Issued(x509.load_pem_x509_certificate((folder / "v1.pem").read_bytes()), key)


def ours(one: Case) -> paths.Verified:
    return paths.verify([each.der for each in one.sent], [each.der for each in one.anchors], NOW)


def in_force(found: paths.Verified) -> bool:
    return all(each.not_before <= NOW <= each.not_after for each in found.path)


def openssl(folder: Path, sent: Sequence[Issued], anchors: Sequence[Issued], *more: str) -> int:
    for file, held in (("leaf", sent[:1]), ("sent", sent[1:] or sent[:1]), ("anchors", anchors)):
        (folder / f"{file}.pem").write_bytes(b"".join(each.pem for each in held))
    command = ["openssl", "verify", "-partial_chain", "-no-CApath", "-no-CAstore", "-purpose", "sslserver"]
    command += ["-CAfile", str(folder / "anchors.pem"), "-untrusted", str(folder / "sent.pem"), *more]
    done = subprocess.run([*command, str(folder / "leaf.pem")], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return 0
    told = re.search(r"error (\d+) at", done.stderr)
    assert told, done.stderr
    return int(told[1])


@pytest.mark.parametrize("about", TABLE)
def test_each_way_to_make_a_chain(about: str, tmp_path: Path) -> None:
    one = TABLE[about]
    found = ours(one)
    assert (found.trust.code, found.trust.anchors) == (one.code, True), found.trust
    if one.code == 0:
        assert in_force(found) is one.in_force
        assert found.ders[-1] in {each.der for each in one.anchors}
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to bear witness")
    witness = one.code if one.witness is None else one.witness
    assert openssl(tmp_path, one.sent, one.anchors, "-no_check_time") == witness, one.why
    if witness == one.code == 0:
        dated = openssl(tmp_path, one.sent, one.anchors, "-attime", str(int(NOW.timestamp())))
        assert (dated == 0) is one.in_force


@pytest.mark.live
def test_version_1_may_be_a_root_and_nothing_else(tmp_path: Path) -> None:
    old = version_1(tmp_path, "Root of 1998")
    at = old.read.not_valid_before_utc + DAY
    leaf = issue("x", old, now=at)
    assert paths.verify([leaf.der], [old.der], at).trust.code == 0
    assert openssl(tmp_path, [leaf], [old], "-no_check_time") == 0
    root = ca("Root", now=at)
    middle = version_1(tmp_path, "Middle", root)
    leaf = issue("x", middle, now=at)
    assert paths.verify([leaf.der, middle.der], [root.der], at).trust.code == 79
    assert openssl(tmp_path, [leaf, middle], [root], "-no_check_time") == 79


@settings(max_examples=40, deadline=None)
@given(about=st.sampled_from(list(TABLE)), seed=st.integers(0, 1 << 16), twice=st.integers(0, 3))
def test_neither_order_nor_repetition_of_what_is_sent_matters(about: str, seed: int, twice: int) -> None:
    one = TABLE[about]
    before = ours(one)
    rest = [*one.sent[1:], *one.sent[:1] * twice, *one.sent[1:] * twice]
    random.Random(seed).shuffle(rest)  # noqa: S311 (an order, not a secret)
    sent = [one.sent[0].der, *(each.der for each in rest)]
    after = paths.verify(sent, [each.der for each in one.anchors], NOW)
    assert (after.trust, after.ders, after.strays) == (before.trust, before.ders, before.strays)


@pytest.mark.parametrize("about", TABLE)
def test_fewer_anchors_never_make_trust(about: str) -> None:
    one = TABLE[about]
    everyone = {each.der for each in (*one.sent, *one.anchors)}
    for count in range(len(everyone)):
        for chosen in itertools.islice(itertools.combinations(sorted(everyone), count), 12):
            if paths.verify([each.der for each in one.sent], chosen, NOW).trust.code == 0:
                more = paths.verify([each.der for each in one.sent], sorted(everyone), NOW)
                assert more.trust.code == 0


def test_there_are_enough_ways() -> None:
    assert len(TABLE) >= 25


def test_only_anchors_that_matter_need_be_kept() -> None:
    for one in TABLE.values():
        sent, anchors = [each.der for each in one.sent], [each.der for each in one.anchors]
        assert paths.verify(sent, paths.relevant(sent, [*anchors, b"junk"]), NOW).trust.code == one.code
    assert paths.relevant([b"junk", issue("x").der], [ca("Khác").der]) == []


@pytest.mark.parametrize(
    ("order", "in_order", "strays"),
    [("LMR", True, 0), ("LM", True, 0), ("L", True, 0), ("LRM", False, 0), ("LMX", True, 1), ("LMM", True, 0),
     ("LXM", True, 1), ("LX", True, 1), ("LRX", True, 2)],
)  # fmt: skip
def test_order_and_strays(order: str, in_order: bool, strays: int) -> None:
    root, stray = ca("Gốc"), ca("Lạc")
    middle = ca("Trung gian", root)
    held = {"L": issue("x", middle), "M": middle, "R": root, "X": stray}
    found = paths.verify([held[each].der for each in order], [], NOW)
    assert (found.in_order, found.strays) == (in_order, strays)


def test_of_paths_out_of_force_the_soundest_is_taken() -> None:
    root, key = ca("Gốc"), new_key()
    fresh, late = ca("Trung gian", root, key=key, days=(-90, 5)), ca("Trung gian", root, key=key, days=(-900, -90))
    leaf = issue("x", fresh, days=(-90, -1))
    for sent in ([leaf, fresh, late], [leaf, late, fresh]):
        found = paths.verify([one.der for one in sent], [root.der], NOW)
        assert (found.trust.code, found.ders[1]) == (0, fresh.der)


def test_more_names_than_can_be_compared_are_not_understood() -> None:
    trees = [x509.DNSName(f"{number}.example") for number in range(2000)]
    names = [f"{number}.example" for number in range(100)]
    (leaf, middle), (root,) = constrained(permitted(*trees), *names)
    assert paths.verify([leaf.der, middle.der], [root.der], NOW).trust.code == 51


def test_whose_the_anchor_is() -> None:
    root = ca("Gốc")
    leaf = issue("x", root).der
    assert paths.verify([leaf], [root.der], NOW).trust.public is True
    assert paths.verify([leaf], [], NOW, named=[root.der]).trust.public is False
    assert paths.verify([leaf], [root.der], NOW, named=[root.der]).trust.public is True
    assert paths.verify([leaf], [], NOW).trust.public is None


def test_an_anchor_that_cannot_be_read_is_not_there() -> None:
    root = ca("Gốc")
    found = paths.verify([issue("x", root).der], [root.der, b"junk"], NOW)
    assert (found.trust.code, found.trust.anchors) == (0, False)
    assert not paths.verify([root.der], [], NOW, whole=False).trust.anchors


def test_a_maze_of_certificates_ends_soon() -> None:
    """Fifty authorities of one name, each signed by some other of them."""
    keys = [new_key() for _ in range(49)]
    maze = [ca("Mê cung", Issued(ca("Mê cung", key=keys[i]).read, keys[i]), key=keys[i - 1]) for i in range(49)]
    leaf = issue("x", maze[5])
    found = paths.verify([leaf.der, *(each.der for each in maze)], [ca("Gốc").der], NOW)
    assert found.trust.code == paths.UNDECIDED
    assert found.in_order is None


@pytest.mark.parametrize("sent", [[], [b""], [b"\x30\x03\x02\x01\x01"]])
def test_what_is_no_certificate_is_unparsable(sent: list[bytes]) -> None:
    with pytest.raises(CollectError):
        paths.verify(sent, [], NOW)


def test_more_than_fifty_are_not_looked_at() -> None:
    with pytest.raises(CollectError):
        paths.verify([issue(str(number)).der for number in range(51)], [], NOW)


def marks(key: Any, by: Any) -> list[tuple[x509.ExtensionType, bool]]:
    """Key identifiers, by which openssl finds its way among certificates of one name."""
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return [(own, False), (x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), False)]


def thicket(chance: random.Random) -> tuple[list[Issued], list[Issued]]:
    """Authorities that sign each other at random, some with flaws; what is sent, and the anchors."""
    keys = [new_key() for _ in range(4)]

    def by(number: int) -> Issued:
        return Issued(ca(f"CA {number}", key=keys[number]).read, keys[number])

    pool = []
    for _ in range(chance.randint(3, 7)):
        one, above = chance.randrange(4), chance.randrange(4)
        more = marks(keys[one], keys[above])
        if chance.random() < 0.15:
            more.append((usage(chance.choice(["digital_signature", "key_cert_sign"])), True))
        if chance.random() < 0.15:
            more.append((x509.ExtendedKeyUsage([chance.choice([CLIENT, SERVER])]), False))
        if chance.random() < 0.15:
            more.append(permitted(x509.DNSName(chance.choice(["tinh.example", "khac.example"]))))
        told: dict[str, Any] = {"ca": chance.random() < 0.93, "path_length": chance.choice([None, None, None, 0, 1])}
        days = (-100, chance.choice([-5, 100, 100, 100]))
        pool.append(issue(f"CA {one}", by(above), names=(), key=keys[one], more=more, days=days, **told))
    above, key = chance.randrange(4), new_key()
    leaf = issue("may chu", by(above), key=key, more=marks(key, keys[above]))
    return [leaf, *chance.sample(pool, chance.randint(0, len(pool)))], chance.sample(pool, chance.randint(1, 2))


@pytest.mark.live
@pytest.mark.parametrize("seed", range(20))
def test_in_any_thicket_openssl_walks_the_path_we_found_and_finds_none_where_we_do_not(
    seed: int, tmp_path: Path
) -> None:
    sent, anchors = thicket(random.Random(seed))  # noqa: S311 (chance, not a secret)
    found = paths.verify([one.der for one in sent], [one.der for one in anchors], NOW)
    if found.trust.code:
        assert openssl(tmp_path, sent, anchors, "-no_check_time") != 0
    else:
        way = [one for der in found.ders for one in (*sent, *anchors) if one.der == der]
        assert openssl(tmp_path, way, way[-1:], "-no_check_time") == 0


@settings(max_examples=40, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_certificate_that_was_changed_is_never_trusted(flips: list[tuple[int, int]]) -> None:
    one = TABLE["with an intermediate"]
    leaf = bytearray(one.sent[0].der)
    for place, mask in flips:
        leaf[place % len(leaf)] ^= mask
    if bytes(leaf) == one.sent[0].der:
        return
    try:
        found = paths.verify([bytes(leaf), one.sent[1].der], [one.anchors[0].der], NOW)
    except CollectError:
        return
    assert found.trust.code != 0


@pytest.mark.parametrize(
    ("host", "tree", "within", "touched"),
    [("a.b", "b", True, True), ("ab", "b", False, False), ("b", "", True, True), ("*.b", "a.b", False, True),
     ("*.b", "b", True, True), ("*.c.b", "b", True, True), ("*.b", "a.c.b", False, False)],
)  # fmt: skip
def test_names_within_trees(host: str, tree: str, within: bool, touched: bool) -> None:
    assert (_dns_within(host, tree, False), _dns_within(host, tree, True)) == (within, touched)
