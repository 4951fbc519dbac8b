"""Live accounting at length: what tcpreplay sends over a cable is published or counted as dropped, at every speed.

python -m tests.soak.live [--frames N] [--loop N] [--rates PPS ...]

The broker is on this machine. Needs root, iproute2 and tcpreplay.
"""

from __future__ import annotations

import argparse
import os

from tests.broker.broker import Broker
from tests.collector.cable import PORT, cable, mixed, tagged
from tests.collector.running import folder
from tests.collector.trouble import live

_HEADINGS = ("frames", "options", "speed", "sent", "sent/s", "published", "kernel", "spool")
_WIDTHS = (8, 12, 10, 9, 9, 9, 9, 9)
_TAGS = ((), (0x8100 << 16 | 5,))


def _line(*cells: object) -> None:
    texts = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells)
    print("  ".join(text.rjust(width) for text, width in zip(texts, _WIDTHS, strict=True)), flush=True)


def main() -> None:
    """Prints a line for each run; an AssertionError says what does not balance."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--frames", type=int, default=100_000)
    ap.add_argument("--loop", type=int, default=6)
    ap.add_argument("--rates", type=int, nargs="*", default=[50_000, 100_000, 200_000, 300_000])
    a = ap.parse_args()
    speeds = [*((f"{rate:,}", f"--pps={rate}") for rate in a.rates), ("top", "--topspeed")]
    with folder() as place, cable() as line:
        broker = Broker(place / "kafka")
        broker.start()
        try:
            mixed(place / "mixed.pcap", a.frames)
            tagged(place / "tagged.pcap", a.frames, *_TAGS)
            print(f"{os.cpu_count()} processors, on which sender, collector and broker are")
            _line(*_HEADINGS)
            of_port = {"interface": "any", "expression": f"udp port {PORT}"}
            for name, options, where in (
                ("mixed", (), {}), ("mixed", ("--fanout", "2"), {}), ("mixed", ("-B", "4"), {}), ("tagged", (), {}),
                ("tagged", (), of_port),
            ):  # fmt: skip
                for said, speed in speeds:
                    run = live(line, broker, place / f"{name}.pcap", *options, loop=a.loop, speed=speed, **where)
                    _line(name, " ".join(options) or where.get("interface", ""), said, run.sent, round(run.rate),
                          run.published, run.counts["dropped by kernel"], run.counts["dropped by spool"])
        finally:
            broker.wipe()


if __name__ == "__main__":
    main()
