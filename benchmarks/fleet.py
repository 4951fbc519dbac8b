"""What the fleet takes on one machine: capture or interface, collector, Kafka, one worker, served database.

python -m benchmarks.fleet throughput [CAPTURE] [--frames N] [--keep KEEP] [--workers N]
python -m benchmarks.fleet latency [--pps N] [--seconds N]

`throughput` reads a capture as fast as it goes, and tells frames a second from the collector's start to the last row,
with the processor time of each part. `latency` sends frames over a cable from another namespace, and tells after how
long they are rows that a SELECT sees: the worst 1 % of 100 ms pieces. Needs the broker's packages (deploy/dev/kafka);
`latency` needs root, iproute2 and tcpreplay too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.capture import make
from pipeline.store.remote import Remote
from tests.broker.broker import Broker, free_ports
from tests.collector.cable import cable, mixed

_SHOAL = (sys.executable, "-m", "pipeline.cli.main")
_TICKS = os.sysconf("SC_CLK_TCK")
_PIECE_NS = 100_000_000
_LOOK_SECONDS = 0.2


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, its threads' included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@dataclass
class Fleet:
    """The parts behind the collector, running."""

    broker: Broker
    folder: Path
    keep: str
    port: int = field(default_factory=free_ports)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str, ready: str, *command: str) -> subprocess.Popen[bytes]:
        """A part as a process, once its log says that it is ready."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            part = self.parts[name] = subprocess.Popen(command, stdout=out, stderr=out)
        while ready and not re.search(ready, log.read_text(errors="replace")):
            if part.poll() is not None:
                raise SystemExit(f"{name} ended: {log.read_text()}")
            time.sleep(0.02)
        return part

    def collector(self, *arguments: str, ready: str = "") -> subprocess.Popen[bytes]:
        """The collector."""
        return self.start("collector", ready, *_SHOAL, "collector", *arguments, "--kafka", self.broker.address,
                          "--sensor", "bench", "--keep", self.keep, "--spool", str(self.folder / "spool"))  # fmt: skip

    def stop(self) -> None:
        """End all, the database last."""
        for name in reversed(self.parts):
            part = self.parts[name]
            if part.poll() is None:
                part.send_signal(signal.SIGTERM)
                part.wait()


@contextlib.contextmanager
def fleet(keep: str, workers: int) -> Iterator[Fleet]:
    """Broker, served database with its tables, and workers that have their partitions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The collector gives up root's rights before it opens its spool.
        folder.chmod(0o755)
        (folder / "spool").mkdir()
        (folder / "spool").chmod(0o777)
        broker = Broker(folder / "kafka")
        broker.start()
        running = Fleet(broker, folder, keep)
        try:
            running.start("serve", "listening on", *_SHOAL, "serve", "--db", f"{folder}/db", "--http",
                          f"127.0.0.1:{running.port}", "--read-write")  # fmt: skip
            subprocess.run((*_SHOAL, "migrate", "--clickhouse", running.url), check=True, stdout=subprocess.DEVNULL)
            for number in range(workers):
                running.start(f"worker {number}", "partitions assigned", *_SHOAL, "worker", "--kafka", broker.address,
                              "--clickhouse", running.url)  # fmt: skip
            yield running
        finally:
            running.stop()
            broker.wipe()


def throughput(capture: str, keep: str, workers: int) -> None:
    """One run; prints its figures."""
    with fleet(keep, workers) as running, Remote(running.url).open() as store:
        pids = {"broker": running.broker.pid} | {name: part.pid for name, part in running.parts.items()}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        start = time.perf_counter()
        collector = running.collector("-r", capture)
        _, status, usage = os.wait4(collector.pid, 0)
        collector.returncode = os.waitstatus_to_exitcode(status)
        sent = time.perf_counter() - start
        said = (running.folder / "collector.log").read_text()
        found = re.search(r"(\d+) packets? published", said)
        if collector.returncode or not found:
            raise SystemExit(f"collector: {said}")
        frames = int(found[1])
        while (rows := store.rows("SELECT count() AS n FROM packets")[0]["n"]) < frames:
            time.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - start
        if rows != frames:
            raise SystemExit(f"{rows} rows of {frames} frames")
        size = sum(f.stat().st_size for f in (running.broker.directory).rglob("shoal.packets*/*.log"))
        spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        spent["collector"] = usage.ru_utime + usage.ru_stime
    print(f"{frames:,} frames ({keep}) in {seconds:.2f} s: {frames / seconds:,.0f} a second; sent in {sent:.2f} s, "
          f"{size / 1e6:.0f} MB in Kafka")  # fmt: skip
    parts = ", ".join(f"{name} {of:.2f}" for name, of in spent.items())
    print(f"CPU s: {parts}; in all {sum(spent.values()):.2f}", flush=True)


def latency(capture: Path, pps: int, seconds: int, keep: str) -> None:
    """One run; prints its figures."""
    seen: dict[int, int] = {}
    delays: list[tuple[float, int]] = []
    with fleet(keep, 1) as running, cable() as wire, Remote(running.url).open() as store:
        running.collector("-i", wire.name, ready="sensor bench: ")
        loops = -(-pps * seconds // mixed(capture, 100_000))
        replay = wire.replay(capture, loops, f"--pps={pps}")
        until = time.monotonic() + seconds + 8
        while time.monotonic() < until:
            rows = store.rows(f"SELECT intDiv(toUnixTimestamp64Nano(frame.time), {_PIECE_NS}) AS piece, count() AS n"
                              f" FROM packets WHERE frame.time > now64(9) - INTERVAL 15 SECOND GROUP BY piece")
            now = time.time_ns()
            for row in rows:
                new = row["n"] - seen.get(row["piece"], 0)
                if new > 0:
                    delays.append(((now - row["piece"] * _PIECE_NS) / 1e9, new))
                    seen[row["piece"]] = row["n"]
            time.sleep(_LOOK_SECONDS)
        sent = replay.sent()
        running.stop()
        said = (running.folder / "collector.log").read_text()
    delays.sort()
    total, reached, marks = sum(n for _, n in delays), 0, {}
    for delay, n in delays:
        reached += n
        for share in (0.5, 0.9, 0.99, 1.0):
            if share not in marks and reached >= share * total:
                marks[share] = delay
    print(f"{sent:,} frames sent at {pps:,} a second, {total:,} rows seen; seconds until a row (to 0.1 above): "
          + ", ".join(f"p{share * 100:.0f} {delay:.2f}" for share, delay in marks.items()))  # fmt: skip
    print("; ".join(said.strip().splitlines()[-6:]), flush=True)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=("throughput", "latency"))
    ap.add_argument("capture", nargs="?")
    ap.add_argument("--frames", type=int, default=800_000)
    ap.add_argument("--keep", default="smart")
    ap.add_argument("--workers", type=int, default=1)
    ap.add_argument("--pps", type=int, default=20_000)
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("--rounds", type=int, default=3)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if a.what == "latency":
            latency(Path(folder) / "made.pcap", a.pps, a.seconds, a.keep)
            return
        capture = a.capture or f"{folder}/made.pcap"
        if not a.capture:
            make(Path(capture), a.frames)
        for _ in range(a.rounds):
            throughput(capture, a.keep, a.workers)


if __name__ == "__main__":
    main()
