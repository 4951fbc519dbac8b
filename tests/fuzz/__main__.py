"""Runs one target under atheris, from its seeds and the inputs that were findings once.

Every `tests/fuzz/target_NAME.py` has `seeds()`, small inputs made by code, and `run(data)`, in which an exception is a
finding. A new finding is written to tests/fuzz/regressions/NAME, where it stays. The plain leg runs, for it is what
atheris sees into.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

REGRESSIONS = Path(__file__).parent / "regressions"


def targets() -> list[str]:
    """The names of all targets."""
    return sorted(path.stem.removeprefix("target_") for path in Path(__file__).parent.glob("target_*.py"))


def _run(name: str, seconds: int, runs: int, longest: int) -> int:
    os.environ["SHOAL_PLAIN"] = "1"
    import atheris

    # Before, so that atheris' finder stands before that of the plain leg; what is not fuzzed here runs at its speed.
    importlib.import_module("collectors.decode")
    with atheris.instrument_imports(include=["pipeline"]):
        target = importlib.import_module(f"tests.fuzz.target_{name}")
    kept = REGRESSIONS / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds()):
            (Path(corpus) / f"seed{number}").write_bytes(seed)
        arguments = [sys.argv[0], corpus, str(kept), f"-max_total_time={seconds}", f"-max_len={longest}",
                     f"-artifact_prefix={kept}/", "-timeout=10", "-rss_limit_mb=4096", "-print_final_stats=1"]
        if runs:
            arguments.append(f"-runs={runs}")
        atheris.Setup(arguments, target.run)
        atheris.Fuzz()
    return 0


def main() -> int:
    """The command line."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("name", choices=targets())
    ap.add_argument("--seconds", type=int, default=600)
    ap.add_argument("--runs", type=int, default=0)
    ap.add_argument("--longest", type=int, default=8192, help="bytes of an input, at the most")
    a = ap.parse_args()
    return _run(a.name, a.seconds, a.runs, a.longest)


if __name__ == "__main__":
    sys.exit(main())
