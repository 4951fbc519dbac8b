"""Exchanges that are begun and never end: time and memory of the whole engine, a process of its own for each kind.

python -m benchmarks.half_open [KIND ...] [--count N]
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources.frames import NO_INTERFACE, Frames
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns

BATCH_ROWS = 16_384
_GAP_NS = 10_000
_MACS = bytes.fromhex("020000000002020000000001")


def _four(protocol: int, body: bytes, fragment: int = 0) -> bytes:
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, fragment, 64, protocol, 0, bytes((10, 0, 0, 0)),
                       bytes((192, 0, 2, 1)))  # fmt: skip
    return _MACS + b"\x08\0" + head + body


def _udp(source: int, target: int, payload: bytes) -> bytes:
    return _four(17, struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload)


def _tcp(target: int, payload: bytes) -> bytes:
    return _four(6, struct.pack(">HHIIHHHH", 40_000, target, 1, 1, 0x5018, 8192, 0, 0) + payload)


def _hello(whole: bool) -> bytes:
    name = b"a.example"
    sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    body = b"\3\3" + bytes(32) + b"\0" + struct.pack(">HHH", 4, 0x1301, 0xC02F) + b"\1\0"
    body += struct.pack(">H", len(sni)) + sni
    record = struct.pack(">BHHB", 22, 0x0301, len(body) + 4, 1) + len(body).to_bytes(3, "big") + body
    return record if whole else record[:20]


def _dhcp() -> bytes:
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + bytes.fromhex("020000000001") + bytes(10 + 192)
    return head + bytes.fromhex("63825363350101ff")


_QUERY = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\7example\3com\0\0\1\0\1"

TEMPLATES: dict[str, Callable[[], tuple[bytes, tuple[tuple[int, int], ...]]]] = {
    # Bytes of a frame, and where in it numbers of 4 bytes or fewer stand that differ from frame to frame.
    "dns": lambda: (_udp(40_000, 53, _QUERY), ((26, 4), (42, 2))),
    "dhcp": lambda: (_udp(68, 67, _dhcp()), ((46, 4), (70 + 2, 4))),
    "arp": lambda: (
        b"\xff" * 6 + _MACS[6:] + bytes.fromhex("08060001080006040001020000000001c0000201") + bytes(6) + bytes(4),
        ((38, 4),),
    ),
    "icmp": lambda: (_four(1, struct.pack(">BBHHH", 8, 0, 0, 1, 1) + bytes(24)), ((26, 4),)),
    "http": lambda: (_tcp(80, b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"), ((26, 4),)),
    "http-part": lambda: (_tcp(80, b"GET /a HTTP/1.1\r\nHost: a.exa"), ((26, 4),)),
    "http-long": lambda: (_tcp(80, b"GET /a HTTP/1.1\r\nCookie: " + 1400 * b"c"), ((26, 4),)),
    "tls": lambda: (_tcp(443, _hello(True)), ((26, 4),)),
    "tls-part": lambda: (_tcp(443, _hello(False)), ((26, 4),)),
    "smtp": lambda: (_tcp(25, b"EHLO a.example\r\n"), ((26, 4),)),
    "ssh": lambda: (_tcp(22, b"SSH-2.0-OpenSSH_9.6\r\n"), ((26, 4),)),
    "oicq": lambda: (_udp(40_000, 8000, bytes.fromhex("0237130002") + bytes(20) + b"\3"), ((26, 4), (47, 2))),
    "fragments": lambda: (_four(17, bytes(64), 0x2000), ((26, 4),)),
}

ALL = "all"
"""A kind that is all others, a batch of each by turns."""


def frames(kind: str, count: int) -> Iterator[Frames]:
    """`count` frames of a kind, each with numbers of its own, in batches; of ALL of them by turns."""
    templates = [TEMPLATES[name]() for name in (TEMPLATES if kind == ALL else (kind,))]
    for batch, first in enumerate(range(0, count, BATCH_ROWS)):
        template, places = templates[batch % len(templates)]
        size = len(template)
        n = min(BATCH_ROWS, count - first)
        data: NDArray[np.uint8] = np.tile(np.frombuffer(template, np.uint8), (n, 1))
        number = np.arange(first, first + n, dtype=">u4").view(np.uint8).reshape(n, 4)
        for at, width in places:
            data[:, at : at + width] = number[:, 4 - width :]
            if width == 4:
                data[:, at] |= template[at]
        lengths = np.full(n, size, np.uint32)
        times = 1_700_000_000_000_000_000 + _GAP_NS * np.arange(first, first + n, dtype=np.int64)
        yield Frames(memoryview(data.reshape(-1)), np.arange(n, dtype=np.int64) * size, lengths, lengths, times,
                     np.full(n, NO_INTERFACE, np.uint16), np.ones(n, np.uint16), first + 1)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU time of a frame (us) and of the capture's end (s), memory added until then and until behind it (KiB), rows by
    record, how many of them waited for the end, and by name what the last event of it says was given up."""

    us: float
    end_s: float
    running_kib: int
    peak_kib: int
    rows: dict[str, int]
    waited: dict[str, int]
    events: dict[str, int]

    def beside(self, base: Measured) -> int:
        """KiB more than `base`, while the capture runs or at its end, whichever is more."""
        return max(self.running_kib - base.running_kib, self.peak_kib - base.peak_kib)


