"""DNS in real captures."""

from __future__ import annotations

EXPECT: tuple[tuple[str, str, list[tuple[object, ...]]], ...] = (
    (
        "ndpi--dns_ambiguous_names.pcap",
        "SELECT count(), max(shoal.response_time) FROM dns WHERE {here}",
        [(10, 0.34408)],
    ),
)
