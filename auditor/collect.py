"""Collecting: runs the plan's tasks and writes what was seen into an evidence folder.

Threads over tasks, bounded by site; every (target, collector) ends in exactly one envelope, with
evidence or with a reason. The gate is asked before a packet leaves, and a name is resolved once.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from auditor.authority import Ip, parse_ip, permit
from auditor.collector import Addressed, Collector, Command, Privilege, ProbeCollector
from auditor.folder import Envelope, EvidenceError, EvidenceFolder, FolderWriter
from auditor.model import Observation, Privacy, Reason
from auditor.plan import VANTAGE, Task, host_commands, make_tasks
from auditor.redact import mask, mask_text
from auditor.script import HostOutput
from auditor.secrets import SecretError, fetch
from auditor.sweep import Errand, Register, errand, register
from auditor.targets import Inventory, Target
from auditor.transports import Transport, TransportError

SITE_LIMIT = 4
DEADLINE_S = 120.0
_METHOD = "read-login"


@dataclass(frozen=True, slots=True)
class Committed:
    """One (target, collector) that is done: what the journal records."""

    target: str
    collector: str
    attempt: int
    sha256: str
    reason: Reason | None


Opener = Callable[[Target, str], Transport]


def open_transport(target: Target, address: str) -> Transport:
    """The transport a target's ``connect`` names. paramiko is imported only when it is needed."""
    if target.connect == "local":
        from auditor.transports.local import LocalTransport

        return LocalTransport()
    if target.connect == "ssh":
        from auditor.targets import SshSettings
        from auditor.transports.ssh import SshTransport

        return SshTransport(target.address or address, address, target.ssh or SshSettings())
    raise TransportError(Reason.UNSUPPORTED, f"no commands can be run by way of connect: {target.connect}")


