"""A database that is served by a process of its own, as users run it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def shoal(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command of `shoal` to its end."""
    command = (sys.executable, "-m", "pipeline.cli.main", *map(str, arguments))
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


@dataclass(frozen=True)
class Served:
    """A running `shoal serve`."""

    url: str
    db: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])


@contextlib.contextmanager
def serving(db: Path, *options: str, **environment: str) -> Iterator[Served]:
    """Runs `shoal serve --db db` with `options` on a free port, and ends it in good order."""
    command = (sys.executable, "-m", "pipeline.cli.main", "serve", "--db", str(db), *options)
    if "--http" not in options:
        command += ("--http", "127.0.0.1:0")
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://"), f"shoal serve said {line!r}"
            yield Served(line.removeprefix("listening on ").strip(), db, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)
