"""Where the counts of `COUNTS` stand: in words of 32 and of 64 bits, in the order in which the records declare them.

A part has the words of side a, of side b, and its own; an entity those of the whole, and of what it sent.
"""

from __future__ import annotations

from pipeline.schema.columns import Slots
from pipeline.schema.windows import COUNTS, MARKS, PARTS, WINDOWS

SPLIT = tuple(c.name for c in COUNTS if c.split and c.kind == "u32")
"""Counts of 32 bits that each side has."""
SPLIT_LONG = tuple(c.name for c in COUNTS if c.split and c.kind == "u64")
"""Those of 64 bits."""
OWN = tuple(c.name for c in COUNTS if not c.split and c.kind == "u32")
"""Counts of 32 bits that no side has."""
OWN_LONG = tuple(c.name for c in COUNTS if not c.split and c.kind == "u64")
"""Those of 64 bits."""
WORDS = 2 * len(SPLIT) + len(OWN)
"""Words of 32 bits, of a part and of an entity."""
LONGS = 2 * len(SPLIT_LONG) + len(OWN_LONG)
"""Words of 64 bits, of a part and of an entity."""


def word(name: str) -> int:
    """The place of a count of 32 bits: of side a (side b's stands `len(SPLIT)` later), or a part's own."""
    return SPLIT.index(name) if name in SPLIT else 2 * len(SPLIT) + OWN.index(name)


def long(name: str) -> int:
    """The place of a count of 64 bits: of side a (side b's stands `len(SPLIT_LONG)` later), or a part's own."""
    return SPLIT_LONG.index(name) if name in SPLIT_LONG else 2 * len(SPLIT_LONG) + OWN_LONG.index(name)


MARK = word(MARKS[0])
"""The place of the first of Wireshark's marks; the others follow by their bits."""


def _run(slots: list[int]) -> int:
    """The first of slots that follow each other. Raises ValueError where they don't."""
    if slots != list(range(slots[0], slots[0] + len(slots))):
        raise ValueError("the counts of a record do not stand in the order of COUNTS")
    return slots[0]


def _bare(name: str) -> str:
    return next(c.bare for c in COUNTS if c.name == name)


_parts, _windows = Slots(PARTS), Slots(WINDOWS)
PART_WORDS = _run([
    *(_parts.u32(f"shoal.{side}.{_bare(name)}") for side in "ab" for name in SPLIT), *map(_parts.u32, OWN),
])  # fmt: skip
"""Slot of a part's first word among the columns of 32 bits of `PARTS`; the others follow."""
PART_LONGS = _run([
    *(_parts.u64(f"shoal.{side}.{_bare(name)}") for side in "ab" for name in SPLIT_LONG), *map(_parts.u64, OWN_LONG),
])  # fmt: skip
"""Slot of its first word of 64 bits."""
WINDOW_WORDS = _run([
    *map(_windows.u32, (*SPLIT, *OWN)), *(_windows.u32(f"shoal.sent.{_bare(name)}") for name in SPLIT),
])  # fmt: skip
"""Slot of an entity's first word among the columns of 32 bits of `WINDOWS`: the whole, then what it sent."""
WINDOW_LONGS = _run([
    *map(_windows.u64, (*SPLIT_LONG, *OWN_LONG)), *(_windows.u64(f"shoal.sent.{_bare(name)}") for name in SPLIT_LONG),
])  # fmt: skip
"""Slot of its first word of 64 bits."""
