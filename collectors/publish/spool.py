"""A queue of messages on disk, bounded: where a collector keeps what Kafka can't take at the moment.

Segments are files of records (collectors/publish/record.py), appended one after another, each with its own checksum.
Kafka's ack of a record sets a mark in place, and a segment of which nothing is left is removed: a program that is
killed at any moment finds again all that was not acked. What is written is in the system's cache until a segment is
full (fdatasync then, and at `close`): a killed process loses nothing, a power cut what the system had not written yet.

Past the limit, the oldest segment goes, with whole messages only, counted by capture; so at most a sixteenth of the
limit more is lost than need be. Where the disk is full before the limit is, the same is done with what fits.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collectors.publish import record as records
from collectors.publish.accounts import Accounts, Place, Reason
from collectors.publish.message import Outgoing

_MORE = 1 << 20
"""Bytes that it has to hold, at the least, beyond what found no room, for room to count as there again."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SpoolError(Exception):
    """The spool can't be used at all; one line that says what, where, and what to do."""


class DiskFull(Exception):
    """There is no room for one more record, and nothing older that could make room."""


@dataclass(slots=True, eq=False)
class Segment:
    """A file of records. `left` is how many of them wait still."""

    path: Path
    fd: int
    size: int = 0
    left: int = 0


@dataclass(slots=True, eq=False)
class Record:
    """A message's place in the spool, and what the accounts need of it; `waits` until it has left the spool."""

    segment: Segment
    offset: int
    size: int
    frames: int
    capture: str
    waits: bool = True

    @property
    def place(self) -> Place:
        """Where the accounts have the message; one that the spool dropped goes on in memory, if it was taken before."""
        return Place.SPOOL if self.waits else Place.MEMORY


