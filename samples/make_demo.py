"""Makes `demo.pcapng`: some seconds of a small office, as the mirror port of its switch shows it.

    python -m samples.make_demo samples/demo.pcapng

Run from the project's root, as root, with iproute2 and tcpdump. Hosts are namespaces of the kernel
(tests/netlab/lab.py), so handshakes, retransmissions, SACK, ARP and neighbour discovery are real; what the switch loses
is drawn from a fixed seed. Frames are kept up to 400 bytes, which leaves queries, headers and short replies whole.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.netlab.lab import Capture, Host, Port, lab
from tests.netlab.link import Way

SEED = 7
SNAPLEN = 400
WEB, DNS, PRINTER = "192.0.2.80", "192.0.2.53", "198.51.100.9"
WEB6 = "2001:db8:2::80"

NAMES: dict[str, dict[int, tuple[tuple[int, str], ...]]] = {
    "www.shoal.example": {1: ((5, "web.shoal.example"), (1, WEB)), 28: ((5, "web.shoal.example"), (28, WEB6))},
    "web.shoal.example": {1: ((1, WEB),), 28: ((28, WEB6),)},
    "files.shoal.example": {1: ((5, "www.shoal.example"), (5, "web.shoal.example"), (1, WEB))},
    "slow.shoal.example": {1: ((1, "192.0.2.99"),)},
    "80.2.0.192.in-addr.arpa": {12: ((12, "web.shoal.example"),)},
}
"""The zone: name to query type to the chain of answers (type and data). A CNAME owns the answer after it."""


def encode_name(name: str) -> bytes:
    """A domain name in DNS labels, without compression (RFC 1035 section 3.1)."""
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def decode_name(message: bytes) -> tuple[str, int]:
    """The queried name of a DNS message and the offset after it."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), at + 1


def answer(query: bytes) -> bytes:
    """The reply of the zone to one query; name error (rcode 3) for a name that is not in it."""
    name, end = decode_name(query)
    kind = int.from_bytes(query[end : end + 2], "big")
    records, owner = b"", name
    chain = NAMES.get(name, {}).get(kind, ())
    for rtype, data in chain:
        if rtype in (1, 28):
            rdata = socket.inet_pton(socket.AF_INET if rtype == 1 else socket.AF_INET6, data)
        else:
            rdata = encode_name(data)
        records += encode_name(owner) + struct.pack("!HHIH", rtype, 1, 300, len(rdata)) + rdata
        owner = data
    flags = 0x8580 if name in NAMES else 0x8583
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(chain), 0, 0) + query[12 : end + 4] + records


def name_server(address: str) -> None:
    """Answers queries for ever; those for `slow.shoal.example` only the second time."""
    asked = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 53))
        while True:
            query, client = s.recvfrom(512)
            name, _ = decode_name(query)
            if name.startswith("slow.") and name not in asked:
                asked.add(name)
                continue
            time.sleep(0.004)
            s.sendto(answer(query), client)


def ask(name: str, kind: int = 1, ident: int = 0x1000) -> None:
    """One query, sent again each second until there is a reply, three times at most."""
    query = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack("!HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        for _ in range(3):
            s.sendto(query, (DNS, 53))
            with contextlib.suppress(TimeoutError):
                s.recv(512)
                return


def reply(status: str, body: bytes, kind: str = "text/html") -> bytes:
    """An HTTP/1.1 reply."""
    head = f"HTTP/1.1 {status}\r\nServer: shoal-demo\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


PAGES = {
    "/": reply("200 OK", b"<!doctype html><title>Shoal</title><p>Every packet a row.\n"),
    "/big.bin": reply("200 OK", bytes(range(256)) * 1100, "application/octet-stream"),
    "/small.bin": reply("200 OK", bytes(range(256)) * 120, "application/octet-stream"),
}


def web_server(address: str, port: int) -> None:
    """Serves PAGES over persistent connections, each in a thread of its own."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection: socket.socket) -> None:
    """Answers requests until the client closes."""
    with connection:
        while request := connection.recv(4096):
            path = request.split()[1].decode()
            connection.sendall(PAGES.get(path, reply("404 Not Found", b"no such page\n")))


def get(address: str, *paths: str, port: int = 80, pause: float = 0.0) -> None:
    """Requests `paths` one after another over one connection, and waits `pause` seconds before it reads each reply."""
    with socket.create_connection((address, port), timeout=20) as connection:
        for path in paths:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: www.shoal.example\r\nUser-Agent: demo\r\n\r\n".encode())
            time.sleep(pause)
            expected, got = len(PAGES.get(path, reply("404 Not Found", b"no such page\n"))), 0
            while got < expected and (chunk := connection.recv(65536)):
                got += len(chunk)


def print_job(size: int) -> None:
    """Sends `size` bytes to the printer, which reads slowly: its window closes."""
    with socket.create_connection((PRINTER, 9100), timeout=30) as connection:
        connection.sendall(b"\x1b%-12345X" + b"~" * size)


def slow_printer() -> None:
    """Takes one job, through a small buffer, with a pause before the first read."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind((PRINTER, 9100))
        server.listen()
        connection, _ = server.accept()
        with connection:
            time.sleep(1.5)
            while connection.recv(2048):
                time.sleep(0.02)


def ping(address: str, count: int, ident: int) -> None:
    """Echo requests, 0.2 s apart; the kernel adds the checksum for IPv6, we for IPv4."""
    six = ":" in address
    family, protocol = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    )
    with socket.socket(family, socket.SOCK_RAW, protocol) as s:
        for sequence in range(1, count + 1):
            message = struct.pack("!BBHHH", 128 if six else 8, 0, 0, ident, sequence) + bytes(range(48))
            if not six:
                total = sum(struct.unpack(f"!{len(message) // 2}H", message))
                total = (total & 0xFFFF) + (total >> 16)
                message = message[:2] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + message[4:]
            s.sendto(message, (address, 0))
            time.sleep(0.2)


