"""Twins: real hosts that differ in exactly one known thing, audited by the real ``audit.py run`` over SSH.

All stand in one network of their own (``tests/hosts.py``), and one run looks at all of them. What must differ
was written down from what was done to each host; everything else must be the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import hosts
from tests.hosts import Host, Lab, Step

pytestmark = [pytest.mark.root, pytest.mark.live, pytest.mark.net, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
TOOLS = (*hosts.TOOLS, "ufw", "restic", "clamd", "apt-get", "cp")


@dataclass(frozen=True)
class Twin:
    """``steps`` are the only difference from the base host; ``differs``: rule → result on base, result on twin."""

    steps: tuple[Step, ...]
    differs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    sudo: bool = True


TWINS = {
    "open": Twin(
        (hosts.nft_open,),
        dict.fromkeys(
            ("firewall.host-active", "firewall.default-deny", "firewall.open-ports", "firewall.admin-sources"),
            ("pass", "fail"),
        ),
    ),
}


def need(*tools: str) -> None:
    missing = [tool for tool in tools if not shutil.which(tool)]
    why = "needs root" if os.geteuid() else f"{', '.join(missing)} not installed" if missing else ""
    if why:
        (pytest.fail if os.environ.get("CAPDO_CI") else pytest.skip)(why)
