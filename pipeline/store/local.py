"""How processes of one machine find the one that holds a database: by a file in its directory, for its user alone.

`shoal-serve.json` has the URL of the holder's HTTP interface, a token that opens all of it, and the holder's process
id, by which a file that was left behind by a crash is told from one that holds.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "shoal-serve.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who serves a database: URL, token, process id."""

    url: str
    token: str
    pid: int


def announce(path: Path, url: str, token: str) -> None:
    """Writes the file of this process, as a whole and for its user alone. Raises OSError."""
    made = path / f"{NAME}.{os.getpid()}"
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(Holder(url, token, os.getpid())), file)
    made.replace(path / NAME)


def withdraw(path: Path) -> None:
    """Removes the file of this process."""
    held = holder(path)
    if held is not None and held.pid == os.getpid():
        with contextlib.suppress(OSError):
            (path / NAME).unlink()


def holder(path: Path) -> Holder | None:
    """Who serves the database in `path` as the file says; None where there is no file that may be read."""
    try:
        told = json.loads((path / NAME).read_text())
        return Holder(str(told["url"]), str(told["token"]), int(told["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
