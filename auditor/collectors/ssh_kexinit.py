"""Reads what an SSH service offers before any login: identification, KEXINIT, host keys.

Done by hand, so that it works on devices to which no current client can talk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from auditor.collector import Action, Addressed, ProbeCollector, Reading
from auditor.collectors._doors import turn
from auditor.collectors._hostkey import TYPES, host_key, load
from auditor.collectors._kexchange import HELLO_S, KEY_S, METHODS, VERSION_2, Talk, exchange, hello
from auditor.collectors._kexinit import Greeting, Malformed, first_version, greeting, kexinit, next_message
from auditor.collectors._tls.io import Ended
from auditor.evidence.ssh_service import FirstVersion, HostKey, Proposal, SshService, UnseenKey
from auditor.model import CollectError, Evidence, Observation, Reason, Unavailable
from auditor.targets import Target

MOST_KEYS = 4
"""Host keys asked for, each by a connection of its own."""
_REASONS = {
    "refused": Reason.UNREACHABLE,
    "unreachable": Reason.UNREACHABLE,
    "timeout": Reason.TIMEOUT,
    "too-long": Reason.TRUNCATED,
}


class KexinitSsh(ProbeCollector):
    """Versions, algorithms and host keys of an SSH service, without logging in."""

    id: ClassVar[str] = "ssh.kexinit"
    evidence: ClassVar[type[Evidence]] = SshService
    kinds: ClassVar[frozenset[str]] = frozenset({"server", "device"})
    method: ClassVar[str] = "ports"

    def serves(self, target: Target) -> bool:
        """Servers that are audited by SSH or are this very machine; devices with an address, whose way in it is."""
        if not super().serves(target):
            return False
        if target.kind == "server":
            return target.connect in ("local", "ssh", "recorded")
        return target.connect == "recorded" or (target.connect != "bundle" and bool(target.address))

    def actions(self, target: Target) -> Sequence[Action]:
        most = f"at most {1 + MOST_KEYS} SSH connections as {VERSION_2.decode()}"
        what = f"{most}, each ended before any login: algorithms and host keys are read"
        return (Action(what, (port(target),)),)

    def probe(self, targets: Sequence[Addressed], now: datetime) -> Mapping[str, Sequence[Observation]]:
        return {item.target.id: self._look(item, now) for item in targets}

    def _look(self, item: Addressed, now: datetime) -> list[Observation]:
        with turn(item.address):
            seen = _observed(item, now, "hello", HELLO_S, _greet)
            found = [seen]
            if seen.problem is None:
                for name, algorithm, kex in _to_ask(seen.stdout):
                    if found[-1].problem not in (None, Reason.UNPARSABLE) or len(found) > MOST_KEYS:
                        break  # it does not bear more
                    ask = partial(_ask, kex=kex, algorithm=algorithm)
                    found.append(_observed(item, now, f"key-{name}", KEY_S, ask))
        return found

    def parse(self, seen: Reading) -> SshService:
        local = seen.target.connect == "local"
        address, at = "127.0.0.1" if local else seen.target.address or "", port(seen.target)
        if local and _nobody(seen.observation("hello")):
            return SshService(seen=seen.seen, address=address, port=at, listening=False)
        raw = _heard(seen, "hello")
        try:
            told, proposal, first = _read(raw)
        except Malformed as exc:
            raise CollectError(Reason.UNPARSABLE, str(exc)) from None
        keys = [_key(seen, *wanted) for wanted in _wanted(proposal)] if proposal else []
        return SshService(
            seen=seen.seen,
            address=address,
            port=at,
            listening=True,
            banner=told.banner,
            identification=told.line.decode("ascii"),
            protocol=told.protocol,
            software=told.software,
            comments=told.comments,
            proposal=proposal,
            first_version=first,
            keys=tuple(key for key in keys if isinstance(key, HostKey)),
            unseen=tuple(key for key in keys if isinstance(key, UnseenKey)),
        )


def port(target: Target) -> int:
    """The port the inventory names, else 22."""
    return (target.ssh and target.ssh.port) or 22


# -- looking


def _greet(talk: Talk) -> bytes:
    hello(talk)
    return talk.heard


def _ask(talk: Talk, *, kex: str, algorithm: str) -> bytes:
    return exchange(talk, kex, algorithm).dump()


def _observed(item: Addressed, now: datetime, key: str, seconds: float, work: Callable[[Talk], bytes]) -> Observation:
    """One conversation. What cannot be understood is kept as it came, for the parser to refuse."""
    at, begun = port(item.target), time.monotonic()
    heard, problem, why = b"", None, ""
    try:
        with Talk(item.address, at, begun + seconds) as talk:
            try:
                heard = work(talk)
            except (Ended, Malformed):
                heard = talk.heard if key == "hello" else b""
                raise
    except Ended as exc:
        # Who hangs up after a few words has said all there is: the parser tells what they were.
        whole = heard and str(exc) == "closed"
        problem = None if whole else _REASONS.get(str(exc), Reason.INCOMPLETE)
        why = f"{exc}, after {len(heard)} bytes"
    except Malformed as exc:
        problem, why = None if key == "hello" else Reason.UNPARSABLE, str(exc)
    return Observation(
        key=key,
        source=f"ssh to {item.address} port {at}: {key}",
        target=item.target.id,
        vantage="auditor",
        collected_at=now,
        stdout=heard,
        stderr=f"{item.address} port {at}: {why}" if why else "",
        exit=0 if problem is None else None,
        problem=problem,
        duration=round(time.monotonic() - begun, 3),
    )


def _to_ask(raw: bytes) -> list[tuple[str, str, str]]:
    try:
        proposal = _read(raw)[1]
    except Malformed:
        return []
    return [(name, algorithm, kex) for name, algorithm, kex in _wanted(proposal) if name and kex] if proposal else []


# -- reading


def _heard(seen: Reading, key: str) -> bytes:
    """What came, when all went well; else why not, in the words noted with it."""
    found = seen.observation(key)
    if found.problem is not None:
        raise CollectError(found.problem, found.stderr)
    return seen.raw(key)


def _read(raw: bytes) -> tuple[Greeting, Proposal | None, FirstVersion | None]:
    """Identification, and the lists or the first version's key. Raises ``Malformed``."""
    told = greeting(raw)
    if told is None:
        raise Malformed(f"no SSH identification: {raw[:60].decode('latin-1')!r}")
    if told.first_version_only:
        first = first_version(told.rest)
        if first is None:
            raise Malformed("it ends before the public key of SSH-1")
        return told, None, first
    message = next_message(told.rest)
    if message is None:
        raise Malformed("it ends before the lists of algorithms")
    return told, kexinit(message[0]).proposal, None


