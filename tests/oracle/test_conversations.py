"""Conversation tables against tshark's, run live over a part of the oracle's captures, where it is there."""

from __future__ import annotations

from pathlib import Path

from tests.oracle.conformance import ORACLE

if ORACLE.is_dir():
    import pyarrow.parquet as pq
    import pytest

    from tests.statistics.tables import CONVERSATIONS, expert, ours, tshark, tshark_expert

    WITH_TCP = 110

    def with_tcp() -> list[Path]:
        """Captures that have TCP, from the whole of them."""
        table = pq.read_table(ORACLE / "golden.parquet", columns=["capture", "tcp.stream"])
        streams = table.column("tcp.stream").is_valid().to_pylist()
        names = sorted({n for n, there in zip(table.column("capture").to_pylist(), streams, strict=True) if there})
        return [ORACLE / "captures" / name for name in names[:: len(names) // WITH_TCP]][:WITH_TCP]

    @pytest.fixture(scope="module")
    def compared() -> dict[str, list[str]]:
        """Statistic to the captures whose table is not tshark's."""
        different: dict[str, list[str]] = {name: [] for name in CONVERSATIONS}
        for path in with_tcp():
            for name, mine, theirs in zip(CONVERSATIONS, ours(path), tshark(path), strict=True):
                if mine != theirs:
                    different[name].append(path.name)
        return different

    @pytest.mark.parametrize("name", CONVERSATIONS)
    def test_tables_are_tshark_s(compared: dict[str, list[str]], name: str) -> None:
        assert len(with_tcp()) >= 100
        assert len(compared[name]) <= 0.02 * len(with_tcp()), compared[name]

    def test_expert_has_tshark_s_tcp_lines() -> None:
        """Of what both tell, in number and order; damaged segments may differ."""
        wrong = []
        for path in with_tcp()[::3]:
            mine, theirs = expert(ours(path, ("expert",))[0]), expert(tshark_expert(path))
            common = {s: [line for line in theirs.get(s, []) if line in set(lines)] for s, lines in mine.items()}
            if common != mine:
                wrong.append(path.name)
        assert len(wrong) <= 1, wrong
