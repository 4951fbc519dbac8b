"""The publisher against a real broker: nothing lost and in order, whatever the broker does, and accounts that balance
at any moment."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.publish.accounts import Reason, Totals
from collectors.publish.message import Outgoing
from collectors.publish.publisher import Limits, Publisher
from pipeline.schema.topics import Topic
from tests.broker.broker import Broker, free_ports, unique
from tests.publish.reading import first_arrivals, read_topic

ROOT = Path(__file__).resolve().parents[2]
SMALL = Limits(inbox=8 << 20, window=1 << 20, spool=256 << 20, patience=0.3, stall=3)


def new_topic(partitions: int = 4, most: int = 16 << 20) -> Topic:
    """A topic of this test's own."""
    return Topic(unique("publish"), partitions, {"max.message.bytes": str(most)})


def message(topic: Topic, number: int, size: int = 2000, capture: str = "one") -> Outgoing:
    """Number `number`, with that many frames."""
    value = number.to_bytes(4, "big") + bytes(size)
    return Outgoing(topic.name, number % topic.partitions, value, [("head", b"%d" % number)], number, capture)


class Watch:
    """A publisher whose accounts are looked at all the time by a thread of their own."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.wrong: list[Totals] = []
        self.looks = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Publisher:
        self.publisher.open()
        self._thread.start()
        return self.publisher

    def __exit__(self, *_: object) -> None:
        self.publisher.close(0)
        self._done.set()
        self._thread.join()
        assert self.looks
        assert not self.wrong

    def _look(self) -> None:
        while not self._done.is_set():
            for capture in None, "first":
                totals = self.publisher.totals(capture)
                if not totals.balanced:
                    self.wrong.append(totals)
            self.looks += 1
            time.sleep(0.002)


def until(true: Callable[[], bool], wait: float = 60) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + wait
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


async def assert_published(broker: Broker, topic: Topic, numbers: range) -> int:
    """Each partition has its share of `numbers` in order; returns how many messages are there, copies included."""
    got = await read_topic(broker.address, topic.name, topic.partitions)
    for partition, messages in enumerate(got):
        assert first_arrivals(messages) == [n for n in numbers if n % topic.partitions == partition]
    return sum(map(len, got))


async def test_messages_arrive_once_and_in_order(broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    sizes = random.Random(1)
    with Watch(Publisher(broker.address, [topic], spool=tmp_path / "spool")) as publisher:
        for number in range(1000):
            publisher.put(message(topic, number, sizes.choice((10, 1000, 100_000))))
        totals = publisher.close(60)
    assert (totals.published, totals.published_messages, totals.dropped) == (sum(range(1000)), 1000, 0)
    assert totals.waiting_messages == 0
    assert await assert_published(broker, topic, range(1000)) == 1000
    (first, *_), *_ = await read_topic(broker.address, topic.name, topic.partitions)
    assert first.headers == (("head", b"0"),)


async def test_a_broker_that_is_away_is_waited_for_on_disk(shaky_broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    said: list[str] = []
    publisher = Publisher(shaky_broker.address, [topic], spool=tmp_path / "spool", limits=SMALL, log=said.append)
    with Watch(publisher):
        for number in range(500):
            publisher.put(message(topic, number))
        until(lambda: publisher.totals().published_messages == 500)
        shaky_broker.kill()
        for number in range(500, 4000):
            publisher.put(message(topic, number))
        # All of it, more than window and inbox hold, is on disk.
        until(lambda: publisher.totals().spool_messages == 3500)
        assert publisher.totals().dropped == 0
        assert 0 < publisher.spool_fill() < 1
        until(lambda: publisher.trouble != "")
        shaky_broker.start()
        for number in range(4000, 4500):
            publisher.put(message(topic, number))
        totals = publisher.close(120)
        assert (totals.published_messages, totals.dropped, totals.waiting_messages) == (4500, 0, 0)
    assert [line for line in said if "takes" in line] == [
        said[0], f"Kafka at {shaky_broker.address} takes messages again"
    ]
    assert said[0].startswith(f"Kafka at {shaky_broker.address} takes no messages: ")
    await assert_published(shaky_broker, topic, range(4500))
    assert not list((tmp_path / "spool").glob("*.spool"))


async def test_random_kills_and_halts_of_the_broker_lose_nothing(shaky_broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    chance = random.Random(1)
    publisher = Publisher(shaky_broker.address, [topic], spool=tmp_path / "spool", limits=SMALL, log=lambda _: None)
    count = 0
    with Watch(publisher):
        for _ in range(3):
            ends = threading.Event()

            def trouble(ends: threading.Event = ends) -> None:
                time.sleep(chance.uniform(0, 0.4))
                if chance.random() < 0.6:
                    shaky_broker.kill()
                    time.sleep(chance.uniform(0, 1))
                    shaky_broker.start()
                else:
                    shaky_broker.pause()
                    time.sleep(chance.uniform(0.5, 4))
                    shaky_broker.resume()
                ends.set()

            thread = threading.Thread(target=trouble)
            thread.start()
            while not ends.is_set():
                publisher.put(message(topic, count, chance.choice((100, 1000, 20_000))))
                count += 1
                time.sleep(0.002)
            thread.join()
        totals = publisher.close(120)
    assert (totals.published_messages, totals.dropped_by, totals.waiting_messages) == (count, {}, 0)
    await assert_published(shaky_broker, topic, range(count))


async def test_a_killed_collector_s_spool_is_sent_first(shaky_broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    program = f"""
        import os, signal, sys
        from pathlib import Path
        from collectors.publish.publisher import Publisher
        from tests.publish.test_publisher import SMALL, Topic, message, until
        topic = Topic({topic.name!r}, {topic.partitions}, {topic.settings!r})
        publisher = Publisher(sys.argv[1], [topic], spool=Path(sys.argv[2]), limits=SMALL, log=lambda _: None).open()
        for number in range(1000):
            publisher.put(message(topic, number))
        until(lambda: publisher.totals().spool_messages == 1000)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    shaky_broker.kill()
    spool = tmp_path / "spool"
    done = subprocess.run((sys.executable, "-c", textwrap.dedent(program), shaky_broker.address, spool),
                          check=False, cwd=ROOT, timeout=120)
    assert done.returncode == -signal.SIGKILL
    with Watch(Publisher(shaky_broker.address, [topic], spool=spool, limits=SMALL, log=lambda _: None)) as publisher:
        totals = publisher.totals()
        assert (totals.recovered_messages, totals.recovered, totals.put) == (1000, sum(range(1000)), 0)
        publisher.put(message(topic, 1000))
        shaky_broker.start()
        totals = publisher.close(60)
    assert (totals.published_messages, totals.put_messages) == (1001, 1)
    assert await assert_published(shaky_broker, topic, range(1001)) == 1001


