"""Programs that capture, beside each other on one interface."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.capture.frames import captured
from tests.capture.wire import Space

SHOAL = (sys.executable, "-m", "pipeline.cli.main")
_DEADLINE_SECONDS = 30


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait for an event; fails when it does not come."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited {_DEADLINE_SECONDS} s for {what}"
        time.sleep(0.02)


class Program:
    """A program that captures, from when it `says` that it listens to its end; what it says is in `said` then."""

    def __init__(self, space: Space, *command: str, says: str = "listening on") -> None:
        self._process = subprocess.Popen(space.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self._process.pid
        self.said = ""
        self._says = says
        self.out = b""

    def listens(self) -> None:
        """Wait until it captures."""
        assert self._process.stderr
        while self._says not in self.said:
            line = self._process.stderr.readline().decode()
            assert line, f"ended: {self.said}"
            self.said += line

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def end(self, number: int | None = signal.SIGINT) -> int:
        """Send a signal, if any, and wait for the end; the exit code."""
        if number is not None:
            self._process.send_signal(number)
        out, rest = self._process.communicate(timeout=_DEADLINE_SECONDS)
        self.out = out
        self.said += rest.decode()
        return self._process.returncode

    def counters(self) -> tuple[int, int, int]:
        """Packets captured, received by the filter, dropped by the kernel, as it told at the end."""
        lines = self.said.strip().splitlines()[-3:]
        told = [line.split(" ", 2)[2] for line in lines]
        assert told == ["captured", "received by filter", "dropped by kernel"], self.said
        first, second, third = (int(line.split()[0]) for line in lines)
        return first, second, third


def shoal(space: Space, path: Path, interface: str, *options: str) -> Program:
    """`shoal capture`."""
    return Program(space, *SHOAL, "capture", "-i", interface, "-w", str(path), *options)


def dumpcap(space: Space, path: Path, interface: str, *options: str) -> Program:
    """dumpcap, which is Wireshark's. (tcpdump would do as well, but gives packets up late, or, in its immediate mode,
    cuts them 4 bytes short of the snap length and has room for few.)"""
    return Program(space, "dumpcap", "-q", "-i", interface, *options, "-w", str(path), says="File: ")


def side_by_side(
    folder: Path, space: Space, interface: str, send: Callable[[], object], least: int, *options: str,
    expression: str = "", peer: tuple[str, ...] = (),
) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]], Program]:
    """What `shoal capture` and dumpcap (with `peer` options besides) find of what `send` does, `least` frames or more;
    and the former."""
    ours, theirs = folder / "ours.pcapng", folder / "theirs.pcapng"
    filtered = ("-f", expression) if expression else ()
    both = (
        shoal(space, ours, interface, *options, *filter(None, [expression])),
        dumpcap(space, theirs, interface, *filtered, *options, *peer),
    )
    for program in both:
        program.listens()
    send()
    wait_until(lambda: len(captured(ours)) == len(captured(theirs)) >= least, f"{least} frames in both files")
    assert [program.end() for program in both] == [0, 0]
    return captured(ours), captured(theirs), both[0]
