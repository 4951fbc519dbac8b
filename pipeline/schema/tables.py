"""The list of all tables, and the records that are no batches of frames."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.checkpoints import CHECKPOINTS, DEAD_LETTERS
from pipeline.schema.column import Column as C
from pipeline.schema.column import ListGroup, Record
from pipeline.schema.ddl import quote, table_columns
from pipeline.schema.events import EVENT_STATES
from pipeline.schema.exchanges import EXCHANGES, leases
from pipeline.schema.exchanges.dhcp import DHCP
from pipeline.schema.flows import FLOW_STATES
from pipeline.schema.packets import PACKETS
from pipeline.schema.sensors import SENSORS
from pipeline.schema.watch import DELIVERY_STATES, SILENCE_STATES, WATCH_RECORDS
from pipeline.schema.windows import WINDOWS

CAPTURE_STATES = Record(
    name="capture_states",
    meaning="One row for each file imported, in its newest state (table capture_states keeps the older ones too)",
    columns=(
        C("sensor", "label", "Name of the sensor that captured the file (`--sensor`)"),
        C("capture", "label", "XXH3-128 of the file's content in hex; of a pipe, a random number"),
        C("shoal.state", "text", "`started`, or `complete` when every frame is stored"),
        C("shoal.file.name", "text", "Path as given at the first import"),
        C("shoal.file.size", "u64", "Size of the file, compressed as it is", unit="bytes"),
        C("shoal.first_time", "time", "When the first frame was captured", unit="ns since 1970-01-01 UTC"),
        C("shoal.last_time", "time", "When the last frame was captured", unit="ns since 1970-01-01 UTC"),
        C("shoal.frames", "u64", "Frames in the file"),
        C("shoal.warning", "text", "Why the file ended early, where it was cut; else empty"),
        C("shoal.version", "text", "Version of Shoal that imported the file"),
        C("shoal.imported", "time", "When this state was written", unit="ns since 1970-01-01 UTC"),
    ),
    groups=(
        ListGroup("linktypes", 64, (
            C("shoal.file.linktypes", "u16", "Link types of the frames (LINKTYPE_ registry)"),
        )),
    ),
    order_by=("capture",),
    engine="ReplacingMergeTree",
    version="shoal.imported",
)


@dataclass(frozen=True, slots=True)
class View:
    """A stored SELECT that users query like a table; `replaces` is whether they query it in the place of table `of`."""

    name: str
    meaning: str
    of: str
    select: str
    replaces: bool = True


TABLES: tuple[Record, ...] = (
    PACKETS, FLOW_STATES, *EXCHANGES, EVENT_STATES, WINDOWS, ALERT_STATES, CAPTURE_STATES, SENSORS, DEAD_LETTERS,
    CHECKPOINTS, *WATCH_RECORDS,
)
"""Every record that is stored, in the order in which tables are made."""


def _newest(name: str, meaning: str, of: Record) -> View:
    """The newest row of each key of `of`; its ALIAS columns are named, for `*` leaves them out."""
    columns = ", ".join(quote(column.name) for column in table_columns(of))
    return View(name, meaning, of.name, f"SELECT {columns} FROM {quote(of.name)} FINAL")


def _fleet() -> View:
    """The newest heartbeat of each sensor and interface. Of all others only the key is read; GLOBAL, for over a
    Distributed table the inner query is asked once, and its answer is sent to the shards."""
    key = ", ".join(quote(name) for name in SENSORS.order_by[:-1])
    when = quote(SENSORS.order_by[-1])
    columns = ", ".join(quote(column.name) for column in table_columns(SENSORS))
    name = quote(SENSORS.name)
    newest = f"SELECT {key}, max({when}) FROM {name} GROUP BY {key}"
    select = f"SELECT {columns} FROM {name} WHERE ({key}, {when}) GLOBAL IN ({newest}) LIMIT 1 BY {key}"
    return View("fleet", "The newest heartbeat of each sensor and interface", SENSORS.name, select, replaces=False)


VIEWS: tuple[View, ...] = (
    _newest("captures", "One row for each file imported, in its newest state", CAPTURE_STATES),
    _newest("events", "One row for each event", EVENT_STATES),
    _newest("windows", "One row for each window of a sensor, a host, a service or a pair of hosts", WINDOWS),
    _newest("alerts", "One row for each alert, in its newest state", ALERT_STATES),
    _newest("silences", "One row for each silence, in its newest state", SILENCE_STATES),
    _newest("deliveries", "What became of each state of an alert at each sink", DELIVERY_STATES),
    _newest("flows", "One row for each conversation, in its newest state", FLOW_STATES),
    *(_newest(record.name.removesuffix("_states"), record.meaning.partition(" (")[0], record) for record in EXCHANGES),
    _fleet(),
    View("leases", leases.MEANING, DHCP.name, leases.select(), replaces=False),
)
"""Every view, made after the tables."""
