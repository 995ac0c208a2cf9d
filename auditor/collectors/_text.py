"""Small linear parsers that several collectors share: ``grep -n`` output, INI sections, PAM stacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.collector import Reading
from auditor.model import CollectError, Reason

_LOCATED = re.compile(r"^(?P<path>/[^:\n]*):(?P<number>\d{1,7}):(?P<text>.*)$", re.DOTALL)
_SPAN = re.compile(r"(\d{1,9})\s*([a-z]*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file on the target."""

    path: str
    number: int
    text: str

    @property
    def where(self) -> str:
        return f"{self.path}:{self.number}"


def whole_lines(text: str, what: str) -> list[str]:
    """Lines of a complete output; ``unparsable`` when the last one was cut. Splits at newlines only."""
    if text and not text.endswith("\n"):
        raise CollectError(Reason.UNPARSABLE, f"{what}: the last line is cut: {text[-60:]!r}")
    return text.split("\n")[:-1]


def grepped(seen: Reading, key: str, must: Sequence[str] = ()) -> list[Line]:
    """Lines of ``grep -Hn`` as ``path:number:text``; none when nothing matched.

    grep ends with 2 when something could not be read: that is borne only for files that do not exist.
    Of each file in ``must`` there has to be a line, or grep's word that it does not exist.
    """
    made = seen.observation(key)
    text = seen.text(key, ok=(0, 1, 2))
    told = [line for line in made.stderr.splitlines() if line.strip()]
    if made.exit and not all("No such file or directory" in line for line in told):
        denied = any("Permission denied" in line for line in told)
        raise CollectError(Reason.DENIED if denied else Reason.INCOMPLETE, f"{made.source}: {' '.join(told)[:200]}")
    if (made.exit == 0 and not text) or (made.exit == 1 and (text or told)) or (made.exit == 2 and not told):
        raise CollectError(Reason.UNPARSABLE, f"{made.source}: exit {made.exit} with {len(text)} characters")
    found = []
    for line in whole_lines(text, key):
        match = _LOCATED.match(line)
        if match is None:
            raise CollectError(Reason.UNPARSABLE, f"{key}: not a path, number and text: {line[:80]!r}")
        found.append(Line(match["path"], int(match["number"]), match["text"]))
    read = {line.path for line in found}
    for path in must:
        if path not in read and f"{path}: No such file" not in made.stderr:
            raise CollectError(Reason.INCOMPLETE, f"{key}: no line of {path} was read")
    return found


def seconds(text: str, units: dict[str, int], what: str) -> int:
    """A span of time such as ``90``, ``5m`` or ``1h30m``; a bare number counts as seconds."""
    total, position = 0, 0
    for match in _SPAN.finditer(text.strip()):
        if match.start() != position or match[2] not in units:
            break
        total += int(match[1]) * units[match[2]]
        position = match.end()
    if position == 0 or position != len(text.strip()):
        raise CollectError(Reason.UNPARSABLE, f"{what}: not a span of time: {text[:40]!r}")
    return total


@dataclass(frozen=True, slots=True)
class PamLine:
    """One line of a PAM stack. ``control`` is one word, or ``default=die …`` taken out of its brackets."""

    kind: str
    control: str
    module: str
    arguments: tuple[str, ...]
    where: str

    @property
    def binding(self) -> bool:
        """Does its failure refuse the whole stack?"""
        return self.control in ("required", "requisite") or any(
            word in ("default=die", "default=bad") for word in self.control.split()
        )

    def option(self, name: str) -> str | None:
        """The value of ``name=value``; the last one counts."""
        values = [word.partition("=")[2] for word in self.arguments if word.startswith(f"{name}=")]
        return values[-1] if values else None


_KINDS = frozenset({"auth", "account", "password", "session"})
_PAM = re.compile(r"^-?(?P<kind>\w+)\s+(?P<control>\[[^\]]*\]|[\w-]+)\s+(?P<module>[\w./+-]+)(?P<rest>\s.*)?$")


def pam_stack(text: str, path: str) -> tuple[PamLine, ...]:
    """The lines of one file of /etc/pam.d; ``@include`` becomes a line with that control for each kind.

    ``unparsable`` for a line that PAM itself would not read, and for a file without any line.
    """
    found = tuple(_pam_lines(text, path))
    if not found:
        raise CollectError(Reason.UNPARSABLE, f"{path}: holds no PAM line")
    return found


def _pam_lines(text: str, path: str) -> Iterator[PamLine]:
    for number, line in enumerate(whole_lines(text, path), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        where = f"{path}:{number}"
        words = said.split()
        if words[0] == "@include" and len(words) == 2:
            yield PamLine("*", "@include", words[1], (), where)
            continue
        match = _PAM.match(said)
        if match is None or match["kind"].lower() not in _KINDS:
            raise CollectError(Reason.UNPARSABLE, f"{where}: not a PAM line: {said[:80]!r}")
        control = match["control"].strip("[]").lower()
        module = match["module"].rpartition("/")[2].removesuffix(".so")
        yield PamLine(match["kind"].lower(), control, module, tuple((match["rest"] or "").split()), where)
