"""What waits for Kafka's ack, in the order it came in each partition: a window in memory, behind it the spool.

While all is well messages pass through the window alone. As soon as one has to go to the spool, everything in the
window goes there first; from then on the window holds copies of the spool's oldest messages, until all of the spool is
in the window. So what a later run finds in the spool is in order, and has no hole but what was dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import takewhile

from collectors.publish.accounts import Accounts, Place, Reason
from collectors.publish.message import Outgoing
from collectors.publish.spool import DiskFull, Record, Spool

Partition = tuple[str, int]
"""Topic and number."""


@dataclass(slots=True, eq=False)
class Item:
    """A message in the window; `record` is its place in the spool, if it has one. `alone`: not in a batch with others,
    which one of them made the broker refuse."""

    message: Outgoing
    record: Record | None = None
    alone: bool = False

    @property
    def place(self) -> Place:
        """Where the accounts have it."""
        return self.record.place if self.record is not None else Place.MEMORY


class Backlog:
    """The window and the spool. Used by one thread; each message given to `add` is in the accounts' memory before."""

    def __init__(self, accounts: Accounts, spool: Spool | None, window: int) -> None:
        self.window_bytes = 0
        self._window = window
        self._accounts = accounts
        self._spool = spool
        self._waiting: dict[Partition, deque[Item]] = {}
        self._flying: dict[Partition, list[Item]] = {}

    @property
    def empty(self) -> bool:
        """Whether Kafka has everything."""
        return not self._waiting and (self._spool is None or self._spool.empty)

    @property
    def flying(self) -> bool:
        """Whether anything was sent that is neither acked nor given back."""
        return bool(self._flying)

    def add(self, message: Outgoing, *, away: bool) -> None:
        """Takes a message behind all others of its partition; `away` says that Kafka takes none at the moment."""
        full = self.window_bytes + message.size > self._window and bool(self._waiting)
        if self._spool is not None and (away or full or self._spool.unread):
            self.shelter()
            try:
                self._spool.append(message)
                return
            except DiskFull:
                if self._spool.unread or full:
                    self._drop(message, Reason.DISK_FULL)
                    return
        elif full:
            self._drop(message, Reason.MEMORY_FULL)
            return
        self._admit(Item(message))

    def shelter(self) -> None:
        """Stores what is in memory alone, so that it outlives the process: what is newer than all that the spool holds
        of its partition, as nothing can be put before that."""
        if self._spool is None or self._spool.unread:
            return
        for items in self._waiting.values():
            bare = list(takewhile(lambda item: item.place is Place.MEMORY, reversed(items)))
            for item in reversed(bare):
                try:
                    item.record = self._spool.append(item.message, taken=True)
                except DiskFull:
                    # It stays in memory. Later ones of its partition must not be stored before it is.
                    return

    def fill(self) -> None:
        """Brings the spool's oldest messages into the window, as far as it has room."""
        while self._spool is not None and (not self._waiting or self.window_bytes < self._window):
            taken = self._spool.take()
            if taken is None:
                return
            self._admit(Item(taken[1], taken[0]))

    def ready(self) -> list[Partition]:
        """Partitions that have something to send, and nothing on its way."""
        return [partition for partition in self._waiting if partition not in self._flying]

    def launch(self, partition: Partition, most: int) -> list[Item]:
        """The oldest messages of a partition, at least one and up to `most` bytes, which are on their way from now."""
        batch: list[Item] = []
        size = 0
        for item in self._waiting[partition]:
            if batch and (item.alone or batch[0].alone or size + item.message.size > most):
                break
            batch.append(item)
            size += item.message.size
        self._flying[partition] = batch
        return batch

    def landed(self, partition: Partition) -> list[Item]:
        """Kafka acked what was on its way to a partition; these leave window and spool."""
        items = self._flying.pop(partition)
        for item in items:
            message = item.message
            self._accounts.published(message.capture, message.frames, message.size, item.place)
            self._forget(partition, item)
        return items

    def refused(self, partition: Partition, reason: Reason) -> list[Item]:
        """Kafka will never take what was on its way. One message is dropped, and returned; of several, each is tried
        alone, since any one of them may be meant."""
        items = self._flying.pop(partition)
        if len(items) > 1:
            for item in items:
                item.alone = True
            return []
        for item in items:
            message = item.message
            self._accounts.dropped(message.capture, message.frames, message.size, item.place, reason)
            self._forget(partition, item)
        return items

    def recall(self) -> None:
        """What is on its way is to be sent again, from the oldest on."""
        self._flying.clear()

    def abandon(self) -> None:
        """At the end: stores what can be stored, and drops the rest."""
        self.recall()
        self.shelter()
        for items in self._waiting.values():
            for item in items:
                if item.place is Place.MEMORY:
                    self._drop(item.message, Reason.ENDED)
        self._waiting.clear()
        self.window_bytes = 0

    def _admit(self, item: Item) -> None:
        self._waiting.setdefault((item.message.topic, item.message.partition), deque()).append(item)
        self.window_bytes += item.message.size

    def _forget(self, partition: Partition, item: Item) -> None:
        oldest = self._waiting[partition].popleft()
        assert oldest is item, "messages of a partition left out of order"
        if not self._waiting[partition]:
            del self._waiting[partition]
        self.window_bytes -= item.message.size
        if item.record is not None and self._spool is not None:
            self._spool.acked(item.record)

    def _drop(self, message: Outgoing, reason: Reason) -> None:
        self._accounts.dropped(message.capture, message.frames, message.size, Place.MEMORY, reason)
