"""Exchanges of clients with servers, by transaction ID and hardware address (RFC 2131 section 4.4)."""

from __future__ import annotations

from pipeline.engine.arp.bindings import Bindings, vlan_of
from pipeline.engine.dhcp.exchange import ACK, Exchange, kind_of
from pipeline.engine.dhcp.message import REPLY, REQUEST, Message, parse
from pipeline.engine.dhcp.tell import tell
from pipeline.engine.exchanges.outlet import Outlet
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.notes import Notes
from pipeline.engine.snapshot import Tree
from pipeline.schema import PACKETS
from pipeline.schema.columns import Slots
from pipeline.schema.exchanges.dhcp import DHCP

MOST_EXCHANGES = 32_768
"""Exchanges remembered; the oldest is told as it stands for one more."""

TIMEOUT_NS = 120_000_000_000
"""Event time after the last message, after which an exchange is told: clients wait up to 64 s before they ask again."""

LATE_NS = 10_000_000_000
"""Event time after its end, for which copies of an exchange's messages (by relays, or sent again) are its own."""

PROXY_PORT = 4011
"""Port of PXE's proxies: there only what has DHCP's cookie is DHCP."""

_BOOTP_LENGTH = 300
_LEASE = 51

_s = Slots(PACKETS)
_UDP_LENGTH, _L_LENGTH = _s.u16("udp.length"), _s.lane("udp.length")


class Dhcp:
    """Takes messages; tells a row of each exchange."""

    def __init__(self, notes: Notes, out: Outlet) -> None:
        self._notes = notes
        self._out = out
        self._bindings = Bindings(notes, out, "DHCP")
        self._open: dict[tuple[int, bytes], Exchange] = {}
        self._forgotten = 0

    def datagram(self, packet: Packet, data: bytes) -> bool:
        """Take a message."""
        if not data:
            return False
        columns, row = packet.columns, packet.row
        length = int(columns.u16[_UDP_LENGTH, row]) - 8 if columns.lane[_L_LENGTH, row] else 0
        message = parse(data, length)
        if PROXY_PORT in packet.ports and not message.cookie:
            return False
        packet.name("DHCP" if message.typed and message.sound else "BOOTP")
        if self._out.tells:
            tell(packet, message)
        if self._out.stores and _likely(message):
            self._take(packet, message)
        return True

    def _take(self, packet: Packet, message: Message) -> None:
        key = message.number(4, 4), message.hardware
        exchange = self._open.get(key)
        asks = message.data[0] == REQUEST
        if exchange is not None and (
            exchange.over(packet.time - TIMEOUT_NS, packet.time - LATE_NS)
            or (asks and not exchange.goes_on(message.kind))
        ):
            self._out.row(DHCP, self._open.pop(key).told())
            exchange = None
        if exchange is None:
            if len(self._open) >= MOST_EXCHANGES:
                self._out.row(DHCP, self._open.pop(next(iter(self._open))).told())
                self._forgotten += 1
                self._notes.note("dhcp-exchanges-forgotten", packet.row, self._forgotten)
            row = packet.exchange(DHCP, reverse=not asks)
            exchange = self._open[key] = Exchange(row)
            exchange.begin(message)
        exchange.wants(kind_of(message, packet.addresses[1]))
        exchange.take(packet.frame, packet.time, message)
        address = message.data[16:20]
        if message.kind == ACK and len(message.hardware) == 6 and any(address):
            told = message.whole().get(_LEASE, b"")
            lease = int.from_bytes(told, "big") if len(told) == 4 else -1
            vlan = vlan_of(packet.columns, packet.row)
            self._bindings.learn(packet, vlan, address, int.from_bytes(message.hardware, "big"), lease)

    def tick(self, now: int) -> None:
        """Tell the exchanges that have ended, or that nobody goes on with."""
        for key in [k for k, x in self._open.items() if x.over(now - TIMEOUT_NS, now - LATE_NS)]:
            self._out.row(DHCP, self._open.pop(key).told())
        self._bindings.tick()

    def finish(self, now: int) -> None:
        """Tell all that waits."""
        for exchange in self._open.values():
            self._out.row(DHCP, exchange.told())
        self._open.clear()
        self._bindings.tick()

    def state(self) -> Tree:
        """All that is known."""
        return {
            "open": [[*key, x.state()] for key, x in self._open.items()], "forgotten": self._forgotten,
            "bindings": self._bindings.state(),
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self._open = {(ident, hardware): Exchange.restored(x) for ident, hardware, x in state["open"]}
        self._forgotten = state["forgotten"]
        self._bindings.restore(state["bindings"])


def _likely(message: Message) -> bool:
    """Whether it is a message, and not something else on its ports: BOOTP has no mark but its size."""
    if len(message.data) < 44 or message.data[0] not in (REQUEST, REPLY) or message.data[2] > 16:
        return False
    return message.cookie or (message.data[1] != 0 and message.data[2] != 0 and message.length >= _BOOTP_LENGTH)
