"""The evidence folder: what collect writes and judge reads (design §4, fixed).

``manifest.json``, one envelope per (target, collector) under ``envelopes/<target>/<collector>.json``,
and ``observations/<sha256>``: a header line of JSON, then the raw bytes. The hash covers both, so it
binds what was seen to where and when. A ``.capdo`` file is the folder zipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from auditor.i18n import _
from auditor.model import CapdoError, Observation, Privacy, Reason

SCHEMA = "capdo.evidence/1"
ENVELOPE = "capdo.envelope/1"


class EvidenceError(CapdoError):
    """An evidence folder that is not one, or that was changed."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one collector brought from one target: references, times, or why it brought nothing."""

    target: str
    collector: str
    version: int
    attempt: int
    collected_at: datetime
    vantage: str
    target_clock: datetime | None = None
    observations: tuple[tuple[str, str], ...] = ()
    """(key, sha256) pairs."""
    reason: Reason | None = None
    detail: str = ""


def encode(seen: Observation) -> tuple[str, bytes]:
    """An observation's digest and its stored form."""
    header = {
        "source": seen.source,
        "target": seen.target,
        "vantage": seen.vantage,
        "collected_at": seen.collected_at.isoformat(),
        "target_clock": seen.target_clock.isoformat() if seen.target_clock else None,
        "exit": seen.exit,
        "stderr": seen.stderr,
        "truncated": seen.truncated,
        "problem": seen.problem,
        "privilege": seen.privilege,
        "duration": round(seen.duration, 3),
        "privacy": seen.privacy,
        "masked": seen.masked,
    }
    body = _json(header) + b"\n" + seen.stdout
    return _sha256(body), body


def decode(key: str, body: bytes) -> Observation:
    """The observation stored as ``body``. Raises ``EvidenceError`` when its header cannot be read."""
    head, newline, stdout = body.partition(b"\n")
    try:
        told = json.loads(head)
        if not newline or not isinstance(told, dict):
            raise ValueError("no header line")
        clock = told["target_clock"]
        return Observation(
            key=key,
            source=str(told["source"]),
            target=str(told["target"]),
            vantage=str(told["vantage"]),
            collected_at=_instant(told["collected_at"]),
            stdout=stdout,
            stderr=str(told["stderr"]),
            exit=told["exit"] if isinstance(told["exit"], int) else None,
            truncated=told["truncated"] is not False,
            problem=Reason(told["problem"]) if told["problem"] else None,
            privilege=str(told["privilege"]),
            duration=float(told["duration"]),
            target_clock=_instant(clock) if clock else None,
            privacy=Privacy(told["privacy"]),
            masked=int(told["masked"]),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise EvidenceError(f"observation {key}: unreadable header ({exc})") from None


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text}: no time zone")
    return value


