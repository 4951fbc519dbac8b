"""200 kills from a seed over collectors, workers, broker and database while millions of frames go through: the rows are
those of an import, each once. `python -m tests.soak.kills [--kills 200] [--frames 10000000] [--seed 1]`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.broker.broker import Broker
from tests.endtoend.captures import imported, make
from tests.endtoend.chaos import Chaos
from tests.endtoend.fleet import fleet

FILES = 120


def table(figures: dict[str, object]) -> str:
    """Figures as a table of Markdown."""
    return "\n".join(("| what | figure |", "|---|---:|", *(f"| {name} | {value} |" for name, value in figures.items())))


def main(arguments: Sequence[str] = ()) -> None:
    """Prints what came of it; AssertionError where a row is missing, doubled or another."""
    parser = argparse.ArgumentParser(prog="tests.soak.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=4.0, help="most seconds from a kill, or progress, to the next")
    parser.add_argument("--folder", help="for captures, database and logs; removed at the end where it is not named")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="shoal-soak-") as scratch:
        folder = Path(told.folder or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print(table(run(folder, told.kills, told.frames, told.seed, told.pause)))


def run(folder: Path, kills: int, frames: int, seed: int, pause: float) -> dict[str, object]:
    """The figures. Raises AssertionError where the rows are not those of an import."""
    played = make(folder, FILES, frames // FILES)
    wanted = imported(folder, played)
    _tell(f"{wanted.rows} frames in {len(played)} files, imported")
    broker = Broker(folder / "kafka")
    broker.start()
    begun = time.monotonic()
    try:
        with fleet(broker, folder) as playing:
            playing.feed(played)
            chaos = Chaos(playing, seed, kills, pause=pause, tell=_tell)
            try:
                chaos.run()
                _tell("all kills are done")
                playing.wait_for(wanted, seconds=1200)
                _tell("the rows are those wanted")
            finally:
                chaos.close()
            time.sleep(10)
            living = [worker for worker in playing.stage.workers if worker.process.poll() is None]
            assert [worker.end() for worker in living] == [0, 0], "a worker ended by itself"
            playing.check(wanted)
            runs = sum(feeder.runs for feeder in playing.feeders)
    finally:
        broker.wipe()
    flows = sum(of["flow_states"][0] for of in wanted.digests.values())
    return {
        "frames": f"{wanted.rows:,}", "rows of packets, each once": f"{wanted.rows:,}",
        "rows of conversations, as imported": f"{flows:,}", "minutes": f"{(time.monotonic() - begun) / 60:.0f}",
        "collectors started": runs, "workers started": len(playing.stage.workers),
    } | chaos.figures()  # fmt: skip


def _tell(said: str) -> None:
    print(time.strftime("%H:%M:%S"), said, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
