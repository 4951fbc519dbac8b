"""Commands and replies: a row each."""

from __future__ import annotations

from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.tracker import Dialogue
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.notes import Notes
from pipeline.engine.smtp.dialogue import SmtpDialogue
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.smtp import SMTP

MOST_WAITING = 65_536
"""Commands that wait for their reply, of all conversations."""
PATIENCE = 600_000_000_000
"""How long one may wait, ns: what RFC 5321 section 4.5.3.2.6 grants the longest."""


class Smtp:
    """Takes conversations; tells a row of each command with its reply, or when it waited too long for one."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self.out = out
        self.asked = Waiting(notes, out, SMTP, "smtp-forgotten", most=MOST_WAITING, patience=PATIENCE)
        self.count = 0

    def dialogue(self, packet: Packet) -> Dialogue:
        """A conversation that begins, or is first understood, with this frame."""
        found = SmtpDialogue(self)
        found.begin(packet)
        return found

    def restored(self, state: Tree) -> Dialogue:
        """The conversation that a state was taken from."""
        found = SmtpDialogue(self)
        found.restore(state)
        return found

    def tick(self, now: int) -> None:
        """Tell what was asked in vain."""
        self.asked.tick(now)

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        self.asked.finish()

    def state(self) -> Tree:
        """All that is known but the conversations."""
        return {"asked": self.asked.state(), "count": self.count}

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.asked.restore(state["asked"])
        self.count = state["count"]
