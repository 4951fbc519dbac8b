"""The same frames give the same windows: in any batches, in any number of shards, with snapshots between."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.engine.windows.merge import Merger
from tests.engine.wire import tcp, udp
from tests.exchanges.everything import everything
from tests.exchanges.hear import BEGIN, Frame
from tests.windows.windowed import SECOND, Told, joined, through_engine, through_shards, written


def _frames() -> list[Frame]:
    """Kernel TCP, something of every protocol, IPv6, frames late by little and by much, an hour back."""
    frames = joined()[::2]
    now = frames[-1][0] + 20 * SECOND
    frames += [(time - BEGIN + now, data) for time, data in everything()]
    now = frames[-1][0] + 40 * SECOND
    for k in range(60):
        back = (k % 7) * 11 * SECOND
        frames.append((now + k * 3 * SECOND - back, tcp("10.0.0.1", 1000 + k % 5, "10.0.0.2", 80, b"x", k)))
        frames.append((now + k * 3 * SECOND, udp("2001:db8::1", 2000 + k % 3, "2001:db8::2", 53)))
    frames += [(time - 2 * 3600 * SECOND, data) for time, data in frames[-40:]]
    return frames


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(_frames(), tmp_path_factory.mktemp("order"))


@pytest.fixture(scope="module")
def expected(path: Path) -> Told:
    return through_engine(path)


def _same(found: Told, expected: Told) -> None:
    assert found.ended
    assert found.ticks == expected.ticks
    assert found.windows == expected.windows
    # What is of no conversation may be told in pieces by several shards.
    assert _of_flows(found) == _of_flows(expected)


def _of_flows(told: Told) -> list[object]:
    return [row for row in told.parts if row["shoal.part.kind"] == "frames" and row["ip.proto"]]


def test_the_capture_has_what_it_should(expected: Told) -> None:
    assert expected.ticks[-1][3] == 1
    assert sum(expected.sensor("shoal.late").values()) > 3
    assert sum(expected.sensor("shoal.dns.queries").values()) > 2
    assert sum(expected.sensor("shoal.dhcp.failures").values()) > 0
    versions = Counter(
        (row["shoal.window.time"], row["shoal.window.pass"], row["shoal.window.seconds"]) for row in expected.windows
        if row["shoal.window.kind"] == "sensor"
    )
    assert max(versions.values()) > 1
    assert {row["shoal.window.pass"] for row in expected.windows} == {0, 1}


@pytest.mark.parametrize(("batch_rows", "seed"), [(1, None), (7, None), (1000, 1), (97, 2)])
def test_batches_and_snapshots(path: Path, expected: Told, batch_rows: int, seed: int | None) -> None:
    _same(through_engine(path, batch_rows, seed=seed), expected)


@pytest.mark.parametrize(("shards", "batch_rows", "seed"), [
    (1, 1000, None), (2, 300, 5), (5, 1000, None), (16, 900, 6),
])  # fmt: skip
def test_shards(path: Path, expected: Told, shards: int, batch_rows: int, seed: int | None) -> None:
    _same(through_shards(path, shards, batch_rows, seed=seed), expected)


def test_parts_add_up_to_the_frames(path: Path, expected: Told) -> None:
    frames = sum(row["shoal.a.packets"] + row["shoal.b.packets"] + row["shoal.late"] for row in expected.parts)
    assert frames == len(_frames())


def test_windows_of_other_lengths(path: Path, expected: Told) -> None:
    found = through_engine(path, merger=Merger((20, 30)))
    assert {row["shoal.window.seconds"] for row in found.windows} == {20, 30}
    whole = expected.sensor("shoal.packets")
    assert sum(found.sensor("shoal.packets", 30).values()) == sum(whole.values())
    with pytest.raises(ValueError, match="windows of 25 s"):
        Merger((10, 25))
