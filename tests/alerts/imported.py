"""Alerts that `shoal import` makes of composed captures, and what their evidence selects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collectors.sources.identity import content_hash
from tests.alerts.compose import Mix, Placed
from tests.alerts.judge import QUERY, Alert, Truth, concerns
from tests.alerts.library import FOLDER
from tests.alerts.spikes import compose
from tests.alerts.transfers import CLIENT, SERVER
from tests.run.running import asked, shoal


@dataclass
class Imported:
    """A scenario whose capture was imported. `again` says of each of its frames, from 1 on, whether it had been sent
    before."""

    name: str
    mix: Mix
    path: Path
    db: Path
    again: NDArray[np.bool_]
    alerts: list[Alert]

    @property
    def truth(self) -> Truth:
        """What was really sent."""
        return Truth(self.mix)

    def sent_again(self, alert: Alert, *, at_sender: bool = False) -> set[int]:
        """Frames of the alert's entity and time that had been sent before; `at_sender`: those that were captured where
        they were sent. Elsewhere some can't be told from new ones: what was lost at the end of a flight."""
        times = self.mix.times()
        which = [concerns(one, (alert.kind, alert.entity)) and (not at_sender or _captured_at_sender(one))
                 for one in self.mix.placed]
        chosen = self.again & np.array(which)[self.mix.whose()] & (times >= alert.begins) & (times < alert.ends)
        return {int(i) + 1 for i in np.flatnonzero(chosen)}


def _captured_at_sender(one: Placed) -> bool:
    return one.end == (CLIENT if "upload" in one.transfer.name else SERVER)


def import_all(scenarios: Sequence[tuple[str, int]], folder: Path, captures: Path = FOLDER) -> list[Imported]:
    """Compose these scenarios (name, seed), and import them all into one database."""
    made = []
    for number, (name, seed) in enumerate(scenarios):
        mix = compose(name, seed, captures)
        path = folder / f"{number:02}.pcap"
        made.append(Imported(name, mix, path, folder / "db", mix.write(path) > 0, []))
    done = shoal("import", "--db", folder / "db", *(one.path for one in made))
    assert done.returncode == 0, done.stderr
    found = alerts_of(folder / "db")
    for one in made:
        one.alerts = found.get(content_hash(str(one.path)), [])
    return made


def alerts_of(db: Path | str) -> dict[str, list[Alert]]:
    """All alerts of a database, by capture."""
    found: dict[str, list[Alert]] = {}
    for (line,) in asked(db, QUERY, "--format", "JSONEachRow"):
        row = json.loads(line)
        found.setdefault(row["capture"], []).append(Alert.of(row))
    return found


def by_sql(alert: Alert, db: Path | str) -> set[int]:
    """Frame numbers that the alert's SQL selects."""
    return {int(n) for (n,) in asked(db, f"SELECT `frame.number` FROM ({alert.sql})")}


def by_filter(alert: Alert, capture: Path) -> set[int]:
    """Frame numbers that tshark selects by the alert's display filter."""
    command = ("tshark", "-n", "-r", str(capture), "-Y", alert.filter, "-T", "fields", "-e", "frame.number")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {int(n) for n in done.stdout.split()}
