"""Heartbeats of collectors as rows of `sensors`: JSON objects, a heartbeat each, its keys being the columns' names.

Texts are strings, values of an enumeration its words, all else whole numbers: times and durations in nanoseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.agents.groups import CLOSE, KIND, Group, Message
from pipeline.agents.inserts import Encoder
from pipeline.agents.rows import columns_of
from pipeline.agents.work import DeadLetter, Outcome
from pipeline.engine.snapshot import SnapshotError
from pipeline.schema.columns import Columns
from pipeline.schema.message import MessageError
from pipeline.schema.sensors import SENSORS

MOST_BYTES = 64 << 10
"""Longest heartbeat."""
_REQUIRED = ("sensor", "capture", "shoal.time", "frame.interface_name")
_KNOWN = frozenset(column.name for column in SENSORS.stored)


class Heartbeats:
    """The messages of the sensors' topic. Nothing is remembered from one to the next."""

    def __init__(self) -> None:
        self._encoder = Encoder()

    def process(self, group: Group) -> Iterator[Outcome]:
        """The next group, in one piece."""
        outcome = Outcome()
        for message in group.messages:
            if message.header(KIND) == CLOSE:
                continue
            try:
                columns = _columns(message)
            except (MessageError, ValueError, RecursionError) as error:
                outcome.dead.append(DeadLetter(message, "invalid", str(error)))
                continue
            outcome.blocks.append(self._encoder.encode(columns, "shoal.time"))
        yield outcome

    def snapshot(self) -> bytes:
        """Nothing."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Nothing. Raises SnapshotError where it was something."""
        if snapshot:
            raise SnapshotError("a snapshot of something else")


def _columns(message: Message) -> Columns:
    """A heartbeat as a batch of one row. Raises MessageError and ValueError for what is none."""
    if len(message.value) > MOST_BYTES:
        raise MessageError(f"{len(message.value)} bytes are more than the {MOST_BYTES} of a heartbeat")
    told: Any = json.loads(message.value)
    if not isinstance(told, dict):
        raise MessageError("no JSON object")
    missing = [name for name in _REQUIRED if not told.get(name)]
    if missing:
        raise MessageError(f"{', '.join(missing)} is missing")
    # What a newer collector tells besides has no column here.
    return columns_of(SENSORS, [{name: value for name, value in told.items() if name in _KNOWN}])
