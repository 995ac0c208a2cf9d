"""What is asked of one service, and in what order.

Nothing is judged here but what decides on the next question: newest versions first, as whoever bans a client for
odd hellos has answered the ordinary ones by then; one conversation at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from auditor.collectors._tls import asks, hellos
from auditor.collectors._tls.asker import Asker
from auditor.collectors._tls.injection import try_injection
from auditor.collectors._tls.io import NO_SERVER, Ended
from auditor.collectors._tls.peers import curve_of
from auditor.collectors._tls.prefaces import opening, survey
from auditor.collectors._tls.replies import Kind
from auditor.collectors._tls.session import STAPLE_AND_TIMESTAMPS
from auditor.collectors._tls.session12 import HUNG_UP, spoken, tls12
from auditor.collectors._tls.session13 import Session13, tls13
from auditor.collectors._tls.suites import GROUPS_13, asked, suite
from auditor.evidence.tls import VERSIONS, Answer

CHUNK = 60
"""Suites in one hello for servers that read no long lists."""
WAIT_S = 2.0
"""For a conversation after the handshake: tickets, renegotiation."""
GREASE = (0x0A0A, 0x1A1A, 0x2A2A)
"""A suite, an extension and a group that nobody has (RFC 8701)."""
_ALPN = {"https": ("h2", "http/1.1", "http/1.0"), "imaps": ("imap",), "imap": ("imap",), "pop3s": ("pop3",),
         "pop3": ("pop3",), "ftps": ("ftp",), "ftp": ("ftp",), "postgres": ("postgresql",),
         "postgresql": ("postgresql",)}  # fmt: skip
_KINDS = {"rsa": (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201), "ecdsa": (0x0403, 0x0503, 0x0603, 0x0203)}
"""Signature schemes that ask for a certificate with one kind of key."""


class Look(Asker):
    """One look at one service: ``run()`` asks."""

    def run(self) -> None:
        """Ask all there is to ask, as far as the time goes."""
        self.opening = survey(self.asked.scheme, self._bare, self.asked.server_name)
        if opening(self.opening).offered is Answer.NO:
            return
        for version in reversed(VERSIONS):
            self._version(version)
            if self.runs[0].answers[0].ending in NO_SERVER:
                return
        if not self.offered:
            self._without_extensions()
        if not self.offered:
            return
        self._sessions13()
        old = next((one for one in reversed(VERSIONS[1:-1]) if one in self.offered), "")
        if old:
            self._below13(old)
        if newest := old or ("TLSv1.3" if "TLSv1.3" in self.offered else ""):
            self._tolerances(newest)
        self.injection = try_injection(self.asked.scheme, self._bare, self.asked.server_name)
        first = next(iter(self.offered))
        self.control, _ = self._ask(self._hello(first, self.offered[first]), spare=0)
        if old:  # last of all: of all questions it looks most like an attack, and s_server sleeps a second after it
            self._renegotiate(old)

    # --- versions and suites ---

    def _version(self, version: str) -> None:
        every = asked(version)
        if self.chunked and version in VERSIONS[1:-1]:
            self._chunks(version, every)
            return
        run = self._strike("suites", version, every, lambda codes: self._hello(version, codes))
        if run.answers[0].ending in NO_SERVER:
            return
        if not run.picked and not (run.last.kind is Kind.REFUSED and run.last.firm):
            self._once_more(version, every)
        self._settle(version)

    def _once_more(self, version: str, every: tuple[int, ...]) -> None:
        """No answer in so many words: perhaps to the form of the question. Ask in a form that old servers bear."""
        ending = self.runs[-1].answers[0].ending
        if ending.startswith("preface"):
            return
        if version == "TLSv1.3":
            share = ((0x001D, os.urandom(32)),)  # any 32 bytes are a key; nobody computes with it
            self._strike("suites", version, every, lambda codes: replace(self._hello(version, codes), shares=share))
        elif version == "SSLv3" and self.name and self.runs[-1].last.why == "alert unrecognized_name":
            self.named = True
            self._strike("suites", version, every, lambda codes: self._hello(version, codes))
        elif version in VERSIONS[1:-1] and (version == "TLSv1.2" or ending != "timeout"):
            run = self._strike("suites", version, every[:CHUNK], lambda codes: self._hello(version, codes))
            if run.picked or run.last.why == "alert handshake_failure":  # it bears the form, if not what was in it
                self.chunked = True
                self._chunks(version, every[CHUNK:])

    def _without_extensions(self) -> None:
        """Nobody answered. Servers from before there were extensions may hang up on any."""
        if any(run.last.kind is Kind.ODD for run in self.runs if run.version != "SSLv2"):
            return
        self.plain = True
        for version in reversed(VERSIONS[2:-1]):
            self._strike("suites", version, asked(version), lambda codes, one=version: self._hello(one, codes))  # type: ignore[misc]
            self._settle(version)

    def _chunks(self, version: str, every: tuple[int, ...]) -> None:
        for at in range(0, len(every), CHUNK):
            self._strike("suites", version, every[at : at + CHUNK], lambda codes: self._hello(version, codes))
        self._settle(version)

    def _settle(self, version: str) -> None:
        """Remember what was picked of a version; and whose order counts."""
        mine = [run for run in self.runs if run.version == version and run.kind == "suites"]
        picked = tuple(dict.fromkeys(code for run in mine for code in run.picked))
        if not picked:
            return
        self.offered[version] = picked
        if version == "SSLv2" or len(picked) < 2:
            return
        run = next((run for run in mine if run.picked == picked), None)
        if run is None:  # they were asked in parts
            run = self._strike("suites", version, picked, lambda codes: self._hello(version, codes), together=True)
        if len(run.picked) > 1 and run.turned is None:
            one, _ = self._ask(self._hello(version, asks.turned(run.picked)))
            self.runs[self.runs.index(run)] = replace(run, turned=one)

    # --- below TLS 1.3 ---

    def _below13(self, version: str) -> None:
        """Everything that stands in the clear up to TLS 1.2: certificates, key exchanges, extensions."""
        every = self.offered[version]
        by = {kind: _having(every, authentication=(kind,)) for kind in ("rsa", "ecdsa")}
        for kind, codes in by.items():
            if codes:
                self._show(kind, replace(self._hello(version, codes), more=STAPLE_AND_TIMESTAMPS))
        if self.name:
            bare = replace(self._hello(version, every), server_name="", more=STAPLE_AND_TIMESTAMPS)
            self._show("no-name", bare)
        more = ((hellos.MASTER_SECRET, b""), (hellos.TICKET, b""), (hellos.HEARTBEAT, b"\x01"))
        self._put("extensions", replace(self._hello(version, every), more=more))
        self._put("compression", replace(self._hello(version, every), compressions=b"\x01\x40\x00"))
        if blocks := tuple(code for code in every if "_CBC" in suite(code).cipher):
            self._put("encrypt-then-mac", replace(self._hello(version, blocks), more=((hellos.ENCRYPT_THEN_MAC, b""),)))
        for name in _ALPN.get(self.asked.scheme, ()):
            self._put(f"alpn {name}", replace(self._hello(version, every), alpn=(name,)))
        for name, export in (("dh", False), ("dh-export", True)):
            if codes := tuple(one for one in _having(every, exchange=("dhe",)) if suite(one).export is export):
                self._put(name, replace(self._hello(version, codes), groups=()), flight=True)
        self._key_exchanges(version, every, by)
        self._fallback()

    def _key_exchanges(self, version: str, every: tuple[int, ...], by: dict[str, tuple[int, ...]]) -> None:
        curves = _having(every, exchange=("ecdhe",))
        rsa = _having(curves, authentication=("rsa",))
        if curves and version != "SSLv3":
            self._groups(version, rsa or curves, 0 if rsa else self._own_curve())
        signed = tuple(one for codes in by.values() for one in _having(codes, exchange=("ecdhe", "dhe")))
        if signed and version == "TLSv1.2":
            self._strike(
                "signatures",
                version,
                hellos.SIGNATURES,
                lambda codes: replace(self._hello(version, signed), signatures=codes),
            )

    def _groups(self, version: str, codes: tuple[int, ...], own: int) -> None:
        """``own`` is the curve of an ECDSA certificate, without which a server may not show it (RFC 8422 5.1).

        It is offered last each time: what is not picked before it, no client that can use the certificate gets.
        """
        plain, left = self._hello(version, codes), hellos.OLD_GROUPS
        if own > 0:
            left = tuple(code for code in left if code != own)
            run = self._strike("groups", version, left, lambda some: replace(plain, groups=(*some, own)), own)
            left = tuple(code for code in left if code not in run.picked)
        self._strike("groups", version, left, lambda some: replace(plain, groups=some), min(own, 0))

    def _own_curve(self) -> int:
        leaf = next((self.ders[one["sent"][0]] for one in self.shown if one["name"] == "ecdsa" and one["sent"]), None)
        return 0 if leaf is None else curve_of(leaf)

    def _fallback(self) -> None:
        versions = [one for one in VERSIONS[1:] if one in self.offered]
        if len(versions) > 1:
            below = versions[-2]
            hello = self._hello(below, self.offered[below])
            self._put("fallback", replace(hello, suites=(*hello.suites, hellos.FALLBACK)))

    def _renegotiate(self, version: str) -> None:
        codes = tuple(one for one in spoken(version) if one in self.offered[version])
        if not codes or version == "SSLv3":
            return
        with suppress(Ended), self._call() as line:
            seen = tls12(line, self.asked.server_name, version=version, suites=codes, renegotiate=True)
            told = {"ending": seen.ending, "renegotiation": seen.renegotiation, "held": ""}
            self.sessions["renegotiation"] = told
        if self.sessions.get("renegotiation", {}).get("renegotiation") in HUNG_UP:
            with suppress(Ended), self._call(1.0) as line:
                held = tls12(line, self.asked.server_name, version=version, suites=codes, hold=True)
                self.sessions["renegotiation"]["held"] = held.held

    # --- TLS 1.3 ---

    def _sessions13(self) -> None:
        if "TLSv1.3" not in self.offered:
            return
        codes = self.offered["TLSv1.3"]
        self._strike(
            "groups", "TLSv1.3", GROUPS_13, lambda groups: replace(self._hello("TLSv1.3", codes), groups=groups)
        )
        first = self._session13("tls13", tickets=True)
        if any(version in self.offered for version in VERSIONS[1:-1]) or first is None or first.ending != "done":
            return
        # Nothing is to be seen in the clear: what else there is takes further handshakes.
        kind = "ecdsa" if suite_kind(first.scheme) == "rsa" else "rsa"
        self._session13(kind, signatures=_KINDS[kind])
        if self.name:
            self._session13("no-name", server_name="")
        for name in _ALPN.get(self.asked.scheme, ()):
            self._session13(f"alpn {name}", alpn=(name,), show=False)
        left = tuple(code for code in hellos.SIGNATURES if code != first.scheme)
        for number in range(8):
            found = self._session13(f"signature {number}", signatures=left, show=False)
            if found is None or found.ending != "done" or found.scheme not in left:
                break
            left = tuple(code for code in left if code != found.scheme)

    def _session13(
        self,
        name: str,
        *,
        show: bool = True,
        server_name: str | None = None,
        signatures: tuple[int, ...] = hellos.SIGNATURES,
        alpn: tuple[str, ...] = (),
        tickets: bool = False,
    ) -> Session13 | None:
        said = self.asked.server_name if server_name is None else server_name
        try:
            with self._call(WAIT_S if tickets else None) as line:
                request = self._request() if tickets else b""
                seen = tls13(line, said, signatures=signatures, alpn=alpn, tickets=tickets, request=request)
        except Ended as exc:
            seen = Session13(ending=str(exc))
        self.sessions[name] = {
            "ending": seen.ending,
            "suite": seen.suite,
            "group": seen.group,
            "scheme": seen.scheme,
            "alpn": seen.alpn.decode("latin-1"),
            "wants_client": seen.wants_client,
            "tickets": list(seen.tickets),
            "after": seen.after,
            "certificates": [hashlib.sha256(der).hexdigest() for der in seen.certificates],
        }
        if show:
            self._shown(name, "TLSv1.3", seen.suite, seen.ending, seen.certificates, seen.staple, seen.timestamps)
        return seen

    # --- what servers should bear ---

    def _tolerances(self, version: str) -> None:
        hello = self._hello(version, self.offered[version])
        future = replace(hello, versions=(0x7A7A, 0x0304)) if version == "TLSv1.3" else replace(hello, legacy=0x0305)
        self._put("future-version", future)
        code, kind, group = GREASE
        odd = replace(hello, suites=(code, *hello.suites), groups=(group, *hello.groups), more=((kind, b"\x00"),))
        self._put("grease", odd)
        self._put("long", replace(hello, pad=3000))


def suite_kind(scheme: int) -> str:
    """The kind of key that signs by a scheme: rsa, ecdsa, or neither."""
    return next((kind for kind, codes in _KINDS.items() if scheme in codes), "")


def _having(
    codes: Iterable[int], *, exchange: tuple[str, ...] = (), authentication: tuple[str, ...] = ()
) -> tuple[int, ...]:
    return tuple(
        code
        for code in codes
        if (not exchange or suite(code).exchange in exchange)
        and (not authentication or suite(code).authentication in authentication)
    )
