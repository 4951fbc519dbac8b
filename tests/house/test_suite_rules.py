"""The rules of tests/conftest.py: CI skips nothing, and the leg that was asked for is the one that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PLAIN, compiled_modules, wrong_leg

ROOT = Path(__file__).resolve().parents[2]
SKIPPING = """
import pytest
def test_skips(): pytest.skip("no reason")
def test_runs(): pass
"""


def run_suite(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest, with this project's conftest, on a folder with a test that skips itself and one module that does."""
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "tests" / "test_one.py").write_text(SKIPPING)
    (folder / "tests" / "test_two.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    env = {k: v for k, v in os.environ.items() if k != "CI"} | environment
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors")
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_skip_fails_in_ci(tmp_path: Path) -> None:
    done = run_suite(tmp_path, CI="true")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert "every test must run" in done.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    done = run_suite(tmp_path)
    assert done.returncode == 0
    assert "1 passed, 2 skipped" in done.stdout


def test_the_leg_is_checked() -> None:
    names = compiled_modules()
    assert "collectors.decode.packet" in names
    assert wrong_leg(names, plain=PLAIN) == []
    assert len(wrong_leg(names, plain=not PLAIN)) == len(names)


@pytest.mark.parametrize(("plain", "suffix"), [("1", ".py"), ("", ".so")])
def test_shoal_plain_chooses_the_leg(plain: str, suffix: str) -> None:
    code = "import collectors.decode.packet as m; print(m.__file__)"
    done = subprocess.run(
        (sys.executable, "-c", code), cwd=ROOT, env=os.environ | {"SHOAL_PLAIN": plain},
        capture_output=True, text=True, check=True,
    )
    assert done.stdout.strip().endswith(suffix)