class FolderWriter:
    """Writes an evidence folder, envelope by envelope; an envelope's presence is its commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for part in (path, path / "observations", path / "envelopes"):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Text, not Path: with hundreds of files a host, joining paths costs more than writing them.
        self._observations = f"{path / 'observations'}/"
        self._envelopes = f"{path / 'envelopes'}/"
        with os.scandir(self._observations) as seen, os.scandir(self._envelopes) as told:
            self._resumed = next(seen, None) is not None or next(told, None) is not None
        self._made: set[str] = set()
        self._lock = threading.Lock()
        self._digests: dict[str, str] = {}

    def put(self, envelope: Envelope, observations: Sequence[tuple[str, Observation]]) -> str:
        """Store the observations, then the envelope that refers to them. Returns the envelope's digest."""
        refs = []
        bodies: dict[str, bytes] = {}
        for key, seen in observations:
            digest, bodies[digest] = encode(seen)
            refs.append({"key": key, "sha256": digest})
        told = {
            "schema": ENVELOPE,
            "target": envelope.target,
            "collector": envelope.collector,
            "version": envelope.version,
            "attempt": envelope.attempt,
            "collected_at": envelope.collected_at.isoformat(),
            "target_clock": envelope.target_clock.isoformat() if envelope.target_clock else None,
            "vantage": envelope.vantage,
            "observations": refs,
            "reason": envelope.reason,
            "detail": envelope.detail,
        }
        body = _json(told)
        folder = self._envelopes + envelope.target
        partial = f"{folder}/.{envelope.collector}.part"
        # Fifty threads that make files in one folder at once spin on the kernel's lock of it; ours lets them sleep.
        with self._lock:
            for name, content in bodies.items():
                self._write_once(self._observations + name, content)
            if folder not in self._made:
                Path(folder).mkdir(exist_ok=True, mode=0o700)
                self._made.add(folder)
            _write(partial, body)
            os.replace(partial, f"{folder}/{envelope.collector}.json")  # noqa: PTH105  (as above)
            digest = self._digests[f"envelopes/{envelope.target}/{envelope.collector}.json"] = _sha256(body)
        return digest

    def finish(self, head: Mapping[str, Any]) -> str:
        """Write the manifest over all files. Returns its digest; until then the folder is incomplete."""
        if self._resumed:
            self._sweep()
            for path in (self.path / "envelopes").glob("*/*.json"):
                self._digests.setdefault(path.relative_to(self.path).as_posix(), _sha256(path.read_bytes()))
        files = dict(sorted(self._digests.items()))
        seen = sorted(path.name for path in (self.path / "observations").iterdir())
        told = {"schema": SCHEMA, **head, "files": files, "observations": seen}
        body = json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1).encode()
        partial = self.path / "manifest.json.part"
        _write(partial, body, sync=True)
        partial.replace(self.path / "manifest.json")
        return _sha256(body)

    def _sweep(self) -> None:
        """Remove what an earlier, killed run left half-written: files that no envelope refers to."""
        wanted = set()
        for path in (self.path / "envelopes").glob("*/*"):
            if path.name.endswith(".part"):
                path.unlink()
            else:
                wanted |= {str(ref["sha256"]) for ref in json.loads(path.read_bytes())["observations"]}
        for path in (self.path / "observations").iterdir():
            if path.name not in wanted:
                path.unlink()

    @staticmethod
    def _write_once(path: str, body: bytes) -> None:
        # The name is the content's hash: what is there already is the same, unless a crash cut it.
        try:
            _write(path, body, os.O_EXCL)
        except FileExistsError:
            if os.stat(path).st_size != len(body):  # noqa: PTH116  (as above)
                _write(path, body)


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode  # made once: a host has a hundred of them


def _json(told: dict[str, Any]) -> bytes:
    return _encode(told).encode("utf-8", "backslashreplace")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _write(path: str | Path, body: bytes, more: int = 0, *, sync: bool = False) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | more, 0o600)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