async def test_a_spool_that_overflows_loses_the_oldest_and_counts_exactly(shaky_broker: Broker, tmp_path: Path) -> None:
    topic = new_topic(partitions=1)
    limits = Limits(inbox=8 << 20, window=1 << 20, spool=2 << 20, patience=0.3, stall=3)
    shaky_broker.kill()
    publisher = Publisher(shaky_broker.address, [topic], spool=tmp_path / "spool", limits=limits, log=lambda _: None)
    with Watch(publisher):
        for number in range(800):
            publisher.put(message(topic, number, 10_000, "first" if number < 150 else "second"))
            time.sleep(0.001)
        until(lambda: publisher.totals().dropped > 0)
        shaky_broker.start()
        totals = publisher.close(60)
    (got,) = await read_topic(shaky_broker.address, topic.name, 1)
    arrived = first_arrivals(got)
    # The window in memory, which is the oldest, a hole, and what the spool has kept, which is the newest.
    lost = sorted(set(range(800)) - set(arrived))
    assert arrived == sorted(arrived)
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert 0 < lost[0] < 150 < lost[-1] < 650
    lost_frames = {"first": 0, "second": 0}
    for number in lost:
        lost_frames["first" if number < 150 else "second"] += number
    assert totals.dropped_by == {(capture, Reason.SPOOL_FULL): frames for capture, frames in lost_frames.items()}
    assert totals.published == sum(arrived)
    first = publisher.totals("first")
    assert (first.put, first.dropped) == (sum(range(150)), lost_frames["first"])
    assert first.published == first.put - first.dropped
    assert publisher.totals("none such").put == 0


async def test_without_a_spool_memory_is_the_limit(tmp_path: Path) -> None:
    topic = new_topic()
    limits = Limits(inbox=1 << 20, window=1 << 20, patience=0.1)
    said: list[str] = []
    publisher = Publisher(f"127.0.0.1:{free_ports()}", [topic], limits=limits, log=said.append)
    with Watch(publisher):
        for number in range(1000):
            publisher.put(message(topic, number, 10_000))
        until(lambda: len(said) > 0)
        assert not publisher.wait_room(0.05)
        totals = publisher.close(0.2)
        publisher.put(message(topic, 1))
    assert totals.published == 0
    assert totals.dropped == totals.put == sum(range(1000))
    assert {reason for _, reason in totals.dropped_by} == {Reason.MEMORY_FULL, Reason.ENDED}
    assert publisher.totals().dropped == totals.dropped + 1


