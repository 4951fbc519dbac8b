"""The worker against a real broker and a served database: its rows are those of `shoal import`, whatever happens."""

from __future__ import annotations

import random
import signal
import time

from pipeline.schema.message import LAYOUT
from tests.worker.publish import Sent
from tests.worker.stage import Digests, Stage, offsets, send, slices, wait_until


def test_two_workers_store_what_an_import_stores(
    played: Stage, sent: list[Sent], imported: Digests
) -> None:
    assert imported["packets"][0] > 1000
    played.worker("--checkpoint", "0.5")
    played.worker("--checkpoint", "0.5")
    send(played, sent)
    wait_until(lambda: played.holds(imported), "the rows of the import")
    # What a collector sends again that was started anew.
    send(played, sent[: len(sent) // 2])
    assert [worker.end() for worker in played.workers] == [0, 0]
    assert offsets(played) >= len(sent)
    send(played, sent[len(sent) // 2 :])
    last = played.worker("--checkpoint", "0.5")
    wait_until(lambda: offsets(played) >= 2 * len(sent), "a checkpoint behind all messages")
    assert played.holds(imported)
    assert not last.said(f"{LAYOUT}/0: no checkpoint")


def test_a_worker_more_and_one_less(played: Stage, sent: list[Sent], imported: Digests) -> None:
    pieces = slices(sent, 3)
    played.worker("--checkpoint", "0.5")
    send(played, pieces[0])
    other = played.worker("--checkpoint", "0.5")
    send(played, pieces[1])
    wait_until(lambda: other.said("partitions assigned: worker"), "partitions of the second worker")
    assert played.workers[0].end() == 0
    send(played, pieces[2])
    wait_until(lambda: played.holds(imported), "the rows of the import")


def test_workers_that_are_killed(played: Stage, sent: list[Sent], imported: Digests) -> None:
    chance = random.Random(1)
    played.worker("--checkpoint", "0.2")
    for piece in slices(sent, 3):
        send(played, piece)
        time.sleep(chance.uniform(0, 2.5))
        played.workers[-1].end(signal.SIGKILL)
        played.worker("--checkpoint", "0.2", ready=False)
    wait_until(lambda: played.holds(imported), "the rows of the import")
    time.sleep(1)
    assert played.holds(imported)


def test_a_database_that_goes_and_comes(played: Stage, sent: list[Sent], imported: Digests) -> None:
    pieces = slices(sent, 3)
    worker = played.worker("--checkpoint", "0.2")
    send(played, pieces[0])
    wait_until(lambda: offsets(played), "a checkpoint")
    played.served.stop(signal.SIGKILL)
    send(played, pieces[1])
    wait_until(lambda: worker.said("ClickHouse is away"), "the worker to notice")
    played.served.start()
    send(played, pieces[2])
    played.served.stop()
    played.served.start()
    wait_until(lambda: played.holds(imported), "the rows of the import")
    assert worker.end() == 0


def test_a_worker_that_was_halted_does_no_harm(played: Stage, sent: list[Sent], imported: Digests) -> None:
    pieces = slices(sent, 2)
    halted = played.worker("--checkpoint", "0.5")
    send(played, pieces[0])
    time.sleep(0.5)
    halted.process.send_signal(signal.SIGSTOP)
    send(played, pieces[1])
    played.worker()
    wait_until(lambda: played.holds(imported), "the rows of the import, by the other worker")
    halted.process.send_signal(signal.SIGCONT)
    wait_until(lambda: halted.said("revoked"), "the halted worker to notice")
    time.sleep(1)
    assert played.holds(imported)
    assert halted.end() == 0
