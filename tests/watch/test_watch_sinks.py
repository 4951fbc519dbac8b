"""Each kind of sink against a real server of its kind."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.store.database import Database
from tests.broker.broker import Broker, unique
from tests.watch.alert_rows import SECOND, alert, put
from tests.watch.alertmanager import running
from tests.watch.mailbox import mailbox
from tests.watch.receiver import receiving, until
from tests.watch.watching import QUICK, told, watching

AT = (time.time_ns() // SECOND - 100) * SECOND
WORST = {"worst.flow_id": [7], "worst.flow": ["192.0.2.7:40000 192.0.2.1:443"], "worst.resent": [7],
         "worst.segments": [100]}


def over(**given: Any) -> dict[str, Any]:
    """The alert's end."""
    return alert(version=2, opened=AT, state="closed", closed=AT + 60 * SECOND, **given)


def test_alertmanager_holds_what_is_open(database: Database, tmp_path: Path) -> None:
    with receiving() as hook, running(tmp_path, hook.url) as manager:
        sink = {"type": "alertmanager", "url": manager.url, "resend": "1s", "labels": {"team": "net"}}
        with watching(database, manager=sink | QUICK):
            put(database, alert(opened=AT, **WORST), alert(opened=AT, sensor="south"))
            until(lambda: len(manager.alerts()) == 2)
            first = manager.alerts()["north"]
            # It is told again, with another end, for as long as it is open.
            until(lambda: manager.alerts()["north"]["endsAt"] > first["endsAt"])
            put(database, over())
            until(lambda: list(manager.alerts()) == ["south"])
            until(lambda: [b for b in hook.bodies() if b["status"] == "resolved"])
    assert first["labels"] == {
        "alertname": "retransmission-spike", "entity": "192.0.2.1:443", "kind": "service", "sensor": "north",
        "team": "net", "shoal_alert": first["labels"]["shoal_alert"],
    }
    assert first["annotations"]["filter"] == "tcp.analysis.retransmission"
    assert "7 of 100" in first["annotations"]["worst_flows"]
    (resolved,) = [b["alerts"][0] for b in hook.bodies() if b["status"] == "resolved"]
    assert resolved["labels"]["sensor"] == "north"
    assert resolved["startsAt"] < resolved["endsAt"]


def test_alertmanager_refuses_what_it_can_t_read(database: Database, tmp_path: Path) -> None:
    with receiving() as hook, running(tmp_path, hook.url) as manager:
        sink = {"type": "alertmanager", "url": manager.url, "labels": {"": "x"}}
        with watching(database, manager=sink | QUICK):
            put(database, alert())
            (row,) = until(lambda: told(database, "outcome = 'refused'"))
    assert "answers with 400" in row["said"]


