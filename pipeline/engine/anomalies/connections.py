"""Sightings of what `Segments` finds: `ttl-jump`, `rst-injection`, `mtu-black-hole`."""

from __future__ import annotations

from pipeline.engine.anomalies import words
from pipeline.engine.anomalies.detector import Batch
from pipeline.engine.anomalies.segments import Segments
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.engine.turns import SIDE


class Connections:
    """A detector: TCP connections whose segments do not fit."""

    def __init__(self, notes: Notes) -> None:
        self._segments = Segments()

    def process(self, batch: Batch) -> None:
        """Take the rows of the next batch."""
        self._segments.process(batch.columns, batch.numbers, batch.turns)
        for kind, row, frame, time, side, more in self._segments.found:
            sender, receiver = batch.addresses(row)
            if batch.turns[row] & SIDE != side:
                sender, receiver = receiver, sender
            stream = int(batch.columns.values("tcp.stream")[row])
            batch.see(words.KINDS[kind], row, f"{sender} > {receiver}", _said(kind, sender, receiver, frame, more),
                      f"tcp.stream == {stream}", frame=frame, time=time)

    def state(self) -> Tree:
        """All that is known."""
        state: Tree = self._segments.state()
        return state

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._segments.restore(state)


def _said(kind: int, sender: str, receiver: str, frame: int, more: int) -> str:
    if kind == words.TTL_JUMP:
        return (f"Frame {frame} of {sender} to {receiver} has TTL {more & 0xFF}, "
                f"those before and behind it {more >> 8}")
    if kind == words.BLACK_HOLE:
        return (f"A segment of {more & 0xFFFF} bytes of {sender} to {receiver} was sent again {more >> 16} times, "
                "and only smaller ones pass")
    why = [text for bit, text in (
        (words.ODD_TTL, "has the TTL of another path"), (words.ODD_NUMBER, "has a number it would not use"),
        (words.GUESSED, "is one of several guesses"),
    ) if more & bit]  # fmt: skip
    rest = "" if more & words.GUESSED else ", and it went on"
    return f"The reset of {sender} to {receiver} in frame {frame} {' and '.join(why) or 'seems its own'}{rest}"
