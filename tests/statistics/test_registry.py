"""The statistics that there are."""

from __future__ import annotations

import pytest

from pipeline.engine import Engine
from pipeline.statistics import STATISTICS, UnknownStatistic, known


@pytest.mark.parametrize("name", STATISTICS)
def test_each_can_be_made(name: str) -> None:
    entry = known(name)
    statistic = entry.make()
    assert statistic is not entry.make()
    assert all(hasattr(Engine(), part) for part in entry.needs)
    assert entry.meaning
    assert b"".join(bytes(text) for text in statistic.lines()).endswith(b"\n" if name != "expert" else b"")


def test_unknown_names() -> None:
    with pytest.raises(UnknownStatistic, match=r"conv,foo: no such statistic; there are conv,eth, .*, tcp,flows"):
        known("conv,foo")
    with pytest.raises(UnknownStatistic, match="conv,tcp,ip: a display filter after conv,tcp"):
        known("conv,tcp,ip")
