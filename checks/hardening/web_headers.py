"""Does the service tell browsers how to guard its pages?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Unavailable, Verdict, notapplicable, over, param, unknown
from auditor.evidence.web import Answer, WebService


@dataclass(frozen=True)
class Params:
    required: tuple[str, ...] = param(("x-content-type-options", "framing", "content-security-policy"), stricter="more")
    """Of these and ``referrer-policy``, ``permissions-policy``; a tool default. ``framing``: who may frame it."""


class WebHeaders(Check[WebService, Params]):
    """One instance a guard; what an error page lacks says nothing of the others."""

    id: ClassVar[str] = "hardening.web-headers"
    evidence: ClassVar[type] = WebService
    params: ClassVar[type] = Params

    def judge(self, evidence: WebService, params: Params) -> Verdict:
        if not evidence.is_web:
            return notapplicable("no-web", scheme=evidence.scheme)
        home = evidence.home
        if isinstance(home, Unavailable):
            return unknown("no-answer", where=evidence.where, detail=home.detail)
        if home.ending != "done":
            detail = f"{home.ending} {home.elsewhere}"
            return unknown("no-answer", where=home.last.url, detail=detail)
        return over([_judged(name, home.last) for name in params.required], "headers")


def _judged(name: str, answer: Answer) -> Instance:
    text = ", ".join(_texts(name, answer))
    if _good(name, text.lower()):
        return Instance(name, Result.PASS, Say("set", {"name": name}), found=text[:200], where=answer.url)
    result = Result.FAIL if answer.status < 400 else Result.UNKNOWN
    said = Say("missing" if not text else "useless", {"name": name, "text": text[:200]})
    return Instance(name, result, said, found=text[:200], where=answer.url)


def _texts(name: str, answer: Answer) -> list[str]:
    if name != "framing":
        return list(answer.all(name))
    policies = [part.strip() for text in answer.all("content-security-policy") for part in text.split(";")]
    return [part for part in policies if part.lower().startswith("frame-ancestors")] or list(
        answer.all("x-frame-options")
    )


def _good(name: str, text: str) -> bool:
    if name == "framing":
        return text in ("deny", "sameorigin") or (text.startswith("frame-ancestors") and "*" not in text.split())
    if name == "x-content-type-options":
        return text.partition(",")[0].strip() == "nosniff"
    return bool(text) and "unsafe-url" not in text
