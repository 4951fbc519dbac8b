"""Arrays whose rows begin at cache lines, for state that is looked up at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64


def lines(rows: int, width: int, kind: type[np.generic]) -> NDArray[Any]:
    """Zeros of shape (rows, `width` or more): a row is a whole number of cache lines, or they are of rows."""
    size = np.dtype(kind).itemsize
    row = size * width
    row = -(-row // _LINE) * _LINE if row > _LINE // 2 else 1 << (row - 1).bit_length()
    memory = np.zeros(rows * row + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + rows * row].view(kind).reshape(rows, row // size)
