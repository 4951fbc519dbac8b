"""The compiled and the plain scan find the same frames, and say the same of what is damaged."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.sources.makecap import Section, pcap, pcap_header, pcap_record

ROOT = Path(__file__).resolve().parents[2]
PRINT = """
import sys
from collectors.sources import CaptureError, scan
from tests.sources.makecap import read
print(scan.__file__)
for path in sys.argv[1:]:
    try:
        print(read(path, batch_rows=20))
    except CaptureError as error:
        print(error)
"""


def captures() -> list[bytes]:
    """Whole ones of every shape, and each of them with bytes changed."""
    rnd = random.Random(11)
    times = [rnd.randrange(1 << 62) for _ in range(40)]
    times = [t % (1 << 32) * 10**9 + t % 10**6 * 1000 for t in times]
    frames = [(t, rnd.randbytes(i * 7 % 90)) for i, t in enumerate(times)]
    whole = [pcap(frames), pcap(frames, ">", 0xA1B23C4D)]
    whole.append(pcap_header(version=(2, 3)) + b"".join(pcap_record(d, t, length=50) for t, d in frames))
    for order in ("<", ">"):
        s = Section(order)
        data = s.header()
        for resolution in (3, 6, 9, 12, 19, 0x80, 0x8A, 0xA0, 0xBF):
            data += s.interface(resolution, 30, tsresol=resolution, tsoffset=rnd.randrange(-(1 << 63), 1 << 63))
        for i, (_, d) in enumerate(frames):
            data += s.packet(d, rnd.randrange(1 << 64), i % 9, options=s.option(2, b"\0\0\0\1"))
            data += s.obsolete(d, rnd.randrange(1 << 64), i % 9) + s.simple(d)
        whole.append(data)
    changed = []
    for i in range(60):
        damaged = bytearray(whole[i % len(whole)])
        for _ in range(rnd.choice((1, 5))):
            damaged[rnd.randrange(len(damaged))] = rnd.choice((0, 1, 255, rnd.randrange(256)))
        changed.append(bytes(damaged))
    return whole + changed


def test_both_legs_agree(tmp_path: Path) -> None:
    paths = []
    for i, data in enumerate(captures()):
        path = tmp_path / f"{i}"
        path.write_bytes(data)
        paths.append(str(path))
    printed = []
    for plain in ("", "1"):
        env = {**os.environ, "SHOAL_PLAIN": plain}
        done = subprocess.run(
            [sys.executable, "-c", PRINT, *paths], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        leg, _, frames = done.stdout.partition("\n")
        assert leg.endswith(".py") == bool(plain)
        printed.append(frames.splitlines())
    assert len(printed[0]) == len(paths)
    assert printed[0] == printed[1]
    assert sum("damaged at byte" in line for line in printed[0]) > 20
