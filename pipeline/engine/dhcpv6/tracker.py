"""Exchanges of clients with servers, by the client's DUID: each pair of messages has a transaction ID of its own."""

from __future__ import annotations

from pipeline.engine.arp.bindings import Bindings, vlan_of
from pipeline.engine.dhcpv6.exchange import ASKS, Exchange
from pipeline.engine.dhcpv6.message import CLIENT, LINK_LAYER, Message, hardware_of, parse
from pipeline.engine.dhcpv6.tell import tell
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots
from pipeline.schema.exchanges.dhcpv6 import DHCPV6, DHCPV6_STEPS

MOST_EXCHANGES = 32_768
"""Exchanges remembered; the oldest is told as it stands for one more."""

TIMEOUT_NS = 120_000_000_000
"""Event time after the last message, after which an exchange is told (RFC 8415 section 7.6: SOL_MAX_RT is more, but a
Solicit that is sent again then begins a row of its own)."""

LATE_NS = 10_000_000_000
"""Event time after its end, for which copies of an exchange's messages are its own."""

_s = Slots(PACKETS)
_ETH_SRC, _L_ETH = _s.u64("eth.src"), _s.lane("eth")


class Dhcpv6:
    """Takes messages; tells a row of each exchange."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._bindings = Bindings(notes, out, "DHCPv6")
        self._open: dict[bytes, Exchange] = {}
        self._forgotten = 0

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        message = parse(data)
        if message is None:
            return False
        packet.name("DHCPv6")
        if self._out.tells:
            tell(message, packet.detail)
        inner = message.innermost()
        if self._out.stores and inner.kind in DHCPV6_STEPS and len(inner.data) >= 4:
            self._take(packet, message, inner)
        return True

    def _take(self, packet: Packet, message: Message, inner: Message) -> None:
        duid = inner.value(CLIENT)
        # Without a DUID the transaction alone tells one exchange from another.
        key = duid or b"\0" + inner.data[1:4]
        exchange = self._open.get(key)
        asks = inner.kind in ASKS
        if exchange is not None and (
            exchange.over(packet.time - TIMEOUT_NS, packet.time - LATE_NS) or not exchange.goes_on(inner)
        ):
            self._out.row(DHCPV6, self._open.pop(key).told())
            exchange = None
        if exchange is None:
            if len(self._open) >= MOST_EXCHANGES:
                self._out.row(DHCPV6, self._open.pop(next(iter(self._open))).told())
                self._forgotten += 1
                self._notes.note("dhcpv6-exchanges-forgotten", packet.row, self._forgotten)
            exchange = self._open[key] = Exchange(packet.exchange(DHCPV6, reverse=not asks))
            exchange.begin(inner, duid)
        exchange.take(packet.frame, packet.time, message, inner, _hardware(packet, message, duid) if asks else 0)
        if inner.kind == 7:
            vlan = vlan_of(packet.columns, packet.row)
            hardware = exchange.row.get("shoal.dhcpv6.client_hw", 0)
            for address, lifetime in exchange.leased():
                self._bindings.learn(packet, vlan, address, hardware, lifetime)

    def tick(self, now: int) -> None:
        """Tell the exchanges that have ended, or that nobody goes on with."""
        for key in [k for k, x in self._open.items() if x.over(now - TIMEOUT_NS, now - LATE_NS)]:
            self._out.row(DHCPV6, self._open.pop(key).told())
        self._bindings.tick()

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for exchange in self._open.values():
            self._out.row(DHCPV6, exchange.told())
        self._open.clear()
        self._bindings.tick()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "open": [[key, x.state()] for key, x in self._open.items()], "forgotten": self._forgotten,
            "bindings": self._bindings.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._open = {key: Exchange.restored(x) for key, x in state["open"]}
        self._forgotten = state["forgotten"]
        self._bindings.restore(state["bindings"])


def _hardware(packet: Packet, message: Message, duid: bytes) -> int:
    """The hardware address of a client whose message it is: the frame's, behind a relay what it says (RFC 6939), else
    the DUID's; 0 where nobody says."""
    columns, row = packet.columns, packet.row
    if not message.relay and columns.lane[_L_ETH, row] > 1:
        return int(columns.u64[_ETH_SRC, row])
    told = message.value(LINK_LAYER)[2:] if message.relay else b""
    found = told if len(told) == 6 else hardware_of(duid)
    return int.from_bytes(found, "big") if len(found) == 6 else 0
