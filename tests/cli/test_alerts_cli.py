"""`shoal alerts list` and `show`, as one calls them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from pipeline.cli.alerts import COMMANDS, alerts
from pipeline.cli.main import run
from pipeline.detect.watch.hands import Matchers, acknowledge, silence
from pipeline.schema.days import day_of
from pipeline.schema.times import utc
from pipeline.schema.watch import DELIVERY_STATES
from pipeline.store.connect import connect
from pipeline.store.told import timestamp
from tests.cli.filled import SECOND, Row, alert, fill

ROOT = Path(__file__).resolve().parents[2]
NOW = time.time_ns()
HOUR = 3_600 * SECOND
HOSTILE = "a\x1b]0;owned\x07\x1b[2J\u202eb\nc\x9b1m"
COUNTS = {
    "before": {"shoal.segments": 1000, "resent_ratio": 0.001},
    "during": {"shoal.segments": 280, "shoal.resent": 14, "resent_ratio": 0.05},
}
FLOW = "192.0.2.9:40000 192.0.2.1:443"


def _rows() -> list[Row]:
    worst = {"worst.flow": [FLOW], "worst.flow_id": [2**63 + 5], "worst.resent": [14], "worst.segments": [280]}
    filled = {"counts": json.dumps(COUNTS), "members": '["192.0.2.1:443", "192.0.2.1:8443"]', **worst}
    return [
        alert("aaaaaaaa00000001", NOW - 2 * HOUR, said="first"),
        alert("aaaaaaaa00000001", NOW - 2 * HOUR, version=2, severity="critical", ends=NOW - HOUR,
              said="5.0% of 280 segments", **filled),
        alert("aaaaaaaa00000002", NOW - 50 * SECOND, entity=HOSTILE, rule="port-scan", severity="info",
              sensor="cell_ar", said=HOSTILE, filter=HOSTILE, sql="SELECT 1\nFROM \x1b[31mpackets", counts=HOSTILE),
        alert("bbbbbbbb00000003", NOW - 5 * HOUR, state="closed", closed=NOW - 4 * HOUR,
              sensor="cellXar"),
        alert("cccccccc00000004", SECOND * 10**9, past=True, ends=SECOND * 10**9 + 20 * SECOND),
    ]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(fill(tmp_path_factory.mktemp("alerts") / "db", _rows()))


def _shoal(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli.main", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def _ids(db: str, capfd: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capfd.readouterr()
    assert run(["alerts", "list", "--db", db, "--format", "json", *options]) == 0
    return [json.loads(line)["shoal.alert.id"][-1] for line in capfd.readouterr().out.splitlines()]


def test_list_has_the_open_ones_newest_first(db: str) -> None:
    done = _shoal("alerts", "list", "--db", db)
    assert (done.returncode, done.stderr) == (0, "")
    heading, hostile, spike, past = done.stdout.splitlines()
    assert heading.split("  ")[0] == "ID"
    # Ids that begin alike stand whole.
    assert hostile.startswith("aaaaaaaa00000002  ")
    assert spike.split("  ")[0] == "aaaaaaaa00000001"
    assert "critical  open " in spike
    assert "5.0% of 280 segments" in spike
    cells = past.split()
    assert cells[:4] == ["cccccccc", "2001-09-09", "01:46:40", "30"]
    assert "open, past" in past


def test_what_packets_bring_does_not_reach_the_terminal(db: str) -> None:
    shown = "a?]0;owned???[2J?b?c?1m".replace("???", "??")
    for command in (["list"], ["list", "--format", "tsv"], ["list", "--format", "json"], ["show", "aaaaaaaa00000002"],
                    ["show", "aaaaaaaa00000002", "--format", "json"]):
        done = _shoal("alerts", *command, "--db", db)
        assert done.returncode == 0, done.stderr
        assert "owned" in done.stdout
        assert all(c.isprintable() or c in "\t\n" for c in done.stdout)
        if "json" not in command:
            assert shown in done.stdout
    # JSON says all of it.
    assert json.loads(done.stdout)["shoal.alert.entity"] == HOSTILE


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], "214"), (["--all"], "2134"), (["--state", "closed"], "3"),
        (["--all", "--rule", "retransmission-*"], "134"),
        (["--entity", "192.0.2.?:443"], "14"), (["--entity", "192.0.2.?"], ""), (["--all", "--sensor", "cell_ar"], "2"),
        (["--all", "--sensor", "cell?ar"], "23"), (["--severity", "critical"], "1"), (["--severity", "warning+"], "14"),
        (["--severity", "info,warning"], "24"), (["--since", "1h"], "2"), (["--all", "--since", "1d"], "213"),
        (["--all", "--since", "2001-01-01"], "2134"), (["--all", "--limit", "2"], "21"), (["--entity", "it's"], ""),
        (["--rule", "100%"], ""), (["--rule", "\\"], ""),
    ],
)
def test_which_are_listed(db: str, options: list[str], found: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "".join(_ids(db, capfd, *options)) == found


def test_json_and_tsv_have_all_fields(db: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "list", "--db", db, "--format", "json", "--severity", "critical"]) == 0
    row = json.loads(capfd.readouterr().out)
    assert row["worst.flow_id"] == [2**63 + 5]
    assert (row["shoal.alert.version"], row["shoal.alert.past"], row["shoal.alert.closed"]) == (2, False, None)
    assert (row["shoal.alert.acknowledged"], row["shoal.alert.silenced"]) == (None, [])
    assert run(["alerts", "list", "--db", db, "--format", "tsv", "--severity", "critical"]) == 0
    names, values = (line.split("\t") for line in capfd.readouterr().out.splitlines())
    told = dict(zip(names, values, strict=True))
    assert list(row) == names
    assert told["shoal.alert.past"] == "false"
    assert told["worst.flow"] == json.dumps([FLOW])
    assert told["shoal.alert.closed"] == ""


def test_none_are_there(db: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "list", "--db", db, "--rule", "x"]) == 0
    assert capfd.readouterr().out == "no open alerts\n"
    assert run(["alerts", "list", "--db", db, "--rule", "x", "--all"]) == 0
    assert capfd.readouterr().out == "no alerts\n"
    assert run(["alerts", "list", "--db", db, "--rule", "x", "--format", "json"]) == 0
    assert capfd.readouterr().out == ""


def test_show_says_everything(db: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "show", "AAAAaaaa00000001", "--db", db]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["critical retransmission-spike: open", "5.0% of 280 segments"]
    assert "with     192.0.2.1:443, 192.0.2.1:8443" in lines
    at = lines.index("COUNT           BEFORE  DURING")
    assert lines[at + 1 : at + 4] == [
        "shoal.segments   1,000     280", "shoal.resent         -      14", "resent_ratio     0.001    0.05",
    ]
    at = next(n for n, line in enumerate(lines) if line.startswith("WORST FLOW"))
    assert lines[at + 1].split() == [*FLOW.split(), "14", "280", "5.0%", "9223372036854775813"]
    assert lines[lines.index("Display filter:") + 1] == "tcp.port == 443"
    assert lines[lines.index("SQL:") + 1] == "SELECT 1"
    first, second = (line.split() for line in lines[-2:])
    assert (first[0], first[3:]) == ("1", ["open", "warning", "first"])
    assert (second[0], second[3:]) == ("2", ["open", "critical", "5.0%", "of", "280", "segments"])


def test_show_as_json(db: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "show", "bbbb", "--db", db, "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["shoal.alert.id"] == "bbbbbbbb00000003"
    assert found["shoal.alert.counts"] == {}
    assert [state["shoal.alert.version"] for state in found["states"]] == [1]


def test_what_was_done_about_an_alert_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    at = NOW - HOUR
    id = "0123456789abcdef"
    delivery = {
        "shoal.delivery.sink": "hook", "shoal.alert.id": id, "shoal.alert.version": 1, "shoal.delivery.number": 1,
        "shoal.delivery.time": at, "shoal.delivery.attempts": 3, "shoal.delivery.outcome": "dead",
        "shoal.delivery.state": "open", "shoal.delivery.said": "500 \x1b[5mhere",
    }
    db = str(fill(tmp_path / "db", [alert(id, at), (DELIVERY_STATES, delivery)]))
    packet = {"sensor": "roof", "capture": "run-1", "shoal.alert.id": id, "frame.time": timestamp(at - 5 * SECOND),
              "shoal.day": day_of(NOW).isoformat()}
    with connect(db) as database:
        acknowledge(database, id, "ann", "on it\x07")
        silenced = silence(database, Matchers(entity="192.0.2.*"), 3600, "ben")
        database.insert_rows("pinned_packets", [packet | {"frame.number": n, "frame.raw": "x" * 1000} for n in (1, 2)])
    assert run(["alerts", "list", "--db", db]) == 0
    assert "  open, acknowledged, silenced  " in capfd.readouterr().out
    assert run(["alerts", "show", id[:4], "--db", db]) == 0
    out = capfd.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in out)
    lines = out.splitlines()
    assert lines[0] == "warning retransmission-spike: open, acknowledged, silenced"
    assert f"silenced {silenced.id}" in lines
    assert f"pinned   2 packets, 2,000 bytes, {utc(at - 5 * SECOND)} to {utc(at - 5 * SECOND)} UTC" in lines
    [ack] = [line for line in lines if line.startswith("seen by")]
    assert ack.startswith("seen by  ann, ")
    assert ack.endswith(" UTC: on it?")
    assert lines[-1].split() == ["1", "hook", "dead", *utc(at).split(), "3", "500", "?[5mhere"]
    assert run(["alerts", "show", id, "--db", db, "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["shoal.alert.acknowledged_by"] == "ann"
    assert found["shoal.alert.silenced"] == [silenced.id]
    assert found["pinned"]["packets"] == 2
    assert found["deliveries"][0]["shoal.delivery.said"] == "500 \x1b[5mhere"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["show", "dddd"], 2, "no alert has an id that begins with dddd; see: shoal alerts list"),
        (["list", "--all", "--state", "open"], 2, "--all is alerts in every state; leave --state away (see: shoal"
                                                  " alerts list --help)"),
        (["list", "--since", "soon"], 2, "Invalid value for '--since': 'soon' is no duration or time, as in 90s, 24h,"
                                         " 7d, 2026-03-01T12:00:00Z (see: shoal alerts list --help)"),
        (["list", "--severity", "bad+"], 2, "Invalid value for '--severity': 'bad+' is none of info, warning,"
                                            " critical; warning+ is that and above (see: shoal alerts list --help)"),
        (["lst"], 2, "no command 'lst'; did you mean list? (see: shoal alerts --help)"),
    ],
)
def test_what_is_wrong_is_one_line(
    db: str, args: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["alerts", args[0], *(["--db", db] if args[0] != "lst" else []), *args[1:]]) == code
    assert capfd.readouterr() == ("", f"shoal: {said}\n")


def test_a_database_of_an_older_version(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with connect(str(tmp_path / "db"), create=True) as database:
        database.query("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    assert run(["alerts", "list", "--db", f"{tmp_path}/db"]) == 1
    assert capfd.readouterr().err == (
        f"shoal: {tmp_path}/db lacks a table or view, as one of an older version does; bring it to this one by: shoal"
        f" migrate --db {tmp_path}/db\n"
    )
    assert run(["alerts", "list", "--db", f"{tmp_path}/none"]) == 2


def test_each_command_is_there_and_says_of_itself_what_the_list_says() -> None:
    context = click.Context(alerts)
    for name, (_, said) in COMMANDS.items():
        command = alerts.get_command(context, name)
        assert command is not None
        assert (command.name, command.get_short_help_str(limit=200)) == (name, said)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pipeline.cli.main import run\n"
        "for args in (['alerts', '--help'], ['alerts', 'list', '--help'], ['events', '--names'], ['top', '--help']):\n"
        "    assert run(args) == 0\n"
        "heavy = {'numpy', 'pyarrow', 'chdb', 'lz4', 'rich', 'pipeline.detect'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
