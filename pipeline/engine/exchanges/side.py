"""One direction of a TCP conversation: its bytes in order, what waits, and what came before its turn."""

from __future__ import annotations

import cython

from pipeline.engine.snapshot import Tree

MOST_HELD = 1 << 20
"""Bytes of a direction that wait behind a hole; more, and the hole is taken as one that is never filled."""
MOST_PIECES = 256
"""Pieces of them, likewise."""

_WORD = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_START = cython.declare(cython.longlong, 1 << 32)

Piece = tuple[int, int, bytes]
"""Start, end, and the bytes from its start: fewer than there are places, where they were cut or are not wanted."""


@cython.cclass
class Side:
    """Places are sequence numbers counted on past their 32 bits.

    `at` is the place expected next, -1 before the first segment. `parts` wait before it, `have` bytes in all. Places
    before `skip` are not wanted. `held` are pieces behind a hole, ascending, none over another; `since` is when the
    first of them came (ns), `acked` the highest place that the other side is known to have acknowledged. `fin` is the
    place where the side ends, -1 as long as that is not known.
    """

    def __init__(self) -> None:
        self.at = -1
        self.parts: list[bytes] = []
        self.have = 0
        self.skip = 0
        self.held: list[Piece] = []
        self.held_bytes = 0
        self.since = 0
        self.acked = -1
        self.fin = -1
        self.closed = False

    def begin(self, sequence: cython.longlong) -> None:
        """The first byte of the side is that of `sequence`."""
        self.at = _START + (sequence & _WORD)

    def place(self, sequence: cython.longlong) -> cython.longlong:
        """The place of a sequence number: the one nearest to `at`."""
        ahead: cython.longlong = (sequence - self.at) & _WORD
        return self.at + ahead if ahead < _HALF else self.at + ahead - _START

    def waiting(self) -> bytes:
        """All that waits before `at`."""
        parts = self.parts
        if len(parts) > 1:
            self.parts = parts = [b"".join(parts)]
        return parts[0] if parts else b""

    def drop(self) -> None:
        """What waits before `at` is gone."""
        self.parts = []
        self.have = 0

    def hold(self, start: cython.longlong, stop: cython.longlong, data: bytes) -> None:
        """Keep what is behind a hole, or over what is kept: of places that were held before, the first bytes stay."""
        held = self.held
        if stop <= self.skip:
            data = b""
        last = len(held) - 1
        if last < 0 or start >= held[last][1]:
            if last >= 0 and start == held[last][1] and stop <= self.skip:
                # Not wanted, both: one piece for all of them.
                held[last] = (held[last][0], stop, b"")
            else:
                held.append((start, stop, data))
                self.held_bytes += len(data)
            return
        pieces: list[Piece] = []
        at = start
        for low, high, _ in held:
            if low >= stop:
                break
            if at < low:
                pieces.append((at, low, data[at - start : low - start]))
            at = max(at, high)
        if at < stop:
            pieces.append((at, stop, data[at - start :]))
        if pieces:
            held += pieces
            held.sort(key=_start_of)
            for _, _, piece in pieces:
                self.held_bytes += len(piece)

    def release(self) -> Piece | None:
        """The piece that stands at `at`, no longer held; None where there is a hole."""
        held = self.held
        if not held or held[0][0] > self.at:
            return None
        start, stop, data = held.pop(0)
        self.held_bytes -= len(data)
        return start, stop, data

    def too_much(self) -> cython.bint:
        """Whether more waits behind a hole than is kept."""
        return self.held_bytes > MOST_HELD or len(self.held) > MOST_PIECES

    def state(self) -> Tree:
        """All that is known."""
        return {
            "at": self.at, "waiting": self.waiting(), "skip": self.skip, "held": [list(p) for p in self.held],
            "since": self.since, "acked": self.acked, "fin": self.fin, "closed": self.closed,
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        waiting = state["waiting"]
        self.at, self.skip, self.since, self.fin = state["at"], state["skip"], state["since"], state["fin"]
        self.parts, self.have, self.closed = [waiting] if waiting else [], len(waiting), state["closed"]
        self.acked = state["acked"]
        self.held = [(start, stop, data) for start, stop, data in state["held"]]
        self.held_bytes = sum(len(piece[2]) for piece in self.held)


def _start_of(piece: Piece) -> int:
    return piece[0]
