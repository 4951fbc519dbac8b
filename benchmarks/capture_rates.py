"""The highest rate at which nothing is lost: shoal capture beside dumpcap and tcpdump, on a cable of two namespaces.

python -m benchmarks.capture_rates [CAPTURE] [--frames N] [--buffer MIB] [--rates PPS ...]

tcpreplay sends the frames at fixed rates, then as fast as it can, then by two of it at once; each program writes 256
bytes of each, with the same buffer. Needs root, iproute2, tcpreplay, dumpcap and tcpdump. The processors are shared
with the sender, so the rate that was reached is measured too: it falls where a program takes much of them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.capture import make
from tests.capture.wire import NAME, Space, wire

SNAPLEN = "256"
LOOPS = 6


@dataclass(frozen=True)
class Tool:
    """A program that captures: its command for a file and a buffer (MiB), what it says when it listens, and how its
    last words give packets captured and dropped."""

    command: Callable[[str, int], tuple[str, ...]]
    listens: str
    counts: Callable[[str], tuple[int, int]]


def _tcpdump_counts(said: str) -> tuple[int, int]:
    received, dropped = (int(re.findall(rf"(\d+) packets? {what}", said)[-1]) for what in (
        "received by filter", "dropped by kernel"))  # fmt: skip
    # What tcpdump has not read when it is told to end is not lost to the kernel.
    return received - dropped, dropped


def _dumpcap_counts(said: str) -> tuple[int, int]:
    taken, dropped = re.findall(r"on interface '[^']*': (\d+)/(\d+)", said)[-1]
    return int(taken), int(dropped)


TOOLS = {
    "shoal capture": Tool(
        lambda path, buffer: (sys.executable, "-m", "pipeline.cli.main", "capture", "-i", NAME, "-w", path, "-s",
                              SNAPLEN, "-B", str(buffer)),
        "listening on", _tcpdump_counts),
    "dumpcap": Tool(
        lambda path, buffer: ("dumpcap", "-q", "-i", NAME, "-w", path, "-s", SNAPLEN, "-B", str(buffer)),
        "File: ", _dumpcap_counts),
    "tcpdump": Tool(
        lambda path, buffer: ("tcpdump", "-i", NAME, "-w", path, "-s", SNAPLEN, "-B", str(buffer << 10), "-Z", "root"),
        "listening on", _tcpdump_counts),
}  # fmt: skip


@dataclass
class Run:
    """What one run came to; `seconds` are of the program's processor time, its start included."""

    sent: int
    rate: float
    captured: int
    dropped: int
    seconds: float


def run(ends: tuple[Space, Space], tool: Tool, capture: str, buffer: int, senders: int, speed: str) -> Run:
    """Send `capture` while `tool` writes what comes."""
    there, here = ends
    with tempfile.TemporaryDirectory() as folder:
        program = subprocess.Popen(here.command(*tool.command(f"{folder}/out", buffer)), stderr=subprocess.PIPE)
        assert program.stderr is not None
        said = ""
        while tool.listens not in said:
            said += program.stderr.readline().decode()
        send = there.command("tcpreplay", "--no-flow-stats", "--preload-pcap", "-i", NAME, f"--loop={LOOPS}", speed,
                             capture)  # fmt: skip
        start = time.perf_counter()
        replays = [
            subprocess.Popen(send, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(senders)
        ]
        told = [replay.communicate()[0] for replay in replays]
        seconds = time.perf_counter() - start
        found = [re.search(r"Successful packets:\s+(\d+)", text) for text in told]
        sent = sum(int(each[1]) for each in found if each)
        rates = [re.search(r"([\d.]+) pps", text) for text in told]
        rate = sum(float(each[1]) for each in rates if each) or sent / seconds
        time.sleep(1.5)
        program.send_signal(signal.SIGINT)
        said += program.stderr.read().decode()
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    captured, dropped = tool.counts(said)
    return Run(sent, rate, captured, dropped, usage.ru_utime + usage.ru_stime)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("capture", nargs="?")
    ap.add_argument("--frames", type=int, default=100_000)
    ap.add_argument("--buffer", type=int, default=64)
    ap.add_argument("--rates", type=int, nargs="*", default=[100_000, 200_000, 300_000, 400_000])
    ap.add_argument("--rounds", type=int, default=2)
    a = ap.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        capture = a.capture or f"{folder}/made.pcap"
        if not a.capture:
            make(Path(capture), a.frames)
        ends = stack.enter_context(wire())
        best = dict.fromkeys(TOOLS, 0.0)
        size = os.path.getsize(capture) / 1e6
        print(f"{os.cpu_count()} processors, {a.buffer} MiB, {size:.0f} MB sent {LOOPS} times")
        print(f"{'speed':14s} {'program':14s} {'sent':>9s} {'pps':>9s} {'captured':>9s} {'dropped':>9s} {'CPU s':>7s}")
        speeds = [(f"{rate:,}", 1, f"--pps={rate}") for rate in a.rates]
        speeds += [("top speed", 1, "--topspeed"), ("two senders", 2, "--topspeed")] * a.rounds
        for name, senders, speed in speeds:
            for program, tool in TOOLS.items():
                found = run(ends, tool, capture, a.buffer, senders, speed)
                if not found.dropped and found.captured == found.sent:
                    best[program] = max(best[program], found.rate)
                print(f"{name:14s} {program:14s} {found.sent:9,} {found.rate:9,.0f} {found.captured:9,} "
                      f"{found.dropped:9,} {found.seconds:7.2f}", flush=True)  # fmt: skip
        for program, rate in best.items():
            print(f"{program}: {rate:,.0f} packets a second and nothing lost")


if __name__ == "__main__":
    main()
