"""Snapshots: what goes in comes out, and a damaged one is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pipeline.engine.snapshot import SnapshotError, Tree, grown, pack, unpack

TREE: Tree = {
    "array": np.arange(12, dtype=np.uint32).reshape(3, 4),
    "none": np.zeros((0, 5), np.int64),
    "inner": {"bytes": b"\0\xff odd", "text": "ünïcode", "list": [1, -(2**63), 2**64 - 1, {"x": None}, True]},
}


def test_a_tree_comes_back() -> None:
    back = unpack(pack(TREE))
    assert back["array"].dtype == np.uint32
    assert back["array"].tolist() == TREE["array"].tolist()
    assert back["none"].shape == (0, 5)
    assert back["inner"] == TREE["inner"]
    back["array"][0, 0] = 9  # its own memory


@pytest.mark.parametrize("value", [1.5, object(), np.zeros(1, np.float64), {1, 2}])
def test_what_is_no_state_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="snapshot"):
        pack({"x": value})


def test_every_flipped_bit_is_found() -> None:
    data = pack(TREE)
    rng = random.Random(4)
    for _ in range(1000):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with pytest.raises(SnapshotError):
            unpack(bytes(damaged))
    for size in (0, 7, 47, len(data) - 1):
        with pytest.raises(SnapshotError):
            unpack(data[:size])


def test_grown() -> None:
    array = np.ones((2, 3), np.uint8)
    assert grown(array, 2) is array
    assert grown(array, 4).tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]]
