"""The compiled and the plain leg of decoder and engine give the same rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.decode.corpus import captures

ROOT = Path(__file__).resolve().parents[2]


def _run(folder: Path, plain: bool) -> list[list[str]]:
    env = {k: v for k, v in os.environ.items() if k != "SHOAL_PLAIN"} | ({"SHOAL_PLAIN": "1"} if plain else {})
    done = subprocess.run([sys.executable, "-m", "tests.decode.digest", str(folder)], cwd=ROOT, env=env,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.split() for line in done.stdout.splitlines()]


def test_both_legs_decode_the_corpus_alike(tmp_path: Path) -> None:
    corpus = captures(160, 60_000)
    for name, data in corpus.items():
        (tmp_path / name).write_bytes(data)
    compiled, plain = _run(tmp_path, False), _run(tmp_path, True)
    assert {line[0] for line in compiled} == {"compiled"}
    assert {line[0] for line in plain} == {"plain"}
    assert len(plain) == len(corpus)
    different = [a[1] for a, b in zip(compiled, plain, strict=True) if a[1:] != b[1:]]
    assert different == []
