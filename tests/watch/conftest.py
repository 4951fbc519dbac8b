"""One embedded database for the tests of a file: to open one takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.store.database import Database
from tests.watch.alert_rows import emptied, opened


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with all tables, which a process can have one of at a time."""
    with opened(tmp_path_factory.mktemp("watch") / "db") as made:
        yield made


@pytest.fixture
def database(opened_once: Database) -> Database:
    """It without rows."""
    return emptied(opened_once)
