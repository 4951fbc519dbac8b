"""ARP and neighbour discovery: pairs, halves, probes, and which address was whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.arp import bindings, tracker
from tests.exchanges.against import both
from tests.exchanges.hear import BEGIN, SECOND, heard, same_in_any_batches
from tests.exchanges.hosts import ALL, ONE, THREE, TWO, address, arp, icmp6, number

NONE = bytes(6)
TARGET = address("fe80::2")


def test_a_request_and_its_reply() -> None:
    found = same_in_any_batches([
        arp(1, ONE, "10.0.0.1", NONE, "10.0.0.2"), arp(1, ONE, "10.0.0.1", NONE, "10.0.0.2", 1),
        arp(2, TWO, "10.0.0.2", ONE, "10.0.0.1", 1.5), arp(1, ONE, "10.0.0.1", NONE, "10.0.0.3", 2),
    ])  # fmt: skip
    one, other = found.rows["arp"]
    assert (one["shoal.arp.outcome"], one["shoal.arp.requests"], one["shoal.response_frame"]) == ("answered", 2, 3)
    assert (one["arp.dst.hw_mac"], one["shoal.response_time"]) == (number(TWO), 1_500_000_000)
    assert (other["shoal.arp.outcome"], other["arp.dst.proto_ipv4"]) == ("unanswered", "10.0.0.3")
    assert "arp.dst.hw_mac" not in other
    assert set(found.names.values()) == {"ARP"}


def test_two_hosts_that_reply() -> None:
    found = heard([arp(1, ONE, "10.0.0.1", NONE, "10.0.0.2"), arp(2, TWO, "10.0.0.2", ONE, "10.0.0.1", 0.1),
                   arp(2, THREE, "10.0.0.2", ONE, "10.0.0.1", 0.2)])
    (row,) = found.rows["arp"]
    assert row["arp_answer.hw"] == ["02:00:00:00:00:02", "02:00:00:00:00:03"]
    assert row["arp_answer.frame"] == [2, 3]
    assert row["arp.duplicate-address-detected"] == 1
    assert found.details[3]["arp.duplicate-address-frame"] == [2]


def test_probes_announcements_and_replies_to_nothing() -> None:
    found = same_in_any_batches([
        arp(1, ONE, "0.0.0.0", NONE, "10.0.0.1"), arp(1, ONE, "10.0.0.1", NONE, "10.0.0.1", 1),
        arp(2, ONE, "10.0.0.1", ALL, "10.0.0.1", 2), arp(2, TWO, "10.0.0.2", ONE, "10.0.0.1", 3),
        arp(3, ONE, "0.0.0.0", ONE, "0.0.0.0", 4),
    ])  # fmt: skip
    kinds = {r["shoal.first_frame"]: (r["shoal.arp.kind"], r["shoal.arp.outcome"]) for r in found.rows["arp"]}
    assert kinds == {1: ("probe", "unanswered"), 2: ("announcement", "told"), 3: ("gratuitous", "told"),
                     4: ("reply", "unasked"), 5: ("reverse", "told")}
    assert found.details[1]["arp.isprobe"] == [1]
    assert found.details[2]["arp.isannouncement"] == [1]
    assert found.names[5] == "RARP"


def test_each_vlan_is_a_domain_of_its_own() -> None:
    found = heard([arp(1, ONE, "10.0.0.1", NONE, "10.0.0.2", vlan=5),
                   arp(2, TWO, "10.0.0.2", ONE, "10.0.0.1", 1, vlan=6)])
    assert [(r["shoal.vlan"], r["shoal.arp.outcome"]) for r in found.rows["arp"]] == [(6, "unasked"), (5, "unanswered")]


def test_who_had_the_address_when() -> None:
    frames = [arp(1, ONE, "10.0.0.5", NONE, "10.0.0.1", at) for at in (0, 100, 200)]
    frames += [arp(1, TWO, "10.0.0.5", NONE, "10.0.0.1", at) for at in (300, 301)]
    found = same_in_any_batches([*frames, arp(1, ONE, "10.0.0.5", NONE, "10.0.0.1", 400)])
    newest = {r["shoal.first_frame"]: r for r in found.rows["bindings"]}
    assert [newest[n]["shoal.hw"] for n in (1, 4, 6)] == [number(ONE), number(TWO), number(ONE)]
    assert (newest[1]["shoal.last_time"] - BEGIN, newest[1]["shoal.binding.frames"]) == (200 * SECOND, 3)
    assert (newest[4]["shoal.previous_hw"], newest[4]["shoal.address"]) == (number(ONE), "10.0.0.5")
    assert newest[4]["shoal.last_frame"] == 5


def test_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_ASKED", 2)
    monkeypatch.setattr(bindings, "MOST_BINDINGS", 2)
    found = heard([arp(1, ONE, f"10.0.0.{k}", NONE, f"10.0.1.{k}", k / 100) for k in range(1, 4)])
    assert len(found.rows["arp"]) == len(found.rows["bindings"]) == 3
    assert sorted(found.events) == [("arp-requests-forgotten", 1), ("bindings-forgotten", 1)]


def solicit(at: float, src: str = "fe80::1", hardware: bytes = ONE) -> tuple[int, bytes]:
    options = b"\1\1" + hardware if src != "::" else b""
    return icmp6(135, bytes(4) + TARGET + options, at, src=src, dst="ff02::1:ff00:2", src_hw=hardware)


def advertise(at: float, dst: str, flags: int = 0x60, hardware: bytes = TWO) -> tuple[int, bytes]:
    body = bytes((flags, 0, 0, 0)) + TARGET + b"\2\1" + hardware
    return icmp6(136, body, at, src="fe80::2", dst=dst, src_hw=hardware)


def test_a_solicitation_and_its_advertisement() -> None:
    found = same_in_any_batches([solicit(0), solicit(1), advertise(1.5, "fe80::1")])
    (row,) = found.rows["nd"]
    assert (row["shoal.nd.kind"], row["shoal.nd.outcome"], row["shoal.nd.requests"]) == ("solicitation", "answered", 2)
    assert (row["shoal.nd.target"], row["shoal.nd.target_hw"]) == ("fe80::2", number(TWO))
    assert {r["shoal.address"]: r["shoal.hw"] for r in found.rows["bindings"]} == {"fe80::1": number(ONE),
                                                                                 "fe80::2": number(TWO)}
    assert found.details[3]["icmpv6.opt.target_linkaddr"] == [TWO.hex(":")]


def test_duplicate_address_detection() -> None:
    free = heard([solicit(0, "::", TWO), advertise(1, "ff02::1", 0x20)]).rows["nd"]
    assert [(r["shoal.nd.kind"], r["shoal.nd.outcome"]) for r in free] == [
        ("advertisement", "told"), ("duplicate address detection", "unanswered")]  # fmt: skip
    (taken,) = heard([solicit(0, "::", ONE), advertise(1, "ff02::1", 0x20)]).rows["nd"]
    assert (taken["shoal.nd.outcome"], taken["shoal.nd.target_hw"]) == ("answered", number(TWO))


ROUTER = (b"\x40\xc0\x07\x08" + bytes(8) + b"\1\1" + TWO + b"\5\1\0\0" + (1480).to_bytes(4, "big") + b"\3\4\x40\xc0"
          + (600).to_bytes(4, "big") + (300).to_bytes(4, "big") + bytes(4) + address("2001:db8::")
          + b"\x19\3\0\0\0\0\0\x3c" + address("2001:db8::53"))  # fmt: skip


def test_a_router_that_is_asked() -> None:
    found = same_in_any_batches([icmp6(133, bytes(4) + b"\1\1" + ONE, dst="ff02::2"),
                                 icmp6(134, ROUTER, 0.5, src="fe80::2", dst="ff02::1", src_hw=TWO)])
    asked, told = sorted(found.rows["nd"], key=lambda r: r["shoal.first_frame"])
    assert (asked["shoal.nd.outcome"], asked["shoal.response_frame"]) == ("answered", 2)
    for row in (asked, told):
        assert row["nd_prefix.prefix"] == [address("2001:db8::")]
        assert row["nd_prefix.valid_lifetime"] == [600]
        assert row["nd_dns.address"] == [address("2001:db8::53")]
        assert (row["icmpv6.opt.mtu"], row["icmpv6.nd.ra.router_lifetime"]) == (1480, 1800)


def test_cut_messages_say_nothing() -> None:
    frames = [solicit(0), icmp6(134, ROUTER, 1), icmp6(137, bytes(4) + TARGET + TARGET, 2)]
    for cut in range(54, 120):
        assert len(heard(frames, cut=cut).names) == 3


def test_as_tshark_shows_them(tmp_path: Path) -> None:
    frames = [
        solicit(0), advertise(1, "fe80::1"), icmp6(134, ROUTER, 2), icmp6(137, bytes(4) + TARGET + TARGET, 3),
        arp(1, ONE, "0.0.0.0", NONE, "10.0.0.1", 4), arp(1, ONE, "10.0.0.1", NONE, "10.0.0.1", 5),
        arp(2, TWO, "10.0.0.1", ONE, "10.0.0.2", 6.9), arp(1, TWO, "10.0.0.1", NONE, "10.0.0.2", 8),
        arp(2, ONE, "10.0.0.2", TWO, "10.0.0.1", 9), arp(8, ONE, "10.0.0.1", TWO, "0.0.0.0", 10),
    ]  # fmt: skip
    fields = ["arp.isprobe", "arp.isannouncement", "arp.duplicate-address-frame", "_ws.col.Protocol",
              "arp.seconds-since-duplicate-address-frame", "icmpv6.opt.type", "icmpv6.opt.linkaddr",
              "icmpv6.opt.prefix", "icmpv6.opt.prefix.flag", "icmpv6.opt.mtu", "icmpv6.opt.rdnss",
              "icmpv6.nd.na.flag", "icmpv6.nd.ra.router_lifetime", "icmpv6.nd.rd.target_address"]  # fmt: skip
    ours, theirs = both(frames, tmp_path, fields)
    assert ours == theirs
