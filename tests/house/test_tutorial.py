"""Every command of docs/tutorial.md prints what the page shows.

`python -m tests.house.test_tutorial` writes the page anew with what the commands print now.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+(?:\n> [^\n]+)*)\n(?P<shown>.*?)```", re.S)
TIMING = re.compile(r"in [\d.]+ s \([\d,]+ frames/s\)")


def printed(command: str, folder: Path) -> str:
    """What `command` prints in `folder`, and its messages; SQL answers as on a terminal. `> ` begins a further line."""
    command = command.replace("\n> ", "\n")
    if command.startswith("shoal sql ") and "--format" not in command:
        command += " --format PrettyCompactMonoBlock"
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)
    # ClickHouse has a word of its own for machines without cgroups; what Shoal says is marked.
    said = [line for line in done.stderr.splitlines(keepends=True) if line.startswith("shoal:")]
    return TIMING.sub("in 0.1 s (10,000 frames/s)", done.stdout + "".join(said))


def rewritten(text: str) -> str:
    """The page's text with the output of its commands as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "samples", Path(folder, "samples"))
        return BLOCK.sub(
            lambda block: f"```console\n$ {block['command']}\n{printed(block['command'], Path(folder))}```", text
        )


def test_the_tutorial_shows_what_its_commands_print() -> None:
    text = PAGE.read_text()
    assert len(BLOCK.findall(text)) >= 8
    assert rewritten(text).splitlines() == text.splitlines()


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
