"""`make soak`: the long forms of what tests try briefly, one after another; each prints its figures.

python -m tests.soak [NAME ...]     of kills, mutated, collector, live; all of them without one
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

RUNS = ("kills", "mutated", "collector", "live")


def main(names: Sequence[str]) -> int:
    """Runs those named, each as `python -m tests.soak.NAME`; 2 where a name is none, 1 where one failed."""
    unknown = [name for name in names if name not in RUNS]
    if unknown:
        print(f"soak: {', '.join(unknown)}: there are {', '.join(RUNS)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or RUNS:
        print(f"== {name}", flush=True)
        if subprocess.run((sys.executable, "-m", f"tests.soak.{name}"), check=False).returncode:
            failed.append(name)
    if failed:
        print(f"soak: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
