"""Days, as the label `shoal.day` of a batch bears them."""

from __future__ import annotations

import datetime

_NS_A_DAY = 86_400 * 10**9
_LAST_DAY = 0xFFFF


def day_of(time_ns: int) -> datetime.date:
    """The UTC day of a time (ns since 1970), within what ClickHouse's Date can say (1970 to 2149)."""
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=min(max(time_ns // _NS_A_DAY, 0), _LAST_DAY))
