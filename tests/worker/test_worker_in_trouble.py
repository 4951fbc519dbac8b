"""A worker whose broker dies, whose checkpoints are damaged, whose topic is another one, and that is stuck."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from collectors.publish.topics import ensure_topics
from pipeline.agents.watchdog import EXIT_STUCK
from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from tests.collector.cable import bulk
from tests.worker.publish import Sent, messages
from tests.worker.stage import Digests, Stage, offsets, send, slices, wait_until

QUICK = ("--checkpoint", "0.2")


def test_a_broker_that_is_killed_under_a_worker(shaky: Stage, sent: list[Sent], imported: Digests) -> None:
    pieces = slices(sent, 2)
    worker = shaky.worker(*QUICK)
    send(shaky, pieces[0])
    wait_until(lambda: offsets(shaky), "a checkpoint")
    shaky.broker.kill()
    wait_until(lambda: worker.said("Kafka does not answer"), "the worker to notice")
    shaky.broker.start()
    send(shaky, pieces[1])
    wait_until(lambda: shaky.holds(imported), "the rows of the import")
    wait_until(lambda: worker.said("Kafka answers again"), "the worker to say so")
    assert worker.end() == 0
    lines = worker.log.read_text().splitlines()
    assert sum("Kafka does not answer" in line for line in lines) == 1
    assert len(lines) < 100


def test_a_broker_that_dies_while_a_worker_starts(shaky: Stage) -> None:
    worker = shaky.worker(ready=False)
    until = time.monotonic() + 60
    while not worker.said(" begins: Kafka") and time.monotonic() < until:
        time.sleep(0.001)
    # It has seen the topics, and is about to connect for good.
    worker.process.send_signal(signal.SIGSTOP)
    shaky.broker.kill()
    worker.process.send_signal(signal.SIGCONT)
    time.sleep(1)
    shaky.broker.start()
    wait_until(lambda: worker.said("partitions assigned") or worker.process.poll() is not None, "an assignment")
    assert worker.end() == 0
    assert not worker.said("Traceback")


def test_what_waits_is_fetched_once(played: Stage, tmp_path: Path) -> None:
    frames = bulk(tmp_path / "bulk.pcap", 40_000, conversations=1)
    worker = played.worker()
    os.kill(played.served.pid, signal.SIGSTOP)
    # More than may wait, in one partition, which is paused while more of it is on the way.
    send(played, list(messages(tmp_path / "bulk.pcap", batch_rows=256)))
    time.sleep(3)
    os.kill(played.served.pid, signal.SIGCONT)
    wait_until(lambda: played.served.ask("SELECT count() AS n FROM packets") == [{"n": frames}], "all rows")
    assert not worker.said("reading on")
    assert worker.end() == 0


def damage(played: Stage, newest: int, bit: int) -> None:
    """Flips a bit amid each of the newest checkpoints of each partition of the packets."""
    topic = topics.packets(played.prefix, LAYOUT).name
    at = "intDiv(length(shoal.data), 2)"
    flipped = f"concat(substring(shoal.data, 1, {at}), char(bitXor(ascii(substring(shoal.data, {at} + 1, 1)), {bit})), "
    flipped += f"substring(shoal.data, {at} + 2))"
    played.served.ask(
        f"ALTER TABLE checkpoints UPDATE `shoal.data` = {flipped} WHERE shoal.topic = '{topic}' AND (shoal.partition,"
        " shoal.offset) IN (SELECT shoal.partition, shoal.offset FROM checkpoints ORDER BY shoal.offset DESC"
        f" LIMIT {newest} BY shoal.topic, shoal.partition) SETTINGS mutations_sync = 1"
    )


def test_checkpoints_that_are_damaged(played: Stage, sent: list[Sent], imported: Digests) -> None:
    pieces = slices(sent, 4)
    first = played.worker(*QUICK)
    send(played, pieces[0])
    wait_until(lambda: offsets(played) >= len(pieces[0]), "a checkpoint behind all messages")
    send(played, pieces[1])
    wait_until(lambda: offsets(played) >= 2 * len(pieces[0]), "a checkpoint behind all messages")
    assert first.end() == 0
    damage(played, newest=1, bit=1)
    second = played.worker(*QUICK)
    send(played, pieces[2])
    wait_until(lambda: offsets(played) >= 3 * len(pieces[0]), "a checkpoint behind all messages")
    assert second.end() == 0
    log = second.log.read_text()
    assert log.count("is damaged, an older one is taken") == 4
    # Those of windows and heartbeats may have had nothing yet that was worth one.
    assert not any(second.said(f"{LAYOUT}/{k}: no checkpoint, reading from the first offset, 0") for k in range(4))
    damage(played, newest=9, bit=2)
    third = played.worker(*QUICK)
    send(played, pieces[3])
    wait_until(lambda: played.holds(imported), "the rows of the import")
    assert third.end() == 0
    assert played.holds(imported)
    assert all(third.said(f"{LAYOUT}/{k}: no checkpoint, reading from the first offset, 0") for k in range(4))


async def _made_anew(played: Stage) -> None:
    topic = topics.packets(played.prefix, LAYOUT)
    admin = AIOKafkaAdminClient(bootstrap_servers=played.broker.address)
    await admin.start()
    try:
        await admin.delete_topics([topic.name])
        while topic.name in await admin.list_topics():
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
    await ensure_topics(played.broker.address, [topic])


def test_a_topic_that_was_wiped_and_made_anew(played: Stage, sent: list[Sent], imported: Digests) -> None:
    # What a capture sends goes to one log or the other, so that a worker needs nothing of the first to go on.
    first_half = sorted({dict(one.headers)["capture"] for one in sent})[::2]
    old = [one for one in sent if dict(one.headers)["capture"] in first_half]
    new = [one for one in sent if dict(one.headers)["capture"] not in first_half]
    first = played.worker(*QUICK)
    send(played, old)
    wait_until(lambda: offsets(played) >= len(old), "a checkpoint behind all messages")
    assert first.end() == 0
    asyncio.run(_made_anew(played))
    send(played, new)
    second = played.worker(*QUICK)
    wait_until(lambda: played.holds(imported), "the rows of the import")
    assert second.end() == 0
    assert second.said("is of another log than this")


def test_a_worker_that_is_stuck_ends_to_be_started_again(played: Stage, sent: list[Sent], imported: Digests) -> None:
    worker = played.worker(*QUICK, "--stuck", "5")
    send(played, sent[:1])
    wait_until(lambda: played.served.ask("SELECT count() AS n FROM packets")[0]["n"], "rows")
    # A database that is halted takes an insert, and never answers.
    os.kill(played.served.pid, signal.SIGSTOP)
    try:
        send(played, sent[1:])
        assert worker.process.wait(60) == EXIT_STUCK
    finally:
        os.kill(played.served.pid, signal.SIGCONT)
    assert worker.said("stuck, to be started again")
    played.worker(*QUICK)
    wait_until(lambda: played.holds(imported), "the rows of the import")