def left_behind(directory: Path) -> bool:
    """Whether this is a spool with messages that no process has open."""
    if not any(directory.glob("*.spool")):
        return False
    try:
        with (directory / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


class Spool:
    """The spool in a directory of its own, of which it holds a lock while it is open. Used by one thread."""

    def __init__(self, directory: Path, limit: int, accounts: Accounts, log: Callable[[str], None] = print) -> None:
        self.directory = directory
        self.limit = limit
        self.trouble = ""
        """What the disk last refused with, or that the limit is reached, until there is room again."""
        self.unreadable = 0
        """Bytes of earlier runs that are no message any more."""
        self._accounts = accounts
        self._log = log
        self._segment_size = min(max(limit // 16, 1 << 16), 1 << 26)
        self._segments: OrderedDict[Path, Segment] = OrderedDict()
        self._unread: deque[Record] = deque()
        self._held: dict[Segment, list[Record]] = {}
        self._bytes = 0
        self._full_at = 0
        self._number = 0
        self._lock = -1
        self._tail: Segment | None = None

    # --- opening and closing ---

    def open(self) -> Spool:
        """Makes the directory if need be, and finds what an earlier run left. SpoolError when it can't be used."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in sorted(self.directory.glob("*.spool")):
                self._recover(path)
        except BlockingIOError:
            os.close(self._lock)
            raise SpoolError(f"{self.directory} is another process's spool; name another directory") from None
        except OSError as error:
            raise SpoolError(f"can't use {error.filename or self.directory} as spool: {error.strerror}") from error
        return self

    def close(self) -> None:
        """Writes out what waits, and lets others use the directory."""
        for segment in self._segments.values():
            self._sync(segment)
            os.close(segment.fd)
        self._segments.clear()
        self._unread.clear()
        self._held.clear()
        self._tail = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- the queue ---

    @property
    def size(self) -> int:
        """Size of the files."""
        return self._bytes

    @property
    def empty(self) -> bool:
        """Whether nothing waits in it, neither unread nor taken and unacked."""
        return not self._segments

    @property
    def unread(self) -> int:
        """Messages that wait and were not taken into memory yet."""
        return len(self._unread)

    def append(self, message: Outgoing, *, taken: bool = False) -> Record:
        """Stores a message, which stood in memory so far, behind all others; `taken` when it stays in memory as well.

        Drops the oldest segment while there is no room; DiskFull when that does not help, with the accounts as they
        were.
        """
        data = records.pack(message)
        need = len(data[0]) + len(message.value)
        while need > self.limit - self._bytes and self._drop_oldest(Reason.SPOOL_FULL):
            pass
        if need > self.limit - self._bytes:
            raise DiskFull(f"a message of {need} bytes does not fit into the spool's limit of {self.limit}")
        while True:
            try:
                segment, offset = self._write(data)
                break
            except OSError as error:
                self._full_at = max(self._full_at, self._bytes + need)
                self._refused(error)
                if error.errno not in _FULL or not self._drop_oldest(Reason.DISK_FULL):
                    raise DiskFull(str(error)) from error
        if self.trouble and self._bytes > self._full_at + max(self._full_at >> 3, _MORE):
            self._well()
        record = Record(segment, offset, message.size, message.frames, message.capture)
        segment.left += 1
        if taken:
            self._held.setdefault(segment, []).append(record)
        else:
            self._unread.append(record)
        self._accounts.moved(message.capture, message.frames, message.size, Place.MEMORY, Place.SPOOL)
        return record

    def take(self) -> tuple[Record, Outgoing] | None:
        """The oldest message that was not taken yet; it stays stored until `acked`. None when there is none.

        A message that is damaged on disk is dropped and counted.
        """
        while self._unread:
            record = self._unread.popleft()
            if not record.waits:
                continue
            message = records.read(record.segment.fd, record.offset, record.segment.size)
            if message is not None:
                self._held.setdefault(record.segment, []).append(record)
                return record, message
            self._give_up(record, Reason.DAMAGED)
        return None

    def acked(self, record: Record) -> None:
        """Kafka has it (or it was given up): it goes from the disk. Its accounts are the caller's business."""
        if record.waits:
            try:
                records.mark_sent(record.segment.fd, record.offset)
            except OSError as error:
                # It would be sent again by a later run, which does no harm.
                self._refused(error)
            self._settle(record)
        if self.empty:
            self._well()

    # --- segments ---

    def _write(self, data: tuple[bytes, bytes]) -> tuple[Segment, int]:
        need = len(data[0]) + len(data[1])
        segment = self._tail
        if segment is None or (segment.size and segment.size + need > self._segment_size):
            if segment is not None:
                self._sync(segment)
            segment = self._new_segment()
        offset = segment.size
        try:
            written = os.pwritev(segment.fd, data, offset)
            while written < need:
                # The disk took a part; the rest says why, or goes through.
                written += os.pwrite(segment.fd, b"".join(data)[written:], offset + written)
        except OSError:
            os.ftruncate(segment.fd, offset)
            if not segment.left:
                self._remove(segment)
            raise
        segment.size += need
        self._bytes += need
        return segment, offset

    def _new_segment(self) -> Segment:
        self._number += 1
        path = self.directory / f"{self._number:020d}.spool"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._tail = self._segments[path] = Segment(path, fd)
        return self._tail

    def _sync(self, segment: Segment) -> None:
        try:
            os.fdatasync(segment.fd)
        except OSError as error:
            self._refused(error)

    def _remove(self, segment: Segment) -> None:
        if self._segments.pop(segment.path, None) is None:
            return
        self._bytes -= segment.size
        self._held.pop(segment, None)
        if segment is self._tail:
            self._tail = None
        os.close(segment.fd)
        try:
            os.unlink(segment.path)
        except OSError as error:
            self._refused(error)

    def _drop_oldest(self, reason: Reason) -> bool:
        """Drops the oldest segment; False when there is none. What of it the publisher holds in memory goes on from
        there, everything else is lost."""
        if not self._segments:
            return False
        segment = next(iter(self._segments.values()))
        for record in self._held.pop(segment, ()):
            if record.waits:
                record.waits = False
                self._accounts.moved(record.capture, record.frames, record.size, Place.SPOOL, Place.MEMORY)
        if reason is Reason.SPOOL_FULL and self._unread and self._unread[0].segment is segment:
            self._full_at, limit = self.limit, self.limit / (1 << 20)
            self._troubled(f"its limit of {limit:g} MiB is reached", "the oldest is dropped and counted")
        # The oldest segment's records are the first of those unread.
        while self._unread and self._unread[0].segment is segment:
            record = self._unread.popleft()
            if record.waits:
                record.waits = False
                self._accounts.dropped(record.capture, record.frames, record.size, Place.SPOOL, reason)
        segment.left = 0
        self._remove(segment)
        return True

    def _recover(self, path: Path) -> None:
        """Takes up a segment of an earlier run. It is not appended to: its end may be torn."""
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        segment = self._segments[path] = Segment(path, fd, os.fstat(fd).st_size)
        self._bytes += segment.size
        self._number = max(self._number, int(path.stem) if path.stem.isdecimal() else 0)
        end = 0
        for found in records.scan(fd, segment.size):
            end = found.offset + found.length
            if found.sent:
                continue
            message = found.message
            self._accounts.recovered(message.capture, message.frames, found.size)
            record = Record(segment, found.offset, found.size, message.frames, message.capture)
            segment.left += 1
            self._unread.append(record)
        if end < segment.size:
            self.unreadable += segment.size - end
            self._log(f"the last {segment.size - end} bytes of {path} are no message (torn or damaged), and left out")
        if not segment.left:
            self._remove(segment)

    def _settle(self, record: Record) -> None:
        record.waits = False
        segment = record.segment
        segment.left -= 1
        if not segment.left:
            self._remove(segment)

    def _give_up(self, record: Record, reason: Reason) -> None:
        self._accounts.dropped(record.capture, record.frames, record.size, Place.SPOOL, reason)
        self._log(f"a message of {record.frames} frames in {record.segment.path} is damaged, and dropped")
        self.acked(record)

    def _refused(self, error: OSError) -> None:
        self._troubled(error.strerror or str(error), "what finds no room is dropped and counted")

    def _troubled(self, trouble: str, then: str) -> None:
        """Says so once, and not each time that room was made by dropping the oldest: it is over when the spool holds
        clearly more than it held then, or nothing."""
        if self.trouble != trouble:
            self.trouble = trouble
            self._log(f"the spool in {self.directory}: {trouble}; {then}")

    def _well(self) -> None:
        if self.trouble:
            self._log(f"the spool in {self.directory} takes messages again")
        self.trouble, self._full_at = "", 0
