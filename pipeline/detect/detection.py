"""What all shards of one capture told, as windows, events and alerts. A deterministic function of their bundles: no
clock, no randomness, no input or output inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.detect.alerts import Alerts
from pipeline.detect.anomalies import Anomalies
from pipeline.detect.rules import Rules, load_rules
from pipeline.engine.notes import Event, event_rows
from pipeline.engine.snapshot import SnapshotError, Tree
from pipeline.engine.windows.bundle import Bundle, Closed
from pipeline.engine.windows.merge import Merger
from pipeline.schema.columns import Columns
from pipeline.schema.events import CAP_EVENTS, WINDOW_EVENTS
from pipeline.schema.windows import LATENESS_SECONDS, SIZES_SECONDS, base_of

STATE = 2
"""Moves with every change of what the parts keep, so that none takes back what it would misread."""

CAPPED = CAP_EVENTS.keys() | WINDOW_EVENTS.keys()
"""Names of sightings that are no anomalies, but caps of windows."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Lengths of windows and how late a frame may be, in seconds; the rules of alerts."""

    sizes: tuple[int, ...] = SIZES_SECONDS
    lateness: int = LATENESS_SECONDS
    rules: Rules = field(default_factory=load_rules)

    @property
    def base(self) -> int:
        """Length (s) of the windows in which shards count."""
        return base_of(self.sizes)


class Detection:
    """One capture, of so many `shards`. Rows of `WINDOWS`, `EVENT_STATES` and `ALERT_STATES` are handed to `told`.

    `past`: the capture is one of the past, that is imported.
    """

    def __init__(self, told: Callable[[Columns], None], sensor: str, capture: str, settings: Settings, *,
                 shards: int = 1, past: bool = False) -> None:
        self._told = told
        self._merger = Merger(settings.sizes, settings.base, settings.lateness, shards)
        self._anomalies = Anomalies()
        self._alerts = Alerts(settings.rules, sensor, capture, past)

    def take(self, shard: int, bundle: Bundle) -> None:
        """Take what a shard tells. When all have told of the capture's end, all is told of it."""
        closed = self._merger.take(shard, bundle)
        if closed is not None:
            self._tell(closed)

    def finish(self) -> None:
        """Tell all that waits, though not all shards have told of the end."""
        closed = self._merger.finish()
        if closed is not None:
            self._tell(closed)
        self._hand_out(self._alerts.finish())

    def _tell(self, closed: Closed) -> None:
        if closed.windows.rows:
            self._told(closed.windows)
        going = self._anomalies.take(closed)
        # What the merger had to give up comes as sightings, for ticks tell when.
        capped = [(s.name, s.frame, s.time, s.count) for s in closed.sightings if s.name in CAPPED]
        self._hand_out(self._anomalies.rows(), self._alerts.take(closed, going), forgotten=capped)

    def _hand_out(self, *told: Columns | None, forgotten: list[Event] | None = None) -> None:
        forgotten = [*(forgotten or ()), *self._alerts.events()]
        for rows in (*told, event_rows(forgotten) if forgotten else None):
            if rows is not None and rows.rows:
                self._told(rows)

    def state(self) -> Tree:
        """All that is known, for a snapshot."""
        return {
            "version": STATE, "merger": self._merger.state(), "anomalies": self._anomalies.state(),
            "alerts": self._alerts.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from. Raises SnapshotError where it is of another version."""
        if state.get("version") != STATE:
            raise SnapshotError("what is known of windows is of another version")
        self._merger.restore(state["merger"])
        self._anomalies.restore(state["anomalies"])
        self._alerts.restore(state["alerts"])
