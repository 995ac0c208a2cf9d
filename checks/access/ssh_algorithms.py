"""Does sshd offer only cryptography without known weakness?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from auditor import Check, Instance, Result, Say, Verdict, notapplicable, over, param
from auditor.evidence.sshd import SshdState

_KEYS = r"(sk-)?(ssh-ed25519|ssh-ed448|ecdsa-sha2-nistp(256|384|521)|rsa-sha2-(256|512))(-cert-v01)?"
_SOUND = {
    "kex": r"(curve25519-sha256|curve448-sha512|(sntrup761|mlkem768)x25519-sha(256|512)|mlkem\w+nistp\d+-sha\d+"
    r"|ecdh-sha2-nistp(256|384|521)|diffie-hellman-group(-exchange|14|15|16|17|18)-sha(256|512)"
    r"|gss-(group\d\d|nistp\d+|curve\d+)-sha(256|512)-.*|ext-info-s|kex-strict-s-v00)(@[\w.-]+)?",
    "ciphers": r"(chacha20-poly1305|aes(128|192|256)-(ctr|gcm)|AEAD_AES_(128|256)_GCM)(@[\w.-]+)?",
    "macs": r"(hmac-sha2-(256|512)|umac-128)(-etm)?(@[\w.-]+)?|AEAD_AES_(128|256)_GCM",
    "host-keys": rf"(webauthn-)?{_KEYS}(@[\w.-]+)?",
    "public-keys": rf"(webauthn-)?{_KEYS}(@[\w.-]+)?",
}
_TOLERATED = re.compile(r"(hmac-sha1|umac-64)(-etm)?(@[\w.-]+)?")
_WEAK = re.compile(
    r".*(sha1|md5|ripemd|cbc|arcfour|blowfish|cast128|rijndael).*|diffie-hellman-group1-.*|3des.*|none"
    r"|ssh-(dss|rsa)(-cert-v01)?(@[\w.-]+)?|umac-64.*"
)


@dataclass(frozen=True)
class Params:
    allow_sha1_macs: bool = param(True, stricter="false")
    """hmac-sha1 and umac-64 are not broken, but lists of OpenSSH still hold them: levels 4-5 ask for none."""


class SshAlgorithms(Check[SshdState, Params]):
    """Old key exchanges, ciphers and signatures make a recorded session readable, or a server forgeable."""

    id: ClassVar[str] = "access.ssh-algorithms"
    evidence: ClassVar[type] = SshdState
    params: ClassVar[type] = Params

    def judge(self, evidence: SshdState, params: Params) -> Verdict:
        if not evidence.installed:
            return notapplicable("no-sshd")
        lists = (evidence.kex, evidence.ciphers, evidence.macs, evidence.host_keys, evidence.public_keys)
        return over((self._one(kind, names, params) for kind, names in zip(_SOUND, lists, strict=True)), "algorithms")

    def _one(self, kind: str, names: tuple[str, ...], params: Params) -> Instance:
        kept = [
            name for name in names if not (params.allow_sha1_macs and kind == "macs" and _TOLERATED.fullmatch(name))
        ]
        odd = [name for name in kept if not re.fullmatch(_SOUND[kind], name)]
        weak = tuple(name for name in odd if _WEAK.fullmatch(name))
        if weak:
            return Instance(kind, Result.FAIL, Say("weak"), found=weak, where="sshd -T")
        if odd:
            return Instance(kind, Result.UNKNOWN, Say("unfamiliar"), found=tuple(odd), where="sshd -T")
        return Instance(kind, Result.PASS, Say("sound"), found=names, where="sshd -T")
