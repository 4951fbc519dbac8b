"""Beginnings of SSH connections: a row each."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Dialogue
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.ssh.dialogue import SshDialogue
from pipeline.schema.exchanges.ssh import SSH

MOST_WAITING = 16_384
"""Connections whose beginning is under way."""
PATIENCE = 120_000_000_000
"""How long a beginning may last, ns: what servers grant for a login."""


class Ssh:
    """Takes conversations; tells a row of each beginning, when both sides are encrypted or no more comes."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self.out = out
        self.begun = Waiting(notes, out, SSH, "ssh-forgotten", most=MOST_WAITING, patience=PATIENCE)
        self.count = 0

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""
        found = SshDialogue(self)
        found.begin(packet)
        return found

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
        found = SshDialogue(self)
        found.restore(state)
        return found

    def tick(self, now: int) -> None:
        """Tell what takes too long."""
        self.begun.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self.begun.finish()

    def state(self) -> Tree:
        """All that is known but the conversations."""
        return {"begun": self.begun.state(), "count": self.count}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.begun.restore(state["begun"])
        self.count = state["count"]
