"""What a shard tells of windows behind each batch, and what all shards together tell when a tick is passed by all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.schema.anomalies import Sighting
from pipeline.schema.columns import Columns

WindowTick = tuple[int, int, int, int]
"""A window's end is passed: number of the tick in the capture, from 1; number of the frame before which it comes; the
capture's time then (the latest of its frames so far, ns since 1970); how often that had fallen back by over an hour.

`Front` tells them, so that all shards have the same. They ascend by frame, and where frames are equal by time."""


@dataclass(slots=True)
class Bundle:
    """What a shard has to tell since its bundle before: the ticks that it passed, what it counted up to them
    (`PARTS`, ascending by `shoal.window.tick`; None for nothing), and what it saw. `ends`: the capture is complete.
    The parts of an engine hold until it is given the next batch: who keeps them longer copies them."""

    ticks: tuple[WindowTick, ...] = ()
    parts: Columns | None = None
    sightings: tuple[Sighting, ...] = ()
    ends: bool = False


@dataclass(slots=True)
class Closed:
    """What is known behind ticks that all shards have passed, in the order of the ticks.

    `windows`: rows of `WINDOWS`, new or corrected, by tick, then as the table is ordered; of each row its tick in
    `tick`, uint32, shape (rows,). `parts`: what was counted meanwhile, by tick. `sightings` by tick, frame and name.
    """

    ticks: tuple[WindowTick, ...]
    windows: Columns
    tick: NDArray[np.uint32]
    parts: Columns
    sightings: tuple[Sighting, ...] = ()
    ends: bool = False
    flows: list[Columns] = field(default_factory=list)
    """Parts of the last minutes, those of `parts` included: what the worst flows of an entity are looked up in."""
