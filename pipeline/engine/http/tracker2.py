"""HTTP/2 in clear, begun by its preface or by an upgrade."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.http.http2 import Http2Dialogue
from pipeline.engine.http.rows import Teller
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree

MOST_DIALOGUES = 4096
"""Conversations at a time, each of which has tables of headers."""


class Http2:
    """Tells a row of each stream. What waits is known to the conversations."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._teller = Teller(notes, out)
        self._passed = 0

    def dialogue(self, packet: Packet) -> Http2Dialogue:
        """A conversation that begins."""
        self._teller.dialogues += 1
        if self._teller.dialogues > MOST_DIALOGUES:
            self._passed += 1
            self._notes.note("http2-conversations-passed-over", packet.row, self._passed)
            packet.leave()
        return Http2Dialogue(self._teller)

    def restored(self, state: Tree) -> Http2Dialogue:
        """The conversation that `state` was taken from."""
        found = Http2Dialogue(self._teller)
        found.restore(state)
        return found

    def tick(self, now: int) -> None:
        """Conversations that are silent end by themselves."""

    def finish(self, now: int) -> None:
        """Conversations end by themselves."""

    def state(self) -> Tree:
        """All that is known besides the conversations."""
        return {"forgotten": self._teller.count, "dialogues": self._teller.dialogues, "passed": self._passed}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._teller.count, self._teller.dialogues = state["forgotten"], state["dialogues"]
        self._passed = state["passed"]
