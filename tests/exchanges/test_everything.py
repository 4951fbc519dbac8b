"""Every table of exchanges gets rows, and the same in any batches and over snapshots."""

from __future__ import annotations

from tests.exchanges.everything import ALL_VIEWS, everything
from tests.exchanges.hear import same_in_any_batches


def test_every_protocol_is_heard_and_the_same_in_any_batches() -> None:
    found = same_in_any_batches(everything())
    assert found.rows.keys() == ALL_VIEWS
    names = set(found.names.values())
    assert {"DNS", "MDNS", "DHCP", "DHCPv6", "ARP", "ICMP", "ICMPv6", "HTTP", "SSDP", "TLSv1.2", "QUIC", "SMTP", "NTP",
            "SNMP", "KRB5", "OICQ", "TCP"} <= names  # fmt: skip
    # A row begins with a frame, and rows that begin with one are told apart.
    for rows in found.rows.values():
        if "shoal.version" not in rows[0]:
            keys = [(row["shoal.first_frame"], row["shoal.exchange"]) for row in rows]
            assert len(set(keys)) >= len(keys) - sum("shoal.last_time" in row for row in rows)
