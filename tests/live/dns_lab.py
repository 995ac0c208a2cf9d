"""A name server of our own on loopback, with zones as text, that can also be slow, refuse, and lie."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone


class NameServer:
    """Answers as a resolver would that knows these zones and nothing else; ``silent`` and ``broken`` by name."""

    def __init__(self, zones: dict[str, str], silent: tuple[str, ...] = (), broken: tuple[str, ...] = ()) -> None:
        self.zones = {dns.name.from_text(name): self._zone(name, text) for name, text in zones.items()}
        self.silent, self.broken = silent, broken
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    @staticmethod
    def _zone(name: str, text: str) -> dns.zone.Zone:
        head = "@ 60 SOA ns. h. 1 1 1 1 1\n@ 60 NS ns.\n"
        return dns.zone.from_text(head + text, origin=name, relativize=False, check_origin=False)

    def answer(self, raw: bytes) -> bytes | None:
        query = dns.message.from_wire(raw)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        self.asked.append((name, dns.rdatatype.to_text(asked.rdtype)))
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire()
        reply.set_rcode(self._fill(reply, asked.name, asked.rdtype))
        try:
            return reply.to_wire(max_size=1232)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def full(self, raw: bytes) -> bytes:
        query = dns.message.from_wire(raw)
        reply = dns.message.make_response(query)
        reply.set_rcode(self._fill(reply, query.question[0].name, query.question[0].rdtype))
        return reply.to_wire(max_size=65535)

    def _fill(self, reply: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rcode.Rcode:
        for _ in range(8):
            zone = next((self.zones[one] for one in sorted(self.zones, key=len, reverse=True)
                         if name.is_subdomain(one)), None)  # fmt: skip
            node = zone.get_node(name) if zone else None
            if node is None:
                below = zone is not None and any(one.is_subdomain(name) for one in zone)
                return dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN
            for wanted in (kind, dns.rdatatype.CNAME):
                found = node.get_rdataset(dns.rdataclass.IN, wanted)
                if found is not None:
                    reply.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
                    break
            else:
                return dns.rcode.NOERROR
            if wanted == kind:
                return dns.rcode.NOERROR
            name = found[0].target
        return dns.rcode.SERVFAIL

    @contextlib.contextmanager
    def running(self) -> Iterator[NameServer]:
        stop = threading.Event()
        line, long = _pair()
        with line, long:
            self.port = int(line.getsockname()[1])
            for one in (line, long):
                one.settimeout(0.1)
            jobs = [threading.Thread(target=self._udp, args=(line, stop)), threading.Thread(target=self._tcp, args=(long, stop))]  # fmt: skip # noqa: E501
            for job in jobs:
                job.start()
            try:
                yield self
            finally:
                stop.set()
                for job in jobs:
                    job.join()

    def _udp(self, line: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                raw, whom = line.recvfrom(4096)
                if (answer := self.answer(raw)) is not None:
                    line.sendto(answer, whom)

    def _tcp(self, long: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                line, _ = long.accept()
                with line:
                    line.settimeout(2)
                    size = int.from_bytes(line.recv(2), "big")
                    answer = self.full(line.recv(size))
                    line.sendall(len(answer).to_bytes(2, "big") + answer)


def _pair() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket of one port, which has to be free for both."""
    while True:
        long = socket.create_server(("127.0.0.1", 0))
        line = socket.socket(type=socket.SOCK_DGRAM)
        try:
            line.bind(long.getsockname())
        except OSError:
            line.close()
            long.close()
            continue
        return line, long
