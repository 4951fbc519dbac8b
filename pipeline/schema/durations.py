"""Durations as they are written, on the command line and in files: whole nanoseconds."""

from __future__ import annotations

import re

SECOND = 10**9
LAST = 2**63 - 1
"""What int64 nanoseconds can say, and a table with them."""
_UNITS = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
}
_PART = r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d|w)"
_DURATION = re.compile(f"(?:{_PART})+", re.ASCII)


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
