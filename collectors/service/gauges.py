"""The collector's counters as Prometheus metrics (`pipeline.schema.metrics.COLLECTOR`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collectors.service.heartbeat import clock_offset, interface_counters
from collectors.service.tap import Tap
from pipeline.schema.exporter import Metrics


def told(taps: Sequence[Tap[Any]], metrics: Metrics) -> None:
    """Bring `metrics` to what the taps count now."""
    published = spool = limit = size = 0
    connected = True
    for tap in taps:
        counts, totals = tap.counts(), tap.publisher.totals()
        of = {"sensor": tap.route.sensor, "interface": tap.name}
        received, dropped = interface_counters(tap.name)
        for name, value in {
            "frames_seen_total": counts.seen, "frames_published_total": counts.published,
            "frames_dropped_kernel_total": counts.dropped_kernel, "frames_dropped_spool_total": counts.dropped_spool,
            "frames_waiting": counts.waiting, "frames_spooled": counts.spooled, "interface_received_total": received,
            "interface_dropped_total": dropped, "ring_fill_ratio": counts.ring_fill, "paused": int(tap.paused),
        }.items():  # fmt: skip
            metrics.set(f"shoal_collector_{name}", value, **of)
        published += totals.published_messages
        size += totals.published_bytes
        spool += totals.spool_bytes
        limit += tap.publisher.limits.spool
        connected &= not tap.publisher.trouble
    if not taps:
        return
    offset = clock_offset()
    for name, value in {
        "messages_published_total": published, "published_bytes_total": size, "spool_bytes": spool,
        "spool_limit_bytes": limit, "broker_connected": int(connected),
    }.items():  # fmt: skip
        metrics.set(f"shoal_collector_{name}", value, sensor=taps[0].route.sensor)
    if offset is not None:
        metrics.set("shoal_collector_clock_offset_seconds", offset / 1e9, sensor=taps[0].route.sensor)
