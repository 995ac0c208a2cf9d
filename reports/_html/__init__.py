"""The parts of the HTML report; reports/html.py loads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import views
from .browser import BrowserData
from .levels import Levels
from .papers import Papers, Questions
from .run import RESULTS, SCORED, UNDECIDED, UNFOLDED, Run, read
from .survey import Survey
from .text import TEMPLATES, Words, clean, code_blocks, csp_hash, css_word, embed

LISTED = {  # at most, without JavaScript
    "fails": 200,
    "undecided": 240,
    "questions": 800,
    "same": 5,  # targets of one question
    "targets": 200,
    "agencies": 60,
    "systems": 60,
    "requirements": 1_500,  # of all systems together
    "fixes": 8,
    "papers": 200,
    "frameworks": 60,
    "names": 40,
    "weakest": 12,  # agencies in the leader's edition
    "reasons": 6,
}
WHOLE = "index.html"
NAMED = {  # fields of papers that hold ids, and whose
    **dict.fromkeys(("targets", "target", "covers", "provider"), "targets"),
    **dict.fromkeys(("agencies", "agency", "covers_agencies"), "agencies"),
    "systems": "systems",
}

__all__ = ["Run", "Survey", "Words", "clean", "code_blocks", "csp_hash", "embed", "leader", "page", "read"]


def page(head: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], lang: str) -> str:
    """The whole report as one HTML document."""
    run, survey, environment = _made(head, findings, lang)
    return environment.get_template("report.html.j2").render(data=BrowserData(run, survey).as_json())


def leader(head: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], lang: str) -> str:
    """What somebody who decides reads: a few pages without a script, whose links lead into the whole report."""
    run, _survey, environment = _made(head, findings, lang)
    text = environment.get_template("leader.html.j2").render(weakest=views.weakest(run, LISTED["weakest"]))
    # Every quote in data is escaped, so only our own links begin like this.
    return text.replace(' href="#', f' href="{WHOLE}#')


def _made(head: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], lang: str) -> tuple[Run, Survey, Environment]:
    words = Words("en" if lang == "en" else "vi")
    run = Run(head, words)
    survey = Survey(run, read(run, findings))
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(embed=embed, code_blocks=code_blocks, csp_hash=csp_hash, css_word=css_word)
    environment.globals.update(
        t=lambda path, **values: words.both(words.t(path, **values)),
        label=lambda table, code: words.both(words.label(table, code)),
        say=lambda value: words.both(words.say(value)),
        date=lambda value: words.both(words.date(value)),
        both=words.both,
        source=lambda name: Markup((TEMPLATES / name).read_text("utf-8")),  # noqa: S704  our own css and js
        words=words,
        run=run,
        survey=survey,
        levels=Levels(run, survey, LISTED["systems"], LISTED["requirements"]),
        papers=Papers(run),
        questions=Questions(run, survey, LISTED["questions"]),
        view=views,
        RESULTS=RESULTS,
        UNDECIDED=UNDECIDED,
        UNSEEN=UNDECIDED[:2],
        NAMED=NAMED,
        SCORED=SCORED,
        LISTED=LISTED,
        UNFOLDED=UNFOLDED,
    )
    return run, survey, environment
