"""Kafka away for a minute under load, and a spool that overflows: nothing is lost that is not counted.

python -m tests.soak.collector [--seconds SECONDS] [--pps PPS] [--spool MIB]

Needs root, iproute2 and tcpreplay.
"""

from __future__ import annotations

import argparse
import time

from tests.broker.broker import Broker
from tests.collector.cable import cable
from tests.collector.running import folder
from tests.collector.trouble import Run, spool_overflows, while_kafka_is_away


def _tell(name: str, run: Run, seconds: float) -> None:
    counts = ", ".join(f"{number:,} {what}" for what, number in run.counts.items())
    print(f"{name}: {run.sent:,} sent, {run.published:,} found in Kafka once, {run.dropped:,} lost and counted; "
          f"{counts}; {seconds:.0f} s", flush=True)  # fmt: skip


def main() -> None:
    """Runs both; an AssertionError says what does not hold."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=float, default=60, help="how long Kafka is away")
    ap.add_argument("--pps", type=int, default=20_000)
    ap.add_argument("--spool", type=int, default=32, help="MiB of the spool that overflows")
    a = ap.parse_args()
    with folder() as place, cable() as line:
        broker = Broker(place / "kafka")
        broker.start()
        try:
            (place / "away").mkdir(mode=0o755)
            begun = time.monotonic()
            run = while_kafka_is_away(line, broker, place / "away", a.seconds, a.pps)
            _tell(f"Kafka away for {a.seconds:g} s", run, time.monotonic() - begun)
            (place / "overflow").mkdir(mode=0o755)
            begun = time.monotonic()
            run = spool_overflows(line, broker, place / "overflow", a.spool)
            _tell(f"A spool of {a.spool} MiB", run, time.monotonic() - begun)
        finally:
            broker.wipe()


if __name__ == "__main__":
    main()
