"""Fixtures of the collector's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.cable import Cable, cable
from tests.collector.running import folder
from tests.collector.target import Target


@pytest.fixture
def target() -> Iterator[Target]:
    """A port on loopback."""
    made = Target()
    yield made
    made.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that a collector can enter when it has become another user."""
    with folder() as made:
        yield made


@pytest.fixture(scope="module")
def line() -> Iterator[Cable]:
    """A cable."""
    with cable() as made:
        yield made
