"""What is to be asked about a service's names, and what the answers say. Pure: both sides read the same answers."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.authority import parse_ip
from auditor.collectors._dns import QUESTIONS, Question, Told
from auditor.collectors._dns_mail import dkim, dmarc, spf, spf_names
from auditor.evidence.domain import DkimKey, Dmarc, MailDomain, Pointer, Spf, State
from auditor.model import Reason, Unavailable
from auditor.targets import Target

Answers = Mapping[Question, Told]
_SERVERS = 6
"""Mail servers of a domain that are looked up."""
_NOTHING = Told("untested", "not asked")


def host(target: Target) -> str:
    """The name that is looked up; empty for an IP address."""
    name = (target.address or "").lower().rstrip(".")
    return "" if parse_ip(name) else name


def mail_domain(target: Target) -> str:
    return (target.dns and target.dns.mail_domain) or ""


def selectors(target: Target) -> tuple[str, ...]:
    return target.dns.dkim_selectors if target.dns else ()


def questions(target: Target, told: Answers) -> list[Question]:
    """All that is to be asked, as far as the answers so far show it."""
    name, mail = host(target), mail_domain(target)
    wanted: list[Question] = []
    if name:
        wanted += [(name, "A"), (name, "AAAA"), *((one, "CAA") for one in _upwards(name))]
    if mail:
        wanted += [(mail, "MX"), (mail, "TXT"), (f"_mta-sts.{mail}", "TXT")]
        wanted += [(f"{one}._domainkey.{mail}", "TXT") for one in selectors(target)]
        for one in _upwards(mail):
            wanted.append((f"_dmarc.{one}", "TXT"))
            if told.get(wanted[-1], _NOTHING).state not in ("missing", "empty"):
                break
        for server in _servers(told, mail):
            wanted += [(server, "A"), (server, "AAAA")]
        wanted += [(one, "TXT") for one in spf_names(mail, _texts(told))]
    return list(dict.fromkeys(wanted))[:QUESTIONS]


def pointers(target: Target, told: Answers) -> tuple[Pointer, ...]:
    """Whether the service's name, what it is another name of, and the mail servers exist."""
    name, mail = host(target), mail_domain(target)
    found = []
    if name:
        state, why = _addresses(told, name)
        aliases = told.get((name, "A"), _NOTHING).aliases
        kind, goal = ("cname", aliases[-1]) if aliases else ("name", name)
        found.append(Pointer(kind, name, goal, state, why))
    for server in _servers(told, mail) if mail else ():
        found.append(Pointer("mx", mail, server, *_addresses(told, server)))
    return tuple(found)


def caa(target: Target, told: Answers) -> tuple[str, ...] | Unavailable:
    """CAs named by the nearest CAA set (RFC 8659)."""
    for one in _upwards(host(target)) if host(target) else ():
        answer = told.get((one, "CAA"), _NOTHING)
        if answer.state == "untested":
            return _unavailable(f"CAA of {one}", answer)
        if answer.records:
            issue = [r for r in answer.records if r.tag.lower() in (b"issue", b"issuewild")]
            return tuple(record.value.decode("ascii", "replace")[:100] for record in issue)
    return ()


def mail(target: Target, told: Answers) -> MailDomain | None:
    """What is said of the mail domain; None where the inventory names none."""
    domain = mail_domain(target)
    if not domain:
        return None
    own, sts = told.get((domain, "TXT"), _NOTHING), told.get((f"_mta-sts.{domain}", "TXT"), _NOTHING)
    mx = told.get((domain, "MX"), _NOTHING)
    record: Spf | Unavailable | None
    record = _unavailable(f"TXT of {domain}", own) if own.state == "untested" else spf(domain, _texts(told))
    policy = next((text for text in _strings(sts) if text.startswith("v=STSv1")), None)
    return MailDomain(
        domain=domain,
        mx=_unavailable(f"MX of {domain}", mx) if mx.state == "untested" else _servers(told, domain),
        spf=record,
        dmarc=_dmarc(domain, told),
        keys=tuple(_key(one, told.get((f"{one}._domainkey.{domain}", "TXT"), _NOTHING)) for one in selectors(target)),
        mta_sts=_unavailable(f"TXT of _mta-sts.{domain}", sts) if sts.state == "untested" else policy,
    )


def _dmarc(domain: str, told: Answers) -> Dmarc | Unavailable | None:
    for one in _upwards(domain):
        answer = told.get((f"_dmarc.{one}", "TXT"), _NOTHING)
        if answer.state == "untested":
            return _unavailable(f"TXT of _dmarc.{one}", answer)
        if found := dmarc(domain, one, _strings(answer)):
            return found
        if answer.records:
            return None
    return None


def _key(selector: str, answer: Told) -> DkimKey:
    if answer.state == "untested":
        return DkimKey(selector, State.UNTESTED, answer.why, None)
    return dkim(selector, _strings(answer))


def _upwards(name: str) -> list[str]:
    """A name and those above it, but not a top-level domain."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))][:5]


def _servers(told: Answers, domain: str) -> tuple[str, ...]:
    """Mail servers; without the single dot by which a domain says that it takes no mail (RFC 7505)."""
    records = told.get((domain, "MX"), _NOTHING).records
    names = (record.exchange.to_text(omit_final_dot=True).lower() for record in records)
    return tuple(sorted(name for name in names if name not in ("", "@", ".")))[:_SERVERS]


def _addresses(told: Answers, name: str) -> tuple[State, str]:
    """Has a name an address of either family?"""
    both = [told.get((name, kind), _NOTHING) for kind in ("A", "AAAA")]
    if any(one.state == "found" for one in both):
        return State.FOUND, ""
    unclear = next((one for one in both if one.state == "untested"), None)
    gone = next((one for one in both if one.state == "missing"), None)
    if gone is not None:  # no such name: neither family can have one
        return State.MISSING, gone.why
    return (State.UNTESTED, unclear.why) if unclear else (State.MISSING, "no address")


def _strings(answer: Told) -> tuple[str, ...]:
    return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer.records)


def _texts(told: Answers) -> dict[str, tuple[str, ...] | None]:
    return {
        name: None if answer.state == "untested" else _strings(answer)
        for (name, kind), answer in told.items()
        if kind == "TXT"
    }


def _unavailable(what: str, answer: Told) -> Unavailable:
    reason = Reason.TIMEOUT if answer.why == "timeout" else Reason.INCOMPLETE
    return Unavailable(reason, f"{what}: {answer.why}")
