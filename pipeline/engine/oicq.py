"""OICQ: messages of QQ's messenger over UDP, and their answers.

A message is the byte 2, version, command and sequence number (16 bits each), and 32 bits that are the user's QQ number;
what follows is encrypted. An answer repeats command and sequence number.
"""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.oicq import OICQ, OICQ_COMMANDS

PORT = 8000
MOST_WAITING = 65_536
"""Messages that wait for their answer."""
PATIENCE = 60_000_000_000
"""How long one may wait, ns."""

_PUSHED = frozenset({23, 128})
"""Commands that a server sends by itself."""


class Oicq:
    """Takes datagrams; tells a row of each message with its answer."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._out = out
        self._asked = Waiting(notes, out, OICQ, "oicq-forgotten", most=MOST_WAITING, patience=PATIENCE)

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        if len(data) < 5 or data[0] != 2:
            return False
        command = data[3] << 8 | data[4]
        if command not in OICQ_COMMANDS:
            return False
        packet.name("OICQ")
        found = [("oicq.version", 1, 3), ("oicq.command", 3, 5), ("oicq.seq", 5, 7), ("oicq.qqid", 7, 11)]
        values = {name: int.from_bytes(data[at:end], "big") for name, at, end in found if end <= len(data)}
        if self._out.tells:
            packet.detail("oicq.flag", 2)
            for name, value in values.items():
                packet.detail(name, value)
        if self._out.stores and "oicq.qqid" in values:
            self._message(packet, values)
        return True

    def _message(self, packet: Packet, values: dict[str, int]) -> None:
        command = values["oicq.command"]
        key = (packet.flow, command, values["oicq.seq"])
        waiting = self._asked.get(key)
        from_server = packet.ports[0] == PORT
        if waiting is not None and packet.side != waiting["side"]:
            row = self._asked.take(key) or waiting
            row["shoal.response_frame"] = packet.frame
            row["shoal.response_time"] = packet.time - row["shoal.first_time"]
            self._out.row(OICQ, row)
            return
        if waiting is not None:
            waiting["shoal.oicq.repeats"] += 1
            return
        row = packet.exchange(OICQ, reverse=from_server)
        row.update(values)
        row["shoal.oicq.command"] = OICQ_COMMANDS[command].strip()
        if from_server and command not in _PUSHED:
            row["shoal.response_frame"] = packet.frame
            self._out.row(OICQ, row)
            return
        row["shoal.request_frame"], row["shoal.oicq.repeats"] = packet.frame, 0
        row["side"] = packet.side
        self._asked.put(key, row, packet.row)

    def tick(self, now: int) -> None:
        """Tell what was sent in vain."""
        self._asked.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self._asked.finish()

    def state(self) -> Tree:
        """All that is known."""
        return {"asked": self._asked.state()}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._asked.restore(state["asked"])
