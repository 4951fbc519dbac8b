"""10,000 mutated batches through the real topic, good ones between them, two workers: none dies, each invalid one is a
dead letter, and the good ones are stored. `python -m tests.soak.mutated [--batches 10000] [--seed 1]`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.broker.broker import Broker
from tests.endtoend.captures import SOURCES, imported, make
from tests.endtoend.fleet import fleet
from tests.endtoend.hostile import check, mix, send
from tests.soak.kills import table
from tests.worker.stage import wait_until


def main(arguments: Sequence[str] = ()) -> None:
    """Prints what came of it; AssertionError where a worker died, a letter is missing, or a good row."""
    parser = argparse.ArgumentParser(prog="tests.soak.mutated", description=__doc__)
    parser.add_argument("--batches", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="shoal-soak-") as scratch:
        print(table(run(Path(scratch), told.batches, told.seed)))


def run(folder: Path, batches: int, seed: int) -> dict[str, object]:
    """The figures."""
    played = make(folder, 4, 100_000)
    wanted = imported(folder, played)
    mixture = mix(played, list(SOURCES[1:]), batches, seed)
    broker = Broker(folder / "kafka")
    broker.start()
    try:
        with fleet(broker, folder) as playing:
            send(playing.stage, mixture)
            begun = time.monotonic()
            workers = [playing.stage.worker() for _ in range(2)]
            wait_until(lambda: not playing.differing(wanted), "the rows of the good ones", 600)
            seconds = time.monotonic() - begun
            assert [worker.end() for worker in workers] == [0, 0]
            check(playing.stage, mixture)
    finally:
        broker.wipe()
    reasons = Counter(mixture.invalid.values())
    return {
        "mutated batches": f"{batches:,}", "good batches between them": f"{len(mixture.sent) - batches:,}",
        "their frames, all stored": f"{wanted.rows:,}", "mutated ones that are valid": f"{mixture.taken:,}",
        **{f"dead letters: {reason}": f"{count:,}" for reason, count in reasons.most_common()},
        "workers that died": 0, "seconds": f"{seconds:.0f}",
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
