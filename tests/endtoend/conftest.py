"""Fleets, captures that they play, and what `shoal import` makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.broker import Broker
from tests.endtoend.captures import Played, Wanted, imported, make
from tests.endtoend.fleet import Fleet, fleet


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """300,000 frames in twelve files."""
    return make(tmp_path_factory.mktemp("captures"), files=12, frames=25_000)


@pytest.fixture(scope="session")
def wanted(played: list[Played], tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    """What an import makes of them."""
    return imported(tmp_path_factory.mktemp("imported"), played)


@pytest.fixture
def calm(broker: Broker, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet with the broker of the whole run."""
    with fleet(broker, tmp_path) as playing:
        yield playing


@pytest.fixture
def shaky(shaky_broker: Broker, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet with a broker that may be killed."""
    with fleet(shaky_broker, tmp_path) as playing:
        yield playing
