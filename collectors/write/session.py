"""`Session`: frames of interfaces into capture files, until it is told to stop."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence

from collectors.sources.frames import Frames
from collectors.sources.ring import InterfaceGone, Ring
from collectors.write.files import SaveFiles
from collectors.write.forms import Counts

_LOOK_SECONDS = 0.2
"""How often it looks whether it is to stop, or a file's time is over, while no frame comes."""
_LATE_NS = 1_000_000_000
"""How old a frame can be when it comes out of the ring: a file whose time is over is kept open so long for it."""
_DRAIN_SECONDS = 2.0
"""How long the last frames may take out of the ring: the kernel hands over a block that is not full by a timer."""


class Session:
    """Writes what open `rings` give; `count` frames at the most (None: no end). `warn` is called with one line when an
    interface is gone while others are left.
    """

    def __init__(self, rings: Sequence[Ring], count: int | None, warn: Callable[[str], None]) -> None:
        self.captured = 0
        self._rings = list(rings)
        self._all = tuple(rings)
        self._count = count
        self._warn = warn
        self._began = time.time_ns()
        self._stopping = False

    def stop(self) -> None:
        """End soon, with all frames that have come by now; may be called by a signal handler."""
        self._stopping = True

    def counts(self) -> list[Counts]:
        """What each interface has counted since the session began."""
        now = time.time_ns()
        found = [ring.statistics() for ring in self._all]
        return [Counts(each.received - each.ignored, each.dropped, self._began, now) for each in found]

    def run(self, files: SaveFiles) -> None:
        """Write until `stop`, the count is reached or the files are finished. Raises WriteError, BrokenPipeError, and
        InterfaceGone when no interface is left."""
        poll = select.poll()
        for ring in self._rings:
            poll.register(ring.fileno(), select.POLLIN)
        while not self._stopping and not self._enough(files):
            if not self._round(files, poll):
                poll.poll(_LOOK_SECONDS * 1000)
                files.turn(time.time_ns() - _LATE_NS)
        if not self._enough(files):
            self._drain(files)

    def _enough(self, files: SaveFiles) -> bool:
        return files.finished or (self._count is not None and self.captured >= self._count)

    def _round(self, files: SaveFiles, poll: select.poll | None) -> bool:
        """Write a batch of each interface; whether there was one."""
        found = False
        for ring in tuple(self._rings):
            try:
                frames = ring.batch(0)
            except InterfaceGone as gone:
                self._rings.remove(ring)
                if poll is not None:
                    poll.unregister(ring.fileno())
                if not self._rings:
                    raise
                self._warn(str(gone))
                continue
            if frames is not None:
                found = True
                self._write(frames, files)
                ring.release()
                if self._enough(files):
                    break
        return found

    def _write(self, frames: Frames, files: SaveFiles) -> None:
        if self._count is not None and len(frames) > self._count - self.captured:
            frames = frames.take(slice(0, self._count - self.captured))
        self.captured += files.write(frames)

    def _drain(self, files: SaveFiles) -> None:
        """Let no other frame in, and write those that are in the rings."""
        for ring in self._rings:
            ring.pause()
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline and not self._enough(files):
            if not self._round(files, None):
                if all(ring.statistics().waiting <= 0 for ring in self._rings):
                    break
                time.sleep(0.01)
