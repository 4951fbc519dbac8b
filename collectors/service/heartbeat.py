"""What a tap tells of itself: heartbeats (rows of `sensors`), and what its capture is (a row of `capture_states`)."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from collectors.publish.message import Outgoing
from collectors.service.tap import Tap
from pipeline import __version__
from pipeline.schema.sensors import RECORD, SENSOR_STATES

_STATISTICS = Path("/sys/class/net")
_ADJTIMEX_UNSYNC = 5
_NANO = 0x2000


def heartbeat(tap: Tap[Outgoing], topic: str, *, ended: bool = False) -> Outgoing:
    """The tap's state now, as a message."""
    return _message(topic, heartbeat_row(tap, ended=ended), tap)


def capture_state(tap: Tap[Outgoing], topic: str, size: int = 0, *, complete: bool) -> Outgoing:
    """What is known of the tap's capture, as a message."""
    return _message(topic, capture_row(tap, size, complete=complete), tap, [(RECORD, b"capture_states")])


def heartbeat_row(tap: Tap[Any], *, ended: bool = False) -> dict[str, Any]:
    """The tap's state now, as a row of `sensors`: times and durations in ns."""
    counts = tap.counts()
    state = "ended" if ended else "paused" if tap.paused else "running"
    assert state in SENSOR_STATES
    row: dict[str, Any] = {
        "sensor": tap.route.sensor, "capture": tap.route.capture, "shoal.time": time.time_ns(),
        "frame.interface_name": tap.name, "shoal.host": socket.gethostname(), "shoal.version": __version__,
        "shoal.state": state, "shoal.linktype": tap.linktype, "shoal.filter": tap.filter, "shoal.snaplen": tap.snaplen,
        "shoal.keep": tap.route.keep, "shoal.frames.seen": counts.seen, "shoal.frames.recovered": counts.recovered,
        "shoal.frames.published": counts.published, "shoal.frames.waiting": counts.waiting,
        "shoal.frames.spooled": counts.spooled, "shoal.frames.dropped_kernel": counts.dropped_kernel,
        "shoal.frames.dropped_spool": counts.dropped_spool, "shoal.ring.fill": round(100 * counts.ring_fill),
        "shoal.spool.bytes": tap.publisher.totals().spool_bytes,
        "shoal.spool.fill": min(100, round(100 * tap.publisher.spool_fill())),
    }  # fmt: skip
    received, dropped = interface_counters(tap.name)
    row |= {"shoal.interface.received": received, "shoal.interface.dropped": dropped}
    offset = clock_offset()
    if offset is not None:
        row["shoal.clock_offset"] = offset
    return row


def capture_row(tap: Tap[Any], size: int = 0, *, complete: bool) -> dict[str, Any]:
    """What is known of the tap's capture, as a row of `capture_states`: times in ns."""
    return {
        "sensor": tap.route.sensor, "capture": tap.route.capture, "shoal.state": "complete" if complete else "started",
        "shoal.file.name": tap.name, "shoal.file.size": size, "shoal.first_time": tap.first_time,
        "shoal.last_time": tap.last_time, "shoal.frames": tap.frames, "shoal.warning": tap.warning,
        "shoal.version": __version__, "shoal.imported": time.time_ns(),
        "shoal.file.linktypes": sorted(tap.linktypes)[:64],
    }  # fmt: skip


def _message(
    topic: str, row: dict[str, Any], tap: Tap[Outgoing], headers: list[tuple[str, bytes]] | None = None
) -> Outgoing:
    return Outgoing(topic, 0, json.dumps(row).encode(), headers or [], 0, tap.route.capture)


def interface_counters(name: str) -> tuple[int, int]:
    """Frames that the interface received and dropped, by the system's counters; zeros for a file and for `any`."""
    if os.sep in name:
        return 0, 0
    try:
        at = _STATISTICS / name / "statistics"
        return int((at / "rx_packets").read_text()), int((at / "rx_dropped").read_text())
    except OSError:
        return 0, 0


class _Timex(ctypes.Structure):
    """`struct timex` (adjtimex(2)), as far as it is read here; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_char * 256),
    )  # fmt: skip


def clock_offset() -> int | None:
    """By how much the clock is fast, ns, as far as the system's time service tells; None where it does not."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.adjtimex(ctypes.byref(timex))
    if state < 0 or state == _ADJTIMEX_UNSYNC:
        return None
    # The offset is what is still to be added to the clock.
    return -int(timex.offset) * (1 if timex.status & _NANO else 1000)
