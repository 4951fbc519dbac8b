"""What a collector goes through: load, Kafka away, a spool or disk that is full. Short in tests, long in tests/soak."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.broker.broker import Broker, unique
from tests.collector.cable import Cable, bulk, mixed
from tests.collector.running import Arrived, Running, arrived, balance, wait_until

PACE = "--pps=20000"


@dataclass(frozen=True)
class Run:
    """How it went: packets sent, the collector's closing counters, what a reader finds, what the collector said, the
    prefix of its topics."""

    sent: int
    rate: float
    counts: dict[str, int]
    arrived: dict[str, Arrived]
    said: str
    prefix: str

    @property
    def published(self) -> int:
        """Frames that a reader finds."""
        return sum(len(each.numbers) for each in self.arrived.values())

    @property
    def dropped(self) -> int:
        """Frames that the collector says are lost."""
        return self.counts["dropped by kernel"] + self.counts["dropped by spool"]

    def check(self) -> None:
        """The accounts balance, and are of what was sent and what arrived."""
        assert self.counts["seen"] == self.sent, self.counts
        assert balance(self.counts) == 0, self.counts
        assert self.counts["left in the spool"] == 0
        assert self.published == self.counts["published"], self.counts
        assert self.sent == self.published + self.dropped
        for each in self.arrived.values():
            assert each.ended == len(each.upto)


def live(
    cable: Cable, broker: Broker, capture: Path, *options: str, loop: int = 1, speed: str = "--topspeed",
    interface: str = "", expression: str = "inbound",
) -> Run:  # fmt: skip
    """A capture file is sent at a speed while a collector with these options captures; sent = published + dropped."""
    prefix = unique("live")
    with Running(broker.address, prefix, "-i", interface or cable.name, *options, expression) as ran:
        ran.captures()
        replay = cable.replay(capture, loop, speed)
        sent = replay.sent()
        counts = ran.end()
    run = Run(sent, replay.rate, counts, arrived(broker, prefix), ran.said, prefix)
    run.check()
    for each in run.arrived.values():
        # What the kernel drops has no number.
        assert run.counts["dropped by spool"] or (each.whole(len(each.numbers)) and not each.gaps)
    return run


def stored(spool: Path) -> int:
    """Bytes of messages in a collector's spool."""
    return sum(path.stat().st_size for path in spool.glob("*/*.spool") if path.exists())


def while_kafka_is_away(cable: Cable, broker: Broker, folder: Path, seconds: float, pps: int) -> Run:
    """The broker ends amid the load, and is back after `seconds`; nothing is lost."""
    capture, prefix = folder / "mixed.pcap", unique("away")
    frames = mixed(capture, 10_000)
    loop = round((seconds + 4) * pps / frames) + 1
    with Running(broker.address, prefix, "-i", cable.name, "--spool", str(folder / "spool"), "inbound") as ran:
        ran.captures()
        replay = cable.replay(capture, loop, f"--pps={pps}")
        time.sleep(1)
        broker.stop()
        away = time.monotonic()
        wait_until(lambda: stored(folder / "spool") > 0, "messages in the spool")
        time.sleep(max(0.0, seconds - (time.monotonic() - away)))
        broker.start()
        sent = replay.sent()
        ran.says("takes messages again")
        counts = ran.end()
        run = Run(sent, replay.rate, counts, arrived(broker, prefix), ran.said, prefix)
    run.check()
    assert run.counts["dropped by spool"] == 0
    (found,) = run.arrived.values()
    if not run.dropped:
        assert found.whole(sent)
        assert not found.gaps
    assert run.said.count("takes no messages") == run.said.count("takes messages again"), run.said
    assert not list((folder / "spool").glob("*/*.spool"))
    return run


def spool_overflows(cable: Cable, broker: Broker, folder: Path, mib: int) -> Run:
    """The broker is away until a spool of `mib` MiB has overflowed; all that is lost is counted, and is gaps."""
    capture, prefix = folder / "bulk.pcap", unique("overflow")
    bulk(capture, 1500 * mib)
    spool = ("--spool", str(folder / "spool"), "--spool-size", str(mib))
    with Running(broker.address, prefix, "-i", cable.name, *spool, "--keep", "full", "inbound") as ran:
        ran.captures()
        sent = cable.replay(capture, 1, PACE).sent()
        broker.stop()
        # What comes before Kafka counts as away is in memory, and not lost.
        sent += cable.replay(capture, 4, "--pps=10000").sent()
        ran.says("MiB is reached")
        broker.start()
        ran.says(f"Kafka at {broker.address} takes messages again")
        sent += cable.replay(capture, 1, PACE).sent()
        run = Run(sent, 0.0, ran.end(), arrived(broker, prefix), ran.said, prefix)
    run.check()
    check_gaps(run)
    return run


def disk_is_full(cable: Cable, broker: Broker, disk: Path, folder: Path) -> Run:
    """The broker is away, and the disk of the spool fills up; other files go from it then, and nothing more is lost."""
    capture, prefix = folder / "bulk.pcap", unique("disk")
    room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(room * 7 // 8))
    bulk(capture, room // 1400 // 4)
    with Running(
        broker.address, prefix, "-i", cable.name, "--spool", str(disk / "spool"), "--keep", "full", "inbound"
    ) as ran:
        ran.captures()
        broker.stop()
        # What comes before Kafka counts as away is in memory, and not lost.
        sent = full = cable.replay(capture, 3, "--pps=6000").sent()
        ran.says("No space left on device")
        ballast.unlink()
        sent += cable.replay(capture, 1, PACE).sent()
        ran.says(f"shoal: the spool in {disk / 'spool' / cable.name}-0 takes messages again")
        broker.start()
        ran.says(f"Kafka at {broker.address} takes messages again")
        run = Run(sent, 0.0, ran.end(), arrived(broker, prefix), ran.said, prefix)
    run.check()
    check_gaps(run)
    assert lost(run)[-1] <= full, "lost although there was room again"
    assert run.said.count("No space left") == 1, run.said
    return run


def check_gaps(run: Run) -> None:
    """Frames were lost, all of them lie in gaps that a reader sees, and what came is otherwise whole."""
    assert run.counts["dropped by spool"] > 0
    (found,) = run.arrived.values()
    missing = np.array(lost(run), np.uint64)
    assert len(missing) == run.dropped
    assert len(np.unique(found.numbers)) == len(found.numbers)
    assert found.in_gaps(missing)


def lost(run: Run) -> list[int]:
    """Numbers of the frames that did not arrive."""
    (found,) = run.arrived.values()
    return sorted(set(range(1, run.sent + 1)) - set(found.numbers.tolist()))
