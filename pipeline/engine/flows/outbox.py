"""Rows on their way out: what a conversation's words are when it is written, gathered for the sink."""

from __future__ import annotations

from collections.abc import Callable

import cython
import numpy as np

from pipeline.engine.flows import words
from pipeline.engine.flows.histograms import Histograms
from pipeline.engine.flows.rows import fill
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree, grown
from pipeline.engine.tcp import words as causes
from pipeline.schema.columns import Columns
from pipeline.schema.flows import FLOW_STATES

if not cython.compiled:
    from pipeline.engine.tcp.evidence import Evidence

FIRST_SIZE = 1024
"""Conversations that there is room for at first."""
HANDED_OUT = 8192
"""Rows handed out at a time, at the most."""

_NUMBER = cython.declare(cython.Py_ssize_t, words.count("number"))
_RESENT = cython.declare(cython.Py_ssize_t, words.count("resent"))
_LOST_BEFORE = cython.declare(cython.Py_ssize_t, words.count("lost_before"))
_LOST_AFTER = cython.declare(cython.Py_ssize_t, words.count("lost_after"))
_TWICE = cython.declare(cython.Py_ssize_t, words.count("received_twice"))
_PLACE = cython.declare(cython.Py_ssize_t, words.count("place"))
_RESENT_BYTES = cython.declare(cython.Py_ssize_t, words.total("resent_bytes"))
_MISSED = cython.declare(cython.Py_ssize_t, words.total("missed_bytes"))
_E_RESENT = cython.declare(cython.Py_ssize_t, causes.RESENT_SEGMENTS)
_E_RESENT_BYTES = cython.declare(cython.Py_ssize_t, causes.RESENT_BYTES)
_E_BEFORE = cython.declare(cython.Py_ssize_t, causes.LOST_BEFORE_SEGMENTS)
_E_AFTER = cython.declare(cython.Py_ssize_t, causes.LOST_AFTER_SEGMENTS)
_E_MISSED = cython.declare(cython.Py_ssize_t, causes.MISSED_BYTES)
_E_TWICE = cython.declare(cython.Py_ssize_t, causes.RECEIVED_TWICE)
_CONGESTION = cython.declare(cython.Py_ssize_t, words.count("congestion_point"))
_O_CONGESTION = cython.declare(cython.uint, words.OPTIONS["congestion_point"])
_E_CONGESTION = cython.declare(cython.Py_ssize_t, causes.CONGESTION)
_WORD = cython.declare(cython.uint, 0xFFFFFFFF)
_MOST_OUT = cython.declare(cython.Py_ssize_t, HANDED_OUT)
_COUNTS = cython.declare(cython.Py_ssize_t, len(words.COUNTS))
_SUMS = cython.declare(cython.Py_ssize_t, len(words.SUMS))
_COUNT_WORDS = cython.declare(cython.Py_ssize_t, words.COUNT_WORDS)
_SUM_WORDS = cython.declare(cython.Py_ssize_t, words.SUM_WORDS)
_SAMPLES = cython.declare(cython.Py_ssize_t, words.count("rtt_samples"))
_OPTIONS = cython.declare(cython.Py_ssize_t, words.count("options"))
_HISTOGRAM = cython.declare(cython.Py_ssize_t, words.count("histogram"))
_IS_UDP = cython.declare(cython.Py_ssize_t, words.count("is_udp"))
_NOW = cython.declare(cython.Py_ssize_t, words.total("now"))
_P50 = cython.declare(cython.Py_ssize_t, words.total("p50_0"))


