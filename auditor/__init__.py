"""Capdo: audits a province's infrastructure against its security levels.

The names below are all that plug-ins (checks, collectors, inventory sources, reports) import.
"""

from __future__ import annotations

from auditor.check import Check, NoParams, param
from auditor.collector import (
    Action,
    Addressed,
    Collector,
    Command,
    CommandCollector,
    Privilege,
    ProbeCollector,
    Reading,
    read_file,
)
from auditor.model import (
    VIETNAM,
    Bundle,
    CapdoError,
    CollectError,
    Evidence,
    Instance,
    Observation,
    Privacy,
    Reason,
    Result,
    Say,
    Seen,
    Severity,
    Unavailable,
    Verdict,
    failed,
    notapplicable,
    over,
    passed,
    personal,
    unknown,
    worst,
    worst_of,
)

__version__ = "0.1.0"

__all__ = [
    "VIETNAM",
    "Action",
    "Addressed",
    "Bundle",
    "CapdoError",
    "Check",
    "CollectError",
    "Collector",
    "Command",
    "CommandCollector",
    "Evidence",
    "Instance",
    "NoParams",
    "Observation",
    "Privacy",
    "Privilege",
    "ProbeCollector",
    "Reading",
    "Reason",
    "Result",
    "Say",
    "Seen",
    "Severity",
    "Unavailable",
    "Verdict",
    "__version__",
    "failed",
    "notapplicable",
    "over",
    "param",
    "passed",
    "personal",
    "read_file",
    "unknown",
    "worst",
    "worst_of",
]
