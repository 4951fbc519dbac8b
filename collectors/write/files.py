"""Files of a capture: one, or one after the other as tcpdump's -C, -G and -W have it."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Sequence

import numpy as np

from collectors.sources.frames import CaptureError, Frames
from collectors.write.forms import Counts, Form

PART = ".part"
"""Follows the name of a file that is not complete yet, where files rotate."""
_CHUNK = 1 << 20
_BIGGEST_RECORD = 1 << 19
_SECOND = 1_000_000_000


class WriteError(CaptureError):
    """A capture file that can't be written: what, where, what to do, in one line. What it has can be read."""

    exit_code = 1


class SaveFile:
    """One file, or standard output for "-". With `rename` it is written under a temporary name until `close`."""

    def __init__(self, path: str, form: Form, *, rename: bool) -> None:
        self.path = path
        self.size = 0
        self._form = form
        self._under_way = path + PART if rename else path
        self._descriptor = -1

    def open(self) -> None:
        """Make it, and write its header; raises WriteError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            self._descriptor = 1 if self.path == "-" else os.open(self._under_way, flags, 0o600)
        except OSError as e:
            raise WriteError(f"{self._under_way}: {e.strerror}") from e
        self.write(memoryview(self._form.header()))

    def write(self, data: memoryview) -> None:
        """Append whole records; raises WriteError, and the file ends with the last whole record then, and
        BrokenPipeError."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except BrokenPipeError:
            raise
        except OSError as e:
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                self.size += self._form.whole(data[:done])
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise WriteError(f"{self._under_way}: {e.strerror}; the capture ends here, what was written stays") from e
        self.size += len(data)

    def close(self, counts: Sequence[Counts]) -> None:
        """Write what ends the file, as far as there is room, and give it its name; raises WriteError."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(WriteError, BrokenPipeError):
            self.write(memoryview(self._form.trailer(counts)))
        if self.path != "-":
            os.close(self._descriptor)
        self._descriptor = -1
        try:
            if self._under_way != self.path:
                os.replace(self._under_way, self.path)
        except OSError as e:
            raise WriteError(f"{self._under_way}: can't be renamed to {self.path}: {e.strerror}") from e


class SaveFiles:
    """Frames into files. `size` (bytes, 0: none): a file that is longer is followed by another, numbered one.
    `seconds` (0: none): so is one that began so long ago, by the frames' times; `path` may hold strftime(3)'s
    conversions then. `files` (0: none): with `size` so many are kept, and the oldest is written over; with `seconds`
    alone `finished` is set after so many. `counts` gives the interfaces' counts for the end of each file.
    """

    def __init__(
        self, path: str, form: Form, counts: Callable[[], Sequence[Counts]], *, size: int = 0, seconds: int = 0,
        files: int = 0,
    ) -> None:  # fmt: skip
        self.finished = False
        self._path = path
        self._form = form
        self._counts = counts
        self._size = size
        self._seconds = seconds
        self._files = files
        self._digits = len(str(files - 1)) if files and size else 0
        self._count = 0
        self._made = 0
        self._began = 0
        self._file: SaveFile | None = None
        self._out = bytearray(_CHUNK + _BIGGEST_RECORD)

    def open(self, now: int) -> None:
        """Make the first file; `now` is nanoseconds since 1970. Raises WriteError."""
        self._began = now // _SECOND
        self._next()

    def write(self, frames: Frames) -> int:
        """Write all frames, or those up to the end of the last file; returns how many. Raises WriteError."""
        done = 0
        while done < len(frames) and not self.finished:
            end = self._until(frames, done)
            if end == done:
                self._turn(int(frames.time[done]))
            else:
                done += self._write(frames.take(slice(done, end)))
        return done

    def _until(self, frames: Frames, first: int) -> int:
        """The row before which the file ends by time."""
        if not self._seconds:
            return len(frames)
        late = np.flatnonzero(frames.time[first:] >= (self._began + self._seconds) * _SECOND)
        return first + int(late[0]) if len(late) else len(frames)

    def _write(self, frames: Frames) -> int:
        done = 0
        view = memoryview(self._out)
        while done < len(frames) and not self.finished:
            file = self._file or self._next()
            rows, size = self._form.fill(frames, done, file.size, self._size, self._out)
            file.write(view[:size])
            done += rows
            if not rows:
                # The file is longer than it may be: records fit into `out` always.
                self._end()
                self._count += 1
                if self._files and self._count >= self._files:
                    self._count = 0
        return done

    def turn(self, now: int) -> None:
        """End the file whose time is over though no frame came; `now` is nanoseconds since 1970. Raises WriteError."""
        if self._seconds and self._file is not None and now >= (self._began + self._seconds) * _SECOND:
            self._turn(now)

    def _turn(self, now: int) -> None:
        """End the file, and let the next one, which the first frame in it makes, be that of the interval of `now`."""
        self._end()
        self._began += (now // _SECOND - self._began) // self._seconds * self._seconds
        self._count = 0
        self.finished = bool(self._files and not self._size and self._made >= self._files)

    def _next(self) -> SaveFile:
        self._file = file = SaveFile(self._name(), self._form, rename=bool(self._size or self._seconds))
        file.open()
        self._made += 1
        return file

    def _name(self) -> str:
        name = time.strftime(self._path, time.localtime(self._began)) if self._seconds else self._path
        return f"{name}{self._count:0{self._digits}}" if self._digits or self._count else name

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close(self._counts())

    def close(self) -> None:
        """Complete the file under way; raises WriteError."""
        self._end()