@dataclass(slots=True)
class Collection:
    """One collection into one folder: what it works with."""

    inventory: Inventory
    collectors: Mapping[str, Collector]
    folder: FolderWriter
    workers: int = 50
    attempts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    opener: Opener = open_transport
    known: Register | None = None
    """What the whole inventory knows of who is where; when not given, what ``inventory`` does."""
    on_commit: Callable[[Sequence[Committed]], None] = lambda _: None
    on_plan: Callable[[int], None] = lambda _: None
    """Told the number of tasks before the first begins."""
    on_task: Callable[[Task], None] = lambda _: None
    _targets: dict[str, Target] = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _recordings: EvidenceFolder | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._targets = {target.id: target for target in self.inventory.targets}
        if self.inventory.recorded:
            self._recordings = EvidenceFolder(Path(self.inventory.recorded))

    def run(self, done: Iterable[tuple[str, str]] = (), only: frozenset[str] | None = None) -> int:
        """Work through all tasks; returns how many (target, collector) pairs ended without evidence.

        On ``KeyboardInterrupt`` nothing new is started and what is done stays committed.
        """
        self._know_secrets()
        limits = {site.id: (site.limits and site.limits.max_parallel) or SITE_LIMIT for site in self.inventory.sites}
        waiting: dict[str, deque[Task]] = {}
        tasks = make_tasks(self.inventory, self.collectors, done, only)
        self.on_plan(len(tasks))
        for task in tasks:
            waiting.setdefault(task.site, deque()).append(task)
        # A site's slots bound the load on its link; tasks that touch no network need no slot.
        free = {site: limits.get(site, SITE_LIMIT) for site in waiting}
        running: dict[Future[int], Task] = {}
        lost = 0
        pool = ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="collect")
        try:
            while waiting or running:
                for site in list(waiting):
                    while waiting[site] and free[site] > 0 and len(running) < self.workers:
                        task = waiting[site].popleft()
                        free[site] -= 1
                        running[pool.submit(self._task, task)] = task
                    if not waiting[site]:
                        del waiting[site]
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    task = running.pop(future)
                    free[task.site] = free.get(task.site, 0) + 1
                    lost += future.result()
                    self.on_task(task)
        except OSError as exc:
            # Tasks answer for their hosts themselves: this is our own disk.
            pool.shutdown(wait=False, cancel_futures=True)
            raise EvidenceError(f"evidence cannot be written to {self.folder.path}: {exc}") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
        return lost

    def _know_secrets(self) -> None:
        """All secrets are known to the masker before the first byte is written, whichever host says one first."""
        settings = [target.ssh for target in self.inventory.targets if target.ssh is not None]
        for ref in {ref for ssh in settings for ref in (ssh.password, ssh.key_passphrase) if ref is not None}:
            with contextlib.suppress(SecretError):  # who needs it will say so
                fetch(ref)

    def _task(self, task: Task) -> int:
        work = {"host": self._host, "probe": self._probe, "recorded": self._recorded}[task.kind]
        return work(task)

    # -- the three kinds of task

    def _host(self, task: Task) -> int:
        target = self._targets[task.targets[0]]
        now = datetime.now(UTC)
        asked: list[tuple[str, Command]] = []
        chosen: list[str] = []
        lost = 0
        for name in task.collectors:
            try:
                asked += [(name, command) for _, command in host_commands(target, [self.collectors[name]])]
                chosen.append(name)
            except Exception as exc:  # noqa: BLE001  (our own fault must not cost the run the other collectors)
                why = f"its commands cannot be made: {type(exc).__name__}: {exc}"
                lost += self._fail(replace(task, collectors=(name,)), Reason.INCOMPLETE, why, now)
        if not chosen:
            return lost
        task = replace(task, collectors=tuple(chosen))
        try:
            commands = distinct(command for _, command in asked)
            address = self._admit(target, _METHOD, now, target.address)
            transport = self.opener(target, address)
            deadline = float((target.limits and target.limits.deadline_s) or DEADLINE_S)
            answer = transport.run(list(commands.values()), deadline)
        except TransportError as exc:
            return lost + self._fail(task, exc.reason, exc.detail, now)
        except Exception as exc:  # noqa: BLE001  (nor the other targets)
            return lost + self._fail(task, Reason.INCOMPLETE, f"collecting broke: {type(exc).__name__}: {exc}", now)
        made = dict(zip(commands, self._observe(target, transport.name, answer), strict=True))
        sets: dict[str, list[tuple[str, Observation]]] = {name: [] for name in chosen}
        for owner, command in asked:
            seen = made[command.argv, command.privilege]
            sets[owner].append((command.key, seen if seen.key == command.key else replace(seen, key=command.key)))
        committed = [self._commit(target.id, self.collectors[name], seen) for name, seen in sets.items()]
        self._tell(committed)
        return lost

    def _probe(self, task: Task) -> int:
        probe = self.collectors[task.collectors[0]]
        if not isinstance(probe, ProbeCollector):
            raise TypeError(f"{probe.id} is no probe")
        now = datetime.now(UTC)
        admitted: list[Addressed] = []
        lost = 0
        for name in task.targets:
            target = self._targets[name]
            try:
                if probe.sweeps:
                    admitted.append(Addressed(target, "", self._errand(target, now)))
                    continue
                admitted.append(Addressed(target, self._admit(target, probe.method, now, probe.contact(target))))
            except TransportError as exc:
                lost += self._fail(replace(task, targets=(name,)), exc.reason, exc.detail, now)
        if not admitted:
            return lost
        try:
            answers = probe.probe(admitted, now)
        except Exception as exc:  # noqa: BLE001  (as above)
            answers = {}
            why = f"collecting broke: {type(exc).__name__}: {exc}"
        else:
            why = "the probe gave no answer for this target"
        committed = []
        for one in admitted:
            seen = [_masked(item) for item in answers.get(one.target.id, ())]
            if seen:
                committed.append(self._commit(one.target.id, probe, [(item.key, item) for item in seen]))
            else:
                lost += self._fail(replace(task, targets=(one.target.id,)), Reason.INCOMPLETE, why, now)
        self._tell(committed)
        return lost

    def _recorded(self, task: Task) -> int:
        """Copies a recording under the target's own id, with its true times; the report says that it is one."""
        target = self._targets[task.targets[0]]
        now = datetime.now(UTC)
        if self._recordings is None or not target.recording:
            return self._fail(task, Reason.INCOMPLETE, "the inventory names no recording for this target", now)
        lost = 0
        committed = []
        for name in task.collectors:
            single = replace(task, collectors=(name,))
            if name not in self._recordings.collected(target.recording):
                lost += self._fail(single, Reason.INCOMPLETE, f"recording {target.recording} holds no {name}", now)
                continue
            try:
                envelope = self._recordings.envelope(target.recording, name)
                pairs = [
                    (key, replace(self._recordings.observation(key, digest), target=target.id))
                    for key, digest in envelope.observations
                ]
            except EvidenceError as exc:
                lost += self._fail(single, Reason.UNPARSABLE, str(exc), now)
                continue
            renamed = replace(envelope, target=target.id)
            digest = self.folder.put(renamed, pairs)
            committed.append(Committed(target.id, name, envelope.attempt, digest, envelope.reason))
        self._tell(committed)
        return lost

    # -- what they share

    def _admit(self, target: Target, method: str, now: datetime, name: str | None) -> str:
        """The one address that may be used. Raises ``TransportError`` when there is none or it is not allowed."""
        if target.connect == "local":
            return "127.0.0.1"
        if not name:
            raise TransportError(Reason.UNSUPPORTED, f"connect: {target.connect}, and no address to look at")
        known = parse_ip(name)
        if known is None:
            # Before a name is looked up, the authority must allow what can be judged without its address.
            early = permit(self.inventory, target, method, None, now)
            if not early.allowed and not any(item.scope.networks for item in self.inventory.authorities):
                raise TransportError(Reason.NOT_AUTHORISED, early.why)
            known = _resolve(name)
        answer = permit(self.inventory, target, method, known, now)
        if not answer.allowed:
            raise TransportError(Reason.NOT_AUTHORISED, answer.why)
        return str(known)

    def _errand(self, target: Target, now: datetime) -> Errand:
        """What may be asked of the target's networks. Raises ``TransportError`` when no address of them may be."""
        made = errand(self.inventory, self.known or register(self.inventory), target, now)
        if not any(one.asked or one.known for one in made.wanted):
            whys = [why for one in made.wanted for why in one.refused] or ["every address is excluded"]
            raise TransportError(Reason.NOT_AUTHORISED, whys[0])
        return made

    def _observe(self, target: Target, transport: str, answer: HostOutput) -> list[Observation]:
        made = []
        for out in answer.outputs:
            prefix = "sudo -n " if out.privilege == "sudo" else ""
            made.append(
                _masked(
                    Observation(
                        key=out.command.key,
                        source=f"{transport}: {prefix}{_joined(out.command.argv)}",
                        target=target.id,
                        vantage=VANTAGE,
                        collected_at=answer.asked_at,
                        stdout=out.stdout,
                        stderr=out.stderr,
                        exit=out.exit,
                        truncated=out.truncated,
                        problem=out.problem,
                        privilege=out.privilege,
                        duration=out.duration,
                        target_clock=answer.target_clock,
                        privacy=out.command.privacy,
                    )
                )
            )
        return made

    def _commit(self, target: str, collector: Collector, seen: Sequence[tuple[str, Observation]]) -> Committed:
        first = seen[0][1] if seen else None
        attempt = self.attempts.get((target, collector.id), 0) + 1
        envelope = Envelope(
            target=target,
            collector=collector.id,
            version=collector.version,
            attempt=attempt,
            collected_at=first.collected_at if first else datetime.now(UTC),
            vantage=VANTAGE,
            target_clock=first.target_clock if first else None,
        )
        return Committed(target, collector.id, attempt, self.folder.put(envelope, seen), None)

    def _fail(self, task: Task, reason: Reason, detail: str, now: datetime) -> int:
        committed = []
        for target in task.targets:
            for name in task.collectors:
                attempt = self.attempts.get((target, name), 0) + 1
                envelope = Envelope(
                    target=target,
                    collector=name,
                    version=self.collectors[name].version,
                    attempt=attempt,
                    collected_at=now,
                    vantage=VANTAGE,
                    reason=reason,
                    detail=mask_text(detail)[:500],
                )
                committed.append(Committed(target, name, attempt, self.folder.put(envelope, ()), reason))
        self._tell(committed)
        return len(committed)

    def _tell(self, committed: Sequence[Committed]) -> None:
        if committed:
            with self._lock:
                self.on_commit(committed)