def _wanted(proposal: Proposal) -> list[tuple[str, str, str]]:
    """Each type of host key on offer, the algorithm to ask for it by, and the method; empty where there is none."""
    kex = next((name for name in METHODS if name in proposal.kex), "")
    found = []
    for name, algorithms in TYPES.items():
        algorithm = next((one for one in algorithms if one in proposal.host_keys), None)
        if algorithm:
            found.append((name, algorithm, kex))
    return found or [("", proposal.host_keys[0], kex)]


def _key(seen: Reading, name: str, algorithm: str, kex: str) -> HostKey | UnseenKey:
    if not name or not kex:
        why = f"no key exchange that this tool can do, for {algorithm}"
        return UnseenKey(algorithm=algorithm, why=Unavailable(Reason.UNSUPPORTED, why))
    try:
        exchanged = load(_heard(seen, f"key-{name}"))
        if exchanged.algorithm not in TYPES[name] or METHODS.get(exchanged.kex, (None, ""))[1] != exchanged.hash:
            raise Malformed(f"not an exchange for {algorithm}")
        return host_key(exchanged)
    except Malformed as exc:
        return UnseenKey(algorithm=algorithm, why=Unavailable(Reason.UNPARSABLE, str(exc)))
    except CollectError as exc:
        return UnseenKey(algorithm=algorithm, why=Unavailable(exc.reason, exc.detail))


def _nobody(seen: Observation) -> bool:
    return seen.problem is Reason.UNREACHABLE and " refused," in seen.stderr