@cython.cclass
class Outbox:
    """`count` uint32 and `sum` int64, (conversations, COUNT_WORDS) and (conversations, SUM_WORDS): the words of
    conversations as `words` has them; and beside them those of the rows that wait for `sink`."""

    def __init__(self, sink: Callable[[Columns], None], evidence: Evidence, notes: Notes) -> None:
        self.sink = sink
        self.rows = 0
        self.now = 0
        self.evidence = evidence
        self.histograms = Histograms(notes)
        counts = np.zeros((FIRST_SIZE, words.COUNT_WORDS), np.uint32)
        sums = np.zeros((FIRST_SIZE, words.SUM_WORDS), np.int64)
        out_counts = np.zeros((HANDED_OUT, words.COUNT_WORDS), np.uint32)
        out_sums = np.zeros((HANDED_OUT, words.SUM_WORDS), np.int64)
        plain = not cython.compiled
        self.count = memoryview(counts) if plain else counts
        self.sum = memoryview(sums) if plain else sums
        self._out_count = memoryview(out_counts) if plain else out_counts
        self._out_sum = memoryview(out_sums) if plain else out_sums
        self._out = 0

    def waiting(self) -> Tree:
        """The rows that wait, and the histograms, for a snapshot."""
        return {
            "out_count": np.asarray(self._out_count)[: self._out],
            "out_sum": np.asarray(self._out_sum)[: self._out],
            "numbers": [self.rows, self.now, self._out],
            "histograms": self.histograms.state(),
        }

    def restore_waiting(self, state: Tree) -> None:
        """Know what `waiting` told."""
        out_counts, out_sums = grown(state["out_count"], HANDED_OUT), grown(state["out_sum"], HANDED_OUT)
        self._out_count = out_counts if cython.compiled else memoryview(out_counts)
        self._out_sum = out_sums if cython.compiled else memoryview(out_sums)
        self.rows, self.now, self._out = state["numbers"]
        self.histograms.restore(state["histograms"])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def hand_out(self) -> cython.int:
        """Give the sink the rows that wait."""
        n: cython.Py_ssize_t = self._out
        self._out = 0
        self.rows += n
        if n:
            self.sink(fill(Columns(FLOW_STATES, n), np.asarray(self._out_count)[:n], np.asarray(self._out_sum)[:n]))
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def tell(self, at: cython.Py_ssize_t) -> cython.int:
        """Put the conversation at `at` among the rows that wait."""
        k: cython.Py_ssize_t
        side: cython.Py_ssize_t
        histogram: cython.uint
        if self._out >= _MOST_OUT:
            with cython.gil:
                self.hand_out()
        if self.count[at, _IS_UDP] == 0:
            self._judged(at)
        for k in range(_COUNT_WORDS):
            self._out_count[self._out, k] = self.count[at, k]
        for k in range(_SUM_WORDS):
            self._out_sum[self._out, k] = self.sum[at, k]
        for side in range(2):
            histogram = self.count[at, side * _COUNTS + _HISTOGRAM]
            for k in range(2):
                self._out_sum[self._out, _P50 + 2 * side + k] = -1 if histogram == 0 else self.histograms.quantile(
                    histogram, self.count[at, side * _COUNTS + _SAMPLES], 95 if k else 50
                )
        self._out_sum[self._out, _NOW] = self.now
        self._out += 1
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1, check=False)
    def _judged(self, at: cython.Py_ssize_t) -> cython.int:
        """Take over what the causes' evidence has counted of a TCP conversation."""
        of: cython.Py_ssize_t = self.count[at, _NUMBER]
        flight: cython.uint
        c: cython.Py_ssize_t
        side: cython.Py_ssize_t
        k: cython.Py_ssize_t
        for side in range(2):
            c = side * _COUNTS
            for k in range(4):
                self.count[at, c + _RESENT + k] = self.evidence.counts[of, side, _E_RESENT + k]
            self.count[at, c + _LOST_BEFORE] = self.evidence.counts[of, side, _E_BEFORE]
            self.count[at, c + _LOST_AFTER] = self.evidence.counts[of, side, _E_AFTER]
            self.count[at, c + _TWICE] = self.evidence.counts[of, side, _E_TWICE]
            self.count[at, c + _PLACE] = self.evidence.place(of, side)
            flight = self.evidence.counts[of, side, _E_CONGESTION]
            if flight and flight != _WORD:
                self.count[at, c + _CONGESTION] = flight
                self.count[at, c + _OPTIONS] |= _O_CONGESTION
            self.sum[at, side * _SUMS + _RESENT_BYTES] = self.evidence.counts[of, side, _E_RESENT_BYTES]
            self.sum[at, side * _SUMS + _RESENT_BYTES] += self.evidence.counts[of, side, _E_RESENT_BYTES + 1]
            self.sum[at, side * _SUMS + _MISSED] = self.evidence.counts[of, side, _E_MISSED]
        return 0
