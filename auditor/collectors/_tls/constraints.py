"""Name constraints (RFC 5280 4.2.1.10): what names a CA may sign for. Not understood is not permitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

from cryptography import x509
from cryptography.x509.oid import NameOID

from auditor.collectors._tls.certificates import BAD, extension

OK, NOT_PERMITTED, EXCLUDED, NOT_UNDERSTOOD = 0, 47, 48, 51
"""OpenSSL's X509_V_ERR numbers."""

_COMPARED = 100_000
"""Most names compared with subtrees; the largest real certificates have a few hundred of one and tens of the other."""

Folded = tuple[frozenset[tuple[str, str | bytes]], ...]


def folded(name: x509.Name) -> Folded:
    """A name as RFC 5280 7.1 compares it: case and runs of blanks do not count, nor the kind of string."""
    return tuple(
        frozenset(
            (one.oid.dotted_string, " ".join(one.value.casefold().split()) if isinstance(one.value, str) else one.value)
            for one in part
        )
        for part in name.rdns
    )


def violation(above: x509.Certificate, below: x509.Certificate) -> int:
    """The code of what ``above`` says against the names of ``below``; 0 for nothing."""
    try:
        told = extension(above, x509.NameConstraints)
        if told is None:
            return OK
        names = _names(below)
        allowed, forbidden = told.permitted_subtrees or (), told.excluded_subtrees or ()
        if len(names) * (len(allowed) + len(forbidden)) > _COMPARED:
            return NOT_UNDERSTOOD
        if any(_within(name, tree, any_of_it=True) for name in names for tree in _alike(name, forbidden)):
            return EXCLUDED
        for name in names:
            trees = _alike(name, allowed)
            if trees and not any(_within(name, tree, any_of_it=False) for tree in trees):
                return NOT_PERMITTED
    except (*BAD, NotImplementedError):
        return NOT_UNDERSTOOD
    return OK


def _names(below: x509.Certificate) -> list[x509.GeneralName]:
    alternatives = extension(below, x509.SubjectAlternativeName)
    names: list[x509.GeneralName] = list(alternatives or ())
    if below.subject.rdns:
        names.append(x509.DirectoryName(below.subject))
    for mail in below.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        names.append(x509.RFC822Name(str(mail.value)))
    return names


def _alike(name: x509.GeneralName, trees: Iterable[x509.GeneralName]) -> Sequence[x509.GeneralName]:
    return [tree for tree in trees if type(tree) is type(name)]


def _within(name: x509.GeneralName, tree: x509.GeneralName, *, any_of_it: bool) -> bool:
    """Does a name lie in a subtree? ``any_of_it``: or might it, as ``*.a.b`` may stand for ``x.a.b``."""
    match name, tree:
        case x509.DNSName(), x509.DNSName():
            return _dns_within(name.value, tree.value, any_of_it)
        case x509.IPAddress(), x509.IPAddress() if isinstance(tree.value, (IPv4Network, IPv6Network)):
            return name.value in tree.value
        case x509.DirectoryName(), x509.DirectoryName():
            held, wanted = folded(name.value), folded(tree.value)
            return held[: len(wanted)] == wanted
    raise NotImplementedError(type(tree).__name__)


def _dns_within(name: str, tree: str, any_of_it: bool) -> bool:
    name, tree = name.lower().rstrip("."), tree.lower()
    if not tree:
        return True
    if tree.startswith("."):
        return name.endswith(tree)
    if any_of_it and name.startswith("*.") and tree.split(".", 1)[1:] == [name[2:]]:
        return True
    return name == tree or name.endswith("." + tree)
