"""`-z dhcp,stat`: DHCP messages by type, in the form of tshark's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engine import Engine
    from pipeline.schema.columns import Columns

MESSAGES: tuple[str, ...] = (
    "Discover", "Offer", "Request", "Decline", "ACK", "NAK", "Release", "Inform", "Force Renew", "Lease query",
    "Lease Unassigned", "Lease Unknown", "Lease Active", "Bulk Lease Query", "Lease Query Done", "Active LeaseQuery",
    "Lease Query Status", "TLS",
)
"""Message types from 1 on, as Wireshark names them (RFC 2132 section 9.6, and those after it)."""

_RULE = "=" * 101


class DhcpStat:
    """Counts `dhcp.option.dhcp`."""

    def __init__(self) -> None:
        self._counts = [0] * len(MESSAGES)

    def add(self, columns: Columns, engine: Engine, keep: NDArray[np.bool_] | None) -> None:
        """Count the messages of the next batch, of the rows that `keep` marks."""
        rows, kinds = columns.details.get("dhcp.option.dhcp", ((), ()))
        for row, kind in zip(rows, kinds, strict=True):
            if isinstance(kind, int) and 1 <= kind <= len(MESSAGES) and (keep is None or keep[row]):
                self._counts[kind - 1] += 1

    def lines(self) -> Iterator[bytes]:
        """The table."""
        head = (_RULE, "DHCP (BOOTP) Statistics:", "Filter for statistics: ", "DHCP Message Type |Packets |",
                "DHCP Statistics")
        counts = (f"{name:<25} |{count} |" for name, count in zip(MESSAGES, self._counts, strict=True))
        yield "".join(f"{line}\n" for line in ("", *head, *counts, _RULE)).encode()