def test_slack(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(503) as hook:
        monkeypatch.setenv("SLACK_URL", hook.url)
        with watching(database, chat={"type": "slack", "url_env": "SLACK_URL", **QUICK}):
            put(database, alert("<!channel>", opened=AT, severity="critical", **WORST))
            until(lambda: told(database, "outcome = 'delivered'"))
            put(database, over(entity="<!channel>", severity="critical"))
            until(lambda: len(told(database, "outcome = 'delivered'")) == 2)
    _, first, last = hook.bodies()
    assert first["text"] == "[critical] retransmission-spike &lt;!channel&gt; (north)"
    assert "<!channel>" not in hook.requests[1].body.decode()
    shown = str(first["attachments"][0]["blocks"])
    assert "192.0.2.7:40000 192.0.2.1:443: 7 of 100 segments sent again" in shown
    assert "`tcp.analysis.retransmission`" in shown
    assert last["text"].startswith("[closed] ")
    assert first["attachments"][0]["color"] != last["attachments"][0]["color"]


def test_mail_over_starttls_with_a_password(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "right")
    with mailbox(tmp_path) as box:
        box.script = ["451 later", "250 taken", "554 never"]
        sink = {
            "type": "email", "host": "127.0.0.1", "port": box.port, "from": "shoal@example.org",
            "to": ["a@example.org", "b@example.org"], "user": "shoal", "password_env": "MAIL_PASSWORD",
            "ca_file": str(box.ca),
        }
        with watching(database, mail=sink | QUICK):
            put(database, alert(opened=AT, **WORST))
            (row,) = until(lambda: told(database, "outcome = 'delivered'"))
            assert row["attempts"] == 2
            put(database, alert("refused", opened=AT))
            (row,) = until(lambda: told(database, "outcome = 'refused'"))
            assert "554 never" in row["said"]
            put(database, over())
            until(lambda: len(told(database, "outcome = 'delivered'")) == 2)
    first, last = box.messages
    assert box.encrypted == [True, True]
    assert set(box.logins) == {("shoal", "right")}
    assert first["Subject"] == "[warning] retransmission-spike 192.0.2.1:443 (north)"
    assert first["To"] == "a@example.org, b@example.org"
    text = first.get_content()
    assert "7 of 100 segments sent again" in text
    assert "192.0.2.7:40000" in text
    assert "tcp.analysis.retransmission" in text
    assert "SELECT frame.number" in text
    assert last["Subject"].startswith("[closed]")
    assert last["References"] == first["References"]
    assert last["Message-ID"] != first["Message-ID"]


def test_mail_to_a_server_that_nobody_vouches_for_is_not_sent(database: Database, tmp_path: Path) -> None:
    with mailbox(tmp_path) as box:
        sink = {"type": "email", "host": "127.0.0.1", "port": box.port, "from": "a@example.org"}
        with watching(database, mail=sink | {"to": ["b@example.org"]} | QUICK):
            put(database, alert())
            (row,) = until(lambda: told(database, "outcome = 'waiting'"))
    assert "certificate verify failed" in row["said"].lower()
    assert box.messages == []


MESSAGE = re.compile(
    rb"<(\d+)>1 \S+Z \S+ shoal \d+ retransmission-spike \[shoal@32473 (.*)\] \xef\xbb\xbf(\[(?:warning|closed)\].*)",
    re.DOTALL,
)


@pytest.mark.parametrize("transport", ["udp", "tcp", "unix"])
def test_syslog(database: Database, tmp_path: Path, transport: str) -> None:
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    sink: dict[str, Any] = {"type": "syslog", "transport": transport, "facility": "local3"}
    with socket.socket(socket.AF_UNIX if transport == "unix" else socket.AF_INET, kind) as server:
        server.settimeout(30)
        if transport == "unix":
            server.bind(str(tmp_path / "log"))
            sink["path"] = str(tmp_path / "log")
        else:
            server.bind(("127.0.0.1", 0))
            sink |= {"host": "127.0.0.1", "port": server.getsockname()[1]}
        if transport == "tcp":
            server.listen()
        with watching(database, syslog=sink | QUICK):
            found = []
            for row in (alert('say "]\\"', opened=AT), over(entity='say "]\\"')):
                put(database, row)
                if transport == "tcp":
                    connection, _ = server.accept()
                    with connection:
                        data = b"".join(iter(lambda: connection.recv(4096), b""))  # noqa: B023
                    length, _, message = data.partition(b" ")
                    assert int(length) == len(message)
                else:
                    message = server.recv(65536)
                found.append(MESSAGE.fullmatch(message))
                version = row["shoal.alert.version"]
                until(lambda: told(database, f"outcome = 'delivered' AND version = {version}"))  # noqa: B023
    first, last = found
    assert first is not None
    assert last is not None
    assert (int(first[1]), int(last[1])) == (19 * 8 + 4, 19 * 8 + 5)
    assert rb'entity="say \"\]\\\""' in first[2]
    assert b'state="closed"' in last[2]


def test_kafka(database: Database, broker: Broker) -> None:
    from aiokafka import AIOKafkaConsumer

    prefix = unique("alerts")
    with watching(database, topic={"type": "kafka", "brokers": broker.address, "prefix": prefix, **QUICK}):
        put(database, alert(opened=AT))
        until(lambda: told(database, "outcome = 'delivered'"))
        put(database, over())
        until(lambda: len(told(database, "outcome = 'delivered'")) == 2)

    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(
            f"{prefix}.alerts", bootstrap_servers=broker.address, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            return [await asyncio.wait_for(consumer.getone(), 30) for _ in range(2)]
        finally:
            await consumer.stop()

    messages = asyncio.run(read())
    assert {message.key for message in messages} == {b"retransmission-spike 192.0.2.1:443"}
    assert [b'"event": "opened"' in messages[0].value, b'"event": "closed"' in messages[1].value] == [True, True]
    assert len({dict(message.headers)["shoal.key"] for message in messages}) == 2


def test_a_broker_that_is_away_is_waited_for(database: Database) -> None:
    sink = {"type": "kafka", "brokers": "127.0.0.1:1", "timeout": "1s", "attempts": 2, **QUICK}
    with watching(database, topic=sink):
        put(database, alert())
        (row,) = until(lambda: told(database, "outcome = 'dead'"))
    assert row["attempts"] == 2
    assert row["said"].startswith("Kafka 127.0.0.1:1: ")
