"""The answers to yes-or-no questions about a service, from what it said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auditor.collectors._tls import hellos
from auditor.collectors._tls.io import NO_SERVER, TOO_MANY
from auditor.collectors._tls.replies import SENTINELS, Kind, ServerHello
from auditor.collectors._tls.session12 import client_renegotiation
from auditor.collectors._tls.session13 import early_data
from auditor.collectors._tls.wire import VERSION
from auditor.evidence.tls import VERSIONS, Answer, Feature, Offer, Protocol

if TYPE_CHECKING:
    from auditor.collectors._tls.reading import Hellos

YES, NO, UNTESTED = Answer.YES, Answer.NO, Answer.UNTESTED
Told = tuple[Answer, str]
_FALLBACK_ALERT = "alert inappropriate_fallback"
_CHAINS = ("rsa", "ecdsa", "tls13")


def features(told: Hellos, protocols: Sequence[Protocol]) -> tuple[Feature, ...]:
    """What is known of each of ``FEATURES``; ``starttls-injection`` takes more than hellos."""
    offered = [one.version for one in protocols if one.offer is Offer.OFFERED]
    old = [version for version in offered if version not in ("SSLv2", "TLSv1.3")]
    found: dict[str, Told] = {
        "compression": _compression(told, old),
        "secure-renegotiation": _extension(told, hellos.RENEGOTIATION, "extensions", old),
        "client-renegotiation": _renegotiation(told, old),
        "fallback-scsv": _fallback(told, offered),
        "session-tickets": _tickets(told, old),
        "session-ids": _session_ids(told, old),
        "extended-master-secret": _extension(told, hellos.MASTER_SECRET, "extensions", old),
        "encrypt-then-mac": _encrypt_then_mac(told, old),
        "heartbeat": _extension(told, hellos.HEARTBEAT, "extensions", old),
        "ocsp-stapling": _stapling(told),
        "early-data": _early_data(told, offered),
        "version-tolerance": _tolerance(told, "future-version"),
        "extension-tolerance": _tolerance(told, "grease"),
        "long-hello-tolerance": _tolerance(told, "long"),
        "downgrade-sentinel": _sentinel(told, offered),
        "server-name-needed": _server_name(told),
        "client-certificate": _client_certificate(told),
    }
    return tuple(Feature(name, *answer) for name, answer in found.items())


def _hello(told: Hellos, name: str) -> ServerHello | None:
    return told.asks[name].outcome.hello if name in told.asks else None


def _nothing(told: Hellos, name: str) -> Told:
    return UNTESTED, told.asks[name].outcome.why if name in told.asks else "not asked"


def _compression(told: Hellos, old: Sequence[str]) -> Told:
    if not old:
        return NO, "TLS 1.3 has none"
    hello = _hello(told, "compression")
    if hello is None:
        return _nothing(told, "compression")
    return (YES if hello.compression else NO), f"compression method {hello.compression}"


def _extension(told: Hellos, kind: int, name: str, old: Sequence[str]) -> Told:
    if not old:
        return UNTESTED, "no version that has it is offered"
    hello = _hello(told, name)
    if hello is None and kind == hellos.RENEGOTIATION:
        hello = _first(told, old[-1])  # every hello asks for this one, by a code among the suites
    if hello is None:
        return _nothing(told, name)
    there = kind in hello.extensions
    return (YES if there else NO), f"extension {kind} {'is' if there else 'is not'} in its ServerHello"


def _encrypt_then_mac(told: Hellos, old: Sequence[str]) -> Told:
    if old and told.asks and "encrypt-then-mac" not in told.asks:
        return UNTESTED, "no suite that could use it is accepted"
    return _extension(told, hellos.ENCRYPT_THEN_MAC, "encrypt-then-mac", old)


def _renegotiation(told: Hellos, old: Sequence[str]) -> Told:
    if not old:
        return NO, "TLS 1.3 has none"
    session = told.sessions.get("renegotiation", {})
    said, held = session.get("renegotiation"), session.get("held")
    if not isinstance(said, str) or not isinstance(held, str) or not said:
        return UNTESTED, str(session.get("ending", "not asked"))[:100]
    return client_renegotiation(said, held), said[:100]


def _fallback(told: Hellos, offered: Sequence[str]) -> Told:
    if "fallback" not in told.asks:
        return UNTESTED, "one version only is offered" if len(offered) < 2 else "not asked"
    outcome = told.asks["fallback"].outcome
    if outcome.why == _FALLBACK_ALERT:
        return YES, outcome.why
    return (NO if outcome.kind is Kind.TAKEN else UNTESTED), outcome.why


def _tickets(told: Hellos, old: Sequence[str]) -> Told:
    below = _extension(told, hellos.TICKET, "extensions", old)
    session = told.sessions.get("tls13", {})
    tickets = session.get("tickets")
    if below[0] is YES or not session:
        return below
    if isinstance(tickets, list) and tickets:
        return YES, "a TLS 1.3 ticket came"
    if session.get("ending") == "done" and session.get("after") in ("quiet", "closed"):
        return (NO, "no ticket came") if below[0] is NO or not old else below
    return UNTESTED, str(session.get("after") or session.get("ending"))[:100]


def _session_ids(told: Hellos, old: Sequence[str]) -> Told:
    if not old:
        return UNTESTED, "no version that has it is offered"
    first = _first(told, old[-1])
    if first is None:
        return UNTESTED, "no ServerHello"
    return (YES if first.session else NO), f"a session id of {len(first.session)} bytes"


def _first(told: Hellos, version: str) -> ServerHello | None:
    answers = (one.outcome.hello for run in told.of("suites", version) for one in run.answers)
    return next((hello for hello in answers if hello and hello.version == VERSION[version]), None)


def _shown(told: Hellos) -> list[Mapping[str, Any]]:
    return [told.sessions[name] for name in _CHAINS if name in told.sessions]


def _stapling(told: Hellos) -> Told:
    """Filled in from the certificates' document, which holds the answers themselves."""
    return UNTESTED, "no certificate was shown" if not _shown(told) else "not looked at"


