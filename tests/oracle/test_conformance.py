"""The columns of single headers agree with tshark over the whole oracle, where it is there."""

from __future__ import annotations

from tests.oracle.conformance import ORACLE, Result, conform
from tests.oracle.report import NOW, fields_by_group

if ORACLE.is_dir():
    import pytest

    @pytest.fixture(scope="module")
    def result() -> Result:
        groups = fields_by_group()
        return conform([f for group in NOW for f in groups[group]])

    @pytest.mark.parametrize("group", NOW)
    def test_group_agrees_with_tshark(result: Result, group: str) -> None:
        fields = fields_by_group()[group]
        assert result.ratio(fields) >= 0.999, {f: result.different.get(f, [])[:3] for f in fields}

    def test_every_frame_has_a_row(result: Result) -> None:
        assert result.missing_frames == 0
