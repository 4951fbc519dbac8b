"""Exchanges of real captures, asked for in SQL: what `shoal import` stores is what a reader of the capture finds.

Each `expect_NAME.py` beside has EXPECT: a capture's file name, a query in which `{here}` selects its rows, and the
rows, worked out by hand from `tshark -V`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.conformance import ORACLE

Expected = tuple[str, str, list[tuple[object, ...]]]

CASES: list[tuple[str, Expected]] = [
    (path.stem.removeprefix("expect_"), case)
    for path in sorted(Path(__file__).parent.glob("expect_*.py"))
    for case in importlib.import_module(f"tests.oracle.{path.stem}").EXPECT
]

if ORACLE.is_dir():
    from pipeline.run.importer import import_capture
    from pipeline.store.database import Database
    from pipeline.store.migrate import migrate
    from pipeline.store.store import Store

    @pytest.fixture(scope="module")
    def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
        with Database(tmp_path_factory.mktemp("exchanges") / "db").open(create=True) as store:
            migrate(store)
            for name in sorted({case[0] for _, case in CASES}):
                import_capture(store, str(ORACLE / "captures" / name), sensor=name)
            yield store

    @pytest.mark.parametrize("case", [c for _, c in CASES], ids=[f"{n}-{i}" for i, (n, _) in enumerate(CASES)])
    def test_sql_says_what_the_capture_holds(database: Store, case: Expected) -> None:
        capture, sql, rows = case
        found = database.rows(sql.replace("{here}", f"sensor = '{capture}'"))
        assert [tuple(row.values()) for row in found] == rows
