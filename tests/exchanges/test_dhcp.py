"""DHCP: exchanges of each kind, options wherever they stand, and what comes of hostile messages."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from pipeline.engine.dhcp import tracker
from pipeline.engine.dhcp.message import parse
from pipeline.engine.dhcp.options import domain_names
from tests.exchanges.against import both, tshark
from tests.exchanges.hear import SECOND, heard, same_in_any_batches
from tests.exchanges.hosts import ONE, TWO, address, asked, dhcp, number, option, told
from tests.oracle.conformance import printed

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
SERVER, WANTED, LEASE = option(54, address("10.0.0.9")), option(50, address("10.0.0.5")), option(51, b"\0\0\2\x58")
YOURS = {"your": "10.0.0.5"}
FIELDS = [f"dhcp.{name}" for name in (
    "type", "hw.type", "hw.len", "hops", "id", "secs", "flags", "flags.bc", "ip.client", "ip.your", "hw.mac_addr",
    "hw.addr", "server", "file", "cookie", "bootp", "option.type", "option.length", "option.value", "option.dhcp",
    "option.hostname", "option.router", "option.request_list_item", "option.padding", "option.end",
    "option.option_overload", "option.static_route.ip", "option.ip_forwarding", "option.time_offset",
    "option.agent_information_option.suboption", "option.agent_information_option.agent_circuit_id",
    "option.agent_information_option.link_selection", "option.dhcp_dns_domain_search_list_fqdn", "client_id.uuid",
    "client_id.duid_type", "fqdn.name", "fqdn.flags")] + ["_ws.col.Protocol"]  # fmt: skip


def test_discover_to_ack() -> None:
    second = option(54, address("10.0.0.8"))
    found = same_in_any_batches([
        asked(dhcp(DISCOVER, option(12, b"alice"), option(55, b"\1\3\6"), option(60, b"MSFT 5.0"), option(128, b"\1"))),
        asked(dhcp(DISCOVER), 4), told(dhcp(OFFER, SERVER, LEASE, **YOURS), 4.5),
        told(dhcp(OFFER, second, your="10.0.0.6"), 4.6, src="10.0.0.8"),
        asked(dhcp(REQUEST, SERVER, WANTED), 5),
        told(dhcp(ACK, SERVER, LEASE, option(1, b"\xff\xff\xff\0"), option(3, address("10.0.0.9")),
                  option(58, b"\0\0\1\x2c"), **YOURS), 5.25),
    ])  # fmt: skip
    (row,) = found.rows["dhcp"]
    assert (row["shoal.dhcp.kind"], row["shoal.dhcp.outcome"]) == ("new lease", "acked")
    assert [row[f"shoal.dhcp.{step}_frame"] for step in ("discover", "offer", "request", "ack")] == [1, 3, 5, 6]
    assert row["shoal.dhcp.ack_time"] - row["shoal.dhcp.discover_time"] == row["shoal.response_time"] == 5.25 * SECOND
    assert [row[f"shoal.dhcp.{step}_delay"] / SECOND for step in ("offer", "request", "ack")] == [4.5, 0.5, 0.25]
    assert row["shoal.dhcp.discovers_again"] == 1
    assert (row["dhcp_offer.server"], row["dhcp_offer.frame"]) == ([0x0A000009, 0x0A000008], [3, 4])
    assert (row["dhcp.ip.your"], row["dhcp.option.dhcp_server_id"]) == ("10.0.0.5", "10.0.0.9")
    assert (row["dhcp.option.ip_address_lease_time"], row["dhcp.option.renewal_time_value"]) == (600, 300)
    assert (row["dhcp.option.hostname"], row["dhcp_parameter.option"]) == ("alice", [1, 3, 6])
    assert (row["dhcp_option.type"], row["dhcp_option.value"]) == ([128], ["01"])
    assert row["dhcp.hw.mac_addr"] == number(ONE)
    assert found.rows["bindings"][-1]["shoal.address"] == "10.0.0.5"
    assert set(found.names.values()) == {"DHCP"}


@pytest.mark.parametrize(("frame", "kind"), [
    (asked(dhcp(REQUEST, client="10.0.0.5"), src="10.0.0.5", dst="10.0.0.9"), "renewal"),
    (asked(dhcp(REQUEST, client="10.0.0.5"), src="10.0.0.5"), "rebinding"),
    (asked(dhcp(REQUEST, client="10.0.0.5", relay="10.0.1.1"), src="10.0.1.1", dst="10.0.0.9"), "rebinding"),
    (asked(dhcp(REQUEST, WANTED)), "reboot"), (asked(dhcp(REQUEST, WANTED, SERVER)), "new lease"),
    (asked(dhcp(INFORM, client="10.0.0.5")), "inform"), (asked(dhcp(RELEASE, client="10.0.0.5")), "release"),
    (asked(dhcp(DECLINE, WANTED)), "decline"), (asked(dhcp(0, end=b"\xff" + bytes(80))), "bootp"),
    (asked(dhcp(10)), "lease query"), (told(dhcp(ACK, **YOURS)), "unknown"),
])  # fmt: skip
def test_what_the_client_wants(frame: tuple[int, bytes], kind: str) -> None:
    (row,) = heard([frame]).rows["dhcp"]
    assert row["shoal.dhcp.kind"] == kind


def test_after_a_nak_the_client_begins_anew() -> None:
    found = same_in_any_batches([
        asked(dhcp(REQUEST, WANTED)), told(dhcp(NAK, SERVER, option(56, b"no")), 1), asked(dhcp(DISCOVER), 2),
        told(dhcp(OFFER, SERVER, **YOURS), 3),
    ])  # fmt: skip
    one, other = found.rows["dhcp"]
    assert (one["shoal.dhcp.outcome"], one["dhcp.option.message"], one["shoal.response_frame"]) == ("nakked", "no", 2)
    assert (other["shoal.dhcp.outcome"], other["shoal.dhcp.kind"]) == ("offered", "new lease")
    assert other["shoal.first_frame"] == 3


def test_copies_of_a_relay_are_no_retransmissions() -> None:
    circuit = option(82, b"\1\4abcd\2\2ef")
    found = heard([
        asked(dhcp(REQUEST, WANTED, SERVER)), asked(dhcp(REQUEST, WANTED, SERVER, circuit, relay="10.0.1.1"), 0.1),
        told(dhcp(ACK, SERVER, circuit, relay="10.0.1.1", **YOURS), 0.2), told(dhcp(ACK, SERVER, **YOURS), 0.3),
        asked(dhcp(REQUEST, WANTED, SERVER), 1),
    ])  # fmt: skip
    (row,) = found.rows["dhcp"]
    assert (row["shoal.dhcp.messages"], row["shoal.dhcp.requests_again"]) == (5, 1)
    assert (row["dhcp.ip.relay"], row["shoal.response_frame"]) == ("10.0.1.1", 3)
    assert row["dhcp.option.agent_information_option.agent_circuit_id"] == b"abcd".hex()
    assert row["dhcp.option.agent_information_option.agent_remote_id"] == b"ef".hex()


def test_clients_and_transactions_are_kept_apart() -> None:
    frames = [asked(dhcp(DISCOVER, xid=xid, hardware=hw)) for xid in (1, 2) for hw in (ONE, TWO)]
    assert len(heard([*frames, asked(dhcp(DISCOVER, xid=1), 500)]).rows["dhcp"]) == 5


def test_options_in_other_fields_and_in_parts() -> None:
    message = parse(dhcp(REQUEST, option(52, b"\3"), option(12, b"one"), sname=option(12, b"three") + b"\xff",
                         file=option(12, b"two") + option(15, b"dom") + b"\xff"), 0)  # fmt: skip
    assert message.whole()[12] == b"onetwothree"
    assert message.whole()[15] == b"dom"
    assert domain_names(b"\3foo\3com\0\3bar\xc0\4") == ["foo.com", "bar.com"]
    assert domain_names(b"\xc0\0") == []
    assert domain_names(b"\1a\xc0\0") == []


def test_as_tshark_shows_it(tmp_path: Path) -> None:
    options = [
        option(12, b"host\0name"), option(61, b"\1" + ONE), option(61, b"\0" + bytes(range(16))),
        option(61, b"\xff" + b"iaid" + b"\0\2\0\0\0\x09zz"), option(81, b"\0\0\0a.example"),
        option(81, b"\4\0\0\1a\7example"),
        option(82, b"\1\4abcd\5\4\x0a\0\0\1\x63"), option(119, b"\3foo\3co") + option(119, b"m\0\3bar\xc0\4"),
        option(2, b"\xff\xff\xb9\xb0"), option(33, bytes(range(16))), option(3, bytes(9)), option(1, b"\1\2\3"),
        option(19, b"\5"), b"\0\0" + option(12, b"x"), option(53, b""), b"\x0c\xff",
    ]  # fmt: skip
    messages = [dhcp(REQUEST, o) for o in options]
    messages += [
        dhcp(DISCOVER, option(52, b"\3"), sname=option(12, b"in sname") + b"\xff", file=option(3, bytes(4)) + b"\xff"),
        dhcp(OFFER, sname=b"server", file=b"boot", end=b"\xff" + bytes(20)), dhcp(0)[:236] + bytes(64), b"\1\1\6",
        dhcp(DISCOVER, hardware=b"12345678"), dhcp(DISCOVER, hardware=b""), dhcp(DISCOVER, end=b""), dhcp(200),
    ]  # fmt: skip
    ours, theirs = both([asked(m, k) for k, m in enumerate(messages)], tmp_path, FIELDS)
    assert ours == theirs


def test_cut_frames_as_tshark_shows_them(tmp_path: Path) -> None:
    whole = asked(dhcp(REQUEST, option(12, b"host"), option(55, bytes(range(9))), end=b"\xff" + bytes(9)))[1]
    cuts = [*range(42, 90), *range(270, len(whole) + 1)]
    path = tmp_path / "cut.pcap"
    path.write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("<IIII", n, 0, n, len(whole)) + whole[:n] for n in cuts))  # fmt: skip
    assert printed(path, FIELDS) == tshark(path, FIELDS)


def test_hostile_messages() -> None:
    chance = random.Random(3)
    whole = dhcp(ACK, SERVER, LEASE, option(82, b"\1\4abcd"), option(119, b"\3foo\xc0\0"), option(52, b"\3"), **YOURS)
    frames = []
    for k in range(300):
        data = bytearray(whole)
        for _ in range(chance.randrange(8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        frames.append(told(bytes(data[: chance.randrange(len(data) + 1)]), k / 10))
    assert len(heard(frames).names) == 300


def test_the_oldest_is_told_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MOST_EXCHANGES", 2)
    found = heard([asked(dhcp(DISCOVER, xid=xid), xid / 10) for xid in range(4)])
    assert [row["dhcp.id"] for row in found.rows["dhcp"]] == [0, 1, 2, 3]
    assert found.events == [("dhcp-exchanges-forgotten", 1), ("dhcp-exchanges-forgotten", 2)]
