"""What collectors tell of themselves becomes rows; what is none of it is a dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.agents.groups import Group, Message
from pipeline.agents.heartbeats import Heartbeats
from pipeline.agents.work import Outcome
from pipeline.schema.sensors import RECORD
from pipeline.schema.tables import CAPTURE_STATES
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.native import stored_columns

NOW = 1_795_000_000 * 10**9
BEAT = {"sensor": "s", "capture": "c", "shoal.time": NOW, "frame.interface_name": "eth0", "shoal.state": "running",
        "shoal.frames.seen": 7, "not.known": 1}  # fmt: skip
STATE = {"sensor": "s", "capture": "c", "shoal.state": "complete", "shoal.file.name": "a.pcap", "shoal.first_time": NOW,
         "shoal.last_time": NOW, "shoal.frames": 5, "shoal.imported": NOW,
         "shoal.file.linktypes": [1, 127]}  # fmt: skip
OF_CAPTURE = ((RECORD, CAPTURE_STATES.name.encode()),)


def outcome(*told: tuple[dict[str, Any] | bytes, tuple[tuple[str, bytes], ...]]) -> Outcome:
    """What becomes of a group of messages."""
    messages = [
        Message("t", 0, k, 1, headers, of if isinstance(of, bytes) else json.dumps(of).encode())
        for k, (of, headers) in enumerate(told)
    ]
    (found,) = Heartbeats().process(Group(messages))
    return found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "db").open(create=True) as opened:
        migrate(opened)
        yield opened


def test_rows_of_both_tables(database: Database) -> None:
    found = outcome((BEAT, ()), (STATE, OF_CAPTURE))
    assert not found.dead
    for block in found.blocks:
        insert = database.insert(block.record.name, stored_columns(block.record))
        insert.append(block.data)
        insert.finish()
    (beat,) = database.rows("SELECT sensor, shoal.frames.seen AS seen, shoal.frames.missing AS missing FROM fleet")
    assert beat == {"sensor": "s", "seen": 7, "missing": 7}
    (state,) = database.rows("SELECT sensor, capture, shoal.frames AS frames, shoal.file.linktypes AS types,"
                             " toUnixTimestamp(shoal.last_time) AS last FROM captures")
    assert state == {"sensor": "s", "capture": "c", "frames": 5, "types": [1, 127], "last": NOW // 10**9}


@pytest.mark.parametrize(("told", "headers", "said"), [
    (b"{", (), "Expecting"), ([1], (), "no JSON object"), (BEAT | {"sensor": ""}, (), "sensor is missing"),
    (BEAT | {"shoal.frames.seen": -1}, (), "no number"), (STATE | {"capture": 5}, OF_CAPTURE, "capture is no text"),
    (STATE | {"shoal.file.linktypes": [70_000]}, OF_CAPTURE, "link type"),
    (STATE | {"shoal.file.linktypes": [1] * 65}, OF_CAPTURE, "too long"), (BEAT, OF_CAPTURE, "is missing"),
])  # fmt: skip
def test_what_is_none_is_a_dead_letter(told: Any, headers: tuple[tuple[str, bytes], ...], said: str) -> None:
    found = outcome((told, headers), (BEAT, ()))
    assert len(found.blocks) == 1
    (letter,) = found.dead
    assert letter.reason == "invalid"
    assert said in letter.said