def unheard(port: int) -> None:
    """A UDP datagram to a port where nobody listens: the host answers with an ICMP error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"<13>demo: is a syslog server here?", (WEB, port))
        time.sleep(0.2)


def connect_in_vain(port: int, timeout: float) -> None:
    """A connection that is refused, or never answered."""
    with contextlib.suppress(OSError):
        socket.create_connection((WEB, port), timeout=timeout).close()


def story(anna: Host, ben: Host, carol: Host, printer: Host, web: Host, dns: Host) -> None:
    """What happens in the office."""
    for host, service in (
        (dns, lambda: name_server(DNS)),
        (web, lambda: web_server(WEB, 80)),
        (web, lambda: web_server(WEB6, 80)),
        (printer, slow_printer),
    ):
        host.start(service)
    time.sleep(0.3)

    def annas_day() -> None:
        ask("www.shoal.example", 1, 0xA001)
        ask("www.shoal.example", 28, 0xA002)
        get(WEB, "/", "/missing.html")
        ask("files.shoal.example", 1, 0xA003)
        get(WEB, "/big.bin")
        ask("nowhere.shoal.example", 1, 0xA004)

    def bens_day() -> None:
        ping(WEB, 4, 0xBE)
        ask("slow.shoal.example", 1, 0xB001)
        ask("web.shoal.example", 28, 0xB002)
        get(WEB6, "/", "/small.bin")
        ping(WEB6, 3, 0xBE)
        for _ in range(3):
            connect_in_vain(9999, 2)
        unheard(514)
        connect_in_vain(8443, 4)
        ask("80.2.0.192.in-addr.arpa", 12, 0xB003)

    days: tuple[tuple[Host, Callable[[], None]], ...] = (
        (anna, annas_day), (ben, bens_day), (carol, lambda: print_job(24_000)),
    )
    threads = [host.start(day) for host, day in days]
    for thread in threads:
        thread.join(40)
    time.sleep(0.5)


def block(kind: int, body: bytes) -> bytes:
    """A pcapng block, little endian."""
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code: int, value: bytes) -> bytes:
    """A pcapng option."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def to_pcapng(pcap: bytes) -> bytes:
    """A nanosecond pcap as tcpdump writes it, as pcapng with one interface whose stamps are in nanoseconds."""
    end = option(0, b"")
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(4, b"samples/make_demo.py") + end)
    snaplen, linktype = struct.unpack_from("<II", pcap, 16)
    out += block(1, struct.pack("<HHI", linktype, 0, snaplen) + option(2, b"mirror") + option(9, b"\x09") + end)
    at = 24
    while at < len(pcap):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", pcap, at)
        stamp = seconds * 1_000_000_000 + nanoseconds
        frame = pcap[at + 16 : at + 16 + kept]
        padding = bytes(-kept % 4)
        out += block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, kept, length) + frame + padding)
        at += 16 + kept
    return out


def main(target: Path) -> None:
    """Play the story, and write what the mirror saw to `target`."""
    anna = Host("anna", 0x11, ("192.0.2.11/24",), Port(delay=0.004, out=Way(loss=0.05)))
    lossy = Port(delay=0.006, into=Way(loss=0.05), out=Way(loss=0.1))
    ben = Host("ben", 0x12, ("192.0.2.12/24", "2001:db8:2::12/64"), lossy)
    carol = Host("carol", 0x21, ("198.51.100.21/24",), Port(vlan=20))
    printer = Host("printer", 0x29, (f"{PRINTER}/24",), Port(vlan=20))
    web = Host("web", 0x80, (f"{WEB}/24", f"{WEB6}/64"))
    dns = Host("dns", 0x53, (f"{DNS}/24",))
    sniffer = Host("sniffer", 0xFE, (), Port(mirror=True))
    with tempfile.TemporaryDirectory() as folder:
        pcap = Path(folder, "mirror.pcap")
        with lab((anna, ben, carol, printer, web, dns, sniffer), SEED) as switch:
            switch.silent.add(8443)
            capture = Capture(sniffer, pcap, SNAPLEN)
            capture.open()
            try:
                story(anna, ben, carol, printer, web, dns)
            finally:
                capture.close()
        target.write_bytes(to_pcapng(pcap.read_bytes()))
    lost = sum(way.counts.lost for way in (*switch.into.values(), *switch.out.values()))
    print(f"{target}: {target.stat().st_size} bytes; segments lost: {lost}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m samples.make_demo FILE.pcapng")
    main(Path(sys.argv[1]))
