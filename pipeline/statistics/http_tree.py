"""`-z http,tree`: HTTP's messages by method and status, as Wireshark's packet counter, and how long responses took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns

CLASSES: dict[int, str] = {
    1: "1xx: Informational", 2: "2xx: Success", 3: "3xx: Redirection", 4: "4xx: Client Error", 5: "5xx: Server Error",
}  # fmt: skip
"""Classes of status codes (RFC 9110 section 15)."""
_KNOWN = frozenset(status.value for status in HTTPStatus)
_BROKEN = "???: broken"
_NAMES = frozenset(("HTTP", "HTTP/XML", "HTTP/JSON", "IPP", "OCSP", "SSDP", "DoH"))
_MILLISECOND = 1_000_000
_RULE = b"=" * 100 + b"\n"


class HttpTree:
    """Counts messages, and frames of HTTP that have none."""

    def __init__(self) -> None:
        self._methods: Counter[str] = Counter()
        self._codes: Counter[tuple[str, str]] = Counter()
        self._other = 0
        self._times: list[int] = [0, 0, 0, 0]

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the messages of the next batch, of the rows that `keep` marks."""
        seen: set[int] = set()
        for row, method in zip(*columns.details.get("http.request.method", ((), ())), strict=True):
            seen.add(row)
            if keep is None or keep[row]:
                self._methods[str(method)] += 1
        phrases: dict[int, list[str]] = {}
        for row, phrase in zip(*columns.details.get("http.response.phrase", ((), ())), strict=True):
            phrases.setdefault(row, []).append(str(phrase))
        for row, code in zip(*columns.details.get("http.response.code", ((), ())), strict=True):
            seen.add(row)
            if (keep is None or keep[row]) and isinstance(code, int):
                said = phrases.get(row)
                phrase = said.pop(0) if said else ""
                # The registered phrase, whatever this server says, so that a code has one line.
                if code in _KNOWN:
                    phrase = HTTPStatus(code).phrase
                self._codes[CLASSES.get(code // 100, _BROKEN), f"{code} {phrase}".rstrip()] += 1
        for row, time in zip(*columns.details.get("http.time", ((), ())), strict=True):
            if (keep is None or keep[row]) and isinstance(time, int):
                count, total, least, most = self._times
                self._times = [count + 1, total + time, min(least, time) if count else time, max(most, time)]
        codes = columns.values("_ws.col.Protocol")
        for code, name in enumerate(columns.texts):
            if name in _NAMES:
                rows = (codes == code).nonzero()[0].tolist()
                self._other += sum(1 for row in rows if row not in seen and (keep is None or keep[row]))

    def lines(self) -> Iterator[bytes]:
        """The tree."""
        asked, answered = self._methods.total(), self._codes.total()
        total = asked + answered + self._other
        yield _RULE + b"HTTP/Packet Counter:\n" + _line("Topic / Item", "Count", "Percent") + b"-" * 100 + b"\n"
        yield _counted("Total HTTP Packets", total, total)
        yield _counted(" HTTP Response Packets", answered, total)
        classes: Counter[str] = Counter()
        for (kind, _), count in self._codes.items():
            classes[kind] += count
        for kind in sorted((*CLASSES.values(), _BROKEN), key=lambda kind: (-classes[kind], kind)):
            yield _counted(f"  {kind}", classes[kind], answered)
            codes = sorted((-count, code) for (of, code), count in self._codes.items() if of == kind)
            for count, code in codes:
                yield _counted(f"   {code}", -count, classes[kind])
        yield _counted(" HTTP Request Packets", asked, total)
        for method, count in sorted(self._methods.items(), key=lambda pair: (-pair[1], pair[0])):
            yield _counted(f"  {method}", count, asked)
        yield _counted(" Other HTTP Packets", self._other, total)
        count, time, least, most = self._times
        if count:
            values = " ".join(f"{t / _MILLISECOND:.3f}" for t in (time / count, least, most))
            yield f"Response time (ms): mean, least, most of {count}: {values}\n".encode()
        yield _RULE


def _counted(item: str, count: int, whole: int) -> bytes:
    return _line(item, str(count), f"{100 * count / whole:.2f}%" if whole else "")


def _line(item: str, count: str, percent: str) -> bytes:
    return f"{item:<60}{count:>14}{percent:>14}".rstrip().encode("utf-8", "replace") + b"\n"
