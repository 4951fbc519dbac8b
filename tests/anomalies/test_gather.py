"""Sightings become rows of events that do not depend on the order in which they came."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from pipeline.detect.anomalies.gather import LATENESS, Gather, Going, host_of
from pipeline.engine.snapshot import pack, unpack
from pipeline.schema.anomalies import ANOMALIES, Sighting
from tests.engine.flow_rows import Row, rows_of

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND - 1_700_000_000 * SECOND % (86_400 * SECOND)


def seen(name: str, at: float, frame: int, entity: str = "192.0.2.1", *, tick: int = 0, count: int = 1) -> Sighting:
    """A sighting `at` seconds after BEGIN."""
    return Sighting(name, tick, frame, BEGIN + round(at * SECOND), entity, f"said at {frame}", f"frame {frame}", count)


def taken(gather: Gather) -> list[Row]:
    """The rows that were told since they were asked for last."""
    rows = gather.rows()
    return [] if rows is None else list(rows_of(rows, rows.record))


def newest(rows: Sequence[Row]) -> dict[tuple[int, str, str], Row]:
    """Of each key of the table the row with the greatest count, as ClickHouse keeps it."""
    found: dict[tuple[int, str, str], Row] = {}
    for row in rows:
        key = row["shoal.event.frame"], row["shoal.event.name"], row["shoal.event.entity"]
        if key not in found or row["shoal.event.count"] >= found[key]["shoal.event.count"]:
            found[key] = row
    return found


def at_tick(gather: Gather, number: int, seconds: float, again: int = 0) -> list[Going]:
    return gather.tick(number, BEGIN + round(seconds * SECOND), again)


def test_what_is_seen_again_raises_the_count_of_one_row() -> None:
    gather = Gather()
    gather.take([seen("arp-flood", 12, 40), seen("arp-flood", 11, 30, count=5), seen("arp-flood", 15, 60)])
    assert taken(gather) == []
    at_tick(gather, 2, 20)
    (row,) = taken(gather)
    assert (row["shoal.event.frame"], row["shoal.event.count"]) == (30, 7)
    assert (row["shoal.event.said"], row["shoal.event.filter"]) == ("said at 30", "frame 30")
    assert row["shoal.event.time"] == BEGIN + 11 * SECOND
    assert row["shoal.event.last_time"] == BEGIN + 15 * SECOND
    assert row["shoal.event.severity"] == "warning"


def test_a_row_is_told_anew_when_its_count_has_doubled_and_at_its_end() -> None:
    gather = Gather()
    counts = []
    for k in range(1, 31):
        gather.take([seen("arp-flood", 10 * k, k)])
        at_tick(gather, k, 10 * k + 1)
        counts += [row["shoal.event.count"] for row in taken(gather)]
    assert counts == [1, 2, 4, 8, 16]
    at_tick(gather, 99, 600 + LATENESS / SECOND)
    (row,) = taken(gather)
    assert (row["shoal.event.frame"], row["shoal.event.count"]) == (1, 30)
    assert row["shoal.event.last_time"] == BEGIN + 300 * SECOND
    # Nothing is kept of it.
    assert gather.finish(100) == []
    assert taken(gather) == []


def test_each_span_and_each_entity_has_its_own_row() -> None:
    gather = Gather()
    gather.take([seen("arp-flood", 599, 1), seen("arp-flood", 601, 2), seen("arp-flood", 601, 2, "192.0.2.2")])
    gather.finish(1)
    assert [(r["shoal.event.frame"], r["shoal.event.entity"]) for r in taken(gather)] == [
        (1, "192.0.2.1"), (2, "192.0.2.1"), (2, "192.0.2.2"),
    ]  # fmt: skip


def test_a_frame_that_was_told_stays_the_key_though_an_earlier_one_comes() -> None:
    gather = Gather()
    gather.take([seen("arp-flood", 20, 50)])
    at_tick(gather, 1, 30)
    gather.take([seen("arp-flood", 10, 10)])
    gather.finish(2)
    assert {(r["shoal.event.frame"], r["shoal.event.count"]) for r in taken(gather)} == {(50, 1), (50, 2)}


def test_what_rows_of_flows_show_waits_until_all_of_them_have_come() -> None:
    gather = Gather()
    gather.take([seen("server-killed", 70, 90)])
    at_tick(gather, 8, 80)
    assert taken(gather) == []
    gather.take([seen("server-killed", 20, 10)])
    at_tick(gather, 19, 20 + LATENESS / SECOND)
    (row,) = taken(gather)
    assert (row["shoal.event.frame"], row["shoal.event.count"]) == (10, 2)


def test_closed_ports_are_told_of_their_host() -> None:
    gather = Gather()
    gather.take([seen("port-closed", 1, 5 + port, f"[2001:db8::1]:{port}") for port in range(1, 1001)])
    gather.finish(1)
    (row,) = taken(gather)
    assert (row["shoal.event.entity"], row["shoal.event.count"]) == ("2001:db8::1", 1000)


def test_hosts_of_entities() -> None:
    assert host_of("192.0.2.1:443") == "192.0.2.1"
    assert host_of("[2001:db8::1]:443") == "2001:db8::1"
    assert host_of("2001:db8::1") == "2001:db8::1"
    assert host_of("192.0.2.1 192.0.2.2") == "192.0.2.1 192.0.2.2"


def test_alerts_are_told_when_they_begin_and_go_on_and_logs_are_not() -> None:
    gather = Gather()
    gather.take([seen("arp-flood", 1, 1), seen("ttl-jump", 1, 1)])
    (one,) = at_tick(gather, 1, 10)
    assert (one.tick, one.name, one.entity, one.count, one.begins) == (1, "arp-flood", "192.0.2.1", 1, True)
    assert at_tick(gather, 2, 20) == []
    gather.take([seen("arp-flood", 25, 9, count=2)])
    (one,) = at_tick(gather, 3, 30)
    assert (one.count, one.begins, one.severity) == (3, False, "warning")
    assert (one.first, one.last) == (BEGIN + SECOND, BEGIN + 25 * SECOND)


def test_times_that_begin_anew_end_what_is_under_way() -> None:
    gather = Gather()
    gather.take([seen("server-killed", 7200, 1), seen("arp-flood", 7200, 2)])
    going = at_tick(gather, 1, 10, again=1)
    assert [one.name for one in going] == ["arp-flood"]
    assert [r["shoal.event.frame"] for r in taken(gather)] == [1, 2]


def test_at_the_cap_the_first_ones_are_told_and_an_event_says_so() -> None:
    gather = Gather(most=10)
    gather.take([seen("arp-flood", k / 100, k, f"192.0.2.{k}") for k in range(1, 41)])
    gather.finish(1)
    rows = taken(gather)
    assert len({r["shoal.event.entity"] for r in rows if r["shoal.event.name"] == "arp-flood"}) == 40
    forgotten = [r["shoal.event.count"] for r in rows if r["shoal.event.name"] == "anomalies-forgotten"]
    assert sorted(forgotten) == [1, 2, 4, 8, 16]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        Gather().take([seen("nothing", 1, 1)])


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_sightings_between_two_ticks_is_nothing(seed: int) -> None:
    """Those of frames come before the next tick, in any order; those of flows at any time until LATENESS is over. A
    snapshot between any two calls changes nothing."""
    chance = random.Random(seed)
    names = ("arp-flood", "ttl-jump", "server-killed", "port-closed")
    sightings = [
        seen(chance.choice(names), at := chance.uniform(0, 3000), 1 + int(10 * at), f"192.0.2.{chance.randrange(4)}:80",
             tick=int(at // 10), count=chance.randrange(1, 4))
        for _ in range(400)
    ]  # fmt: skip

    def told(shuffled: random.Random | None) -> tuple[dict[tuple[int, str, str], Row], list[Going]]:
        gather, rows, going = Gather(), [], []
        due: dict[int, list[Sighting]] = {}
        for one in sightings:
            late = shuffled.randrange(12) if shuffled is not None and ANOMALIES[one.name].action == "log" and (
                one.name in ("server-killed", "port-closed")) else 0  # fmt: skip
            due.setdefault(one.tick + 1 + late, []).append(one)
        for number in range(1, 320):
            batch = due.get(number, [])
            if shuffled is not None:
                shuffled.shuffle(batch)
                if shuffled.random() < 0.2:
                    state = unpack(pack(gather.state()))
                    gather = Gather()
                    gather.restore(state)
            gather.take(batch)
            going += at_tick(gather, number, 10 * number)
            rows += taken(gather)
        going += gather.finish(320)
        return newest(rows + taken(gather)), going

    assert told(random.Random(seed)) == told(None)
