"""What collectors tell of themselves, as rows: JSON objects whose keys are the columns' names. A message is a heartbeat
(`sensors`), or by its header what became of a capture (`capture_states`).

Texts are strings, values of an enumeration its words, all else whole numbers: times and durations in nanoseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.agents.groups import CLOSE, KIND, SPAN_MS, Group, Message
from pipeline.agents.inserts import Encoder
from pipeline.agents.rows import columns_of
from pipeline.agents.work import DeadLetter, Outcome
from pipeline.engine.snapshot import SnapshotError
from pipeline.schema.columns import Columns
from pipeline.schema.message import MessageError
from pipeline.schema.sensors import RECORD, SENSORS
from pipeline.schema.tables import CAPTURE_STATES

MOST_BYTES = 64 << 10
"""Longest heartbeat."""
_REQUIRED = ("sensor", "capture", "shoal.time", "frame.interface_name")
_KNOWN = frozenset(column.name for column in SENSORS.stored)
_REQUIRED_OF_CAPTURE = ("sensor", "capture", "shoal.state", "shoal.imported")
_MOST_NAME = 1024


class Heartbeats:
    """The messages of the sensors' topic. Nothing is remembered from one to the next."""

    span_ms = SPAN_MS

    def __init__(self) -> None:
        self._encoder = Encoder()

    def process(self, group: Group) -> Iterator[Outcome]:
        """The next group, in one piece."""
        outcome = Outcome()
        for message in group.messages:
            if message.header(KIND) == CLOSE:
                continue
            try:
                if message.header(RECORD) == CAPTURE_STATES.name.encode():
                    columns = _captured(_told(message))
                    labels = {name: str(columns.labels[name]) for name in ("sensor", "capture")}
                    outcome.blocks.append(self._encoder.encode(columns, **labels))
                    continue
                columns = _heartbeat(_told(message))
            except (MessageError, ValueError, RecursionError) as error:
                outcome.dead.append(DeadLetter(message, "invalid", str(error)))
                continue
            outcome.blocks.append(self._encoder.encode(columns))
        yield outcome

    def snapshot(self) -> bytes:
        """Nothing."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Nothing. Raises SnapshotError where it was something."""
        if snapshot:
            raise SnapshotError("a snapshot of something else")


def _told(message: Message) -> dict[str, Any]:
    """The JSON object of a message. Raises MessageError and ValueError for what is none."""
    if len(message.value) > MOST_BYTES:
        raise MessageError(f"{len(message.value)} bytes are more than the {MOST_BYTES} of a heartbeat")
    told: Any = json.loads(message.value)
    if not isinstance(told, dict):
        raise MessageError("no JSON object")
    return told


def _require(told: dict[str, Any], names: tuple[str, ...]) -> None:
    missing = [name for name in names if not told.get(name)]
    if missing:
        raise MessageError(f"{', '.join(missing)} is missing")


def _heartbeat(told: dict[str, Any]) -> Columns:
    """A heartbeat as a batch of one row. Raises MessageError and ValueError for what is none."""
    _require(told, _REQUIRED)
    # What a newer collector tells besides has no column here.
    return columns_of(SENSORS, [{name: value for name, value in told.items() if name in _KNOWN}])


def _captured(told: dict[str, Any]) -> Columns:
    """What became of a capture, as a batch of one row. Raises MessageError and ValueError for what is none."""
    _require(told, _REQUIRED_OF_CAPTURE)
    columns = columns_of(CAPTURE_STATES, [told])
    for name in ("sensor", "capture"):
        if not isinstance(told[name], str) or len(told[name]) > _MOST_NAME:
            raise MessageError(f"{name} is no text, or a very long one")
        columns.labels[name] = told[name]
    lists = columns.lists["linktypes"]
    types = told.get("shoal.file.linktypes", [])
    if not isinstance(types, list) or len(types) > lists.group.most:
        raise MessageError("shoal.file.linktypes is no list, or too long")
    if not all(type(each) is int and 0 <= each <= 0xFFFF for each in types):
        raise MessageError("shoal.file.linktypes holds what is no link type")
    lists.offsets[1] = len(types)
    lists.values(lists.group.columns[0], 1)[:] = types
    return columns
