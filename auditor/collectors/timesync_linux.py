"""Asks chrony, ntpd and systemd, whichever is there, whether the clock is synchronised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from auditor.collector import Command, CommandCollector, Reading
from auditor.collectors._text import whole_lines
from auditor.evidence.timesync import TimeAnswer, TimeSync
from auditor.model import CollectError, Evidence, Reason
from auditor.targets import Target


class LinuxTimeSync(CommandCollector):
    """chronyc tracking, ntpq, timedatectl. A program that runs but cannot be asked is noted as silent."""

    id: ClassVar[str] = "timesync.linux"
    evidence: ClassVar[type[Evidence]] = TimeSync

    def commands(self, target: Target) -> Sequence[Command]:
        return (
            Command("chronyc", ("/usr/bin/chronyc", "-n", "-c", "tracking")),
            Command("ntpq", ("/usr/bin/ntpq", "-n", "-c", "readvar 0")),
            Command("timedatectl", ("/usr/bin/timedatectl", "show")),
        )

    def parse(self, seen: Reading) -> TimeSync:
        answers: list[TimeAnswer] = []
        silent: list[str] = []
        for key, read in _READERS.items():
            if seen.missing_tool(key):
                continue
            made = seen.observation(key)
            if made.problem is not None or made.exit != 0 or (key == "ntpq" and "ntpq:" in made.stderr):
                said = (made.stderr or made.stdout.decode("utf-8", "replace")).strip().split("\n")[0]
                silent.append(f"{key}: {said[:120] or made.problem or f'exit {made.exit}'}")
                continue
            answers.append(read(seen.text(key)))
        return TimeSync(seen=seen.seen, answers=tuple(answers), silent=tuple(silent))


def _chronyc(text: str) -> TimeAnswer:
    """One line of 14 fields: reference id and address, stratum, time, offset … last the leap status."""
    lines = whole_lines(text, "chronyc")
    fields = lines[0].split(",") if len(lines) == 1 else []
    if len(fields) != 14 or fields[13] not in ("Normal", "Insert second", "Delete second", "Not synchronised"):
        raise CollectError(Reason.UNPARSABLE, "chronyc tracking: not one line of 14 fields with a leap status")
    synchronised = fields[13] != "Not synchronised"
    # 127.127.1.1 is the local reference: the clock then follows itself.
    alone = fields[0] == "7F7F0101"
    return TimeAnswer(
        tool="chrony",
        synchronised=synchronised and not alone,
        source=fields[1],
        offset_s=_seconds(fields[4], "chronyc") if synchronised else None,
    )


def _ntpq(text: str) -> TimeAnswer:
    """``associd=0 status=0615 leap_none, sync_ntp, …``, then variables; offset is in milliseconds.

    ntpsec says sync_unspec even when in step, so leap, stratum and the peer followed decide.
    """
    words = text.replace(",", " ").split()
    if not words or not words[0].startswith("associd=") or not any(word.startswith("leap_") for word in words):
        raise CollectError(Reason.UNPARSABLE, "ntpq: no status line")
    told = dict(word.split("=", 1) for word in words if "=" in word)
    if not {"stratum", "peer", "refid", "version"} <= told.keys() or not told["stratum"].isdecimal():
        raise CollectError(Reason.UNPARSABLE, "ntpq: does not tell stratum, peer, refid and version")
    # 127.127.1.x and LOCAL are the clock of the host itself.
    alone = told["refid"].startswith(("127.127.1.", "LOC")) or "sync_local" in words
    follows = "leap_alarm" not in words and 1 <= int(told["stratum"][:9]) <= 15 and told["peer"] != "0"
    good = follows and not alone
    offset = _seconds(told["offset"], "ntpq") / 1000 if "offset" in told and good else None
    return TimeAnswer(tool="ntpd", synchronised=good, source=told["refid"], offset_s=offset)


def _timedatectl(text: str) -> TimeAnswer:
    told = dict(line.split("=", 1) for line in whole_lines(text, "timedatectl") if "=" in line)
    value = told.get("NTPSynchronized")
    if value not in ("yes", "no"):
        raise CollectError(Reason.UNPARSABLE, "timedatectl show does not tell NTPSynchronized")
    return TimeAnswer(tool="timedatectl", synchronised=value == "yes", source="", offset_s=None)


def _seconds(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CollectError(Reason.UNPARSABLE, f"{what}: {text[:20]!r} is not a number") from None


_READERS: dict[str, Callable[[str], TimeAnswer]] = {"chronyc": _chronyc, "ntpq": _ntpq, "timedatectl": _timedatectl}
