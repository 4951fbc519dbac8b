"""Windows, events and alerts of real captures are the same however these are cut into batches.

`python -m tests.oracle.test_batches` holds all captures of the oracle against that.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from pipeline.detect.detection import Settings
from tests.oracle.conformance import ORACLE
from tests.oracle.events import told

SMALL = 400_000
"""Bytes: with batches of two frames a larger one takes long."""
SETTINGS = Settings()


def captures() -> list[Path]:
    """The oracle's captures that are small, in an order of chance that is always the same."""
    found = sorted(path for path in (ORACLE / "captures").iterdir() if path.stat().st_size < SMALL)
    random.Random(7).shuffle(found)
    return found


def differing(path: Path) -> list[int]:
    """The sizes of batches in which a capture gives other rows than in one. Raises CaptureError."""
    whole = told(path, SETTINGS, 65_536)
    return [rows for rows in (2, 37) if told(path, SETTINGS, rows) != whole]


if ORACLE.is_dir():

    @pytest.mark.parametrize("path", captures()[:40], ids=lambda path: path.name)
    def test_batches_make_no_difference(path: Path) -> None:
        assert differing(path) == []


def main() -> int:
    """Prints each that differs, and how many were tried."""
    tried = failed = 0
    for path in captures():
        sizes = differing(path)
        tried += 1
        if sizes:
            failed += 1
            print(f"{path.name}: other rows in batches of {sizes}", flush=True)
    print(f"{tried} captures, {failed} of which differ")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
