"""The client of clickhouse-go under `go/`, built once: Go's own cache keeps what it is made of."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parent / "go"


@dataclass(frozen=True)
class GoClient:
    """The built program."""

    program: Path

    def run(
        self, served: str, command: str, sql: str = "", *, compression: str = "none", user: str = "default",
        password: str = "",
    ) -> list[Any]:
        """What it prints, line by line; the last is a dictionary with `error` and `code` where it failed."""
        done = subprocess.run(
            (self.program, served.removeprefix("http://"), user, password, compression, command), input=sql,
            capture_output=True, text=True, check=False, timeout=120,
        )
        assert done.stdout, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def build(into: Path) -> GoClient:
    """Builds it into the directory `into`."""
    program = into / "client"
    done = subprocess.run(("go", "build", "-o", program, "."), cwd=SOURCE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return GoClient(program)
