"""`shoal fleet` and the collector's side of it, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from collectors.control import BadCommand, Change, Command, Control
from collectors.publish.topics import ensure_topics
from pipeline.schema import topics
from tests.broker.broker import Broker, free_ports, unique
from tests.publish.reading import read_topic

ROOT = Path(__file__).resolve().parents[2]


async def shoal(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `shoal fleet` beside the event loop of the test."""
    command = (sys.executable, "-m", "pipeline.cli.main", "fleet", *arguments)
    return await asyncio.to_thread(
        subprocess.run, command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120
    )


class Collector:
    """As much of a collector as follows commands."""

    def __init__(self, broker: Broker, prefix: str, sensor: str = "roof") -> None:
        self.wanted: list[Change] = []
        self.wrong: str | Exception | None = None
        self.control = Control(broker.address, prefix, sensor, self._apply, log=lambda _: None)

    def _apply(self, change: Change) -> str | None:
        self.wanted.append(change)
        if isinstance(self.wrong, Exception):
            raise self.wrong
        return self.wrong

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.control.run())
        try:
            await until(self.control.caught_up.is_set)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(true: Any, wait: float = 60) -> None:
    async with asyncio.timeout(wait):
        while not true():
            await asyncio.sleep(0.02)


async def send(broker: Broker, topic: str, *messages: tuple[str, bytes | None]) -> None:
    """Publishes (key, value) messages."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.address)
    await producer.start()
    for key, value in messages:
        await producer.send_and_wait(topic, value, key=key.encode())
    await producer.stop()


async def answers(broker: Broker, prefix: str) -> list[dict[str, Any]]:
    (messages,) = await read_topic(broker.address, topics.acks(prefix).name, 1)
    return [json.loads(message.value or b"") for message in messages]


async def test_settings_are_followed_and_kept_for_the_next_start(broker: Broker) -> None:
    prefix = unique("fleet")
    at = ("--kafka", broker.address, "--prefix", prefix)
    collector = Collector(broker, prefix)
    async with collector.running():
        done = await shoal("set", "roof", *at, "--filter", "not port 22", "--snaplen", "128")
        assert (done.returncode, done.stdout, done.stderr) == (0, "roof: done\n", "")
        done = await shoal("set", "roof", *at, "--pause")
        assert done.returncode == 0
    both = Change("not port 22", 128, True)
    assert collector.wanted == [Change("not port 22", 128), both]
    assert collector.control.applied == 2

    # A collector of another name takes none of it, one of the same name only the last.
    other, again = Collector(broker, prefix, "cellar"), Collector(broker, prefix)
    async with other.running(), again.running():
        assert (other.wanted, again.wanted) == ([], [both])
        assert (await shoal("set", "roof", *at, "--resume", "--filter", "")).returncode == 0
    assert again.wanted[-1] == Change("", 128, False)
    assert other.wanted == []


async def test_what_a_collector_refuses_is_said(broker: Broker) -> None:
    prefix = unique("fleet")
    at = ("--kafka", broker.address, "--prefix", prefix)
    collector = Collector(broker, prefix)
    async with collector.running():
        collector.wrong = "not a filter: prot 22"
        failed = await shoal("set", "roof", *at, "--filter", "prot 22")
        assert (failed.returncode, failed.stderr) == (1, "shoal: roof refused: not a filter: prot 22\n")
        collector.wrong = RuntimeError("broken")
        failed = await shoal("set", "roof", *at, "--snaplen", "1")
        assert (failed.returncode, failed.stderr) == (1, "shoal: roof refused: RuntimeError: broken\n")
        collector.wrong = None
        assert (await shoal("set", "roof", *at, "--filter", "port 22")).returncode == 0
    assert (collector.control.refused, collector.control.applied) == (2, 1)


async def test_a_collector_that_is_not_there_is_said(broker: Broker) -> None:
    prefix = unique("fleet")
    at = ("--kafka", broker.address, "--prefix", prefix)
    failed = await shoal("set", "roof", *at, "--pause")
    assert failed.returncode == 1
    assert f"no topic {prefix}.control at {broker.address}: no collector has connected there" in failed.stderr
    await ensure_topics(broker.address, topics.fleet_topics(prefix))
    failed = await shoal("set", "roof", *at, "--pause", "--timeout", "0.5")
    assert failed.returncode == 1
    assert "roof has not answered within 0.5 s; the settings stay wanted" in failed.stderr
    failed = await shoal("list", *at)
    assert "no collector was heard of in the last 15 minutes" in failed.stderr
    # It stays wanted.
    collector = Collector(broker, prefix)
    async with collector.running():
        assert collector.wanted == [Change(paused=True)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("set", "roof"), 2, "nothing to change; give --filter, --snaplen, --pause or --resume"),
        (("set", "roof", "--snaplen", "many"), 2, "'many' is not a valid integer range"),
        (("set", "roof", "--pause", "--prefix", "a b"), 2, "'a b' can't begin a topic's name"),
        (("set", "roof", "--pause"), 1, "does not answer"),
        (("list",), 1, "does not answer"),
    ],
)
async def test_bad_usage_and_no_broker_get_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    failed = await shoal(*arguments, "--kafka", f"127.0.0.1:{free_ports()}")
    assert failed.returncode == code
    assert said in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""


async def test_commands_that_are_none_are_counted_and_answered(broker: Broker) -> None:
    prefix = unique("fleet")
    good = Command.new("roof", Change("port 1"))
    collector = Collector(broker, prefix)
    async with collector.running():
        await send(
            broker, topics.control(prefix).name,
            ("roof", b"\xff\x00 no JSON"), ("roof", b"[" * 60_000), ("roof", b"[1]"), ("roof", b'{"id": 5}'),
            ("roof", b'{"id": "a", "sensor": "roof"}'),
            ("roof", b'{"id": "b", "sensor": "roof", "settings": {"colour": "red"}}'),
            ("roof", b'{"id": "c", "sensor": "roof", "settings": {"snaplen": true}}'),
            ("roof", b'{"id": "d", "sensor": "roof", "settings": {"snaplen": -1}}'),
            ("roof", b" " * 100_000), ("roof", None), ("cellar", b"not ours"), ("roof", good.encode()),
        )
        await until(lambda: collector.control.applied == 1)
        assert collector.control.malformed == 9
        assert collector.wanted == [good.settings]
        said = await answers(broker, prefix)
    assert [answer["id"] for answer in said] == ["", "", "", "", "a", "b", "c", "d", "", good.id]
    assert [answer["error"] is None for answer in said] == [False] * 9 + [True]
    assert "'colour' is not known" in said[5]["error"]


async def test_commands_are_followed_after_the_broker_was_away(shaky_broker: Broker) -> None:
    prefix = unique("fleet")
    topic = topics.control(prefix).name
    collector = Collector(shaky_broker, prefix)
    async with collector.running():
        await send(shaky_broker, topic, ("roof", Command.new("roof", Change("one")).encode()))
        await until(lambda: len(collector.wanted) == 1)
        await asyncio.to_thread(shaky_broker.restart)
        await send(shaky_broker, topic, ("roof", Command.new("roof", Change("two")).encode()))
        await until(lambda: len(collector.wanted) == 2)
        assert collector.wanted == [Change("one"), Change("two")]

        async def beats() -> None:
            while not await collector.control.heartbeat({"sensor": "roof"}):
                await asyncio.sleep(0.1)

        await asyncio.wait_for(beats(), 60)


async def test_list_shows_the_last_that_was_heard(broker: Broker) -> None:
    prefix = unique("fleet")
    at = ("--kafka", broker.address, "--prefix", prefix)
    collector = Collector(broker, prefix)
    row = {
        "sensor": "roof", "frame.interface_name": "eth0", "shoal.state": "running", "shoal.filter": "not port 22",
        "shoal.snaplen": 128, "shoal.frames.seen": 10, "shoal.frames.dropped_kernel": 3,
        "shoal.frames.dropped_spool": 4, "shoal.version": "1.2",
    }
    async with collector.running():
        assert await collector.control.heartbeat(row | {"shoal.frames.seen": 9})
        assert await collector.control.heartbeat(row | {"frame.interface_name": "wlan0", "shoal.state": "paused"})
        assert await collector.control.heartbeat(row | {"shoal.version": "1\x1b[2J"})
    await send(broker, topics.sensors(prefix).name, ("x", b"\xff"), ("x", b"[]"), ("x", b"{}"), ("x", None),
               ("a", b'{"sensor": "a", "shoal.frames.seen": "lots"}'))
    listed = await shoal("list", *at)
    assert listed.returncode == 0, listed.stderr
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert lines[0] == ["SENSOR", "INTERFACE", "STATE", "HEARD", "SEEN", "DROPPED", "SNAPLEN", "VERSION", "FILTER"]
    assert lines[1][:3] == ["a", "-", "-"]
    assert lines[2][:3] == ["roof", "eth0", "running"]
    assert lines[2][4:] == ["s", "10", "7", "128", "1?[2J", "not", "port", "22"]
    assert lines[3][:3] == ["roof", "wlan0", "paused"]
    assert len(lines) == 4

    told = [json.loads(line) for line in (await shoal("list", *at, "--json")).stdout.splitlines()]
    assert [each["sensor"] for each in told] == ["a", "roof", "roof"]
    assert told[1] == row | {"shoal.version": "1\x1b[2J", "age": told[1]["age"]}
    assert 0 <= told[1]["age"] < 120
    failed = await shoal("list", *at, "--since", "0")
    assert "no collector was heard of in the last 0 minutes" in failed.stderr


def test_a_command_reads_as_it_was_written() -> None:
    command = Command.new("roof", Change("port 22", 0, False))
    assert Command.decode(command.encode()) == command
    with pytest.raises(BadCommand, match="not JSON"):
        Command.decode(command.encode()[:-1])
