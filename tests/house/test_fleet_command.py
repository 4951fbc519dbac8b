"""`deploy/dev/fleet`: what it says of arguments, and of a directory in which nothing runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def fleet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    command = (ROOT / "deploy/dev/fleet", *arguments)
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "start, stop or status?"),
    (["go"], "go is no command"),
    (["start", "--kafka", "x"], "--kafka x: a number from 1 to 65500"),
    (["start", "--http"], "--http : a number from 1 to 65500"),
    (["start", "--bogus"], "--bogus is no option"),
    (["start", "--from"], "--from needs an interface or a file"),
])
def test_bad_usage_is_said(arguments: list[str], said: str) -> None:
    done = fleet(*arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"fleet: {said}"
    assert done.stderr.splitlines()[1].startswith("usage: fleet start|stop|status [DIR]")


def test_where_no_fleet_has_run(tmp_path: Path) -> None:
    for command, code in (("status", 1), ("stop", 0)):
        done = fleet(command, str(tmp_path))
        assert (done.returncode, done.stdout) == (code, f"no fleet has run in {tmp_path}\n")


def test_what_is_missing_is_said_before_anything_starts(tmp_path: Path) -> None:
    directory = tmp_path / "fleet"
    missing = tmp_path / "shoal"
    done = fleet("start", str(directory), SHOAL_FLEET_COMMAND=str(missing))
    assert (done.returncode, done.stderr) == (1, f"fleet: {missing} is not there; run make setup first\n")
    done = fleet("start", str(directory), "--from", "nosuch0", SHOAL_FLEET_COMMAND="/bin/true")
    assert done.returncode == 2
    assert "--from nosuch0: no interface and no file that can be read" in done.stderr
    assert not directory.exists()


def test_a_stale_number_is_no_process_of_the_fleet(tmp_path: Path) -> None:
    """A pid file that names a process of someone else: it is neither told of as running, nor ended."""
    with subprocess.Popen(("sleep", "600")) as other:
        try:
            (tmp_path / "kafka.port").write_text("1\n")
            (tmp_path / "serve.pid").write_text(f"{other.pid}\n")
            (tmp_path / "serve.log").write_text("its last line\n")
            assert f"serve has ended: its last line ({tmp_path}/serve.log)" in fleet("status", str(tmp_path)).stdout
            fleet("stop", str(tmp_path))
            assert other.poll() is None
        finally:
            other.kill()
    assert not (tmp_path / "serve.pid").exists()
