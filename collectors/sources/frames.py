"""`Frames`: a run of captured frames, as every source hands them on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_INTERFACE = 0xFFFF
"""In `Frames.interface`: the source does not tell."""
NO_FLAGS = 0xFFFFFFFF
"""In `Frames.flags`: the source does not tell."""
FLAGS_OF_PKTTYPE = np.full(256, NO_FLAGS, np.uint32)
"""`sll_pkttype` of packet(7) (0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 outgoing) to `Frames.flags`."""
FLAGS_OF_PKTTYPE[:5] = (1 | 1 << 2, 1 | 3 << 2, 1 | 2 << 2, 1 | 4 << 2, 2)


@dataclass(slots=True)
class Frames:
    """Up to 65,536 frames in the order captured.

    `buffer` holds the bytes (headers of the file format between the frames do no harm). Arrays of shape (n,):
    `offset` int64 and `cap_len` uint32 (bytes) say where each frame stands in `buffer`; `length` uint32 is its
    length on the wire; `time` int64 is nanoseconds since 1970 UTC; `interface` uint16 counts interfaces of the
    section (`NO_INTERFACE` for a format that has none); `linktype` uint16 is a LINKTYPE_ number. `first` is the number
    of the first frame, from 1. `flags` uint32 is what pcapng calls epb_flags (draft-ietf-opsawg-pcapng, 4.3.1), for
    live frames too: direction in bits 0 and 1 (1 in, 2 out), in bits 2 to 4 to whom (1 us, 2 multicast, 3 broadcast, 4
    another host); `NO_FLAGS` of a frame, or None of all, where the source does not tell.
    """

    buffer: bytes | bytearray | memoryview
    offset: NDArray[np.int64]
    cap_len: NDArray[np.uint32]
    length: NDArray[np.uint32]
    time: NDArray[np.int64]
    interface: NDArray[np.uint16]
    linktype: NDArray[np.uint16]
    first: int
    flags: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: NDArray[np.intp] | slice) -> Frames:
        """Those frames that `rows` index, over the same buffer; `first` stays as it is."""
        return Frames(
            self.buffer, self.offset[rows], self.cap_len[rows], self.length[rows], self.time[rows],
            self.interface[rows], self.linktype[rows], self.first,
            None if self.flags is None else self.flags[rows],
        )  # fmt: skip


class CaptureError(Exception):
    """A source that can't be read as a capture: what, where, what to do, in one line."""
