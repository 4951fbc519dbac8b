"""A stage for each test, and the rows that `shoal import` makes of the captures that are played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.run.importer import import_capture
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from tests.broker.broker import Broker
from tests.worker.publish import Sent, taking_turns
from tests.worker.stage import ROOT, Digests, Stage, digests, stage


@pytest.fixture(scope="session")
def captures() -> list[Path]:
    """Captures of TCP in trouble, and the sample."""
    return [ROOT / "samples" / "demo.pcapng", *sorted((ROOT / "tests" / "scenarios").glob("*.pcap.gz"))[::4]]


@pytest.fixture(scope="session")
def imported(captures: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Digests:
    """What a database holds into which they were imported."""
    with Database(tmp_path_factory.mktemp("imported") / "db").open(create=True) as database:
        migrate(database)
        for path in captures:
            import_capture(database, str(path), sensor="s")
        return digests(database)


@pytest.fixture(scope="session")
def sent(captures: list[Path]) -> list[Sent]:
    """Their messages."""
    return taking_turns(captures)


@pytest.fixture
def shaky(shaky_broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    """A stage with a broker that may be killed and halted."""
    with stage(shaky_broker, tmp_path) as running:
        yield running


@pytest.fixture
def played(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    """A stage with the broker of the whole run."""
    with stage(broker, tmp_path) as running:
        yield running
