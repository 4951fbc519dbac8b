"""What a check of a payload may know besides its bytes."""

from __future__ import annotations

from typing import Any

MOST_NOTES = 64
"""Things remembered of a conversation under one heading, such as calls without a reply."""


class Look:
    """What a check may know besides the bytes: ports, the wire's length of the payload, the side that sent it (0 or 1),
    and `memo`, which is the conversation's own and lasts."""

    __slots__ = ("dstport", "memo", "side", "size", "srcport")

    def __init__(self) -> None:
        self.srcport = self.dstport = self.size = self.side = 0
        self.memo: dict[str, Any] = {}

    def note(self, heading: str, key: int, value: Any) -> None:
        """Remember `value` for `key` under `heading`; the oldest is forgotten for one too many."""
        notes = self.memo.setdefault(heading, {})
        if len(notes) >= MOST_NOTES:
            del notes[next(iter(notes))]
        notes[str(key)] = value

    def noted(self, heading: str, key: int) -> Any:
        """What was remembered for `key`, or None."""
        return self.memo.get(heading, {}).get(str(key))
