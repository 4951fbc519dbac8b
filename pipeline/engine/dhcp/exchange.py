"""One exchange: what each side said, and when."""

from __future__ import annotations

from typing import Any

from pipeline.engine.dhcp.message import REQUEST, Message
from pipeline.engine.dhcp.options import AGENT, CLIENT_ID, FQDN, PARAMETERS, text
from pipeline.engine.dhcp.tell import fqdn, suboptions
from pipeline.engine.exchanges.outlet import Row
from pipeline.engine.snapshot import Tree
from pipeline.schema.exchanges.dhcp import DHCP_KINDS, DHCP_OUTCOMES

DISCOVER, OFFER, ASK, DECLINE, ACK, NAK, RELEASE, INFORM, FORCE_RENEW = range(1, 10)
"""Message types (RFC 2132 section 9.6); 0 stands for BOOTP."""

_STEPS = {1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"}
_KIND = {name: i for i, name in enumerate(DHCP_KINDS)}
_OUTCOME = {name: i for i, name in enumerate(DHCP_OUTCOMES)}
# What may follow a client's message in its exchange.
_FOLLOWS = {0: (0,), DISCOVER: (DISCOVER, ASK, DECLINE), ASK: (ASK, DECLINE), DECLINE: (DECLINE,),
            RELEASE: (RELEASE,), INFORM: (INFORM,)}
_ENDS = {0: "replied", DECLINE: "declined", ACK: "acked", NAK: "nakked", RELEASE: "released", FORCE_RENEW: "told"}
_BROADCAST = b"\xff\xff\xff\xff"

_NUMBERS = {1: "subnet_mask", 51: "ip_address_lease_time", 54: "dhcp_server_id", 58: "renewal_time_value",
            59: "rebinding_time_value"}
_CLIENT_NUMBERS = {50: "requested_ip_address", 54: "dhcp_server_id"}
_TEXTS = {15: "domain_name", 56: "message"}
_CLIENT_TEXTS = {12: "hostname", 60: "vendor_class_id"}
_LISTS = {3: "dhcp_router.address", 6: "dhcp_dns.address"}
# Of either side, those that have columns, or are no one's but the message's.
_KNOWN = (52, 53, CLIENT_ID, FQDN, AGENT)
_ASKED = {*_CLIENT_NUMBERS, *_CLIENT_TEXTS, PARAMETERS, *_KNOWN}
_ANSWERED = {*_NUMBERS, *_TEXTS, *_LISTS, *_KNOWN}
_MOST_OPTIONS, _MOST_RELAYS = 64, 64


def kind_of(message: Message, target: bytes) -> int:
    """What the client wants whose first message it is, sent to the address `target` (RFC 2131 section 4.3.2)."""
    kind = message.kind
    if not message.typed:
        return _KIND["bootp"]
    if kind == FORCE_RENEW:
        return _KIND["force renew"]
    if kind > FORCE_RENEW:
        return _KIND["lease query"]
    if message.data[0] != REQUEST:
        return _KIND["unknown"]
    simple = {DISCOVER: "new lease", INFORM: "inform", RELEASE: "release", DECLINE: "decline"}
    if kind in simple:
        return _KIND[simple[kind]]
    if kind != ASK:
        return _KIND["unknown"]
    options = message.whole()
    if 54 in options:
        return _KIND["new lease"]
    if not message.number(12, 4):
        return _KIND["reboot"]
    # A relay agent forwards only what was broadcast.
    return _KIND["rebinding" if target == _BROADCAST or message.number(24, 4) else "renewal"]


class Exchange:
    """The row of an exchange as it grows. `seen` counts messages by type and relay, `last` is the time of the newest,
    `began` and `asked` those of the client's first and last one, `done` that of the end, 0 before it; `newest` is the
    type of the client's last one, -1 before it."""

    __slots__ = ("asked", "began", "done", "last", "newest", "row", "seen")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.seen: dict[str, int] = {}
        self.last = self.began = self.asked = self.done = 0
        self.newest = -1

    def begin(self, message: Message) -> None:
        """Take up what stays the same from the first message on."""
        row, hardware = self.row, message.hardware
        row["shoal.dhcp.kind"], row["shoal.dhcp.outcome"] = _KIND["unknown"], _OUTCOME["unanswered"]
        row["dhcp.id"], row["shoal.dhcp.messages"] = message.number(4, 4), 0
        if hardware:
            row["dhcp.hw.addr"] = hardware.hex()
        if len(hardware) == 6:
            row["dhcp.hw.mac_addr"] = int.from_bytes(hardware, "big")

    def wants(self, kind: int) -> None:
        """What the client wants, as its first message says."""
        if self.row["shoal.dhcp.kind"] == _KIND["unknown"]:
            self.row["shoal.dhcp.kind"] = kind

    def goes_on(self, kind: int) -> bool:
        """Whether a client's message of type `kind` is one more of this exchange; not if it ended by a NAK, after which
        the client begins anew."""
        if self.newest >= 0 and kind not in _FOLLOWS.get(self.newest, (kind,)):
            return False
        if self.row["shoal.dhcp.outcome"] == _OUTCOME["nakked"]:
            return False
        return not self.done or kind in (DECLINE, self.newest)

    def over(self, timeout: int, late: int) -> bool:
        """Whether it ended before `late`, or was not gone on with since `timeout`."""
        return self.done < late if self.done else self.last < timeout

    def take(self, frame: int, time: int, message: Message) -> None:
        """Take one of its messages."""
        row, kind = self.row, message.kind if message.typed else 0
        asks = message.data[0] == REQUEST
        self.last = time
        row["shoal.dhcp.messages"] += 1
        step = _STEPS.get(kind, "")
        if step and f"shoal.dhcp.{step}_frame" not in row:
            row[f"shoal.dhcp.{step}_frame"], row[f"shoal.dhcp.{step}_time"] = frame, time
        options = message.whole()
        if asks:
            self._ask(frame, time, kind, message, options)
        else:
            self._answer(frame, time, kind, message, options)
        end = _ENDS.get(kind)
        if kind > FORCE_RENEW:
            end = None if asks else "replied"
        if end is None or (kind == 0 and asks):
            return
        # One server's NAK is nothing where another one acknowledges.
        if kind != NAK or "shoal.dhcp.ack_frame" not in row:
            row["shoal.dhcp.outcome"] = _OUTCOME[end]
        self.done = self.done or time

    def _ask(self, frame: int, time: int, kind: int, message: Message, options: dict[int, bytes]) -> None:
        row = self.row
        relay = message.number(24, 4)
        self.began = self.began or time
        key, first = f"{kind}/{relay}", kind != self.newest
        again = self.seen.get(key, -1) + 1
        if again or len(self.seen) < _MOST_RELAYS:
            self.seen[key] = again
        if again and kind in (DISCOVER, ASK):
            name = "shoal.dhcp.discovers_again" if kind == DISCOVER else "shoal.dhcp.requests_again"
            row[name] = max(row.get(name, 0), again)
        if first or again:
            self.asked = time
        self.newest = kind
        row.setdefault("shoal.request_frame", frame)
        if message.number(12, 4):
            row["dhcp.ip.client"] = message.number(12, 4)
        self._relay(relay, options)
        _numbers(row, options, _CLIENT_NUMBERS)
        for code, name in _CLIENT_TEXTS.items():
            if code in options:
                row[f"dhcp.option.{name}"] = text(options[code])
        if CLIENT_ID in options:
            row["dhcp.client_id"] = options[CLIENT_ID].hex()
        if len(options.get(FQDN, b"")) > 3:
            row["dhcp.fqdn.name"] = fqdn(options[FQDN])
        if PARAMETERS in options:
            row["dhcp_parameter.option"] = list(options[PARAMETERS])
        self._others(options, _ASKED)

    def _answer(self, frame: int, time: int, kind: int, message: Message, options: dict[int, bytes]) -> None:
        row = self.row
        if kind == OFFER:
            self._offer(frame, message, options)
            if row["shoal.dhcp.outcome"] == _OUTCOME["unanswered"]:
                row["shoal.dhcp.outcome"] = _OUTCOME["offered"]
        # What the first ACK says holds, and before it what came last.
        if row.get("shoal.dhcp.ack_frame", frame) != frame or (self.done and kind != ACK):
            return
        if kind in (ACK, NAK) and self.asked:
            row["shoal.dhcp.ack_delay"] = time - self.asked
        if kind != OFFER or "shoal.response_frame" not in row:
            row["shoal.response_frame"] = frame
            if "shoal.request_frame" in row:
                row["shoal.response_time"] = time - self.began
        for name, at in (("your", 16), ("server", 20)):
            if message.number(at, 4):
                row[f"dhcp.ip.{name}"] = message.number(at, 4)
        self._relay(message.number(24, 4), options)
        _numbers(row, options, _NUMBERS)
        for code, name in _TEXTS.items():
            if code in options:
                row[f"dhcp.option.{name}"] = text(options[code])
        for code, name in _LISTS.items():
            if code in options:
                row[name] = _listed(options, code)
        self._others(options, _ANSWERED)

    def _offer(self, frame: int, message: Message, options: dict[int, bytes]) -> None:
        """Note who offered."""
        row = self.row
        server = int.from_bytes(options.get(54, b"")[:4], "big") or message.number(20, 4)
        servers = row.setdefault("dhcp_offer.server", [])
        if server not in servers and len(servers) < 8:
            servers.append(server)
            row.setdefault("dhcp_offer.address", []).append(message.number(16, 4))
            row.setdefault("dhcp_offer.frame", []).append(frame)
            # For who watches the rows; no column.
            network = message.number(16, 4) & int.from_bytes(options.get(1, b"")[:4], "big")
            row.setdefault("offers", []).append([server, network, _listed(options, 3), _listed(options, 6)])

    def _relay(self, relay: int, options: dict[int, bytes]) -> None:
        row = self.row
        if relay:
            row["dhcp.ip.relay"] = relay
        for code, value in suboptions(options.get(AGENT, b"")):
            if code in (1, 2):
                name = "agent_circuit_id" if code == 1 else "agent_remote_id"
                row[f"dhcp.option.agent_information_option.{name}"] = value.hex()

    def _others(self, options: dict[int, bytes], known: set[int]) -> None:
        """Keep the options that have no column."""
        row = self.row
        for code in sorted(options.keys() - known):
            codes, found = row.setdefault("dhcp_option.type", []), row.setdefault("dhcp_option.value", [])
            value = options[code].hex()
            if len(codes) < _MOST_OPTIONS and (code, value) not in zip(codes, found, strict=True):
                codes.append(code)
                found.append(value)

    def told(self) -> Row:
        """The row, complete."""
        row = self.row
        for name, start, end in (("offer", "discover", "offer"), ("request", "offer", "request")):
            one, other = row.get(f"shoal.dhcp.{start}_time"), row.get(f"shoal.dhcp.{end}_time")
            if one is not None and other is not None and other >= one:
                row[f"shoal.dhcp.{name}_delay"] = other - one
        return row

    def state(self) -> Tree:
        """All that is known."""
        row: dict[str, Any] = {k: list(v) if isinstance(v, list) else v for k, v in self.row.items()}
        times = [self.last, self.began, self.asked, self.done, self.newest]
        return {"row": row, "seen": dict(self.seen), "times": times}

    @classmethod
    def restored(cls, state: Tree) -> Exchange:
        """The exchange that a state was taken from."""
        found = cls(state["row"])
        found.seen = state["seen"]
        found.last, found.began, found.asked, found.done, found.newest = state["times"]
        return found


def _listed(options: dict[int, bytes], code: int) -> list[int]:
    value = options.get(code, b"")
    return [int.from_bytes(value[k : k + 4], "big") for k in range(0, len(value) - 3, 4)]


def _numbers(row: Row, options: dict[int, bytes], names: dict[int, str]) -> None:
    for code, name in names.items():
        value = options.get(code)
        if value is not None and len(value) == 4:
            row[f"dhcp.option.{name}"] = int.from_bytes(value, "big")
