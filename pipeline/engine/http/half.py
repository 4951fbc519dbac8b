"""One direction of a conversation that speaks HTTP/1.x: the message that is on its way."""

from __future__ import annotations

import cython

from pipeline.engine.exchanges.outlet import Row
from pipeline.engine.http.message import Message, restored
from pipeline.engine.snapshot import Tree

HEAD, LAST, CHUNK, TRAILER, UNTIL_CLOSED, FRAMES = range(6)
"""What comes next: a head, the last byte of a body, the size of a chunk, the lines behind the last one, a body that
ends with the direction, frames of WebSocket."""

_PLAIN = (
    "base", "blank_frame", "blanks", "body", "broken", "early", "first_frame", "first_time", "head_frame", "interim",
    "junk", "lined", "missing", "mode", "partial", "partial_frame", "told", "whole",
)  # fmt: skip


@cython.cclass
class Half:
    """`first_frame` and `first_time` are those of the message's first byte, 0 before it; `head_frame` that of its
    head's last. `told` says whether Wireshark has shown the message already, `broken` that it will not. `body` counts
    bytes that were sent, `missing` those of head and body that were not captured. `partial` is a head that is not
    whole yet, `base` the begin of a row for the case that the message never ends. `early` says that its row was told
    already. `lined` says whether the first line came in one segment, of WebSocket whether a frame's last byte is
    awaited; `blanks` counts empty lines in `blank_frame`.
    """

    def __init__(self) -> None:
        self.mode = HEAD
        self.junk = 0
        self.blanks = self.blank_frame = 0
        self.reset()

    def reset(self) -> None:
        """The message is done with."""
        self.message: Message | None = None
        self.first_frame = self.first_time = self.head_frame = 0
        self.body = self.missing = self.interim = 0
        self.told = self.broken = self.early = False
        self.whole = True
        self.lined = self.mode != FRAMES
        self.partial = b""
        self.partial_frame = 0
        self.base: Row | None = None
        if self.mode != FRAMES:
            self.mode = HEAD

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        found: Tree = {name: getattr(self, name) for name in _PLAIN}
        found["message"] = self.message.state() if self.message is not None else None
        return found

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        for name, value in state.items():
            if name != "message":
                setattr(self, name, value)
        self.message = restored(state["message"]) if state["message"] is not None else None
