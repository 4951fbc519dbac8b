"""Orders of rows that do not depend on which shard told them, or when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.columns import Columns

_ODD = np.uint64(0x9E3779B97F4A7C15)
_NAMES = (
    "shoal.part.kind", "ip.proto", "shoal.server", "shoal.flow_id", "shoal.stream", "shoal.a.port", "shoal.b.port",
    "shoal.window.pass", "shoal.a.packets", "shoal.b.packets", "shoal.a.bytes", "shoal.b.bytes", "shoal.late",
    "shoal.dropped", "shoal.dns.queries", "shoal.dns.failures",
)  # fmt: skip


def order_of_parts(pieces: Sequence[tuple[Columns, int, int]]) -> NDArray[np.int64]:
    """Of the rows of the pieces, end to end, which one is next: by tick, window, and then by a hash of what they are.

    Rows of one conversation and window are of one shard; they keep their order.
    """

    def of(name: str) -> NDArray[np.uint64]:
        return np.concatenate([c.values(name)[first:last].astype(np.uint64) for c, first, last in pieces])

    def halves(name: str) -> NDArray[np.uint64]:
        cells = [np.ascontiguousarray(c.values(name)[first:last]).view(np.uint64) for c, first, last in pieces]
        whole: NDArray[np.uint64] = np.concatenate(cells)
        return whole

    mixed = np.zeros(sum(last - first for _, first, last in pieces), np.uint64)
    keys = [of(name) for name in _NAMES]
    keys += [halves(name)[:, k] for name in ("shoal.a.address", "shoal.b.address") for k in (0, 1)]
    for key in keys:
        mixed = (mixed ^ key) * _ODD
        mixed ^= mixed >> np.uint64(29)
    order: NDArray[np.int64] = np.lexsort((mixed, of("shoal.window.time"), of("shoal.window.tick")))
    return order


def order_of_windows(rows: Columns) -> NDArray[np.int64]:
    """Of the rows of `WINDOWS`, which one is next: by version, then as the table is ordered."""

    def of(name: str) -> NDArray[np.uint64]:
        return rows.values(name).astype(np.uint64)

    def halves(name: str) -> list[NDArray[np.uint64]]:
        cells = np.ascontiguousarray(rows.values(name)).view(">u8").astype(np.uint64)
        return [cells[:, 0], cells[:, 1]]

    shift = np.uint64(32), np.uint64(8), np.uint64(16)
    keys = [
        of("shoal.window.version") << shift[0] | of("shoal.window.seconds") << shift[1] | of("shoal.window.kind"),
        of("shoal.window.time"), *halves("shoal.window.host"), *halves("shoal.window.peer"),
        of("shoal.window.proto") << shift[2] | of("shoal.window.port"),
    ]  # fmt: skip
    # What is the same in all rows need not be sorted by: mostly the high halves of addresses.
    differing = [key for key in keys if len(key) and (key != key[0]).any()]
    if not differing:
        return np.arange(rows.rows)
    order: NDArray[np.int64] = np.lexsort(differing[::-1])
    return order
