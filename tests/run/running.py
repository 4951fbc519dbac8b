"""A `shoal run` of a test's own, as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOAL = (sys.executable, "-m", "pipeline.cli.main")
DEADLINE = 30


def shoal(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of `shoal`, run to its end."""
    command = (*SHOAL, *map(str, arguments))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="backslashreplace",
                          check=False, timeout=120)


def asked(db: Path | str, sql: str, *options: str) -> list[list[str]]:
    """The rows of an answer of `shoal sql`."""
    done = shoal("sql", "--db", db, "--format", "TSV", *options, sql)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.split("\n")[:-1]]


def number(db: Path | str, sql: str) -> int:
    """The one number of an answer."""
    return int(asked(db, sql)[0][0])


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait for an event; fails when it does not come."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline, f"waited {DEADLINE} s for {what}"
        time.sleep(0.1)


def wait_for_rows(db: Path | str, frames: int, where: str = "1") -> None:
    """Wait until so many frames are there; fails when they don't come, or more do."""
    found: list[int] = []
    try:
        wait_until(lambda: found.append(number(db, f"SELECT count() FROM packets WHERE {where}"))
                   or found[-1] >= frames, f"{frames} rows")  # fmt: skip
    finally:
        told = asked(db, "SELECT * FROM fleet FORMAT JSONEachRow") if found[-1] != frames else []
        assert found[-1] == frames, f"{found[-1]} rows instead of {frames}: {told}"


class Running:
    """The process; `with Running(db, "-i", "lo") as it`. `said` is what it told until then."""

    def __init__(self, db: Path, *options: str, inside: Callable[..., tuple[str, ...]] = lambda *c: c) -> None:
        self.db = db
        self._command = inside(*SHOAL, "run", "--db", str(db), *options)
        self.said = ""

    def __enter__(self) -> Running:
        self.process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.until("shoal: sensor ")
        return self

    def until(self, what: str) -> str:
        """The next line that has `what` in it."""
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            self.said += line
            if what in line:
                return line
        raise AssertionError(f"ended without a word of {what!r}: {self.said}")

    def end(self, kind: int | None = signal.SIGTERM) -> dict[str, int]:
        """End it; the closing counters."""
        if kind is not None:
            self.process.send_signal(kind)
        self.said += self.process.communicate(timeout=DEADLINE)[1]
        return {what: int(n) for n, what in re.findall(r"^(\d+) packets? (.*)$", self.said, re.MULTILINE)}

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Port:
    """A UDP port of this machine that nobody else uses, and a socket that sends to it."""

    def __enter__(self) -> Port:
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.bind(("127.0.0.1", 0))
        self.number: int = self._receiver.getsockname()[1]
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent = 0
        return self

    @property
    def filter(self) -> str:
        """What takes its packets alone."""
        return f"udp port {self.number}"

    def send(self, count: int, size: int = 16) -> None:
        """Send so many packets, each with its number, `size` bytes."""
        for _ in range(count):
            self._sender.sendto(b"%d " % self.sent + b"." * size, ("127.0.0.1", self.number))
            self.sent += 1

    def __exit__(self, *_: object) -> None:
        self._sender.close()
        self._receiver.close()
