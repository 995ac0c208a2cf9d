"""Does the negotiated cipher give forward secrecy?"""

from __future__ import annotations

from typing import ClassVar

from auditor import Check, NoParams, Unavailable, Verdict, failed, passed, unknown
from auditor.evidence.tls import TlsService

_EPHEMERAL = ("ECDHE-", "DHE-")
_STATIC = ("AES", "CAMELLIA", "ARIA", "SEED", "IDEA", "DES", "RC4", "NULL", "ECDH-", "DH-")
"""How OpenSSL's names of suites without ephemeral keys begin; plain RSA key exchange is not named in them."""


class ForwardSecrecy(Check[TlsService, NoParams]):
    """As negotiated by a client of today that prefers it; TLS 1.3 always has it."""

    id: ClassVar[str] = "tls.forward-secrecy"
    evidence: ClassVar[type] = TlsService

    def judge(self, evidence: TlsService, params: NoParams) -> Verdict:
        peer, expected = evidence.peer, "ECDHE / DHE / TLS 1.3"
        if isinstance(peer, Unavailable):
            return unknown("no-handshake", where=evidence.where, detail=peer.detail)
        if peer.version == "TLSv1.3" or peer.cipher.startswith(_EPHEMERAL):
            return passed(
                "forward-secret", expected=expected, found=peer.cipher, where=evidence.where, cipher=peer.cipher
            )
        if peer.cipher.startswith(_STATIC):
            return failed("static-key", expected=expected, found=peer.cipher, where=evidence.where, cipher=peer.cipher)
        return unknown("other-cipher", expected=expected, found=peer.cipher, where=evidence.where, cipher=peer.cipher)
