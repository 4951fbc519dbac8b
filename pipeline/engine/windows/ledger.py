"""What is counted of conversations in windows until it is told: a slot for each conversation and window.

Slots of a conversation are chained, the newest first; those of what is none (ICMP, exchanges of a client with a server,
frames without addresses) are found by a hash.
"""

from __future__ import annotations

import cython
import numpy as np

from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.windows import layout

if not cython.compiled:
    from collectors.decode.packet import mix

MOST_ODD = 32
"""Frames of which mark and cause differ that a part names."""

# Words behind the counts. NEXT of the chain, the conversation (0: none), the hash, the first of its times, the last
# frame that is odd and how many there are, ports, which side is the server, index of the stream, kind and protocol.
NEXT, OWNER, HASH, TIMES, ODD, ODDS, PORT, SERVER, STREAM, WORD, META = (
    layout.WORDS + k for k in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11)
)
# Words of 64 bits behind the counts: when the window begins, both addresses, flow.
TIME, ADDRESS, FLOW, LONGS = (layout.LONGS + k for k in (0, 1, 5, 6))

_FIRST_SIZE = 256
_META = cython.declare(cython.Py_ssize_t, META)
_ALL = cython.declare(cython.Py_ssize_t, LONGS)
_NEXT = cython.declare(cython.Py_ssize_t, NEXT)
_OWNER = cython.declare(cython.Py_ssize_t, OWNER)
_HASH = cython.declare(cython.Py_ssize_t, HASH)
_TIMES = cython.declare(cython.Py_ssize_t, TIMES)
_ODD = cython.declare(cython.Py_ssize_t, ODD)
_ODDS = cython.declare(cython.Py_ssize_t, ODDS)
_PORT = cython.declare(cython.Py_ssize_t, PORT)
_WORD = cython.declare(cython.Py_ssize_t, WORD)
_TIME = cython.declare(cython.Py_ssize_t, TIME)
_ADDRESS = cython.declare(cython.Py_ssize_t, ADDRESS)
_FLOW = cython.declare(cython.Py_ssize_t, FLOW)
_MOST_ODD = cython.declare(cython.uint, MOST_ODD)
# Words of a node: the next one, what it is of, then a count or the halves of a time.
_KEY = cython.declare(cython.Py_ssize_t, 1)
_LOW = cython.declare(cython.Py_ssize_t, 2)
_HIGH = cython.declare(cython.Py_ssize_t, 3)
_HALF = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cclass
class Ledger:
    """Slots from 1 on: `count` uint32 (slots, META), `sum` uint64 (slots, LONGS). `head` holds of each conversation the
    newest of its slots, 0 for none; `live` slots and `nodes` nodes of lists are in use.
    """

    def __init__(self) -> None:
        plain = not cython.compiled
        count, total = np.zeros((_FIRST_SIZE, META), np.uint32), np.zeros((_FIRST_SIZE, LONGS), np.uint64)
        living, bucket = np.zeros(_FIRST_SIZE, np.uint32), np.zeros(_FIRST_SIZE, np.uint32)
        head, node = np.zeros(_FIRST_SIZE, np.uint32), np.zeros((_FIRST_SIZE, 4), np.uint32)
        self.count = memoryview(count) if plain else count
        self.sum = memoryview(total) if plain else total
        self.head = memoryview(head) if plain else head
        self._node = memoryview(node) if plain else node
        self._bucket = memoryview(bucket) if plain else bucket
        self._living = memoryview(living) if plain else living
        self.live = self.nodes = 0
        self._used_slots = self._free = self._nodes_used = self._node_free = self._others = 0

    def slots(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "numbers": [
                self.live, self.nodes, self._used_slots, self._free, self._nodes_used, self._node_free, self._others,
            ],
            "count": np.asarray(self.count)[: self._used_slots + 1],
            "sum": np.asarray(self.sum)[: self._used_slots + 1],
            "head": np.asarray(self.head), "node": np.asarray(self._node)[: self._nodes_used + 1],
            "bucket": np.asarray(self._bucket), "living": np.asarray(self._living)[: self.live],
        }  # fmt: skip

    def restore_slots(self, state: Tree) -> None:
        """Know what `slots` told."""
        plain = not cython.compiled
        (self.live, self.nodes, self._used_slots, self._free, self._nodes_used, self._node_free,
         self._others) = state["numbers"]
        count = grown(state["count"], _FIRST_SIZE)
        total, living = grown(state["sum"], len(count)), grown(state["living"], len(count))
        node = grown(state["node"], _FIRST_SIZE)
        self.count = memoryview(count) if plain else count
        self.sum = memoryview(total) if plain else total
        self.head = memoryview(state["head"]) if plain else state["head"]
        self._node = memoryview(node) if plain else node
        self._bucket = memoryview(state["bucket"]) if plain else state["bucket"]
        self._living = memoryview(living) if plain else living

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow(self) -> cython.int:
        """Twice the slots."""
        plain = not cython.compiled
        size = 2 * np.asarray(self.count).shape[0]
        count, total = grown(np.asarray(self.count), size), grown(np.asarray(self.sum), size)
        living = grown(np.asarray(self._living), size)
        self.count = memoryview(count) if plain else count
        self.sum = memoryview(total) if plain else total
        self._living = memoryview(living) if plain else living
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow_nodes(self) -> cython.int:
        node = grown(np.asarray(self._node), 2 * np.asarray(self._node).shape[0])
        self._node = node if cython.compiled else memoryview(node)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _grow_buckets(self) -> cython.int:
        """Twice the buckets, with the chains of the slots that are in them."""
        size = 2 * np.asarray(self._bucket).shape[0]
        bucket = np.zeros(size, np.uint32)
        self._bucket = bucket if cython.compiled else memoryview(bucket)
        k: cython.Py_ssize_t
        at: cython.Py_ssize_t
        h: cython.Py_ssize_t
        for k in range(self.live):
            at = self._living[k]
            if self.count[at, _OWNER] == 0:
                h = self.count[at, _HASH] & (self._bucket.shape[0] - 1)  # type: ignore[index]
                self.count[at, _NEXT] = self._bucket[h]
                self._bucket[h] = at
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def find(self, owner: cython.Py_ssize_t, time: cython.ulonglong) -> cython.Py_ssize_t:
        """The slot of conversation `owner` in the window that begins at `time`, 0 for none."""
        at: cython.Py_ssize_t = self.head[owner]
        while at != 0 and self.sum[at, _TIME] != time:
            at = self.count[at, _NEXT]
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _take(self) -> cython.Py_ssize_t:
        """A slot, empty and in the list of those that live."""
        at: cython.Py_ssize_t = self._free
        if at != 0:
            self._free = self.count[at, _NEXT]
            self.count[at, _NEXT] = 0
        else:
            if self._used_slots + 1 >= self.count.shape[0]:  # type: ignore[index]
                with cython.gil:
                    self._grow()
            self._used_slots += 1
            at = self._used_slots
        self._living[self.live] = at
        self.live += 1
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def open(self, owner: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A new slot of conversation `owner`, the newest of its chain."""
        at: cython.Py_ssize_t = self._take()
        self.count[at, _OWNER] = owner
        self.count[at, _NEXT] = self.head[owner]
        self.head[owner] = at
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def other(self, time: cython.ulonglong, a: cython.ulonglong, b: cython.ulonglong, c: cython.ulonglong,
              d: cython.ulonglong, flow: cython.ulonglong, word: cython.uint, port: cython.uint) -> cython.Py_ssize_t:
        """The slot of what is no conversation: window, addresses (two halves each), flow, kind and protocol (the
        bits from 16 on are the caller's), port of side b."""
        hashed: cython.uint = mix(time ^ mix(b ^ mix(d ^ mix(a ^ mix(c ^ mix(
            flow ^ (cython.cast(cython.ulonglong, word) << 16) ^ port)))))) & _HALF
        h: cython.Py_ssize_t = hashed & (self._bucket.shape[0] - 1)  # type: ignore[index]
        at: cython.Py_ssize_t = self._bucket[h]
        while at != 0:
            if (
                self.sum[at, _TIME] == time and self.sum[at, _ADDRESS + 1] == b and self.sum[at, _ADDRESS + 3] == d
                and self.sum[at, _ADDRESS] == a and self.sum[at, _ADDRESS + 2] == c and self.sum[at, _FLOW] == flow
                and self.count[at, _WORD] == word and self.count[at, _PORT + 1] == port
            ):
                return at
            at = self.count[at, _NEXT]
        if self._others >= self._bucket.shape[0]:  # type: ignore[index]
            with cython.gil:
                self._grow_buckets()
            h = hashed & (self._bucket.shape[0] - 1)  # type: ignore[index]
        at = self._take()
        self._others += 1
        self.sum[at, _TIME] = time
        self.sum[at, _ADDRESS] = a
        self.sum[at, _ADDRESS + 1] = b
        self.sum[at, _ADDRESS + 2] = c
        self.sum[at, _ADDRESS + 3] = d
        self.sum[at, _FLOW] = flow
        self.count[at, _WORD] = word
        self.count[at, _PORT + 1] = port
        self.count[at, _HASH] = hashed
        self.count[at, _NEXT] = self._bucket[h]
        self._bucket[h] = at
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _take_node(self) -> cython.Py_ssize_t:
        at: cython.Py_ssize_t = self._node_free
        if at != 0:
            self._node_free = self._node[at, 0]
        else:
            if self._nodes_used + 1 >= self._node.shape[0]:  # type: ignore[index]
                with cython.gil:
                    self._grow_nodes()
            self._nodes_used += 1
            at = self._nodes_used
        self.nodes += 1
        return at

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _give_nodes(self, node: cython.uint) -> cython.int:
        """Free a list of nodes."""
        after: cython.uint
        while node != 0:
            after = self._node[node, 0]
            self._node[node, 0] = self._node_free
            self._node_free = node
            self.nodes -= 1
            node = after
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add_time(self, at: cython.Py_ssize_t, key: cython.uint) -> cython.int:
        """Count a time in the slot `at`: `key` is what it is of (`shoal.times.of`) times 256, and its bucket."""
        node: cython.Py_ssize_t = self.count[at, _TIMES]
        before: cython.Py_ssize_t = 0
        while node != 0 and self._node[node, _KEY] != key:
            before = node
            node = self._node[node, 0]
        if node == 0:
            node = self._take_node()
            self._node[node, _KEY] = key
            self._node[node, _LOW] = 0
        elif before != 0:
            # To the front: the next ones are mostly in the same few buckets.
            self._node[before, 0] = self._node[node, 0]
        else:
            self._node[node, _LOW] += 1
            return 0
        self._node[node, _LOW] += 1
        self._node[node, 0] = self.count[at, _TIMES]
        self.count[at, _TIMES] = node
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def add_odd(self, at: cython.Py_ssize_t, time: cython.ulonglong, resent: cython.uint) -> cython.int:
        """Note a frame of which mark and cause differ."""
        node: cython.Py_ssize_t
        if self.count[at, _ODDS] >= _MOST_ODD:
            return 0
        node = self._take_node()
        self._node[node, 0] = self.count[at, _ODD]
        self._node[node, _KEY] = resent
        self._node[node, _LOW] = time & _HALF
        self._node[node, _HIGH] = time >> 32
        self.count[at, _ODD] = node
        self.count[at, _ODDS] += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _release(self, at: cython.Py_ssize_t) -> cython.int:
        """Forget the slot, but for the list of those that live."""
        owner: cython.Py_ssize_t = self.count[at, _OWNER]
        h: cython.Py_ssize_t = self.count[at, _HASH] & (self._bucket.shape[0] - 1)  # type: ignore[index]
        here: cython.Py_ssize_t = self.head[owner] if owner != 0 else self._bucket[h]
        k: cython.Py_ssize_t
        if owner == 0:
            self._others -= 1
        if here == at:
            if owner != 0:
                self.head[owner] = self.count[at, _NEXT]
            else:
                self._bucket[h] = self.count[at, _NEXT]
        else:
            # A conversation that began anew does not have it in its chain any more.
            while here != 0 and self.count[here, _NEXT] != at:
                here = self.count[here, _NEXT]
            if here != 0:
                self.count[here, _NEXT] = self.count[at, _NEXT]
        self._give_nodes(self.count[at, _TIMES])
        self._give_nodes(self.count[at, _ODD])
        for k in range(_META):
            self.count[at, k] = 0
        for k in range(_ALL):
            self.sum[at, k] = 0
        self.count[at, _NEXT] = self._free
        self._free = at
        return 0
