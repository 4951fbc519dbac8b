"""Every target takes what was once a finding, its seeds, and these with bytes changed."""

from __future__ import annotations

import importlib
import random

import pytest

from tests.fuzz.__main__ import REGRESSIONS, targets

MUTATIONS = 150
"""Changed inputs of each target."""


def changed(data: bytes, rng: random.Random) -> bytes:
    """`data` with some bytes set, put in, or cut off."""
    found = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(found) + 1)
        what = rng.randrange(4)
        if what == 0 and at < len(found):
            found[at] = rng.choice((0, 1, 0x7F, 0x80, 0xC0, 0xFF, rng.randrange(256)))
        elif what == 1:
            found[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif what == 2:
            del found[at : at + rng.randrange(1, 9)]
        else:
            del found[at:]
    return bytes(found)


@pytest.mark.parametrize("name", targets())
def test_hostile_bytes_are_taken(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.target_{name}")
    for path in sorted((REGRESSIONS / name).glob("*")):
        target.run(path.read_bytes())
    seeds, rng = target.seeds(), random.Random(name)
    assert seeds
    for seed in seeds:
        target.run(seed)
    for _ in range(MUTATIONS):
        target.run(changed(rng.choice(seeds), rng))
