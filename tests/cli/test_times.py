"""Durations and times as they are given and printed."""

from __future__ import annotations

import time

import click
import pytest

from pipeline.cli.times import DURATION, SINCE
from pipeline.schema.times import SECOND, read_duration, read_since, read_time, spoken, utc


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5_400), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600),
     ("0.5h", 1_800), (" 3s ", 3), ("0", 0), ("250ms", 0.25)],
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == round(seconds * SECOND)


@pytest.mark.parametrize("text", ["", "s", "5x", "-3s", "1h 30m", "1e3s", "99999999w", "h5", "٣s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration, as in 90s"):
        read_duration(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1970-01-02", 86_400 * SECOND), ("2026-03-01T12:00:00Z", 1_772_366_400 * SECOND),
     ("2026-03-01 12:00", 1_772_366_400 * SECOND), ("2026-03-01T13:00:00+01:00", 1_772_366_400 * SECOND),
     ("2026-03-01T12:00:00.123456789Z", 1_772_366_400 * SECOND + 123_456_789),
     ("2026-03-01 12:00:00.5", 1_772_366_400 * SECOND + SECOND // 2), ("@1772366400", 1_772_366_400 * SECOND)],
)
def test_times(text: str, ns: int) -> None:
    assert read_time(text) == ns
    assert read_since(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12:00", "1969-12-31", "2300-01-01", "@99999999999"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time, as in 2026|lies outside of 1970"):
        read_time(text)


def test_since_is_before_now() -> None:
    assert read_since("1m", now=100 * SECOND) == 40 * SECOND
    assert read_since("7d", now=SECOND) == 0
    before = time.time_ns()
    assert before <= read_time("now") <= time.time_ns()
    assert before - 60 * SECOND <= read_since("1m") <= time.time_ns() - 60 * SECOND
    with pytest.raises(ValueError, match="is no duration or time, as in 90s, 24h"):
        read_since("soon")


def test_as_options_of_a_command() -> None:
    assert DURATION.convert("2m", None, None) == 120 * SECOND
    assert SINCE.convert(7, None, None) == 7
    with pytest.raises(click.BadParameter, match="'x' is no duration"):
        DURATION.convert("x", None, None)


def test_spoken() -> None:
    assert [spoken(round(s * SECOND)) for s in (0, 0.42, 9, 59, 65, 3_600, 7_815, 86_400 * 3 + 14_401, -5)] == [
        "0 s", "0.4 s", "9 s", "59 s", "1 m 05 s", "1 h 00 m", "2 h 10 m", "3 d 4 h", "-5 s",
    ]
    assert utc(1_772_366_400 * SECOND) == "2026-03-01 12:00:00"
    assert utc(1_772_366_400 * SECOND + 5, fraction=True) == "2026-03-01 12:00:00.000000005"
