"""A command in a terminal of its own: what it draws, and keys that are pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 30


class Terminal:
    """`shoal` under a pseudo-terminal."""

    def __init__(self, *args: str, columns: int = 120, lines: int = 40) -> None:
        self.ours, self.theirs = pty.openpty()
        self.resize(columns, lines)
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        command = [sys.executable, "-m", "pipeline.cli.main", *args]
        self.before = termios.tcgetattr(self.theirs)
        # A session of its own, so that the terminal is its controlling one, and a resize is told.
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}, stdin=self.theirs,
            stdout=self.theirs, stderr=self.theirs, start_new_session=True, preexec_fn=self._control,
        )
        self.drawn = ""

    def _control(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns: int, lines: int) -> None:
        """Gives the terminal another size, of which the kernel tells the command."""
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self.ours, keys.encode())

    def until(self, *texts: str) -> str:
        """What is drawn from now on until all the texts were, in this order. Fails after 30 s, or at the end."""
        self.drawn = ""
        wanted = re.compile(".*?".join(map(re.escape, texts)), re.DOTALL)
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not wanted.search(self.drawn):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{texts} was not drawn, but: {self.drawn[-3000:]!r}")
        return self.drawn

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.ours], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            piece = os.read(self.ours, 65_536)
        except OSError:
            return False
        self.drawn += piece.decode(errors="replace")
        return bool(piece)

    def ended(self) -> tuple[int, str]:
        """The exit code, and what was drawn from now on."""
        self.drawn = ""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.wait(1), self.drawn

    def stopped(self) -> bool:
        """Waits until the command is stopped (Ctrl-Z), and says whether it is."""
        while self._read(0.05):
            pass
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        return os.WIFSTOPPED(status)

    def close(self) -> None:
        """Ends what still runs."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        os.close(self.ours)
        os.close(self.theirs)


@contextlib.contextmanager
def terminal(*args: str, columns: int = 120, lines: int = 40) -> Iterator[Terminal]:
    """Runs a command of `shoal` in a terminal."""
    one = Terminal(*args, columns=columns, lines=lines)
    try:
        yield one
    finally:
        one.close()
