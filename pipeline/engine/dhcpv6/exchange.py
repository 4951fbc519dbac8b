"""One exchange: what each side said, and when."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.dhcpv6.message import (
    CLIENT,
    DNS,
    FQDN,
    IA_ADDRESS,
    IA_NA,
    IA_PD,
    IA_PREFIX,
    IA_TA,
    INTERFACE,
    REQUESTED,
    SERVER,
    STATUS,
    VENDOR_CLASS,
    Message,
    Option,
    domains,
)
from pipeline.engine.dhcpv6.tell import classes, text
from pipeline.engine.exchanges.outlet import Row
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.dhcpv6 import DHCPV6_KINDS, DHCPV6_OUTCOMES, DHCPV6_STEPS

SOLICIT, ADVERTISE, REQUEST, REPLY, RECONFIGURE = 1, 2, 3, 7, 10
ASKS = (1, 3, 4, 5, 6, 8, 9, 11)
"""Messages of clients."""

_KIND = {name: i for i, name in enumerate(DHCPV6_KINDS)}
_OUTCOME = {name: i for i, name in enumerate(DHCPV6_OUTCOMES)}
_KINDS = {1: "new lease", 3: "new lease", 4: "confirm", 5: "renew", 6: "rebind", 8: "release", 9: "decline",
          10: "reconfigure", 11: "information"}
_KNOWN = (CLIENT, SERVER, IA_NA, IA_TA, IA_PD, REQUESTED, STATUS, INTERFACE, DNS, FQDN, VENDOR_CLASS)
_LISTS = ("dhcpv6_address.ip", "dhcpv6_address.iaid", "dhcpv6_address.pref_lifetime", "dhcpv6_address.valid_lifetime",
          "dhcpv6_prefix.prefix", "dhcpv6_prefix.length", "dhcpv6_prefix.iaid", "dhcpv6_prefix.pref_lifetime",
          "dhcpv6_prefix.valid_lifetime")
_MOST, _MOST_OPTIONS, _MOST_IDS = 16, 64, 16


class Exchange:
    """The row of an exchange as it grows. `ids` are the transactions of the client so far, `newest` the type of its
    last message, `last` the time of the newest message, `began` that of the client's first one, `done` that of the
    reply, 0 before it."""

    __slots__ = ("began", "done", "ids", "last", "newest", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.ids: list[int] = []
        self.last = self.began = self.done = 0
        self.newest = 0

    def begin(self, message: Message, duid: bytes) -> None:
        """Take up what stays the same from the first message on."""
        row = self.row
        row["shoal.dhcpv6.kind"] = _KIND[_KINDS.get(message.kind, "unknown")]
        row["shoal.dhcpv6.outcome"] = _OUTCOME["unanswered" if message.kind in ASKS else "told"]
        row["dhcpv6.xid"], row["shoal.dhcpv6.messages"] = message.xid, 0
        if duid:
            row["shoal.dhcpv6.client"] = duid.hex()

    def goes_on(self, message: Message) -> bool:
        """Whether a message is one more of this exchange."""
        if message.kind not in ASKS:
            return message.xid in self.ids or message.xid == self.row["dhcpv6.xid"]
        if self.done:
            return message.xid in self.ids
        if message.kind == REQUEST and self.newest in (0, SOLICIT):
            return True
        return message.kind == self.newest and message.xid in self.ids

    def over(self, timeout: int, late: int) -> bool:
        """Whether it ended before `late`, or was not gone on with since `timeout`."""
        return self.done < late if self.done else self.last < timeout

    def take(self, frame: int, time: int, message: Message, inner: Message, hardware: int) -> None:
        """Take one of its messages: `inner` is what the client or server said in `message`."""
        row, kind = self.row, inner.kind
        self.last = time
        row["shoal.dhcpv6.messages"] += 1
        step = DHCPV6_STEPS[kind]
        if f"shoal.dhcpv6.{step}_frame" not in row:
            row[f"shoal.dhcpv6.{step}_frame"], row[f"shoal.dhcpv6.{step}_time"] = frame, time
        self._relay(message)
        if kind in ASKS:
            self.began = self.began or time
            self._ask(frame, message, inner, hardware)
        else:
            self._answer(frame, time, inner)

    def _ask(self, frame: int, message: Message, inner: Message, hardware: int) -> None:
        row = self.row
        if inner.xid not in self.ids and len(self.ids) < _MOST_IDS:
            self.ids.append(inner.xid)
        elif inner.kind == self.newest and not message.relay:
            row["shoal.dhcpv6.requests_again"] = row.get("shoal.dhcpv6.requests_again", 0) + 1
        self.newest = inner.kind
        if row["shoal.dhcpv6.kind"] == _KIND["unknown"]:
            row["shoal.dhcpv6.kind"] = _KIND[_KINDS[inner.kind]]
        row.setdefault("shoal.request_frame", frame)
        if hardware and (not message.relay or "shoal.dhcpv6.client_hw" not in row):
            row["shoal.dhcpv6.client_hw"] = hardware
        for option in inner.options:
            if not option.whole:
                continue
            if option.code == FQDN:
                for name in domains(option.value[1:], most=1):
                    row["dhcpv6.client_domain"] = name
            elif option.code == VENDOR_CLASS:
                for name in classes(option.value[4:])[:1]:
                    row["dhcpv6.vendorclass.data"] = name
            elif option.code == REQUESTED:
                value = option.value
                row["dhcpv6_parameter.option"] = [
                    int.from_bytes(value[k : k + 2], "big") for k in range(0, len(value) - 1, 2)
                ]
        self._others(inner)
        if inner.kind in (8, 9):
            # What is given back.
            self._leases(inner)

    def _answer(self, frame: int, time: int, inner: Message) -> None:
        row = self.row
        if self.done:
            return
        server = inner.value(SERVER).hex()
        if inner.kind == ADVERTISE and server not in row.setdefault("dhcpv6_offer.server", []):
            row["dhcpv6_offer.server"].append(server)
        if inner.kind == REPLY or "shoal.response_frame" not in row:
            row["shoal.response_frame"] = frame
            if "shoal.request_frame" in row:
                row["shoal.response_time"] = time - self.began
        outcome = "advertised"
        if inner.kind != ADVERTISE:
            self.done = time
            row["shoal.dhcpv6.server"] = server
            outcome = "replied" if inner.kind == REPLY else "told"
        self._status(inner)
        if inner.kind == REPLY and row.get("dhcpv6.status_code", 0):
            outcome = "refused"
        row["shoal.dhcpv6.outcome"] = _OUTCOME[outcome]
        if row["shoal.dhcpv6.kind"] not in (_KIND["release"], _KIND["decline"]):
            self._leases(inner)
        servers = inner.value(DNS)
        if servers:
            row["dhcpv6_dns.address"] = [servers[k : k + 16] for k in range(0, len(servers) - 15, 16)]
        self._others(inner)

    def _status(self, inner: Message) -> None:
        """The first status that is no success, of the message or of an option in it, else the message's."""
        row = self.row
        row.pop("dhcpv6.status_code", None)
        row.pop("dhcpv6.status_msg", None)
        for option in _all(inner.options):
            if option.code == STATUS and option.whole and len(option.value) >= 2:
                code = int.from_bytes(option.value[:2], "big")
                if "dhcpv6.status_code" not in row or code:
                    row["dhcpv6.status_code"], row["dhcpv6.status_msg"] = code, text(option.value[2:])
                if code:
                    return

    def _leases(self, inner: Message) -> None:
        """Note the addresses and prefixes of a message in the place of those noted before."""
        row = self.row
        for name in _LISTS:
            row[name] = []
        for option in inner.options:
            if option.code not in (IA_NA, IA_TA, IA_PD) or not option.whole:
                continue
            iaid = int.from_bytes(option.value[:4], "big")
            if option.code != IA_TA and len(option.value) >= 12 and any(option.value[4:12]):
                row["dhcpv6.iaid.t1"] = int.from_bytes(option.value[4:8], "big")
                row["dhcpv6.iaid.t2"] = int.from_bytes(option.value[8:12], "big")
            for one in option.within:
                value = one.value
                if one.code == IA_ADDRESS and len(value) >= 24:
                    self._lease("address", (value[:16], iaid, *_times(value[16:24])), _LISTS[:4])
                elif one.code == IA_PREFIX and len(value) >= 25:
                    self._lease("prefix", (value[9:25], value[8], iaid, *_times(value)), _LISTS[4:])

    def _lease(self, what: str, values: tuple[object, ...], names: tuple[str, ...]) -> None:
        if len(self.row[names[0]]) < _MOST:
            for name, value in zip(names, values, strict=True):
                self.row[name].append(value)

    def leased(self) -> Iterator[tuple[bytes, int]]:
        """Addresses that the client was given, and their valid lifetimes in seconds."""
        row = self.row
        if row["shoal.dhcpv6.kind"] not in (_KIND["release"], _KIND["decline"]):
            for address, lifetime in zip(row.get(_LISTS[0], ()), row.get(_LISTS[3], ()), strict=True):
                if lifetime:
                    yield address, lifetime

    def _relay(self, message: Message) -> None:
        row = self.row
        if not message.relay or len(message.data) < 34:
            return
        # The relay next to the client.
        while message.inner is not None and message.inner.relay and len(message.inner.data) >= 34:
            message = message.inner
        row["dhcpv6.linkaddr"], row["dhcpv6.peeraddr"] = message.data[2:18], message.data[18:34]
        interface = message.value(INTERFACE)
        if interface:
            row["dhcpv6.interface_id"] = interface.hex()

    def _others(self, inner: Message) -> None:
        """Keep the options that have no column."""
        row = self.row
        for option in inner.options:
            if option.code in _KNOWN or not option.whole:
                continue
            codes, found = row.setdefault("dhcpv6_option.type", []), row.setdefault("dhcpv6_option.value", [])
            value = option.value.hex()
            if len(codes) < _MOST_OPTIONS and (option.code, value) not in zip(codes, found, strict=True):
                codes.append(option.code)
                found.append(value)

    def told(self) -> Row:
        """The row, complete."""
        return self.row

    def state(self) -> Tree:
        """All that is known."""
        row = {k: list(v) if isinstance(v, list) else v for k, v in self.row.items()}
        return {"row": row, "ids": list(self.ids), "times": [self.last, self.began, self.done, self.newest]}

    @classmethod
    def restored(cls, state: Tree) -> Exchange:
        """The exchange that a state was taken from."""
        found = cls(state["row"])
        found.ids = state["ids"]
        found.last, found.began, found.done, found.newest = state["times"]
        return found


def _times(value: bytes) -> tuple[int, int]:
    return int.from_bytes(value[:4], "big"), int.from_bytes(value[4:8], "big")


def _all(options: list[Option]) -> Iterator[Option]:
    """The options, each followed by those within it."""
    for option in options:
        yield option
        yield from _all(option.within)
