"""What people answer for on paper: documents, shared controls, waivers, attestations, retirements.

All of it is part of the inventory (``auditor.targets``); ``auditor.grants`` says when it counts.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from auditor.fields import Day, Explanation, Flag, Id, Line, LocalPath, Reason, Record, Who, without_dots

Answer = Literal["met", "notmet", "notapplicable"]
ReasonClass = Literal["accepted-risk", "compensating-control", "not-relevant"]


class Document(Record):
    """A paper that gives a right or records a decision."""

    no: Line
    date: Day
    signer: Line | None = None


class SharedControl(Record):
    """Protection given by one target and proven to cover others (decree 331/2026 art. 30)."""

    id: Id
    rule: str
    provider: Id
    """Target whose own pass on ``rule`` is the proof."""
    covers: tuple[Id, ...] = ()
    covers_agencies: tuple[Id, ...] = ()
    document: Document | None = None
    until: Day | None = None


class Compensating(Record):
    """The proof of an equivalent measure: a rule that is measured and passes in the same run."""

    rule: Line
    target: Id | None = None
    """Where it must pass; by default on the very target that the waiver is for."""


def _a_rule(value: Any) -> Any:
    """A measure that is only told of in words can never be checked, and so never counts."""
    if isinstance(value, str):
        raise PydanticCustomError("compensating-text", "name the rule that proves it")
    return value


class Waiver(Record):
    """A dated, justified acceptance of a fail. The measured result stays as it is."""

    id: Id
    rule: str
    targets: tuple[Id, ...] = ()
    groups: tuple[Id, ...] = ()
    tags: tuple[Line, ...] = ()
    instance: str | None = None
    reason_class: ReasonClass
    reason: Reason
    compensating: Annotated[Compensating | None, BeforeValidator(_a_rule)] = None
    """Only with ``compensating-control``, and there needed."""
    requester: Who
    approver: Who
    document: Document
    from_: Day = Field(alias="from")
    until: Day


def _below(value: str) -> str:
    """A file beside the inventory travels with it; one elsewhere would be anybody's."""
    if value.startswith(("/", "\\", "~")) or value[1:2] == ":":
        raise PydanticCustomError("attachment-outside", "a path below the inventory's folder")
    return without_dots(value)


class Attachment(Record):
    """A file that bears an answer out. Its hash tells when it is no longer what was looked at."""

    file: Annotated[LocalPath, AfterValidator(_below)]
    """Relative to the folder of the inventory file, and below it."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d0…"])]
    intact: Flag = True
    """Is the file there, with this hash? Found out whenever the inventory is read, whatever it says itself."""


class Attestation(Record):
    """A person's dated answer to what no machine can see."""

    id: Id
    rule: str
    targets: tuple[Id, ...] = ()
    systems: tuple[Id, ...] = ()
    agencies: tuple[Id, ...] = ()
    answer: Answer
    explanation: Explanation
    who: Who
    document: Document | None = None
    attachment: Attachment | None = None
    on: Day
    until: Day


class Retired(Record):
    """Explains why a target of an earlier run is gone, so that its agency's grade is not held."""

    id: Id
    on: Day
    reason: Explanation
    document: Document | None = None


def same_person(one: str, other: str) -> bool:
    """Are two names one person's? Accents, case, spacing, dots and invisible letters make no other."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    kept = (char if char.isalnum() else " " for char in plain if unicodedata.category(char) not in ("Mn", "Cf"))
    return " ".join("".join(kept).split())
