"""Alerts of `shoal import`, held against what the kernels really sent again in scenarios of ten minutes."""

from __future__ import annotations

import pytest

from collectors.sources.identity import content_hash
from tests.alerts.imported import Imported, by_filter, by_sql, import_all
from tests.alerts.judge import WINDOW, Alert
from tests.alerts.spikes import MAKERS
from tests.alerts.table import judged, total
from tests.run.running import asked

NONE = ("clean, quiet", "clean, busy", "reordering without loss", "copies without loss", "one clean transfer",
        "always 1 %", "always 1 %, again", "frames missing in the capture")
ALONE = ("one upload with 5 %", "one download with 5 %", "one with 5 %, across windows")
ONE = (*ALONE, "a service with 5 %", "a service with 6 %", "a service with 10 %", "from 1 % to 6 %",
       "frames missing, and a spike later", "thousands of packets a second")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Imported]:
    """All scenarios in one database, by name."""
    made = import_all([(name, 1) for name in MAKERS], tmp_path_factory.mktemp("scenarios"))
    return {one.name: one for one in made}


def the_alert(one: Imported) -> Alert:
    """The only alert."""
    (alert,) = one.alerts
    return alert


def test_precision_and_recall(imported: dict[str, Imported]) -> None:
    whole = total(judged(list(imported.values())))
    assert len(imported) >= 30
    assert whole.spikes >= 30
    assert whole.right >= 0.95 * whole.alerts, whole.wrong
    assert whole.told >= 0.95 * whole.spikes, whole.wrong


@pytest.mark.parametrize("name", NONE)
def test_no_alert_of_any_rule(imported: dict[str, Imported], name: str) -> None:
    assert imported[name].alerts == []


@pytest.mark.parametrize("name", ONE)
def test_one_service_is_one_alert_of_its_time(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    (spike,) = one.truth.spikes()
    alert = the_alert(one)
    assert (alert.rule, alert.state, alert.past) == ("retransmission-spike", "closed", True)
    assert (alert.kind, alert.entity) == spike.entity
    assert spike.begin - 2 * WINDOW <= alert.begins <= spike.begin
    assert alert.begins < alert.opened <= spike.first_end
    assert spike.end - WINDOW <= alert.ends <= spike.end + 2 * WINDOW
    assert alert.ends < alert.closed <= alert.ends + 12 * WINDOW
    assert alert.entity in alert.said


@pytest.mark.parametrize("name", ["all of a server", "all of a server, again"])
def test_a_server_is_one_alert(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    services = [spike.entity[1] for spike in one.truth.spikes()]
    (server,) = {service.split(":")[0] for service in services}
    alert = the_alert(one)
    assert (alert.kind, alert.entity) == ("host", server)
    assert set(services) <= set(alert.members)


@pytest.mark.parametrize("name", ["one link", "one link, again"])
def test_a_link_is_one_alert(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    (pair,) = {spike.entity[1] for spike in one.truth.spikes() if spike.entity[0] == "pair"}
    alert = the_alert(one)
    assert (alert.kind, set(alert.entity.split())) == ("pair", set(pair.split()))


@pytest.mark.parametrize("name", ["one client", "one client, again"])
def test_a_client_is_one_alert(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    alert = the_alert(one)
    assert alert.kind == "host"
    assert all(spike.entity[0] == "service" or alert.entity in spike.entity[1] for spike in one.truth.spikes())
    assert all(one.truth.tells(alert, spike) for spike in one.truth.spikes())


def test_the_sensor_is_one_alert_where_all_are_concerned(imported: dict[str, Imported]) -> None:
    alert = the_alert(imported["everything"])
    assert alert.kind == "sensor"
    assert len(alert.members) > 3


@pytest.mark.parametrize("name", ALONE)
def test_the_evidence_is_what_was_sent_again(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    alert = the_alert(one)
    really = one.sent_again(alert)
    assert len(really) >= 8
    assert by_sql(alert, one.db) == by_filter(alert, one.path) == really


@pytest.mark.parametrize("name", ["a service with 8 %", "two services, one after the other", "one link",
                                  "all of a server", "one client", "frames missing, and a spike later"])  # fmt: skip
def test_filter_and_sql_select_the_same(imported: dict[str, Imported], name: str) -> None:
    one = imported[name]
    assert one.alerts
    for alert in one.alerts:
        selected = by_sql(alert, one.db)
        assert selected == by_filter(alert, one.path)
        assert one.sent_again(alert, at_sender=True) <= selected <= one.sent_again(alert)
        assert len(selected) >= 0.98 * len(one.sent_again(alert))


def test_a_filter_that_is_only_near_says_so(imported: dict[str, Imported]) -> None:
    one = imported["losses, overtaking and copies"]
    near = 0
    for alert in one.alerts:
        selected, shown = by_sql(alert, one.db), by_filter(alert, one.path)
        assert one.sent_again(alert, at_sender=True) <= selected <= one.sent_again(alert)
        said = "the display filter is near, the SQL is exact" in alert.said
        assert selected < shown if said else selected == shown
        near += said
    assert near


def test_worst_flows_come_first(imported: dict[str, Imported]) -> None:
    one = imported["one upload with 5 %"]
    (flow, again, segments), = asked(one.db, f"""SELECT worst.flow[1], worst.resent[1], worst.segments[1] FROM alerts
        WHERE capture = '{content_hash(str(one.path))}'""")
    (placed,) = (of for of in one.mix.placed if of.transfer.name.startswith("loss-"))
    assert flow == f"{placed.client}:{placed.client_port} {placed.service[0]}:{placed.service[1]}"
    really, sent = int((placed.transfer.kinds > 0).sum()), len(placed.transfer.sent)
    assert int(again) == really
    # Those that were lost are seen where they are sent only.
    assert int(segments) in (sent, sent - really)