async def test_what_the_broker_refuses_for_good_is_dropped_and_the_others_go_on(broker: Broker, tmp_path: Path) -> None:
    topic = new_topic(partitions=2, most=100_000)
    said: list[str] = []
    publisher = Publisher(broker.address, [topic], spool=tmp_path / "spool", limits=SMALL, log=said.append)
    with Watch(publisher):
        for number in range(60):
            publisher.put(message(topic, number, 200_000 if number in (10, 33) else 3000))
        publisher.put(Outgoing(topic.name, 7, b"x", frames=1, capture="elsewhere"))
        totals = publisher.close(60)
    assert totals.dropped_by == {("one", Reason.TOO_LARGE): 43, ("elsewhere", Reason.REFUSED): 1}
    assert totals.waiting_messages == 0
    got = await read_topic(broker.address, topic.name, 2)
    assert first_arrivals(got[0]) == [n for n in range(0, 60, 2) if n != 10]
    assert first_arrivals(got[1]) == [n for n in range(1, 60, 2) if n != 33]
    assert sum("refused" in line for line in said) == 3


async def test_a_topic_that_is_made_later_gets_what_waited(broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    with Watch(Publisher(broker.address, [], spool=tmp_path / "spool", limits=SMALL, log=lambda _: None)) as publisher:
        for number in range(100):
            publisher.put(message(topic, number))
        until(lambda: publisher.totals().spool_messages == 100)
        with Watch(Publisher(broker.address, [topic], limits=SMALL)) as other:
            other.put(message(topic, 0))
            other.close(60)
        totals = publisher.close(60)
    assert totals.published_messages == 100
    await assert_published(broker, topic, range(100))


async def test_a_topic_that_is_otherwise_than_declared_is_not_written_to(broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    with Watch(Publisher(broker.address, [topic])) as publisher:
        publisher.put(message(topic, 0))
        publisher.close(30)
    said: list[str] = []
    other = Topic(topic.name, topic.partitions + 1, topic.settings)
    publisher = Publisher(broker.address, [other], spool=tmp_path / "spool", limits=SMALL, log=said.append)
    with Watch(publisher):
        publisher.put(message(other, 5))
        until(lambda: publisher.totals().spool_messages == 1)
        publisher.close(0)
    assert f"topic {topic.name} has 4 partitions, not 5" in said[0]
    assert publisher.totals().spool == 5


async def test_lost_connections_leave_neither_tasks_nor_sockets(shaky_broker: Broker, tmp_path: Path) -> None:
    topic = new_topic()
    limits = Limits(patience=0.2, stall=0.8)
    publisher = Publisher(shaky_broker.address, [topic], spool=tmp_path / "spool", limits=limits, log=lambda _: None)

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    def at_rest() -> tuple[int, int]:
        until(lambda: not publisher.totals().waiting_messages)
        return publisher.run(tasks()).result(10), len(os.listdir("/proc/self/fd"))

    with Watch(publisher):
        publisher.put(message(topic, 0))
        before = at_rest()
        for number in range(1, 4):
            shaky_broker.pause()
            publisher.put(message(topic, number))
            # So long that the connection is given up, and another one is tried.
            until(lambda: "no ack for 0.8 s" in publisher.trouble)
            shaky_broker.resume()
            at_rest()
        until(lambda: at_rest() <= before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=2m", "shoal-test", mounted), check=True)
    yield mounted
    subprocess.run(("umount", "-l", mounted), check=True)


async def test_a_full_disk_costs_counted_messages_and_nothing_more(shaky_broker: Broker, small_disk: Path) -> None:
    topic = new_topic(partitions=1)
    said: list[str] = []
    shaky_broker.kill()
    publisher = Publisher(shaky_broker.address, [topic], spool=small_disk / "spool", limits=SMALL, log=said.append)
    with Watch(publisher):
        for number in range(1, 401):
            publisher.put(message(topic, number, 20_000))
            time.sleep(0.001)
        until(lambda: publisher.totals().dropped > 0 and any("No space left" in line for line in said))
        shaky_broker.start()
        until(lambda: not publisher.totals().waiting_messages)
        for number in range(401, 421):
            publisher.put(message(topic, number, 20_000))
        totals = publisher.close(60)
    (got,) = await read_topic(shaky_broker.address, topic.name, 1)
    arrived = first_arrivals(got)
    assert arrived == sorted(arrived)
    assert arrived[-20:] == list(range(401, 421))
    assert totals.published == sum(arrived)
    assert totals.dropped_by == {("one", Reason.DISK_FULL): sum(range(421)) - sum(arrived)}
