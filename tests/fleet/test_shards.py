"""The same capture gives the same rows with one shard or many, in any batches, with engines set up anew, or twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipeline.engine.shard import Shard
from pipeline.engine.snapshot import pack, unpack
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.message import decode
from tests.engine.test_determinism import capture  # noqa: F401 (a fixture)
from tests.fleet.shards import Rows, messages, through


@pytest.fixture(scope="module")
def expected(capture: Path) -> Rows:  # noqa: F811
    return through(capture, 1, 65_536)


@pytest.mark.parametrize(("shards", "batch_rows"), [(1, 500), (4, 4096), (4, 333), (16, 2000)])
def test_shards_and_batches(capture: Path, expected: Rows, shards: int, batch_rows: int) -> None:  # noqa: F811
    found = through(capture, shards, batch_rows)
    assert found.sorted() == expected.sorted()
    assert len(found.packets) > 4000
    assert len(found.flows) > 100


def test_snapshots_between_messages(capture: Path, expected: Rows) -> None:  # noqa: F811
    rng = random.Random(5)

    def replaced(shard: Shard, rows: Rows) -> Shard:
        if rng.random() < 0.5:
            return shard
        other = rows.shard()
        other.restore(unpack(pack(shard.state())))
        return other

    assert through(capture, 3, 1000, replaced).sorted() == expected.sorted()


def test_a_message_again_changes_nothing(capture: Path) -> None:  # noqa: F811
    """A collector that begins anew sends the same frames again, in batches of other sizes perhaps."""
    once, again = Rows(), Rows()
    columns = Columns(PACKETS, 5000)
    for rows, runs in ((once, [700]), (again, [900, 700, 500])):
        shard = rows.shard()
        for batch_rows in runs:
            # All but the last run are cut short, each a little later.
            for head, value in list(messages(capture, 1, batch_rows))[: 10 if batch_rows != runs[-1] else None]:
                if value:
                    shard.take(head, columns, *decode(value, columns, shard.upto))
                    rows.packets.update({int(n): {} for n in columns.values("frame.number")})
        shard.finish()
    assert again.sorted() == once.sorted()


def test_a_gap_is_told(capture: Path) -> None:  # noqa: F811
    rows, columns = Rows(), Columns(PACKETS, 5000)
    shard = rows.shard()
    sent = [(head, value) for head, value in messages(capture, 1, 700) if value]
    for head, value in (*sent[:2], *sent[4:6], *sent[7:8]):
        shard.take(head, columns, *decode(value, columns, shard.upto))
    gaps = [(row["shoal.event.frame"], row["shoal.event.count"]) for row in rows.events]
    heads = [head for head, _ in sent]
    first, second = heads[4].first - 1 - heads[1].last, heads[7].first - 1 - heads[5].last
    assert gaps == [(heads[1].last + 1, first), (heads[5].last + 1, second)]
