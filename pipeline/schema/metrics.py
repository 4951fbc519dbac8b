"""What collectors and workers count, declared once: the exporter and `docs/metrics.md` derive from here.

Names follow Prometheus's conventions: base units, `_total` for what only grows.
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/metrics.md")

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
"""A count that only grows; a value that comes and goes; how many observations were up to each of `buckets`."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its full name, kind, labels, and upper bounds of a histogram's buckets."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()


def _of(prefix: str, *rows: tuple[str, str, tuple[str, ...], str, str]) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"shoal_{prefix}_{name}", kind, help_, labels, unit, _SECONDS if kind == HISTOGRAM else ())
        for name, kind, labels, unit, help_ in rows
    )


_INTERFACE = ("sensor", "interface")
_SENSOR = ("sensor",)

COLLECTOR: tuple[Metric, ...] = _of(
    "collector",
    ("frames_seen_total", COUNTER, _INTERFACE, "frames", "Frames that passed the filter, those dropped later included"),
    ("frames_published_total", COUNTER, _INTERFACE, "frames", "Frames that the broker acknowledged"),
    ("frames_dropped_kernel_total", COUNTER, _INTERFACE, "frames", "Frames for which the ring had no room"),
    ("frames_dropped_spool_total", COUNTER, _INTERFACE, "frames", "Frames given up on their way to the broker"),
    ("frames_given_up_total", COUNTER, ("sensor", "reason"), "frames", "The same by reason: `spool-full`, `disk-full`"),
    ("frames_waiting", GAUGE, _INTERFACE, "frames", "Frames in memory, not yet acknowledged by the broker"),
    ("frames_spooled", GAUGE, _INTERFACE, "frames", "Frames in the spool, waiting for the broker"),
    ("interface_received_total", COUNTER, _INTERFACE, "frames", "Frames that the interface received"),
    ("interface_dropped_total", COUNTER, _INTERFACE, "frames", "Frames that the interface or its driver dropped"),
    ("ring_fill_ratio", GAUGE, _INTERFACE, "0 to 1", "How full the ring is"),
    ("paused", GAUGE, _INTERFACE, "0 or 1", "Whether the capture is paused by order"),
    ("spool_bytes", GAUGE, _SENSOR, "bytes", "What the spool holds"),
    ("spool_limit_bytes", GAUGE, _SENSOR, "bytes", "What the spool may hold"),
    ("spool_errors_total", COUNTER, _SENSOR, "", "Writes to the spool that the system refused"),
    ("messages_published_total", COUNTER, _SENSOR, "messages", "Messages that the broker acknowledged"),
    ("published_bytes_total", COUNTER, _SENSOR, "bytes", "Size of these messages"),
    ("publish_errors_total", COUNTER, _SENSOR, "", "Messages that were not acknowledged, and are sent again"),
    ("publish_seconds", HISTOGRAM, _SENSOR, "seconds", "Time from sending a message to its acknowledgment"),
    ("broker_connected", GAUGE, _SENSOR, "0 or 1", "Whether the broker answers"),
    ("clock_offset_seconds", GAUGE, _SENSOR, "seconds", "By how much the sensor's clock is fast, where that is known"),
    ("heartbeats_total", COUNTER, _SENSOR, "", "Heartbeats sent"),
    ("commands_total", COUNTER, ("sensor", "result"), "", "Commands of the control topic, by what became of them"),
)
"""What `shoal collector` exports."""

_PARTITION = ("topic", "partition")
_TABLE = ("table",)

WORKER: tuple[Metric, ...] = _of(
    "worker",
    ("partitions", GAUGE, (), "partitions", "Partitions that this worker has"),
    ("lag_messages", GAUGE, _PARTITION, "messages", "Messages in the log that are not yet stored"),
    ("watermark_delay_seconds", GAUGE, _PARTITION, "seconds", "How far the newest frame stored is behind the clock"),
    ("batches_total", COUNTER, (), "messages", "Messages stored"),
    ("batch_bytes_total", COUNTER, (), "bytes", "Size of these messages"),
    ("groups_total", COUNTER, (), "groups", "Groups of messages stored, each with one insert a table and week"),
    ("batches_lost_total", COUNTER, (), "messages", "Messages that the broker removed before they were read"),
    ("batches_repeated_total", COUNTER, (), "messages", "Messages passed over, for they brought nothing new"),
    ("frames_missing_total", COUNTER, (), "frames", "Frames in gaps between messages of a shard: they never came"),
    ("engine_seconds", HISTOGRAM, (), "seconds", "Time that the engine took for a group"),
    ("rows_total", COUNTER, _TABLE, "rows", "Rows stored"),
    ("insert_seconds", HISTOGRAM, _TABLE, "seconds", "Time of an insert, from its first block to the answer"),
    ("insert_errors_total", COUNTER, (), "", "Inserts that failed, and were done again"),
    ("clickhouse_connected", GAUGE, (), "0 or 1", "Whether the last insert or query was answered"),
    ("checkpoints_total", COUNTER, (), "", "Checkpoints written"),
    ("checkpoint_age_seconds", GAUGE, _PARTITION, "seconds", "Time since the last checkpoint was written"),
    ("checkpoint_bytes", GAUGE, _PARTITION, "bytes", "Size of the last checkpoint"),
    ("checkpoint_seconds", HISTOGRAM, (), "seconds", "Time to write a checkpoint"),
    ("checkpoints_damaged_total", COUNTER, (), "", "Checkpoints that were passed over: their digest was wrong"),
    ("evictions_total", COUNTER, ("event",), "", "What was given up at a cap, by the name of the event"),
    ("dead_letters_total", COUNTER, ("reason",), "messages", "Messages that were no valid batch, by reason"),
    ("budget_dropped_bytes_total", COUNTER, (), "bytes", "What was dropped of table packets to keep within its budget"),
)
"""What `shoal worker` exports."""


def page() -> str:
    """The text of `docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        "This page is made from `pipeline/schema/metrics.py` by `python -m pipeline.schema.docs`; do not edit it.",
        "",
        "`--metrics HOST:PORT` has a collector or worker answer in Prometheus's text format on every path of that",
        "address. With them come `process_*`: processor time, memory and open files of the process.",
        "",
        "Of each interface, at any time: `frames_seen_total` = `frames_published_total` + `frames_waiting` +",
        "`frames_spooled` + `frames_dropped_kernel_total` + `frames_dropped_spool_total`.",
    ]
    for title, metrics in (("Collector", COLLECTOR), ("Worker", WORKER)):
        lines += ["", f"## {title}", "", "| metric | type | labels | unit | meaning |", "|---|---|---|---|---|"]
        for m in metrics:
            labels = ", ".join(f"`{label}`" for label in m.labels)
            lines.append(f"| `{m.name}` | {m.kind} | {labels} | {m.unit} | {m.help} |")
    return "\n".join(lines) + "\n"
