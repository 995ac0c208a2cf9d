"""What the TLS prober stored, read back as facts. Pure, and strict: what does not fit is unparsable."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from auditor.collector import Reading
from auditor.collectors._certificates import certificate, issued_in_turn
from auditor.collectors._hello import Answer, read_reply
from auditor.evidence.tls import VERSIONS, Certificate, Offer, Peer, Protocol, Trust
from auditor.model import CollectError, Reason

_SAID_NO = (
    "tlsv1-alert-protocol-version",
    "sslv3-alert-handshake-failure",
    "tlsv1-alert-insufficient-security",
    "unsupported-protocol",
)
"""OpenSSL's words for a server that will not speak the version asked for."""
_HUNG_UP = ("closed", "reset")
_TRUSTED = ("done", "wants-client-certificate")
_CHAIN = 50


def protocols(seen: Reading, server_name: str) -> tuple[Protocol, ...]:
    """Whether each version is offered. Raises ``CollectError`` when not one is: then it is not a TLS service."""
    told = _document(seen, "versions", server_name)
    hellos = {_text(item, "version"): _answer(item) for item in _items(told, "hellos")}
    if sorted(hellos) != sorted(VERSIONS):
        raise _unparsable("versions: not one hello for each version")
    for item in _items(told, "handshakes"):
        version, ending = _text(item, "version"), _text(item, "ending")
        before = hellos.get(version)
        if before is None:
            raise _unparsable(f"versions: handshake of {version!r}")
        if ending == "done":
            hellos[version] = Answer(Offer.OFFERED, "handshake done")
        elif before.offer is Offer.UNTESTED and ending in _SAID_NO:
            hellos[version] = Answer(Offer.REFUSED, ending)
    if all(answer.offer is not Offer.OFFERED for answer in hellos.values()):
        said = "; ".join(f"{version}: {hellos[version].why}" for version in ("TLSv1.3", "TLSv1.2"))
        raise _unparsable(f"no TLS is spoken here ({said})")
    control = told.get("control")
    lives = isinstance(control, dict) and _answer(control).offer is Offer.OFFERED
    return tuple(_protocol(version, hellos[version], lives) for version in VERSIONS)


def _protocol(version: str, answer: Answer, lives: bool) -> Protocol:
    if answer.offer is Offer.REFUSED and not answer.firm and not lives:
        return Protocol(version, Offer.UNTESTED, f"{answer.why}, and so at the end for every version")
    return Protocol(version, answer.offer, answer.why)


def _answer(hello: Mapping[str, Any]) -> Answer:
    version, ending, reply = _text(hello, "version"), _text(hello, "ending"), _bytes(hello, "reply")
    if version not in VERSIONS:
        raise _unparsable(f"versions: hello of {version!r}")
    answer = read_reply(version, reply)
    if answer is not None:
        return answer
    if ending in _HUNG_UP and not reply:
        return Answer(Offer.REFUSED, ending, firm=False)
    return Answer(Offer.UNTESTED, f"{ending} after {len(reply)} bytes" if reply else ending)


def peer(seen: Reading, server_name: str) -> Peer:
    """The certificate chain, its trust and the negotiated suite."""
    told = _document(seen, "certificate", server_name)
    context, ending = _text(told, "context"), _text(told, "ending")
    if context not in ("current", "legacy"):
        reason = Reason.TIMEOUT if ending == "timeout" else Reason.INCOMPLETE
        raise CollectError(reason, f"no handshake got as far as a certificate: {ending}")
    sent = _certificates(told, "sent")
    if not sent:
        raise CollectError(Reason.INCOMPLETE, f"the certificate was not shown again: {ending}")
    verify, anchors, whole = told.get("verify"), told.get("anchors"), told.get("whole")
    if not isinstance(verify, dict) or not isinstance(anchors, dict) or not isinstance(whole, bool):
        raise _unparsable("certificate: no verify, anchors or whole")
    code, path = verify.get("code"), _certificates(told, "path")
    complete = anchors.get("system") is True and anchors.get("unread") == []
    if type(code) is not int or _text(verify, "ending") not in (("untrusted",) if code else _TRUSTED):
        raise _unparsable("certificate: the outcome of verification contradicts itself")
    if path and (code != 0 or path[0] != sent[0]):
        raise _unparsable("certificate: the verified path is not that of the certificate shown")
    cipher = _text(told, "cipher")
    if not cipher:
        raise _unparsable("certificate: no cipher")
    return Peer(
        version=_text(told, "version"),
        cipher=cipher,
        context=context,
        chain=path or issued_in_turn(sent),
        chain_known=whole,
        trust=Trust(code, _text(verify, "message"), complete),
    )


def _document(seen: Reading, key: str, server_name: str) -> dict[str, Any]:
    text = seen.text(key)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise _unparsable(f"{key}: not JSON") from None
    if not isinstance(told, dict):
        raise _unparsable(f"{key}: not an object")
    if told.get("server_name") != server_name:
        raise CollectError(Reason.STALE, f"{key}: collected for the name {told.get('server_name')!r:.100}")
    return told


def _items(told: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    items = told.get(key)
    if not isinstance(items, list) or len(items) > _CHAIN or not all(isinstance(item, dict) for item in items):
        raise _unparsable(f"{key}: not a list of objects")
    return items


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or len(value) > 500:
        raise _unparsable(f"{key}: not a short text")
    return value


def _bytes(told: Mapping[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(told.get(key, None), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _unparsable(f"{key}: not base64") from None


def _certificates(told: Mapping[str, Any], key: str) -> tuple[Certificate, ...]:
    found = []
    for item in _items(told, key):
        der = _bytes(item, "der")
        if hashlib.sha256(der).hexdigest() != item.get("sha256"):
            raise _unparsable(f"{key}: a certificate is not the one that was seen")
        found.append(certificate(der))
    return tuple(found)


def _unparsable(detail: str) -> CollectError:
    return CollectError(Reason.UNPARSABLE, detail)
