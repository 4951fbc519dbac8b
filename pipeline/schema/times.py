"""Durations and times as they are written on the command line, in files and in tables: whole nanoseconds, times since
1970-01-01 UTC."""

from __future__ import annotations

import datetime
import re
import time

SECOND = 10**9
LAST = 2**63 - 1
"""What int64 nanoseconds can say, and a table with them."""
_UNITS = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
}
_PART = r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d|w)"
_DURATION = re.compile(f"(?:{_PART})+", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FRACTION = re.compile(r"(:\d\d:\d\d)[.,](\d{1,9})")


def read_duration(text: str) -> int:
    """Nanoseconds that `90s`, `15m`, `1h30m`, `24h`, `7d` or `2w` stand for; a bare number is seconds.

    Raises ValueError."""
    given = text.strip()
    found = f"{given}s" if re.fullmatch(r"\d+(\.\d+)?", given, re.ASCII) else given
    if _DURATION.fullmatch(found):
        # Digits behind the point are few; whole numbers stay exact.
        length = sum(
            int(number) * _UNITS[unit] if number.isdecimal() else round(float(number) * _UNITS[unit])
            for number, unit in re.findall(_PART, found)
        )
        if length <= LAST:
            return length
    raise ValueError(f"'{text}' is no duration, as in 90s, 15m, 24h, 7d")


def read_time(text: str) -> int:
    """The time that ISO 8601 says, `now` or `@SECONDS` (since 1970) too; without a zone it is UTC. Raises ValueError.

    `2026-03-01`, `2026-03-01T12:00:00.5Z`, `2026-03-01 12:00+01:00`.
    """
    given = text.strip()
    if given == "now":
        return time.time_ns()
    if re.fullmatch(r"@\d{1,10}", given, re.ASCII):
        return _held(int(given[1:]) * SECOND, text)
    # Python's times have microseconds; what is finer is added behind.
    fraction = _FRACTION.search(given)
    rest = int(fraction[2].ljust(9, "0")) if fraction else 0
    try:
        at = datetime.datetime.fromisoformat(_FRACTION.sub(r"\1", given))
        if at.tzinfo is None:
            at = at.replace(tzinfo=datetime.UTC)
        since = at - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no time, as in 2026-03-01T12:00:00Z (ISO 8601; UTC unless it says)") from None
    return _held((since.days * 86_400 + since.seconds) * SECOND + rest, text)


def _held(ns: int, text: str) -> int:
    if not 0 <= ns <= LAST:
        raise ValueError(f"'{text}' lies outside of 1970 to 2262")
    return ns


def read_since(text: str, now: int | None = None) -> int:
    """The time that is so long before `now` (the clock's, unless given), or that is given itself. Raises ValueError."""
    try:
        length = read_duration(text)
    except ValueError:
        try:
            return read_time(text)
        except ValueError:
            raise ValueError(
                f"'{text}' is no duration or time, as in 90s, 24h, 7d, 2026-03-01T12:00:00Z"
            ) from None
    return max(0, (time.time_ns() if now is None else now) - length)


def spoken(ns: int) -> str:
    """A duration in at most two units: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`, `3 d 4 h`."""
    if abs(ns) < 10 * SECOND and ns % SECOND:
        return f"{ns / SECOND:.1f} s"
    sign, seconds = "-" * (ns < 0), abs(ns) // SECOND
    if seconds < 60:
        return f"{sign}{seconds} s"
    if seconds < 3_600:
        return f"{sign}{seconds // 60} m {seconds % 60:02} s"
    if seconds < 86_400:
        return f"{sign}{seconds // 3_600} h {seconds % 3_600 // 60:02} m"
    return f"{sign}{seconds // 86_400} d {seconds % 86_400 // 3_600} h"


def utc(ns: int, *, fraction: bool = False) -> str:
    """A time in UTC, to the second or, with `fraction`, to the nanosecond: `2026-03-01 12:00:00.500000000`."""
    seconds, rest = divmod(ns, SECOND)
    said = f"{_EPOCH.replace(tzinfo=None) + datetime.timedelta(seconds=seconds)}"
    return f"{said}.{rest:09}" if fraction else said
