"""The configuration, and the commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli.alerts_ack import ack
from pipeline.cli.alerts_deliveries import deliveries
from pipeline.cli.alerts_silence import silence
from pipeline.cli.alerts_watch import watch
from pipeline.detect.watch.alone import alone
from pipeline.detect.watch.config import ConfigError, read
from pipeline.detect.watch.service import build
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from tests.watch.alert_rows import alert, opened, put

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sinks.md"


def never() -> Database:
    """No database is asked for."""
    raise AssertionError


def made(path: Path, text: str) -> None:
    """Reads a configuration and makes all that it says."""
    path.write_text(text)
    build(read(path), never)


def test_the_examples_of_the_page_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [part.partition("```")[0] for part in DOCS.read_text().split("```toml\n")[1:]]
    assert len(examples) >= 3
    for name in ("HOOK_SECRET", "SLACK_URL", "MAIL_PASSWORD"):
        monkeypatch.setenv(name, "https://hooks.example/secret")
    for number, example in enumerate(examples):
        made(tmp_path / f"{number}.toml", example)


HOOK = '[sinks.hook]\ntype = "webhook"\n'


@pytest.mark.parametrize(("text", "said"), [
    ("[sinks", "no TOML"),
    ("[sink.hook]\n", "there is no table [sink]"),
    ("[sinks.hook]\n", "[sinks.hook] type: a text is needed"),
    ('[sinks.hook]\ntype = "pigeon"\n', "'pigeon' is no kind of sink; there are webhook, alertmanager"),
    (HOOK, "[sinks.hook] url: a text is needed"),
    (HOOK + 'url = "ftp://x/"\n', "url: is no URL"),
    (HOOK + 'url = "https://me:pw@x/"\n', "token_env or token_file"),
    (HOOK + 'url = "http://x/"\ncolour = 1\n', "colour: there is no such key"),
    (HOOK + 'url = "http://x/"\nmin_severity = "bad"\n', "'bad' is none of info, warning, critical"),
    (HOOK + 'url = "http://x/"\nsecret = "s3cret"\n', "give secret_env or secret_file"),
    (HOOK + 'url = "http://x/"\nsecret_env = "NO_SUCH_VARIABLE"\n', "no variable NO_SUCH_VARIABLE"),
    (HOOK + 'url = "http://x/"\nsecret_file = "no-such-file"\n', "secret_file: No such file"),
    (HOOK + 'url = "http://x/"\ntimeout = "soon"\n', "'soon' is no duration"),
    (HOOK + 'url = "http://x/"\nrules = "all"\n', "is no list of texts"),
    ('[sinks.m]\ntype = "email"\nhost = "x"\nfrom = "a@b"\nto = ["c@d"]\nuser = "u"\n', "a password is needed"),
    ("[pins]\nrows = 0\n", "[pins] rows: 0 is no whole number"),
    ("[watch]\nevery = -1\n", "[watch] every: -1 is no duration"),
])
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        made(tmp_path / "watch.toml", text)
    assert said in str(raised.value)
    assert str(tmp_path / "watch.toml") in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = str(tmp_path / "db")
    one = alert()
    with opened(tmp_path / "db") as database:
        put(database, one)
    told = one["shoal.alert.id"]
    ack.main([told[:6], "--db", db, "--note", "a cable", "--by", "ann"], standalone_mode=False)
    assert capsys.readouterr().out == f"{told} acknowledged\n"
    silence.main(["--db", db, "--rule", "retrans*", "--for", "2h", "--by", "ann"], standalone_mode=False)
    made = capsys.readouterr().out
    assert made.endswith("UTC  rule=retrans*  by ann\n")
    silence.main(["--db", db, "--list"], standalone_mode=False)
    assert capsys.readouterr().out == made
    silence.main(["--db", db, "--end", made[:6]], standalone_mode=False)
    assert capsys.readouterr().out == f"{made[:12]} ended\n"
    deliveries.main(["--db", db, "--retry"], standalone_mode=False)
    assert capsys.readouterr().out == "0 deliveries will be tried again\n"
    with pytest.raises(StoreError, match="no alert has an id"):
        ack.main(["ffff", "--db", db], standalone_mode=False)


def test_the_configuration_is_checked_without_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "watch.toml"
    config.write_text(HOOK + 'url = "http://127.0.0.1/"\n')
    watch.main(["--db", "nowhere", "--config", str(config), "--check"], standalone_mode=False)
    assert capsys.readouterr().out == "sinks: hook (webhook)\n"


def test_there_is_one_watch_of_a_directory(tmp_path: Path) -> None:
    db = str(tmp_path / "db")
    opened(tmp_path / "db").close()
    config = tmp_path / "watch.toml"
    config.write_text(HOOK + 'url = "http://127.0.0.1/"\n')
    with alone(db), pytest.raises(StoreError, match=rf"another watch \(PID: {os.getpid()}\) tells the alerts of {db}"):
        watch.main(["--db", db, "--config", str(config)], standalone_mode=False)
    # It is free again, and so is the database.
    with alone(db), Database(db).open() as database:
        assert database.rows("SELECT * FROM deliveries") == []
