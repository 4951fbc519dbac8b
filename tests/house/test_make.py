"""What README.md and the docs promise is there: targets, files, links; and the set-up scripts say what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("samples/*.md")])


def make_targets() -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def test_targets_that_pages_name_exist() -> None:
    named = {word for page in PAGES for word in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert {"demo", "test", "setup"} <= named
    assert named <= make_targets()


def test_help_lists_targets() -> None:
    out = subprocess.run(("make", "-s", "help"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^make ([a-z-]+) ", out, re.M))
    assert {"setup", "demo", "test", "lint", "bench", "docs", "clean"} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not dead


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"
    assert "make test" in (ROOT / "README.md").read_text()


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A folder to be PATH: a shell's tools and an `id` that says this is no root, but neither compiler nor tshark."""
    for tool in ("bash", "env", "cat"):
        os.symlink(shutil.which(tool) or tool, tmp_path / tool)
    (tmp_path / "id").write_text("#!/bin/bash\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("profile", "names", "others"),
    [("build", {"gcc", "libc6-dev"}, {"tshark"}), ("test", {"gcc", "libc6-dev", "tshark", "tcpdump"}, set())],
)
def test_missing_system_packages_are_named(
    bare_machine: Path, profile: str, names: set[str], others: set[str]
) -> None:
    done = subprocess.run(
        (ROOT / "deploy/dev/system-packages", profile, sys.executable),
        env={"PATH": str(bare_machine)}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    missing = set(done.stderr.splitlines()[0].removeprefix("missing: ").split())
    assert names <= missing
    assert not others & missing


def test_no_python_that_is_new_enough_is_said(bare_machine: Path) -> None:
    (bare_machine / "python3").write_text("#!/bin/bash\nexit 1\n")
    (bare_machine / "python3").chmod(0o755)
    done = subprocess.run(
        ROOT / "deploy/dev/find-python",
        env={"PATH": str(bare_machine), "SHOAL_PYTHONS": "python3"}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11" in done.stderr