class EvidenceFolder:
    """Reads an evidence folder or a ``.capdo`` file; every byte it hands out is checked by hash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_file():
            try:
                self._zip = zipfile.ZipFile(path)
            except zipfile.BadZipFile:
                raise EvidenceError(
                    _("{path}: not an evidence folder and not a .capdo file").format(path=path)
                ) from None
        elif not path.is_dir():
            raise EvidenceError(_("{path}: no such evidence folder").format(path=path))
        self._index: dict[str, list[str]] | None = None
        self._files: dict[str, str] | None = None

    def manifest(self) -> dict[str, Any]:
        """The manifest. Raises ``EvidenceError`` when it is missing, unreadable or of another schema."""
        try:
            told = json.loads(self._bytes("manifest.json", cap=1 << 30))
        except (KeyError, OSError):
            raise EvidenceError(
                _("{path}: no manifest.json; the collection was not finished").format(path=self.path)
            ) from None
        except ValueError as exc:
            raise EvidenceError(f"{self.path}/manifest.json: {exc}") from None
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            raise EvidenceError(_("{path}: not of schema {schema}").format(path=self.path, schema=SCHEMA))
        return told

    def manifest_sha256(self) -> str:
        return _sha256(self._bytes("manifest.json", cap=1 << 30))

    def collected(self, target: str) -> list[str]:
        """Ids of the collectors that left an envelope for ``target``."""
        if self._zip is not None:
            if self._index is None:
                self._index = {}
                for name in self._zip.namelist():
                    parts = name.split("/")
                    if len(parts) == 3 and parts[0] == "envelopes" and parts[2].endswith(".json"):
                        self._index.setdefault(parts[1], []).append(parts[2].removesuffix(".json"))
            return sorted(self._index.get(target, []))
        folder = self.path / "envelopes" / target
        try:
            return sorted(path.stem for path in folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []

    def envelope(self, target: str, collector: str) -> Envelope:
        """One envelope. Raises ``EvidenceError`` when it cannot be read or is not the one the manifest names."""
        name = f"envelopes/{target}/{collector}.json"
        try:
            body = self._bytes(name)
            if self._digests().get(name, "") != _sha256(body):
                raise ValueError("it was changed after the manifest was written")
            told = json.loads(body)
            clock = told["target_clock"]
            if told["target"] != target or told["collector"] != collector:
                raise ValueError("it names another target or collector")
            return Envelope(
                target=target,
                collector=collector,
                version=int(told["version"]),
                attempt=int(told["attempt"]),
                collected_at=_instant(told["collected_at"]),
                vantage=str(told["vantage"]),
                target_clock=_instant(clock) if clock else None,
                observations=tuple((str(ref["key"]), str(ref["sha256"])) for ref in told["observations"]),
                reason=Reason(told["reason"]) if told["reason"] else None,
                detail=str(told["detail"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise EvidenceError(f"{name}: {exc}") from None

    def _digests(self) -> dict[str, str]:
        if self._files is None:
            self._files = {str(name): str(digest) for name, digest in self.manifest().get("files", {}).items()}
        return self._files

    def observation(self, key: str, digest: str) -> Observation:
        """The observation ``digest``. Raises ``EvidenceError`` when missing or not what its hash says."""
        if len(digest) != 64 or not digest.isalnum():
            raise EvidenceError(f"{key}: {digest[:80]!r} is no sha256")
        try:
            body = self._bytes(f"observations/{digest}")
        except (OSError, KeyError):
            raise EvidenceError(f"{key}: observation {digest} is missing") from None
        if _sha256(body) != digest:
            raise EvidenceError(f"{key}: observation {digest} was changed: its bytes do not match its hash")
        return decode(key, body)

    def verify(self) -> list[str]:
        """All that is wrong: files missing, changed or added since the manifest was written."""
        told = self.manifest()
        wrong = []
        wanted = dict(told.get("files", {})) | {f"observations/{name}": name for name in told.get("observations", [])}
        for name, digest in wanted.items():
            try:
                if _sha256(self._bytes(name)) != digest:
                    wrong.append(f"{name}: changed")
            except (OSError, KeyError):
                wrong.append(f"{name}: missing")
        wrong += [f"{name}: not in the manifest" for name in self._names() if name not in wanted]
        return wrong

    def _names(self) -> Iterator[str]:
        if self._zip is not None:
            names = (name for name in self._zip.namelist() if not name.endswith("/"))
        else:
            names = (p.relative_to(self.path).as_posix() for p in sorted(self.path.rglob("*")) if p.is_file())
        return (name for name in names if name != "manifest.json")

    def _bytes(self, name: str, cap: int = 64 << 20) -> bytes:
        if self._zip is None:
            return (self.path / name).read_bytes()
        info = self._zip.getinfo(name)
        if info.file_size > cap:
            raise EvidenceError(f"{self.path}: {name} is larger than {cap} bytes")
        return self._zip.read(info)


def pack(folder: Path, file: Path) -> None:
    """Zip an evidence folder into a ``.capdo`` file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(folder).as_posix())
    file.chmod(0o600)
