"""The frame of the command: help, completion, errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline import __version__
from pipeline.cli.main import COMMANDS, run, shoal

ROOT = Path(__file__).resolve().parents[2]


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"shoal {__version__}\n"
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, (_, said) in COMMANDS.items():
        assert f"  {name}" in out
        assert said in out


def test_each_command_is_there_and_says_of_itself_what_the_list_says() -> None:
    context = click.Context(shoal)
    for name, (_, said) in COMMANDS.items():
        command = shoal.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=200) == said


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pipeline.cli.main import run; run(['--help']); run(['fields', 'ip.src']);"
        "heavy = {'numpy', 'pyarrow', 'chdb', 'scapy', 'rich', 'xxhash', 'clickhouse_connect'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["imprt"], "shoal: no command 'imprt'; did you mean import? (see: shoal --help)\n"),
        (["xyz"], f"shoal: no command 'xyz'; there are {', '.join(COMMANDS)} (see: shoal --help)\n"),
        (["import", "x.pcap"], "shoal: Missing option '--db'. (see: shoal import --help)\n"),
        (["import", "--db", "d"], "shoal: Missing argument 'FILE...'. (see: shoal import --help)\n"),
        (["sql", "--nope"], "shoal: No such option: --nope (see: shoal sql --help)\n"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(args) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", said)


def test_a_fault_in_shoal_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.schema.docs.all_fields", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(["fields"])


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.schema.docs.all_fields", interrupt)
    assert run(["fields"]) == 130
    assert capsys.readouterr().err.strip() == "shoal: interrupted"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pipeline.cli.main", "fields"]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("shell", "holds"), [("bash", "complete -o"), ("zsh", "#compdef shoal"), ("fish", "complete ")]
)
def test_completion_scripts(shell: str, holds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert holds in out
    assert "_SHOAL_COMPLETE" in out


@pytest.mark.parametrize(
    ("words", "word", "found"), [("shoal im", "1", "plain,import\n"), ("shoal sql --f", "2", "plain,--format\n")]
)
def test_completion_answers(words: str, word: str, found: str) -> None:
    environment = {**os.environ, "_SHOAL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": word}
    command = [sys.executable, "-m", "pipeline.cli.main"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == found


def test_the_page_of_exit_codes_names_them_all() -> None:
    from pipeline.cli import errors

    page = (ROOT / "docs" / "reference-cli.md").read_text(encoding="utf-8")
    for name, value in vars(errors).items():
        if name.startswith("EXIT_"):
            assert f"| {value} |" in page, name
    for name in COMMANDS:
        assert f"## shoal {name}" in page
