"""Times Shoal on one capture: each stage by CPU seconds in one process, then whole commands by wall clock.

python -m benchmarks [CAPTURE] [--frames N]

Without CAPTURE one of N frames (400,000) is made out of the sample. Then what the engine costs as captures grow
(`benchmarks.scaling`), and what windows cost (`benchmarks.windows`). With a CAPTURE, `../shared/bench/peers.py`, where
it is there, times other programs on it beside these.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.capture import make
from benchmarks.stages import PRINTED, measure

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT.parent / "shared" / "bench" / "peers.py"


def _command(name: str, *args: str) -> None:
    """Run a command; print its wall seconds and peak memory."""
    start = time.perf_counter()
    child = subprocess.Popen(args, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    print(f"{name:28s} {wall:7.3f} s wall {usage.ru_utime + usage.ru_stime:7.3f} s CPU  "
          f"{usage.ru_maxrss // 1024:5d} MiB peak, exit {child.returncode}", flush=True)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("capture", nargs="?")
    ap.add_argument("--frames", type=int, default=400_000)
    a = ap.parse_args()
    shoal = str(Path(sys.executable).with_name("shoal"))
    with tempfile.TemporaryDirectory() as folder:
        path = a.capture or f"{folder}/made.pcap"
        if not a.capture:
            make(Path(path), a.frames)
        print(f"{os.cpu_count()} processors, {path}: {os.path.getsize(path) / 1e6:.0f} MB")
        for stage in measure(path):
            print(stage, flush=True)
        _command("shoal --version", shoal, "--version")
        _command("shoal read (sample)", shoal, "read", "-r", str(ROOT / "samples" / "demo.pcapng"), "-c", "10")
        fields = [x for name in PRINTED.split() for x in ("-e", name)]
        _command("shoal read -T fields", shoal, "read", "-r", path, "-T", "fields", *fields)
        for _ in range(3):
            shutil.rmtree(f"{folder}/db", ignore_errors=True)
            _command("shoal import", shoal, "import", path, "--db", f"{folder}/db")
        subprocess.run([sys.executable, "-m", "benchmarks.scaling"], check=True)
        subprocess.run([sys.executable, "-m", "benchmarks.windows", path], check=True)
        if PEERS.exists() and a.capture:
            subprocess.run([sys.executable, str(PEERS), path, "--shoal", shoal], check=False)


if __name__ == "__main__":
    main()
