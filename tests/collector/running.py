"""`shoal collector` as a process, and what a reader finds in Kafka of what it captured."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collectors.control import read_on
from pipeline.schema import PACKETS, topics
from pipeline.schema.columns import Columns
from pipeline.schema.message import LAYOUT, decode, read_head
from tests.broker.broker import Broker

ROOT = Path(__file__).resolve().parents[2]
SHOAL = (sys.executable, "-m", "pipeline.cli.main")
_PATIENCE = 120


def wait_until(true: Callable[[], object], what: str, seconds: float = _PATIENCE) -> None:
    """Wait for an event; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


@contextmanager
def folder() -> Iterator[Path]:
    """A directory that the user whom a collector becomes can enter."""
    with tempfile.TemporaryDirectory(prefix="shoal-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def counted(said: str) -> dict[str, int]:
    """The closing counters, those of several interfaces or rings together."""
    found: dict[str, int] = {}
    for number, what in re.findall(r"^(\d+) packets? (.*)$", said, re.MULTILINE):
        found[what] = found.get(what, 0) + int(number)
    return found


class Running:
    """A collector, from its start to its end."""

    def __init__(self, address: str, prefix: str, *arguments: str, sensor: str = "s") -> None:
        self._told = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (until the block ends)
        self._all = ""
        command = (*SHOAL, "collector", "--kafka", address, "--prefix", prefix, "--sensor", sensor, *arguments)
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=self._told)

    @property
    def said(self) -> str:
        """What it has said so far."""
        if self._told.closed:
            return self._all
        with open(f"/proc/self/fd/{self._told.fileno()}", "rb") as again:
            return again.read().decode()

    def says(self, text: str) -> None:
        """Wait until it has said `text`."""
        wait_until(lambda: text in self.said or self.process.poll() is not None, text)
        assert text in self.said, self.said

    def captures(self) -> None:
        """Wait until it captures."""
        self.says(", capture ")

    def send(self, number: int) -> None:
        """Send a signal, and go on."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self.process.wait(_PATIENCE)

    def end(self, number: int = signal.SIGINT) -> dict[str, int]:
        """End it in good order; its closing counters."""
        self.send(number)
        code = self.wait()
        assert code == 0, f"{code}: {self.said}"
        return counted(self.said)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._all = self.said
        self._told.close()


def balance(of: dict[str, int]) -> int:
    """What the other counters leave of the frames seen: 0."""
    left = of["seen"] + of.get("found in the spool at the start", 0) - of["published"] - of["left in the spool"]
    return left - of["dropped by kernel"] - of["dropped by spool"]


@dataclass
class Arrived:
    """What came of a capture: the numbers of its frames in each shard, ascending, and the gaps that a reader sees in it
    (first number, how many)."""

    shards: dict[int, list[NDArray[np.uint64]]] = field(default_factory=dict)
    upto: dict[int, int] = field(default_factory=dict)
    gaps: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    copies: int = 0
    """Messages that brought nothing new."""
    ended: int = 0
    """Shards that were told that it is complete."""

    @property
    def numbers(self) -> NDArray[np.uint64]:
        """The numbers of the frames of all shards, ascending; a number that came in two messages is there twice."""
        pieces = [piece for pieces in self.shards.values() for piece in pieces]
        return np.sort(np.concatenate(pieces)) if pieces else np.zeros(0, np.uint64)

    def whole(self, frames: int) -> bool:
        """Whether each frame from 1 on came, once."""
        return np.array_equal(self.numbers, np.arange(1, frames + 1, dtype=np.uint64))

    def in_gaps(self, numbers: NDArray[np.uint64]) -> bool:
        """Whether each of these frames lies in a gap of some shard."""
        covered = np.zeros(len(numbers), np.bool_)
        for gaps in self.gaps.values():
            for first, count in gaps:
                covered |= (numbers >= first) & (numbers < first + count)
        return bool(covered.all())


def messages(broker: Broker, topic: str, partitions: int = 1) -> list[Any]:
    """All messages of a topic, those of a partition in order."""
    return asyncio.run(_messages(broker.address, topic, partitions))


async def _messages(address: str, topic: str, partitions: int) -> list[Any]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest",
                                max_partition_fetch_bytes=32 << 20)
    await consumer.start()
    try:
        found: list[Any] = []
        for partition in (TopicPartition(topic, k) for k in range(partitions)):
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            found += await read_on(consumer, partition)
        return found
    finally:
        await consumer.stop()


def arrived(broker: Broker, prefix: str, partitions: int = 4) -> dict[str, Arrived]:
    """What a reader finds of each capture. As a worker does, it takes of a message the frames that are newer than all
    that it had of the shard."""
    found: dict[str, Arrived] = {}
    columns = Columns(PACKETS)
    for message in messages(broker, topics.packets(prefix, LAYOUT, partitions).name, partitions):
        head = read_head(message.headers)
        of = found.setdefault(head.capture, Arrived())
        upto = of.upto.get(head.shard, 0)
        decode(message.value, columns, upto)
        of.copies += head.last <= upto and not head.ends
        of.ended += head.ends
        if columns.rows:
            of.shards.setdefault(head.shard, []).append(columns.values("frame.number").astype(np.uint64))
        if head.first > upto + 1:
            of.gaps.setdefault(head.shard, []).append((upto + 1, head.first - 1 - upto))
        of.upto[head.shard] = max(upto, head.last)
    return found


def heartbeats(broker: Broker, prefix: str) -> list[dict[str, Any]]:
    """The heartbeats so far."""
    found = messages(broker, topics.sensors(prefix).name)
    return [json.loads(m.value) for m in found if not m.headers]


def wait_for(broker: Broker, prefix: str, **wanted: object) -> dict[str, Any]:
    """The first heartbeat with these values (dots of names as double underscores)."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for told in heartbeats(broker, prefix):
            if all(told.get(name.replace("__", ".")) == value for name, value in wanted.items()):
                return told
        time.sleep(0.2)
    raise AssertionError(f"no heartbeat with {wanted}; the last: {heartbeats(broker, prefix)[-1:]}")
