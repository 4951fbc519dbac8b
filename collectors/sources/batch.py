"""The arrays of a `Frames` while a scan fills them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collectors.sources import scan
from collectors.sources.frames import NO_INTERFACE, Frames

_COMPILED = not scan.__file__.endswith(".py")


def cells(array: NDArray[Any]) -> Any:
    """`array` as the scan takes it: the uncompiled scan wants Python's own integers."""
    return array if _COMPILED else array.data


class Batch:
    """Rows for up to `capacity` frames; `rows` of them are taken."""

    def __init__(self, capacity: int) -> None:
        self.offset = np.empty(capacity, np.int64)
        self.cap_len = np.empty(capacity, np.uint32)
        self.length = np.empty(capacity, np.uint32)
        self.time = np.empty(capacity, np.int64)
        self.interface = np.full(capacity, NO_INTERFACE, np.uint16)
        self.linktype = np.empty(capacity, np.uint16)
        self.flags = np.empty(capacity, np.uint32)
        self.flagged = False
        """Whether any row has flags; without, they are not filled by every form."""
        self.rows = 0

    def frames(self, buffer: memoryview, first: int) -> Frames:
        """The rows taken, over `buffer`; `first` is the number of the first frame."""
        n = self.rows
        return Frames(
            buffer, _first(self.offset, n), _first(self.cap_len, n), _first(self.length, n), _first(self.time, n),
            _first(self.interface, n), _first(self.linktype, n), first, _first(self.flags, n) if self.flagged else None,
        )  # fmt: skip


def _first(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """The first `rows` cells; copied where they are few, so that they don't keep a large array."""
    return array[:rows] if 2 * rows > len(array) else array[:rows].copy()
