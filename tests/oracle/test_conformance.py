"""What Shoal prints agrees with tshark over the whole oracle, where it is there."""

from __future__ import annotations

from tests.oracle.conformance import ORACLE, Mark, Result, conform
from tests.oracle.report import AT_LEAST, MARK_AT_LEAST, NOW, fields_by_group, marks

if ORACLE.is_dir():
    import pytest

    @pytest.fixture(scope="module")
    def result() -> Result:
        groups = fields_by_group()
        return conform([f for group in (*NOW, *AT_LEAST) for f in groups[group]])

    @pytest.mark.parametrize("group", [*NOW, *AT_LEAST])
    def test_group_agrees_with_tshark(result: Result, group: str) -> None:
        fields = fields_by_group()[group]
        differ = {f: result.different.get(f, [])[:3] for f in fields}
        assert result.ratio(fields) >= AT_LEAST.get(group, 0.999), differ

    def test_marks_of_the_tcp_analysis_agree_with_tshark(result: Result) -> None:
        found = {f: result.mark(f) for f in marks(fields_by_group())}
        assert sum(m.both > 0 for m in found.values()) > 15
        assert {f: m for f, m in found.items() if m.f1 < MARK_AT_LEAST} == {}

    def test_every_frame_has_a_row(result: Result) -> None:
        assert result.missing_frames == 0


def test_a_mark_is_measured_by_what_either_side_has() -> None:
    result = Result()
    result.same["m"] = 6
    result.different["m"] = [("a", 1, "1", ""), ("a", 2, "1", ""), ("b", 1, "", "1")]
    mark = result.mark("m")
    assert mark == Mark(6, 1, 2)
    assert (mark.precision, mark.recall, mark.f1) == (6 / 7, 6 / 8, 12 / 15)
    assert Mark(0, 0, 0).f1 == 1.0
