"""DHCPv6: exchanges of each kind, relays, and what comes of hostile messages."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from pipeline.engine.dhcpv6 import tracker
from tests.exchanges.against import both
from tests.exchanges.hear import SECOND, Frame, heard, same_in_any_batches
from tests.exchanges.hosts import ONE, TWO, address, dhcp6, number, option6

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE, RECONFIGURE, INFORMATION = range(1, 12)
CLIENT = option6(1, b"\0\3\0\1" + TWO)
SERVER, OTHER = option6(2, b"\0\2\0\0\0\x09srv1"), option6(2, b"\0\2\0\0\0\x09srv2")


def leased(text: str = "2001:db8::5", valid: int = 600) -> bytes:
    lease = option6(5, address(text) + struct.pack(">II", valid // 2, valid))
    return option6(3, b"\0\0\0\1" + struct.pack(">II", 100, 200) + lease)


def delegated() -> bytes:
    return option6(25, b"\0\0\0\2" + bytes(8) + option6(26, struct.pack(">IIB", 60, 90, 56) + address("2001:db8:1::")))


def relayed(kind: int, inner: bytes, at: float, link: str = "2001:db8::1") -> Frame:
    time, frame = dhcp6(kind, 0, at=at)
    body = bytes((kind, 0)) + address(link) + address("fe80::1") + option6(18, b"eth0") + option6(9, inner)
    # The message in the place of the one without.
    head = frame[:14] + struct.pack(">IHBB", 6 << 28, 8 + len(body), 17, 64) + frame[22:54]
    return time, head + struct.pack(">HHHH", 547, 547, 8 + len(body), 0) + body


def test_solicit_to_reply() -> None:
    fqdn = option6(39, b"\0\5alice\7example")
    found = same_in_any_batches([
        dhcp6(SOLICIT, 1, (CLIENT, option6(6, b"\0\x17\0\x18"), fqdn, leased("::"))), dhcp6(SOLICIT, 1, (CLIENT,), 1),
        dhcp6(ADVERTISE, 1, (CLIENT, SERVER, leased()), 1.5, src="fe80::9", dst="fe80::1"),
        dhcp6(ADVERTISE, 1, (CLIENT, OTHER), 1.6, src="fe80::8", dst="fe80::1"),
        dhcp6(REQUEST, 2, (CLIENT, SERVER), 2),
        dhcp6(REPLY, 2, (CLIENT, SERVER, leased(), delegated(), option6(23, address("2001:db8::53"))), 2.25,
              src="fe80::9", dst="fe80::1"),
    ])  # fmt: skip
    (row,) = found.rows["dhcpv6"]
    assert (row["shoal.dhcpv6.kind"], row["shoal.dhcpv6.outcome"]) == ("new lease", "replied")
    assert [row[f"shoal.dhcpv6.{s}_frame"] for s in ("solicit", "advertise", "request", "reply")] == [1, 3, 5, 6]
    assert (row["shoal.response_time"], row["shoal.dhcpv6.requests_again"]) == (2.25 * SECOND, 1)
    assert row["dhcpv6_address.ip"] == [address("2001:db8::5")]
    assert (row["dhcpv6_address.valid_lifetime"], row["dhcpv6_prefix.length"]) == ([600], [56])
    assert row["dhcpv6_offer.server"] == [SERVER[4:].hex(), OTHER[4:].hex()]
    assert (row["dhcpv6.client_domain"], row["shoal.dhcpv6.client_hw"]) == ("alice.example", number(ONE))
    assert (row["dhcpv6.iaid.t1"], row["dhcpv6_parameter.option"]) == (100, [23, 24])
    assert [r["shoal.address"] for r in found.rows["bindings"]] == ["2001:db8::5"]
    assert set(found.names.values()) == {"DHCPv6"}


@pytest.mark.parametrize(("kind", "wanted"), [
    (REQUEST, "new lease"), (CONFIRM, "confirm"), (RENEW, "renew"), (REBIND, "rebind"), (RELEASE, "release"),
    (DECLINE, "decline"), (INFORMATION, "information"),
])  # fmt: skip
def test_what_the_client_wants(kind: int, wanted: str) -> None:
    status = option6(13, b"\0\2none left")
    found = heard([dhcp6(kind, 1, (CLIENT, leased())), dhcp6(REPLY, 1, (CLIENT, SERVER, status), 1, src="fe80::9",
                                                             dst="fe80::1")])  # fmt: skip
    (row,) = found.rows["dhcpv6"]
    assert (row["shoal.dhcpv6.kind"], row["shoal.dhcpv6.outcome"]) == (wanted, "refused")
    assert (row["dhcpv6.status_code"], row["dhcpv6.status_msg"]) == (2, "none left")
    assert row.get("dhcpv6_address.ip", []) == ([address("2001:db8::5")] if kind in (RELEASE, DECLINE) else [])


def test_halves() -> None:
    found = heard([dhcp6(SOLICIT, 1, (CLIENT,)), dhcp6(SOLICIT, 2, (CLIENT,), 300),
                   dhcp6(REPLY, 9, (option6(1, b"\0\3\0\1" + ONE), SERVER), 301, src="fe80::9", dst="fe80::1")])
    assert [(r["shoal.first_frame"], r["shoal.dhcpv6.kind"], r["shoal.dhcpv6.outcome"]) for r in found.rows["dhcpv6"]
            ] == [(1, "new lease", "unanswered"), (2, "new lease", "unanswered"), (3, "unknown", "replied")]


def test_a_relay_is_unwrapped() -> None:
    inner = bytes((RENEW, 0, 0, 7)) + CLIENT
    back = bytes((REPLY, 0, 0, 7)) + CLIENT + SERVER + leased()
    found = same_in_any_batches([relayed(12, inner, 0), relayed(13, back, 0.5)])
    (row,) = found.rows["dhcpv6"]
    assert (row["shoal.dhcpv6.kind"], row["shoal.dhcpv6.outcome"]) == ("renew", "replied")
    assert (row["dhcpv6.linkaddr"], row["dhcpv6.interface_id"]) == ("2001:db8::1", b"eth0".hex())
    assert row["shoal.dhcpv6.client_hw"] == number(TWO)
    assert found.details[1]["dhcpv6.msgtype"] == [12, RENEW]


def test_as_tshark_shows_it(tmp_path: Path) -> None:
    frames = [
        dhcp6(SOLICIT, 1, (CLIENT, leased(), delegated(), option6(8, b"\0\x0a"), option6(6, b"\0\x17\0\x18"))),
        dhcp6(REPLY, 0xABCDEF, (SERVER, option6(13, b"\0\0fine"), option6(24, b"\3foo\3com\0\3bar\0"),
                                option6(23, address("::1") * 2), option6(16, b"\0\0\1\x37\0\3abc")), 1),
        relayed(12, bytes((RENEW, 0, 0, 7)) + CLIENT, 2),
        *(dhcp6(k, 3, (option6(39, b"\0\5alice\7example\0"),), 3) for k in (RENEW, INFORMATION)),
        dhcp6(SOLICIT, 4, (option6(1, b"\0\1\0\1\1\2\3\4" + ONE), option6(3, bytes(12))), 4),
    ]  # fmt: skip
    names = ("msgtype", "xid", "hopcount", "linkaddr", "peeraddr", "option.type", "option.length", "duid.bytes",
             "duid.type", "duidllt.time", "duidllt.link_layer_addr", "duidll.link_layer_addr", "duiden.identifier",
             "iaid", "iaid.t1", "iaaddr.ip", "iaaddr.valid_lifetime", "iaprefix.pref_addr", "iaprefix.pref_len",
             "requested_option_code", "elapsed_time", "status_code", "status_msg", "dns_server", "search_list_entry",
             "client_domain", "client_fqdn_flags", "vendorclass.data", "interface_id")  # fmt: skip
    ours, theirs = both(frames, tmp_path, [*(f"dhcpv6.{name}" for name in names), "_ws.col.Protocol"])
    assert ours == theirs


def test_hostile_messages() -> None:
    chance = random.Random(4)
    whole = CLIENT + SERVER + leased() + delegated() + option6(39, b"\0\5alice\7example")
    frames = []
    for k in range(300):
        data = bytearray(whole)
        for _ in range(chance.randrange(6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        frames.append(dhcp6(chance.randrange(1, 14), k % 5, (bytes(data[: chance.randrange(len(data))]),), k))
    assert len(heard(frames).names) == 300


def test_the_oldest_is_told_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_EXCHANGES", 2)
    frames = [dhcp6(SOLICIT, k, (option6(1, b"\0\3\0\1" + bytes((2, 0, 0, 0, 0, k))),), k / 10) for k in range(4)]
    found = heard(frames)
    assert [row["dhcpv6.xid"] for row in found.rows["dhcpv6"]] == [0, 1, 2, 3]
    assert found.events == [("dhcpv6-exchanges-forgotten", 1), ("dhcpv6-exchanges-forgotten", 2)]
