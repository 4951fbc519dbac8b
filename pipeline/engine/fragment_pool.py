"""The fragments of datagrams that are not complete yet.

They lie in blocks of one pool, newest first in the list of their datagram, whose first two blocks are a bitmap of the
units of 8 bytes that are there. So no fragment costs more than its own length, in whatever order they come.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown

MOST_BYTES = 64 << 20
"""Bytes of blocks held; past it the oldest datagrams are given up (counted in `evicted`)."""
MOST_FRAGMENTS = 8192
"""Fragments of one datagram; one with more is given up."""

FLOOD = 1000
"""Datagrams that wait at once, above which it is told."""

_BLOCK = cython.declare(cython.uint, 512)
_BITMAP = cython.declare(cython.uint, 1024)
_FIRST_ROOM = 256
_BUCKETS = cython.declare(cython.ulonglong, 1 << 14)
_MIX = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
# Words of a block: the next one of its fragment, or in the free list. In a fragment's first block also: the fragment
# that came before, where it begins, its length.
_NEXT = cython.declare(cython.Py_ssize_t, 0)
_EARLIER = cython.declare(cython.Py_ssize_t, 1)
_FLOOD = cython.declare(cython.uint, FLOOD)
_AT = cython.declare(cython.Py_ssize_t, 2)
_SIZE = cython.declare(cython.Py_ssize_t, 3)
# Words of a datagram: the next one in its bucket, or in the free list; the older and the newer one; the two blocks of
# its bitmap; its latest fragment, and how many; units of 8 bytes that are there; length and 1, once that is known; how
# far its fragments reach; its bucket.
_CHAIN = cython.declare(cython.Py_ssize_t, 0)
_OLDER = cython.declare(cython.Py_ssize_t, 1)
_NEWER = cython.declare(cython.Py_ssize_t, 2)
_MAP = cython.declare(cython.Py_ssize_t, 3)
_LATEST = cython.declare(cython.Py_ssize_t, 5)
_COUNT = cython.declare(cython.Py_ssize_t, 6)
_UNITS = cython.declare(cython.Py_ssize_t, 7)
_TOTAL = cython.declare(cython.Py_ssize_t, 8)
_REACH = cython.declare(cython.Py_ssize_t, 9)
_HOME = cython.declare(cython.Py_ssize_t, 10)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def copy(to: cython.uchar[::1], at: cython.Py_ssize_t, of: cython.const[cython.uchar][::1], start: cython.Py_ssize_t,
         size: cython.Py_ssize_t) -> cython.int:
    """Copy `size` bytes; raises IndexError where they do not lie inside of both."""
    if size <= 0:
        return 0
    if at < 0 or start < 0 or at + size > to.shape[0] or start + size > of.shape[0]:
        with cython.gil:
            raise IndexError("bytes outside of their buffer")
    if cython.compiled:
        memcpy(cython.address(to[at]), cython.address(of[start]), size)  # type: ignore[name-defined]  # noqa: F821
    else:
        to[at : at + size] = of[start : start + size]
    return 0


@cython.cclass
class Pool:
    """Datagrams by number, from 1; 0 is none. `evicted` counts those given up; `row` is the row of
    the batch under way, for notes."""

    def __init__(self, notes: Notes) -> None:
        self.evicted = 0
        self.row = 0
        self._notes = notes
        self._used = 0
        self._free_block = 0
        self._room_block = 0
        self._free = 0
        self._room = 0
        self._oldest = 0
        self._newest = 0
        self._waiting = 0
        self._overlaps = False
        self._overlapped = 0

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        numbers = [self.evicted, self._used, self._free_block, self._room_block, self._free, self._room, self._oldest,
                   self._newest, self._waiting, self._overlapped]  # fmt: skip
        if not self._room:
            return {"numbers": numbers}
        return {
            "numbers": numbers,
            "byte": np.asarray(self._byte)[: self._room_block * 512],
            "block": np.asarray(self._block)[: self._room_block],
            "word": np.asarray(self._word)[: self._room],
            "key": np.asarray(self._key)[: self._room],
            "bucket": np.asarray(self._bucket),
        }

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        plain = not cython.compiled
        if "word" in state:
            self.reserve()
            blocks, room = max(_FIRST_ROOM, len(state["block"])), max(_FIRST_ROOM, len(state["word"]))
            arrays = [
                grown(state["byte"], blocks * 512), grown(state["block"], blocks), grown(state["word"], room),
                grown(state["key"], room), state["bucket"],
            ]  # fmt: skip
            self._byte, self._block, self._word, self._key, self._bucket = (
                [memoryview(array) for array in arrays] if plain else arrays
            )
        (
            self.evicted, self._used, self._free_block, self._room_block, self._free, self._room, self._oldest,
            self._newest, self._waiting, self._overlapped,
        ) = state["numbers"]  # fmt: skip

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def reserve(self) -> cython.int:
        """The arrays, made for the first fragment."""
        if self._room:
            return 0
        plain = not cython.compiled
        self._most_blocks = max(4, MOST_BYTES // 512)
        self._most_fragments = MOST_FRAGMENTS
        bytes_ = np.zeros(_FIRST_ROOM * 512, np.uint8)
        blocks = np.zeros((_FIRST_ROOM, 4), np.uint32)
        words = np.zeros((_FIRST_ROOM, 11), np.uint32)
        keys = np.zeros((_FIRST_ROOM, 5), np.uint64)
        buckets = np.zeros(1 << 14, np.uint32)
        zeros = np.zeros(512, np.uint8)
        self._byte = memoryview(bytes_) if plain else bytes_
        self._block = memoryview(blocks) if plain else blocks
        self._word = memoryview(words) if plain else words
        self._key = memoryview(keys) if plain else keys
        self._bucket = memoryview(buckets) if plain else buckets
        self._zeros = memoryview(zeros) if plain else zeros
        self._room = self._room_block = 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _gave_up(self) -> cython.int:
        """Count a datagram that was given up."""
        self.evicted += 1
        self._notes.note("fragments-forgotten", self.row, self.evicted)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _came_twice(self) -> cython.int:
        """Count a fragment of which some was there before."""
        self._overlapped += 1
        self._notes.note("fragments-overlap", self.row, self._overlapped)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _flood(self) -> cython.int:
        """Very many datagrams wait."""
        self._notes.note("fragment-flood", self.row, self._waiting)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the room for datagrams."""
        plain = not cython.compiled
        have: cython.Py_ssize_t = self._word.shape[0]  # type: ignore[index]
        words = np.zeros((have * 2, 11), np.uint32)
        words[:have] = np.asarray(self._word)
        keys = np.zeros((have * 2, 5), np.uint64)
        keys[:have] = np.asarray(self._key)
        self._word = memoryview(words) if plain else words
        self._key = memoryview(keys) if plain else keys
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow_blocks(self) -> cython.int:
        """Twice the room for blocks."""
        plain = not cython.compiled
        have: cython.Py_ssize_t = self._block.shape[0]  # type: ignore[index]
        blocks = np.zeros((have * 2, 4), np.uint32)
        blocks[:have] = np.asarray(self._block)
        bytes_ = np.zeros(have * 1024, np.uint8)
        bytes_[: have * 512] = np.asarray(self._byte)
        self._block = memoryview(blocks) if plain else blocks
        self._byte = memoryview(bytes_) if plain else bytes_
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def _take_block(self) -> cython.uint:
        """A block of the pool."""
        at: cython.uint = self._free_block
        self._used += 1
        if at != 0:
            self._free_block = self._block[at, _NEXT]
        else:
            if self._room_block >= self._block.shape[0]:  # type: ignore[index]
                with cython.gil:
                    self._grow_blocks()
            at = self._room_block
            self._room_block += 1
        self._block[at, _NEXT] = 0
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def drop(self, of: cython.uint) -> cython.int:
        """Forget the datagram `of`."""
        self._waiting -= 1
        fragment: cython.uint = self._word[of, _LATEST]
        block: cython.uint
        after: cython.uint
        k: cython.Py_ssize_t
        for k in range(2):
            block = self._word[of, _MAP + k]
            self._block[block, _NEXT] = self._free_block
            self._free_block = block
            self._used -= 1
        while fragment != 0:
            block = fragment
            fragment = self._block[fragment, _EARLIER]
            while block != 0:
                after = self._block[block, _NEXT]
                self._block[block, _NEXT] = self._free_block
                self._free_block = block
                self._used -= 1
                block = after
        # Out of the bucket, and out of the order of age.
        after = self._bucket[self._word[of, _HOME]]
        if after == of:
            self._bucket[self._word[of, _HOME]] = self._word[of, _CHAIN]
        else:
            while self._word[after, _CHAIN] != of:
                after = self._word[after, _CHAIN]
            self._word[after, _CHAIN] = self._word[of, _CHAIN]
        block = self._word[of, _OLDER]
        after = self._word[of, _NEWER]
        if block:
            self._word[block, _NEWER] = after
        else:
            self._oldest = after
        if after:
            self._word[after, _OLDER] = block
        else:
            self._newest = block
        self._word[of, _CHAIN] = self._free
        self._free = of
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0, check=True)
    def find(self, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong, d: cython.ulonglong,
              e: cython.ulonglong) -> cython.uint:
        """The datagram of that key, begun where there is none."""
        h: cython.ulonglong = ((a ^ (b << 1) ^ (b >> 63)) * _MIX) & _MASK
        home: cython.Py_ssize_t
        of: cython.uint
        k: cython.Py_ssize_t
        at: cython.uint
        h = ((h ^ (h >> 29) ^ c ^ (d << 3)) * _MIX) & _MASK
        h = ((h ^ (h >> 31) ^ e) * _MIX) & _MASK
        home = (h >> 20) & (_BUCKETS - 1)
        of = self._bucket[home]
        while of != 0:
            if (
                self._key[of, 4] == e
                and self._key[of, 3] == d
                and self._key[of, 1] == b
                and self._key[of, 0] == a
                and self._key[of, 2] == c
            ):
                return of
            of = self._word[of, _CHAIN]
        of = self._free
        if of != 0:
            self._free = self._word[of, _CHAIN]
        else:
            if self._room >= self._word.shape[0]:  # type: ignore[index]
                with cython.gil:
                    self._grow()
            of = self._room
            self._room += 1
        self._key[of, 0] = a
        self._key[of, 1] = b
        self._key[of, 2] = c
        self._key[of, 3] = d
        self._key[of, 4] = e
        for k in range(11):
            self._word[of, k] = 0
        self._word[of, _HOME] = home
        self._word[of, _CHAIN] = self._bucket[home]
        self._bucket[home] = of
        self._word[of, _OLDER] = self._newest
        if self._newest:
            self._word[self._newest, _NEWER] = of
        else:
            self._oldest = of
        self._newest = of
        self._waiting += 1
        if self._waiting > _FLOOD:
            with cython.gil:
                self._flood()
        for k in range(2):
            at = self._take_block()
            self._word[of, _MAP + k] = at
            home = at
            copy(self._byte, home * _BLOCK, self._zeros, 0, _BLOCK)
        return of

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _cover(self, of: cython.uint, begin: cython.uint, end: cython.uint) -> cython.int:
        """Note that the units from `begin` up to `end` are there, and in `_overlaps` whether one was before."""
        at: cython.Py_ssize_t
        unit: cython.uint = begin
        bits: cython.uint
        have: cython.uint
        while unit < end:
            at = self._word[of, _MAP + (unit >> 12)]
            at = at * _BLOCK + ((unit >> 3) & (_BLOCK - 1))
            have = self._byte[at]
            if unit & 7 == 0 and end - unit >= 8:
                bits = 255
                unit += 8
            else:
                bits = 1 << (unit & 7)
                unit += 1
            self._byte[at] = have | bits
            if have & bits:
                self._overlaps = True
            bits &= ~have & 255
            while bits:
                bits &= bits - 1
                self._word[of, _UNITS] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add(self, of: cython.uint, raw: cython.const[cython.uchar][::1], start: cython.Py_ssize_t,
             offset: cython.uint, size: cython.uint, more: cython.bint) -> cython.int:
        """Take one fragment; 1 where its datagram is now complete."""
        fragment: cython.uint = self._take_block()
        block: cython.uint = fragment
        after: cython.uint
        end: cython.uint = offset + size
        total: cython.uint
        done: cython.uint = 0
        piece: cython.uint
        at: cython.Py_ssize_t
        self._block[fragment, _EARLIER] = self._word[of, _LATEST]
        self._block[fragment, _AT] = offset
        self._block[fragment, _SIZE] = size
        self._word[of, _LATEST] = fragment
        self._word[of, _COUNT] += 1
        while True:
            piece = size - done if size - done < _BLOCK else _BLOCK
            at = block
            copy(self._byte, at * _BLOCK, raw, start + done, piece)
            done += piece
            if done >= size:
                break
            after = self._take_block()
            self._block[block, _NEXT] = after
            block = after
        total = self._word[of, _TOTAL]
        if not more and total == 0:
            self._word[of, _TOTAL] = total = end + 1
            if self._word[of, _REACH] > end:
                # What lies beyond the end that is now known does not count.
                done = self._word[of, _UNITS]
                self._word[of, _UNITS] = 0
                for piece in range(_BITMAP):
                    at = self._word[of, _MAP + (piece >> 9)]
                    at = at * _BLOCK + (piece & (_BLOCK - 1))
                    after = self._byte[at]
                    self._byte[at] = 0
                    for block in range(8):
                        if after >> block & 1 and (piece * 8 + block) * 8 + 8 <= end:
                            self._cover(of, piece * 8 + block, piece * 8 + block + 1)
        if end > self._word[of, _REACH]:
            self._word[of, _REACH] = end
        # The last unit counts when all of it is there, or all up to the datagram's end.
        if total != 0 and end >= total - 1:
            end = total - 1 + 7
        self._overlaps = False
        if offset >> 3 < end >> 3:
            self._cover(of, offset >> 3, end >> 3)
        if self._overlaps:
            with cython.gil:
                self._came_twice()
        if total != 0 and self._word[of, _UNITS] >= (total - 1 + 7) >> 3:
            return 1
        if self._word[of, _COUNT] > self._most_fragments:
            self.drop(of)
            with cython.gil:
                self._gave_up()
        while self._used > self._most_blocks:
            self.drop(self._oldest)
            with cython.gil:
                self._gave_up()
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(0xFFFFFFFF, check=True)
    def total(self, of: cython.uint) -> cython.uint:
        """Bytes of the complete datagram `of`."""
        return self._word[of, _TOTAL] - 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def assemble(self, of: cython.uint, to: cython.uchar[::1], at: cython.Py_ssize_t) -> cython.int:
        """Write the payload to `to` from `at` on, first come first kept where fragments overlap."""
        fragment: cython.uint = self._word[of, _LATEST]
        total: cython.uint = self._word[of, _TOTAL] - 1
        block: cython.uint
        offset: cython.uint
        left: cython.uint
        piece: cython.uint
        start: cython.Py_ssize_t
        while fragment != 0:
            offset = self._block[fragment, _AT]
            left = self._block[fragment, _SIZE]
            if offset >= total:
                left = 0
            elif left > total - offset:
                left = total - offset
            block = fragment
            while left:
                piece = left if left < _BLOCK else _BLOCK
                start = block
                copy(to, at + offset, self._byte, start * _BLOCK, piece)
                offset += piece
                left -= piece
                block = self._block[block, _NEXT]
            fragment = self._block[fragment, _EARLIER]
        return 0