def peak() -> int:
    """The most memory that this process has held so far, KiB. Not what `getrusage` tells, which a child has from its
    parent."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def measure(kind: str, count: int, *, exchanges: bool = True) -> Measured:
    """What the frames cost, in this process, with the trackers of exchanges or without."""
    rows: dict[str, int] = {}
    events: dict[str, int] = {}

    def take(columns: Columns) -> None:
        rows[columns.record.name] = rows.get(columns.record.name, 0) + columns.rows

    def note(columns: Columns) -> None:
        names, counts = columns.values("shoal.event.name"), columns.values("shoal.event.count")
        for name, told in zip(names.tolist(), counts.tolist(), strict=True):
            events[columns.texts[name]] = told

    engine, columns = Engine(take, note, take if exchanges else None), Columns(PACKETS, BATCH_ROWS)
    before = peak()
    spent = 0.0
    for batch in frames(kind, count):
        decode(batch, columns)
        start = time.process_time()
        engine.process(columns)
        spent += time.process_time() - start
    engine.trackers.flush()
    before_end, running = dict(rows), peak()
    start = time.process_time()
    engine.finish()
    end = time.process_time() - start
    waited = {name: n - before_end.get(name, 0) for name, n in rows.items()}
    return Measured(spent / count * 1e6, end, running - before, peak() - before, rows, waited, events)


def apart(kind: str, count: int, *, exchanges: bool = True) -> Measured:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.half_open", kind, "--count", str(count), "--here"]
    done = subprocess.run(command if exchanges else [*command, "--without"], check=True, stdout=subprocess.PIPE)
    return Measured(**json.loads(done.stdout))


def told(kind: str, count: int, base: Measured, found: Measured) -> str:
    """A line of what exchanges cost beside `base`, the engine without them."""
    rows = ", ".join(f"{name} {n:,}" for name, n in sorted(found.rows.items()))
    events = ", ".join(f"{name} {n:,}" for name, n in sorted(found.events.items()))
    return (f"{kind:10s} {count:,} frames: {found.us:6.2f} us a frame ({base.us:5.2f} without exchanges), "
            f"{found.end_s:5.2f} s at the end ({base.end_s:5.2f}); {found.running_kib // 1024:5,} MiB at the peak "
            f"({base.running_kib // 1024:5,}), {found.peak_kib // 1024:5,} with the end ({base.peak_kib // 1024:5,}): "
            f"{found.beside(base) / 1024:5,.0f} MiB beside it; rows: {rows}; given up: {events}")  # fmt: skip


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("kinds", nargs="*", choices=[*TEMPLATES, ALL, []])
    ap.add_argument("--count", type=int, default=1_000_000)
    ap.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("--without", action="store_true", help=argparse.SUPPRESS)
    a = ap.parse_args()
    for kind in a.kinds or (*TEMPLATES, ALL):
        if a.here:
            print(json.dumps(asdict(measure(kind, a.count, exchanges=not a.without))), flush=True)
        else:
            base = apart(kind, a.count, exchanges=False)
            print(told(kind, a.count, base, apart(kind, a.count)), flush=True)


if __name__ == "__main__":
    main()
