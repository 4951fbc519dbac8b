"""Each target in a process of its own, one after the other: `python -m tests.fuzz.all [SECONDS [NAME ...]]`."""

from __future__ import annotations

import subprocess
import sys

from tests.fuzz.__main__ import targets


def main() -> int:
    """Runs the targets; exits 1 where one had a finding."""
    seconds, *names = sys.argv[1:] or ["600"]
    failed = []
    for name in names or targets():
        done = subprocess.run((sys.executable, "-m", "tests.fuzz", name, "--seconds", seconds), stderr=subprocess.PIPE,
                              text=True, check=False)  # fmt: skip
        told = [line for line in done.stderr.splitlines() if line.startswith(("stat::number", "Done "))]
        print(name, "failed" if done.returncode else "no finding", *told, flush=True)
        if done.returncode:
            print(done.stderr[-4000:], flush=True)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
