"""Datagrams of DHCP clients and servers, through a relay too."""

from __future__ import annotations

from pipeline.engine.dhcp.tracker import Dhcp
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import pack
from tests.exchanges.hosts import asked, dhcp, option, standing, told

_OPTIONS = (option(12, b"host"), option(82, b"\1\2ab\5\4\x0a\0\0\1"), option(119, b"\3foo\3com\0\3bar\xc0\4"),
            option(61, b"\xff" + b"iaid" + b"\0\2\0\0\0\x09zz"), option(81, b"\4\0\0\1a\7example"))


def seeds() -> list[bytes]:
    """A message of each type, one of BOOTP, and one with options in all of its fields."""
    sname, file = option(12, b"sname") + b"\xff", option(3, bytes(4)) + b"\xff"
    whole = dhcp(3, option(52, b"\3"), *_OPTIONS, sname=sname, file=file)
    return [*(dhcp(kind, *_OPTIONS) for kind in range(1, 9)), dhcp(0, end=b"\xff" + bytes(64)), whole]


_SIDES = [standing(asked(dhcp(1))), standing(told(dhcp(2), 0.1)), standing(asked(dhcp(3), 0.2, dst="10.0.0.9")),
          standing(told(dhcp(5), 300))]


def run(data: bytes) -> None:
    """The bytes from either side, cut too, and again after the exchange is over."""
    notes = Notes()
    tracker = Dhcp(notes, _SIDES[0][0].out)
    for k, (packet, columns) in enumerate(_SIDES):
        columns.details.clear()
        packet.out.begin(columns)
        tracker._out = packet.out
        tracker.datagram(packet, data if k != 1 else data[: len(data) * 2 // 3])
        pack(tracker.state())
    tracker.tick(_SIDES[-1][0].time + 10**12)
    packet.out.flush()
