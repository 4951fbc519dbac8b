"""`shoal alerts test`: rules over windows that are stored."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from pipeline.cli import rule_history
from pipeline.cli.main import run
from pipeline.schema.windows import WINDOWS
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.native import NativeEncoder, stored_columns
from tests.rules.by_hand import BEGIN, SECOND, Talk, Told


@pytest.fixture
def stored(tmp_path: Path) -> str:
    """A database with ten minutes of a service that loses for two of them, in versions as they were told."""
    talks = [Talk(w, "10.0.0.1", "192.0.2.1", segments=300, resent=30 if 20 <= w < 32 else 0) for w in range(60)]
    talks += [Talk(w, "10.0.0.2", "192.0.2.2", segments=300, late=w % 2) for w in range(60)]
    windows = Told(talks, 61).closed().windows
    windows.labels = {"sensor": "s1", "capture": "c1", "shoal.day": datetime.date(2023, 11, 14)}
    path = str(tmp_path / "db")
    with Database(path).open(create=True) as database:
        migrate(database)
        insert = database.insert(WINDOWS.name, stored_columns(WINDOWS))
        insert.append(NativeEncoder(WINDOWS).encode(windows))
        insert.finish()
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """What the command ends with, and prints."""
    code = run(["alerts", "test", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("slice_seconds", [1800, 40])
def test_what_would_have_been_raised(
    stored: str, slice_seconds: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_history, "SLICE_SECONDS", slice_seconds)
    code, out, _ = told(capsys, "--db", stored, "--since", f"@{BEGIN // SECOND}", "--json")
    (row,) = map(json.loads, out.splitlines())
    assert code == 0
    assert (row["shoal.alert.rule"], row["shoal.alert.entity"]) == ("retransmission-spike", "192.0.2.1:443")
    assert (row["sensor"], row["capture"], row["shoal.alert.state"]) == ("s1", "c1", "closed")
    assert row["shoal.alert.begins"] == BEGIN + 200 * SECOND
    assert row["shoal.alert.ends"] == BEGIN + 320 * SECOND


def test_a_rule_of_ones_own_and_the_summary(
    stored: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[rule.busy]\nkind = "threshold"\nmeaning = "Busy"\nentities = ["host"]\n'
        'value = "shoal.segments"\nabove = 300\n'
        "[rule.retransmission-spike]\nenabled = false\n"
    )
    code, out, _ = told(capsys, str(path), "--db", stored, "--since", f"@{BEGIN // SECOND}")
    assert code == 0
    assert "host 10.0.0.1" in out
    assert "busy 2" in out
    assert "retransmission-spike" not in out


def test_where_there_is_nothing_it_says_what_to_do(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "--db", stored, "--since", "1h")
    assert (code, out[:8]) == (0, "0 alerts")
    assert "--since takes more" in err


def test_a_wrong_file_is_one_line(stored: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('[rule.x]\nkind = "threshold"\n')
    code, _, err = told(capsys, str(path), "--db", stored)
    assert code == 2
    assert err.count("\n") == 1
    assert "rule 'x': key 'meaning' is missing" in err