def _early_data(told: Hellos, offered: Sequence[str]) -> Told:
    if offered and "TLSv1.3" not in offered:
        return NO, "no TLS 1.3"
    session = told.sessions.get("tls13", {})
    ending, tickets, after = (session.get(key) for key in ("ending", "tickets", "after"))
    if not isinstance(ending, str) or not isinstance(after, str) or not isinstance(tickets, list):
        return UNTESTED, "not asked"
    if not all(type(one) is int for one in tickets):
        return UNTESTED, "not understood"
    return early_data(ending, tickets, after), f"{len(tickets)} tickets, {after or ending}"[:100]


def _tolerance(told: Hellos, name: str) -> Told:
    """Any ServerHello will do; a refusal counts only of a server that went on answering ordinary hellos."""
    if name not in told.asks:
        return UNTESTED, "not asked"
    outcome = told.asks[name].outcome
    if outcome.kind is Kind.TAKEN or outcome.why.startswith("answered with"):
        return YES, outcome.why
    return (NO if told.lives and outcome.why not in (*NO_SERVER, TOO_MANY) else UNTESTED), outcome.why


def _sentinel(told: Hellos, offered: Sequence[str]) -> Told:
    modern = [version for version in offered if version in VERSIONS[2:]]
    if len(modern) < 2 or modern[-1] not in ("TLSv1.2", "TLSv1.3"):
        return UNTESTED, "nothing to be lowered from"
    lower = _first(told, modern[-2])
    if lower is None:
        return UNTESTED, "no ServerHello"
    marked = lower.random[-8:] in SENTINELS
    if not marked and modern[-1] == "TLSv1.2":
        return UNTESTED, "TLS 1.3 is not offered"  # only servers that speak it must mark what is older
    return (YES if marked else NO), f"random of {modern[-2]} ends with {lower.random[-8:].hex()}"


def _server_name(told: Hellos) -> Told:
    bare = told.sessions.get("no-name")
    if bare is None:
        return UNTESTED, "asked by an address" if not told.asks.get("no-name") else "not asked"
    if bare.get("ending") != "done":
        sure = told.lives and bare.get("ending") not in ("timeout", *NO_SERVER, TOO_MANY)
        return (YES if sure else UNTESTED), f"without a name: {bare.get('ending')!s:.60}"
    if not bare.get("certificates"):
        return (UNTESTED if _shown(told) else NO), "no certificate, with a name or without"
    if not any(one.get("certificates") for one in _shown(told)):
        return UNTESTED, "no certificate to compare with"
    same = any(one.get("certificates") == bare.get("certificates") for one in _shown(told))
    return (
        NO if same else YES
    ), "the same certificate without a name" if same else "another certificate without a name"


def _client_certificate(told: Hellos) -> Told:
    asked = [one.get("wants_client") for one in _shown(told) if one.get("ending") == "done"]
    if True in asked:
        return YES, "CertificateRequest"
    return (NO, "no CertificateRequest") if False in asked else (UNTESTED, "no whole flight was seen")
