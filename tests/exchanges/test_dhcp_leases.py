"""Who had which address from when until when, in SQL, over captures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.run.importer import import_capture
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.store import Store
from tests.exchanges.hear import Frame, write
from tests.exchanges.hosts import ONE, TWO, address, asked, dhcp, dhcp6, option, option6, told

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)
SERVER = option(54, address("10.0.0.9"))
WANTED = option(50, address("10.0.0.5"))
LEASE = option(51, (600).to_bytes(4, "big"))
WHEN = "toUnixTimestamp64Nano(shoal.lease.{}) / 1e9 - 1700000000 AS {}"
QUERY = ("SELECT shoal.hw, shoal.hostname, {}, {}, shoal.lease.ended, shoal.lease.acks FROM leases"
         " WHERE sensor = '{{}}' AND shoal.address = '{{}}' ORDER BY shoal.lease.start").format(
             WHEN.format("start", "begun"), WHEN.format("until", "over"))  # fmt: skip


def ack(xid: int, at: float, hardware: bytes = ONE) -> Frame:
    return told(dhcp(ACK, SERVER, LEASE, xid=xid, hardware=hardware, your="10.0.0.5"), at)


def request(xid: int, at: float, hardware: bytes = ONE) -> Frame:
    return asked(dhcp(REQUEST, option(12, b"host"), xid=xid, hardware=hardware, client="10.0.0.5"), at, src="10.0.0.5")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Database(tmp_path_factory.mktemp("leases") / "db").open(create=True) as store:
        migrate(store)
        yield store


def leases(store: Store, folder: Path, captures: Sequence[Sequence[Frame]], of: str = "10.0.0.5"
           ) -> list[tuple[object, ...]]:  # fmt: skip
    for k, frames in enumerate(captures):
        path = folder / f"{k}.pcap"
        path.write_bytes(write(frames))
        import_capture(store, str(path), sensor=folder.name)
    return [tuple(row.values()) for row in store.rows(QUERY.format(folder.name, of))]


def test_a_lease_goes_on_over_captures_and_ends(database: Store, tmp_path: Path) -> None:
    first = [request(1, 0), ack(1, 1), request(2, 300), ack(2, 301)]
    second = [request(3, 700), ack(3, 701), asked(dhcp(RELEASE, xid=4, client="10.0.0.5"), 900, src="10.0.0.5"),
              request(5, 1000, TWO), ack(5, 1001, TWO)]  # fmt: skip
    mac = "02:00:00:00:00:01"
    assert leases(database, tmp_path, [first, second]) == [
        (mac, "host", 1, 900, "released", 3), ("02:00:00:00:00:02", "host", 1001, 1601, "", 1),
    ]  # fmt: skip


def test_what_ends_a_lease(database: Store, tmp_path: Path) -> None:
    frames = [
        request(1, 0), ack(1, 0), request(2, 100, TWO), ack(2, 100, TWO),
        asked(dhcp(REQUEST, WANTED, xid=3, hardware=TWO), 200), told(dhcp(NAK, SERVER, xid=3, hardware=TWO), 200),
        request(4, 300), ack(4, 300), request(5, 1000), ack(5, 1000), asked(dhcp(DECLINE, WANTED, xid=5), 1001),
    ]  # fmt: skip
    found = leases(database, tmp_path, [frames])
    assert [row[2:] for row in found] == [
        (0, 100, "taken over", 1), (100, 200, "nakked", 1), (300, 900, "", 1), (1000, 1001, "declined", 1),
    ]  # fmt: skip


def test_leases_of_dhcpv6(database: Store, tmp_path: Path) -> None:
    client = option6(1, b"\0\3\0\1" + ONE)
    lifetimes = (300).to_bytes(4, "big") + (600).to_bytes(4, "big")
    given = option6(3, bytes(12) + option6(5, address("2001:db8::5") + lifetimes))
    frames = [dhcp6(3, 1, (client,)), dhcp6(7, 1, (client, given), 1, src="fe80::9", dst="fe80::1"),
              dhcp6(8, 2, (client, given), 50), dhcp6(7, 2, (client,), 51, src="fe80::9", dst="fe80::1")]  # fmt: skip
    assert leases(database, tmp_path, [frames], "2001:db8::5") == [("02:00:00:00:00:01", None, 1, 50, "released", 1)]
