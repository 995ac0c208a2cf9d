"""Does the kernel refuse forged routes and senders?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from auditor import Check, Instance, NoParams, Result, Say, Verdict, over
from auditor.evidence.hardening import HostHardening

_SINGLE = ("net/ipv4/tcp_syncookies", "net/ipv4/icmp_echo_ignore_broadcasts")
_SETTINGS = (
    ("net/ipv4/conf", "rp_filter", ("1", "2"), max),
    ("net/ipv4/conf", "accept_redirects", ("0",), max),
    ("net/ipv4/conf", "accept_source_route", ("0",), min),
    ("net/ipv6/conf", "accept_redirects", ("0",), None),
    ("net/ipv6/conf", "accept_source_route", ("-1", "0"), min),
)
"""Tree, setting, good values, and how the kernel joins that of ``all`` with an interface's (ip-sysctl)."""


class NetworkParameters(Check[HostHardening, NoParams]):
    """What counts is the value in effect on each interface; loopback is left out."""

    id: ClassVar[str] = "hardening.network-parameters"
    evidence: ClassVar[type] = HostHardening

    def judge(self, evidence: HostHardening, params: NoParams) -> Verdict:
        return over(self._instances(evidence), "settings")

    def _instances(self, evidence: HostHardening) -> Iterator[Instance]:
        for path in _SINGLE:
            value = evidence.sysctl(path)
            result = Result.UNKNOWN if value is None else Result.FAIL if value == "0" else Result.PASS
            yield self._instance(path, result, (1,), value)
        for tree, setting, good, join in _SETTINGS:
            values = {
                item.path.split("/")[3]: item.value
                for item in evidence.sysctls
                if item.path.startswith(f"{tree}/") and item.path.endswith(f"/{setting}")
            }
            path = f"{tree}/*/{setting}"
            if not {"all", "default"} <= set(values):
                absent = tree == "net/ipv6/conf" and not values
                yield self._instance(path, Result.NOTAPPLICABLE if absent else Result.UNKNOWN, good, None)
                continue
            for name in values.keys() - {"all", "lo"}:
                if join is not None:
                    values[name] = str(join(int(values["all"]), int(values[name])))
            bad = tuple(sorted(name for name in values if name not in ("all", "lo") and values[name] not in good))
            yield self._instance(path, Result.FAIL if bad else Result.PASS, good, bad or values["default"])

    def _instance(self, path: str, result: Result, expected: object, found: object) -> Instance:
        name = path.replace("/", ".")
        code = {Result.PASS: "good", Result.FAIL: "weak", Result.NOTAPPLICABLE: "ipv6-off"}.get(result, "unread")
        shown = expected if isinstance(expected, tuple) else str(expected)
        said = Say(code, {"setting": name})
        return Instance(
            name, result, said, shown, found if isinstance(found, tuple) else str(found), f"/proc/sys/{path}"
        )
