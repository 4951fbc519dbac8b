"""The live view: a thread looks at the database, the terminal's thread draws and reads keys."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from types import FrameType

from rich.console import Console
from rich.live import Live

from pipeline.render.terminal import one_line, os_error
from pipeline.store.errors import StoreError
from pipeline.top.looks import Looks
from pipeline.top.rows import SORTS, Asked, View, look
from pipeline.top.screen import Around, frame

AGAIN_SECONDS = 30.0
"""A directory in which nobody writes is opened again after so long, for rates fall out of the last minute."""
_END_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
"""After so long without an answer the frame says so."""
_SIGNALS = (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)


class _Looker(threading.Thread):
    """Looks when it is told to, and tells what it found: a view, None for nothing new, the error's line, or a fault."""

    def __init__(self, looks: Looks, wake: Callable[[], None]) -> None:
        super().__init__(name="top-look", daemon=True)
        self.orders: queue.SimpleQueue[tuple[Asked, bool] | None] = queue.SimpleQueue()
        self.found: queue.SimpleQueue[View | Exception | str | None] = queue.SimpleQueue()
        self._looks = looks
        self._wake = wake

    def run(self) -> None:
        """Until it is told None."""
        with contextlib.closing(self._looks):
            while (order := self.orders.get()) is not None:
                found: View | Exception | str | None
                try:
                    found = self._looks.take(partial(look, asked=order[0]), again=order[1])
                except StoreError as error:
                    found = one_line(str(error))
                except OSError as error:
                    found = os_error(error)
                except Exception as error:
                    found = error
                self.found.put(found)
                self._wake()


class Top:
    """The view of one database in a terminal, until q."""

    def __init__(
        self, looks: Looks, first: View, asked: Callable[[], Asked], interval: float, *, db: str, live: bool,
    ) -> None:
        """`first` is the view that was looked up already; `asked` gives what is looked at now; `interval` in seconds;
        `db` is what the database is called; with `live` ages are counted by the clock."""
        self._view = first
        self._asked = asked
        self._interval = interval
        self._around = Around(db, time.time_ns(), live)
        self._sort = first.sort
        self._reads = self._writes = -1
        self._looker = _Looker(looks, self._wake)
        self._signals: list[int] = []
        self._ended = False
        self._looking = 0
        self._asked_at = 0.0
        self._next = 0.0
        self._whole = time.monotonic()

    def run(self) -> None:
        """Draws and reads keys until q, or until the process is told to end."""
        keyboard = sys.stdin.fileno()
        console = Console()
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._writes, False)
        self._looker.start()
        self._next = time.monotonic() + self._interval
        try:
            with (
                self._handled(), _Keys(keyboard) as keys,
                Live(console=console, screen=True, auto_refresh=False) as live,
            ):
                while not self._ended:
                    self._draw(live, console)
                    self._wait(keyboard, live, keys)
        finally:
            self._looker.orders.put(None)
            # ClickHouse is closed in order, unless a server does not answer.
            self._looker.join(_END_SECONDS)
            os.close(self._reads)
            os.close(self._writes)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._writes, b"x")

    @contextlib.contextmanager
    def _handled(self) -> Generator[None]:
        def told(number: int, _: FrameType | None) -> None:
            self._signals.append(number)
            self._wake()

        before = {number: signal.signal(number, told) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _draw(self, live: Live, console: Console) -> None:
        around = replace(self._around, clock=time.time_ns())
        waited = time.monotonic() - self._asked_at
        if self._looking and waited > _ANSWER_SECONDS:
            around = replace(around, error=f"no answer for {waited:.0f} s")
        live.update(frame(self._view, around, *console.size), refresh=True)

    def _wait(self, keyboard: int, live: Live, keys: _Keys) -> None:
        """Waits for a key, a signal, a view, or the time of the next look, and does what follows."""
        now = time.monotonic()
        if not self._looking and not self._around.paused and now >= self._next:
            self._look()
        idle = self._looking or self._around.paused
        ready, _, _ = select.select([keyboard, self._reads], [], [], 1.0 if idle else max(0.0, self._next - now))
        if self._reads in ready:
            os.read(self._reads, 4096)
            while self._signals:
                self._signal(self._signals.pop(0), live, keys)
        while not self._looker.found.empty():
            self._take(self._looker.found.get_nowait())
        if keyboard in ready:
            pressed = os.read(keyboard, 64)
            self._ended = self._ended or not pressed
            for key in pressed.decode(errors="replace").lower():
                self._press(key)

    def _look(self, again: bool = False) -> None:
        now = time.monotonic()
        again = again or now - self._whole >= AGAIN_SECONDS
        self._looking += 1
        self._asked_at = now
        self._next = now + self._interval
        self._looker.orders.put((self._asked_now(), again))

    def _asked_now(self) -> Asked:
        return replace(self._asked(), sort=self._sort)

    def _take(self, found: View | Exception | str | None) -> None:
        """Takes what a look found. Raises what is a fault, and no answer of the database."""
        self._looking -= 1
        # A database that takes long to answer has at least as long a rest.
        now = time.monotonic()
        self._next = max(self._next, now + now - self._asked_at)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, View):
            self._view, self._whole = found, time.monotonic()
        self._around = replace(self._around, error=found if isinstance(found, str) else "")

    def _press(self, key: str) -> None:
        if key in ("q", "\x03"):
            self._ended = True
        elif key == "p":
            self._around = replace(self._around, paused=not self._around.paused)
        elif key == "s":
            names = list(SORTS)
            self._sort = names[(names.index(self._sort) + 1) % len(names)]
            self._look(again=True)

    def _signal(self, number: int, live: Live, keys: _Keys) -> None:
        if number in (signal.SIGTERM, signal.SIGHUP):
            self._ended = True
        elif number == signal.SIGTSTP:
            # The shell gets its screen back, and its keys.
            keys.give_back()
            live.stop()
            os.kill(os.getpid(), signal.SIGSTOP)
            live.start()
            keys.take()
        # A new size is seen by the next frame.


class _Keys:
    """A terminal that gives each key at once, and does not print it."""

    def __init__(self, keyboard: int) -> None:
        self._keyboard = keyboard
        self._before = termios.tcgetattr(keyboard)

    def take(self) -> None:
        tty.setcbreak(self._keyboard)

    def give_back(self) -> None:
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._before)

    def __enter__(self) -> _Keys:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()
