"""Describes this very machine as an inventory: what listens here and speaks TLS, asked over loopback only."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from auditor.collectors._tls.knock import speaks_tls

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_OWN_FILES = Path("/proc/self/fd")
_TABLE_CAP = 4 << 20
"""Bytes read of each table; the kernel lists sockets that listen first."""
_MOST = 50
"""Ports that are asked."""
_WAIT_S = 2.0
_LISTENING = "0A"
_PRINTERS = range(9100, 9108)
"""What is sent to these ports may come out on paper."""


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A TCP port that something listens on, with the loopback addresses by which it can be asked."""

    port: int
    addresses: tuple[str, ...]


def this_machine() -> str:
    """YAML text of an inventory of the machine this runs on. Works without rights, and without /proc."""
    return _text(platform.node(), tls_services(listeners()))


def listeners() -> list[Listener]:
    """Ports that this machine listens on and that loopback reaches, our own process's left out."""
    own = _own_sockets()
    found: set[Listener] = set()
    for table in _TABLES:
        try:
            with table.open("rb") as lines:
                text = lines.read(_TABLE_CAP).decode("ascii", "replace")
        except OSError:
            continue
        found.update(_read_table(text, own))
    return sorted(found)


def _read_table(text: str, own: frozenset[str]) -> Iterator[Listener]:
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != _LISTENING or words[9] in own:
            continue
        address, _, port = words[1].partition(":")
        try:
            ways, number = _ways(address), int(port, 16)
        except ValueError:
            continue
        if ways and number not in _PRINTERS:
            yield Listener(number, ways)


def _ways(address: str) -> tuple[str, ...]:
    """The loopback addresses that reach a bound address, as the kernel writes it: words in the host's byte order."""
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    ip = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_unspecified:
        return ("127.0.0.1",) if ip.version == 4 else ("127.0.0.1", "::1")
    return (str(ip),) if ip.is_loopback else ()


def _own_sockets() -> frozenset[str]:
    """Inode numbers of the sockets of this process."""
    found = set()
    try:
        for entry in _OWN_FILES.iterdir():
            try:
                name = str(entry.readlink())
            except OSError:  # the handle that listed the folder is gone again
                continue
            if name.startswith("socket:["):
                found.add(name[8:-1])
    except OSError:
        pass
    return frozenset(found)


def tls_services(found: Iterable[Listener]) -> list[tuple[str, int]]:
    """Address and port of those that answer a TLS hello within two seconds; ``_MOST`` are asked, side by side."""
    asked = list(found)[:_MOST]
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(_speaks_tls, asked))
    return sorted({(address, item.port) for item, address in zip(asked, answers, strict=True) if address})


def _speaks_tls(listener: Listener) -> str | None:
    """The first address at which the answer to a hello is a TLS record, be it an alert."""
    return next((one for one in listener.addresses if speaks_tls(one, listener.port, _WAIT_S)), None)


def _text(host: str, services: Iterable[tuple[str, int]]) -> str:
    name = json.dumps(re.sub(r"[^A-Za-z0-9._-]", "", host)[:60] or "localhost")
    kind = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    made = "\n".join(_service(address, port) for address, port in services)
    return f"""\
# Inventory của chính máy này, do chương trình tự lập; hãy sửa cho đúng.
# An inventory of this very machine, made by the program; correct it where it is wrong.

province: {{id: this-machine, name: Máy này}}
groups:
  - {{id: local-group, name: {{vi: Máy tại chỗ, en: Local machine}}}}
agencies:
  - {{id: local-agency, name: {{vi: Đơn vị giữ máy này, en: Whoever runs this machine}}, group: local-group}}

# Cấp độ 3 chỉ là giả định: ghi cấp độ thật, và quyết định phê duyệt nếu có.
# Level 3 is only assumed: put the true level here, with the decision if there is one.
systems:
  - {{id: local-system, owner: local-agency, level: 3, level_status: assumed}}
sites:
  - {{id: local-site, agency: local-agency}}

# Thêm "role" (web, database, mail …) để chọn đúng quy tắc.
# Add "role" (web, database, mail …) so that the right rules are chosen.
servers:
  - id: this-server
    name: {name}
    address: 127.0.0.1
    systems: [local-system]
    site: local-site
    platform: {kind}
    connect: local

# Cổng đang nghe trên máy này và trả lời TLS. Thêm tls: {{server_name: tên-miền}} để kiểm tra đúng tên.
# Ports that listen on this machine and answer TLS. Add tls: {{server_name: domain}} to have the name checked.
services:{" []" if not made else chr(10) + made}

links:
  - {{id: loopback, from: local-site, to: this-server, target: 127.0.0.1, kind: loopback, systems: [local-system]}}
"""


def _service(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    tail = "" if address == "127.0.0.1" else "-" + address.replace(":", "").replace(".", "-")
    return f'  - {{id: tls-{port}{tail}, url: "https://{host}:{port}/", systems: [local-system], site: local-site}}'
