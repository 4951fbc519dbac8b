"""Conversation tables: tshark's, byte for byte, on captures made for the purpose."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.statistics.conversations import printed, sizes
from tests.engine.wire import tcp, udp
from tests.sources.makecap import pcap
from tests.statistics.frames import capture
from tests.statistics.tables import CONVERSATIONS, ours, tshark


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "made.pcap"
    path.write_bytes(capture())
    return path


def many(flows: int, frames: int) -> list[tuple[int, bytes]]:
    """TCP and UDP over IPv4 and IPv6 between chance ends, in chance order, with times that are now and then back."""
    chance = random.Random(3)
    ends = [(f"10.{i >> 8}.{i & 255}.1" if i % 3 else f"2001:db8::{i:x}", chance.randrange(1, 4)) for i in range(flows)]
    made, time = [], 10**18
    for i in range(frames):
        one, (address, port) = i % 7, ends[chance.randrange(flows)]
        peer = "10.255.0.1" if "." in address else "2001:db8:ffff::1"
        pair = (address, port, peer, 2) if one % 2 else (peer, 2, address, port)
        payload = b"p" * chance.randrange(200)
        time += chance.randrange(-20_000, 400_000) * 1000
        made.append((time, tcp(*pair, payload) if port == 2 else udp(*pair, payload)))
    return made


def lines(table: str) -> list[str]:
    """The conversations of a table."""
    return table.splitlines()[5:-1]


def test_tables_are_tshark_s(made: Path) -> None:
    for name, mine, theirs in zip(CONVERSATIONS, ours(made), tshark(made), strict=True):
        assert mine.splitlines() == theirs.splitlines(), name
        assert len(lines(mine)) >= 2, name


@pytest.mark.parametrize("batch_rows", [1, 7])
def test_batches_do_not_matter(made: Path, batch_rows: int) -> None:
    assert ours(made, batch_rows=batch_rows) == ours(made)


def test_many_conversations(tmp_path: Path) -> None:
    """More than the tables have room for at first; equal numbers of frames stand in the order of the first ones."""
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap(many(3000, 9000)))
    mine = ours(path)
    assert mine == tshark(path)
    assert [len(lines(table)) > 600 for table in mine] == [False, True, True, True, True]


def test_only_kept_frames_count(tmp_path: Path) -> None:
    frames, chance = many(40, 600), random.Random(1)
    keep = np.array([True] + [chance.random() < 0.5 for _ in frames[1:]])
    for name, chosen in (("all", frames), ("kept", [f for f, kept in zip(frames, keep, strict=True) if kept])):
        (tmp_path / name).write_bytes(pcap(chosen))
    mine = ours(tmp_path / "all", keep=keep, batch_rows=100)
    assert mine == tshark(tmp_path / "kept")
    assert mine != ours(tmp_path / "all")


def test_a_mask_that_is_too_short_is_refused(made: Path) -> None:
    with pytest.raises(ValueError, match="keep has 3 rows"):
        ours(made, keep=np.ones(3, np.bool_))


def test_a_capture_without_frames(tmp_path: Path) -> None:
    (tmp_path / "none.pcap").write_bytes(pcap([]))
    assert ours(tmp_path / "none.pcap") == tshark(tmp_path / "none.pcap")


def test_sizes_are_cut_to_whole_units() -> None:
    counts = np.array([0, 9999, 10_000, 10_999, 9_999_999, 10_000_000, 10**10 - 1, 10**10, 10**13, -5])
    whole, unit = sizes(counts)
    assert whole.tolist() == [0, 9999, 10, 10, 9999, 10, 9999, 10, 10, -5]
    assert unit.tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 4, 0]


@pytest.mark.parametrize("digits", [4, 9])
def test_seconds_are_printed_as_c_does(digits: int) -> None:
    """Halves included, of which a capture in microseconds has many."""
    chance = np.random.default_rng(2)
    values = np.concatenate([chance.integers(0, 10**9, 3000) / 2e4, chance.integers(0, 10**14, 3000) / 1e6,
                             chance.random(3000) * 1e8, -chance.integers(0, 10**9, 500) / 2e4,
                             [0.00005, 0.00015, 0.99995, 0.9999999995, 0.0]])
    want = [f"{value:.{digits}f}" for value in values.tolist()]
    ns = printed(values, digits).tolist()
    assert [int(text.replace(".", "")) * 10 ** (9 - digits) for text in want] == ns


def test_a_table_larger_than_a_block_is_printed_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.pcap"
    path.write_bytes(pcap((i, udp("10.0.0.1", 1 + i % 60_000, "10.0.0.2", 9, struct.pack(">I", i)))
                          for i in range(20_000)))
    (table,) = ours(path, ("conv,udp",))
    assert len(lines(table)) == 20_000
    assert lines(table)[-1].startswith("10.0.0.1:20000 ")
