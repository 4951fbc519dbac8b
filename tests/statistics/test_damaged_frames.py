"""Damaged frames end no statistic, and none is counted twice in one direction of one header."""

from __future__ import annotations

import numpy as np

from collectors.decode import decode
from pipeline.engine import Engine
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.statistics import STATISTICS, TakesFlows
from pipeline.statistics.tally import Tally
from tests.decode.fuzz import Fuzzer

ROWS = 8192


def test_all_statistics_of_mutated_frames() -> None:
    statistics = [known.make() for known in STATISTICS.values()]
    (taker,) = (statistic for statistic in statistics if isinstance(statistic, TakesFlows))
    fuzzer, columns, engine = Fuzzer(11, ROWS), Columns(PACKETS, ROWS), Engine(taker.take)
    tally, rows, octets = Tally(), 0, 0
    for _ in range(6):
        decode(fuzzer.batch(), columns)
        engine.process(columns)
        for statistic in statistics:
            statistic.add(columns, engine, None)
            statistic.add(columns, engine, np.zeros(columns.rows, np.bool_))
        tally.add("tcp", columns, None)
        there = columns.present("tcp.stream")
        assert there is not None
        rows += int(there.sum())
        octets += int(columns.values("frame.len")[there].astype(np.int64).sum())
    engine.finish()
    for statistic in statistics:
        assert sum(len(text) for text in statistic.lines()) > 800
    values, keys = tally.values(), tally.keys()
    # Only frames whose TCP header is not all there are left out.
    assert 0.5 * rows < values[:, :2].sum() < rows
    assert 0 < values[:, 2:4].sum() < octets
    assert (values[:, 4] <= values[:, 5]).all()
    assert len(np.unique(keys[:, 0] >> np.uint64(32))) == len(keys) == tally.conversations > 1000
