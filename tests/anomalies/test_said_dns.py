"""DNS: forged answers, tunnels and names that do not exist, and what is like them and is none."""

from __future__ import annotations

from pipeline.engine.anomalies.said_dns import entropy, registered_domain
from tests.anomalies.make.said_names import asked, checks, long_but_usual, names, race, tunnel
from tests.anomalies.make.said_run import events_of, found_in
from tests.exchanges.dns_bytes import ASKED, query, record, response
from tests.exchanges.hear import answer, ask


def test_two_answers_that_lead_elsewhere_are_a_race() -> None:
    found = events_of(race(["198.51.100.7"], ["203.0.113.5", "203.0.113.6"]))
    (row,) = found.events
    assert (row["shoal.event.name"], row["shoal.event.frame"]) == ("dns-race", 3)
    assert (row["shoal.event.entity"], row["shoal.event.count"]) == ("10.0.0.1", 1)
    assert row["shoal.event.said"] == (
        "10.0.0.1 asked 10.0.0.2 once for www.example.com, and was answered 198.51.100.7, then 203.0.113.5 and"
        " 203.0.113.6"
    )
    assert row["shoal.event.filter"] == "udp.stream == 0 && dns.id == 0x0007"
    assert [(one.name, one.entity) for one in found.going] == [("dns-race", "10.0.0.1")]


def test_a_name_that_does_not_exist_and_then_does_is_a_race() -> None:
    (row,) = events_of(race([], ["203.0.113.5"], codes=(3, 0))).events
    assert row["shoal.event.said"].endswith("was answered no such name, then 203.0.113.5")


def test_answers_that_agree_are_none() -> None:
    """The same again, in another order, one address of a pool of which the other has more, a failure beside an answer;
    and two answers to a query that was sent twice."""
    for frames in (
        race(["203.0.113.5"], ["203.0.113.5"]), race(["203.0.113.5", "203.0.113.6"], ["203.0.113.6", "203.0.113.5"]),
        race(["203.0.113.5", "203.0.113.6"], ["203.0.113.6", "203.0.113.7"]), race([], ["203.0.113.5"], codes=(2, 0)),
        race(["198.51.100.7"], ["203.0.113.5"], sent=2), race([], [], codes=(3, 3)),
    ):  # fmt: skip
        assert events_of(frames).events == []


def test_a_cdn_that_answers_each_query_otherwise_is_none() -> None:
    frames = [
        frame for k in range(200)
        for frame in asked("cdn.example.net", 0.1 * k, record(ASKED, 1, bytes((203, 0, 113, k))), ident=k)
    ]  # fmt: skip
    assert events_of(frames).events == []


def test_hosts_that_announce_themselves_are_none() -> None:
    """mDNS: one query, and several hosts answer it, each by its own address."""
    frames = [ask(query("printer.local", ident=0), dst="224.0.0.251", srcport=5353, dstport=5353)]
    for k in range(5):
        said = response("printer.local", record(ASKED, 1, bytes((10, 0, 0, 10 + k))), ident=0)
        frames.append(ask(said, 0.01 + 0.01 * k, src=f"10.0.0.{10 + k}", dst="224.0.0.251", srcport=5353, dstport=5353))
    assert events_of(frames).events == []


def test_data_in_names_are_a_tunnel() -> None:
    (row,) = events_of(tunnel()).newest
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("dns-tunnel", "10.0.0.1")
    assert row["shoal.event.frame"] == 1
    assert row["shoal.event.count"] >= 50
    assert "names of example.org with 9" in row["shoal.event.said"]
    assert row["shoal.event.filter"] == 'ip.addr == 10.0.0.1 && dns.qry.name contains "example.org"'


def test_a_tunnel_that_goes_on_is_one_event() -> None:
    (row,) = found_in(tunnel(queries=1200, seconds=590)).newest
    # All but those of a minute at the end, in which there are too few.
    assert (row["shoal.event.frame"], row["shoal.event.count"]) == (1, 1180)


def test_few_or_usual_long_names_are_no_tunnel() -> None:
    assert events_of(checks()).events == []
    assert events_of(long_but_usual()).events == []
    # A name that is asked for again and again is no data, however long.
    again = [frame for k in range(300)
             for frame in asked("a" * 20 + "bcdefghijk" * 3 + ".example.net", 0.1 * k, ident=k)]  # fmt: skip
    assert events_of(again).events == []


def test_many_names_that_do_not_exist_are_a_burst() -> None:
    (row,) = events_of(names(150, 40)).newest
    assert (row["shoal.event.name"], row["shoal.event.entity"]) == ("nxdomain-burst", "10.0.0.1")
    assert row["shoal.event.filter"] == "ip.addr == 10.0.0.1 && dns.flags.rcode == 3"
    assert row["shoal.event.frame"] == 1


def test_few_names_that_do_not_exist_are_no_burst() -> None:
    """Below the least number; one name again and again; and reverse lookups."""
    assert events_of(names(80, 40)).events == []
    again = [frame for k in range(300) for frame in asked("wpad.example.com", 0.1 * k, rcode=3, ident=k)]
    assert events_of(again).events == []


def test_a_response_that_is_cut_short_is_no_race() -> None:
    frames = [ask(query("www.example.com", ident=7))]
    frames.append(answer(response("www.example.com", ident=7, flags=0x8380), 0.01))
    frames.append(answer(response("www.example.com", record(ASKED, 1, b"\xcb\0\x71\x05"), ident=7), 0.02))
    assert events_of(frames).events == []


def test_registered_domains() -> None:
    assert registered_domain("a.b.Example.ORG.") == "example.org"
    assert registered_domain("a.b.example.co.uk") == "example.co.uk"
    assert registered_domain("co.uk") == "co.uk"
    assert registered_domain("localhost") == "localhost"
    assert registered_domain("") == ""


def test_entropy_is_bits_of_a_character() -> None:
    assert entropy("") == entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("0123456789abcdef" * 3) == 4
