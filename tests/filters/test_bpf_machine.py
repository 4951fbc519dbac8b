"""The BPF interpreter against libpcap's, on random programs; and the check that a program must pass."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from collectors.filters import FilterError, Program, run
from tests.filters.frames import frames_of, libpcap_accepts

ROOT = Path(__file__).resolve().parents[2]
LOADS = (0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1)
OTHERS = (0x00, 0x01, 0x07, 0x87, 0x80, 0x81, 0x84)
OPERATORS = (0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xA0)
ARITHMETIC = tuple(op | source | 4 for op in OPERATORS for source in (0, 8))
JUMPS = (0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D, 0x05)
ODD_NUMBERS = (0, 1, 2, 31, 32, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFF02C, 0xFFFFFFFF)


def random_program(rnd: random.Random) -> list[tuple[int, int, int, int]]:
    """A valid program: scratch memory set, some 30 random instructions, the accumulator returned."""
    rows = [row for i in range(16) for row in ((0x00, 0, 0, rnd.randrange(1 << 32)), (0x02 + i % 2, 0, 0, i))]
    steps = rnd.randrange(1, 30)
    for i in range(steps):
        left = steps - i
        kind = rnd.randrange(5)
        number = rnd.choice((rnd.choice(ODD_NUMBERS), rnd.randrange(64), rnd.randrange(1 << 32)))
        if kind == 0:
            rows.append((rnd.choice(LOADS), 0, 0, number if rnd.random() < 0.2 else rnd.randrange(50)))
        elif kind == 1:
            rows.append((rnd.choice((0x60, 0x61, 0x02, 0x03)), 0, 0, rnd.randrange(16)))
        elif kind == 2:
            code = rnd.choice(ARITHMETIC)
            if code in (0x64, 0x74):
                number %= 32
            rows.append((code, 0, 0, max(number, 1)))
        elif kind == 3:
            code = rnd.choice(JUMPS)
            number = rnd.randrange(left) if code == 0x05 else number
            rows.append((code, rnd.randrange(left), rnd.randrange(left), number))
        else:
            rows.append((rnd.choice(OTHERS), 0, 0, number))
    return [*rows, rnd.choice(((0x16, 0, 0, 0), (0x06, 0, 0, rnd.choice((0, 1, 0xFFFFFFFE)))))]


def packets(rnd: random.Random, count: int = 12) -> tuple[list[bytes], list[int]]:
    found = [rnd.randbytes(rnd.choice((0, 1, 3, 20, 60))) for _ in range(count)]
    return found, [len(p) + rnd.choice((0, 1000)) for p in found]


def test_random_programs_decide_as_libpcap() -> None:
    rnd = random.Random(5)
    accepted = 0
    for _ in range(3000):
        program = Program.of(random_program(rnd))
        data, lengths = packets(rnd)
        frames = frames_of(data, lengths=lengths)
        found = run(program, frames)
        assert found.dtype == np.bool_
        assert found.tolist() == libpcap_accepts(program, frames), program
        accepted += int(found.sum())
    assert 5_000 < accepted < 30_000


PRINT = """
import random
from collectors.filters import Program, bpf, run
from tests.filters.frames import frames_of
from tests.filters.test_bpf_machine import packets, random_program
rnd = random.Random(6)
print(bpf.__file__)
for _ in range(400):
    program = Program.of(random_program(rnd))
    data, lengths = packets(rnd)
    print(run(program, frames_of(data, lengths=lengths)).tolist())
"""


def test_both_legs_agree() -> None:
    printed = []
    for plain in ("", "1"):
        env = {**os.environ, "SHOAL_PLAIN": plain}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        leg, _, found = done.stdout.partition("\n")
        assert leg.endswith(".py") == bool(plain)
        printed.append(found.splitlines())
    assert len(printed[0]) == 400
    assert printed[0] == printed[1]


def test_scratch_memory_begins_at_zero_for_each_frame() -> None:
    add_one, accept = [(0x60, 0, 0, 3), (0x04, 0, 0, 1), (0x02, 0, 0, 3)], [(0x06, 0, 0, 1), (0x06, 0, 0, 0)]
    program = Program.of([*add_one, (0x15, 0, 1, 1), *accept])
    assert run(program, frames_of([b"a"] * 5)).tolist() == [True] * 5


def test_ancillary_loads_match_nothing() -> None:
    for code in (0x20, 0x28, 0x30):
        program = Program.of([(code, 0, 0, 0xFFFFF004), (0x06, 0, 0, 1)])
        assert program.ancillary
        assert not run(program, frames_of([bytes(100)])).any()


@pytest.mark.parametrize("zero", [0x3C, 0x9C])
def test_division_by_zero_matches_nothing(zero: int) -> None:
    program = Program.of([(0x00, 0, 0, 7), (0x01, 0, 0, 0), (zero, 0, 0, 0), (0x06, 0, 0, 1)])
    assert not run(program, frames_of([bytes(100)])).any()


def test_no_frames() -> None:
    assert run(Program.of([(0x06, 0, 0, 1)]), frames_of([])).tolist() == []


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "0 instructions"),
        ([(0x06, 0, 0, 1)] * 65_536, "65536 instructions"),
        ([(0x00, 0, 0, 1)], "does not end in a return"),
        ([(0xFF, 0, 0, 1), (0x06, 0, 0, 1)], "instruction 0 has the unknown code 0xff"),
        ([(0x106, 0, 0, 1), (0x06, 0, 0, 1)], "instruction 0 has the unknown code 0x106"),
        ([(0x38, 0, 0, 1), (0x06, 0, 0, 1)], "unknown code 0x38"),
        ([(0x02, 0, 0, 16), (0x06, 0, 0, 1)], "scratch word 16"),
        ([(0x61, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 1)], "scratch word 4294967295"),
        ([(0x34, 0, 0, 0), (0x06, 0, 0, 1)], "divides by zero"),
        ([(0x94, 0, 0, 0), (0x06, 0, 0, 1)], "divides by zero"),
        ([(0x64, 0, 0, 32), (0x06, 0, 0, 1)], "shifts by 32 bits"),
        ([(0x05, 0, 0, 1), (0x06, 0, 0, 1)], "instruction 0 jumps past the end"),
        ([(0x15, 0, 1, 1), (0x06, 0, 0, 1)], "instruction 0 jumps past the end"),
        ([(0x06, 0, 0, 1), (0x15, 255, 0, 1), (0x06, 0, 0, 1)], "instruction 1 jumps past the end"),
        ([(0x05, 0, 0, -1), (0x06, 0, 0, 1)], "instruction 0 jumps back"),
    ],
)
def test_programs_that_are_refused(rows: list[tuple[int, int, int, int]], says: str) -> None:
    with pytest.raises(FilterError) as error:
        Program.of(rows)
    assert says in str(error.value)