_joined = lru_cache(maxsize=4096)(shlex.join)  # hosts are asked much the same


def distinct(commands: Iterable[Command]) -> dict[tuple[tuple[str, ...], Privilege], Command]:
    """Commands that several collectors ask alike are run once, with the widest of their limits."""
    found: dict[tuple[tuple[str, ...], Privilege], Command] = {}
    for wanted in commands:
        command = wanted
        key = (command.argv, command.privilege)
        known = found.get(key)
        if known is not None:
            command = replace(
                known,
                timeout=max(known.timeout, command.timeout),
                cap=max(known.cap, command.cap),
                privacy=max(known.privacy, command.privacy, key=list(Privacy).index),
            )
        found[key] = command
    return found


def _masked(seen: Observation) -> Observation:
    stdout, count = mask(seen.stdout)
    stderr = mask_text(seen.stderr)
    if not count and stderr == seen.stderr:
        return seen
    return replace(seen, stdout=stdout, stderr=stderr, masked=count)


def _resolve(name: str) -> Ip:
    """The first address of a name, which is then the only one used."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise TransportError(Reason.UNREACHABLE, f"{name}: {exc}") from None
    address = parse_ip(str(found[0][4][0]).split("%")[0]) if found else None
    if address is None:
        raise TransportError(Reason.UNREACHABLE, f"{name}: no usable address")
    return address
