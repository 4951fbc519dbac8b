"""One SSH connection: what is in clear, of both sides."""

from __future__ import annotations

from typing import Protocol

from pipeline.engine.exchanges.outlet import Outlet, Row
from pipeline.engine.exchanges.packet import Packet
from pipeline.engine.exchanges.waiting import Waiting
from pipeline.engine.snapshot import Tree
from pipeline.engine.ssh import messages
from pipeline.schema.exchanges.ssh import SSH

PORTS = (22, 29418)
"""Ports at which Wireshark looks for SSH."""
MOST_BANNER = 255
"""Bytes of a banner (RFC 4253 4.2); longer ones are shown, and kept up to here."""
MOST_BEFORE = 8192
"""Bytes that a server may send before its banner; with more, it is not SSH."""
MOST_PACKET = 262_144
"""Longest packet that common servers take; a longer one is no SSH."""
PASS_OVER = 1 << 40
"""More bytes than a connection has: nobody wants those that follow."""

_BANNER, _CLEAR, _DARK, _LOST = 0, 1, 2, 3
_SIDES = ("client", "server")
_NAMES = ("SSH", "SSHv1", "SSHv2")


class Owner(Protocol):
    """The tracker, as its conversations see it."""

    out: Outlet
    begun: Waiting
    count: int


class _Side:
    """`stage` is one of _BANNER, _CLEAR (packets), _DARK (encrypted) and _LOST; `before` counts bytes before the
    banner, `swallowed` is the frame of which Wireshark saw no more, `lists` are those of the first KEXINIT. With
    `stuck` Wireshark waits for bytes that will not come."""

    __slots__ = ("before", "lists", "stage", "stuck", "swallowed")

    def __init__(self) -> None:
        self.stage = _BANNER
        self.before = 0
        self.swallowed = 0
        self.stuck = False
        self.lists: list[str] = []


class SshDialogue:
    """Reads banners and packets in clear. `client` is the side that is it, `version` what Wireshark takes the
    connection for (0: the client has not said), `spoken` the version by what either side said, `key` that of the row.
    What Wireshark shows is told where `shown`."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.need = [0, 0]
        self._client = 0
        self._shown = False
        self._version = 0
        self._spoken = 0
        self._key = (0,)
        self._sides = (_Side(), _Side())

    def begin(self, packet: Packet) -> None:
        """It is the conversation of this frame."""
        source, target = packet.ports
        if target in PORTS or source in PORTS:
            self._shown = True
            self._client = packet.side if target in PORTS else 1 - packet.side
        else:
            self._client = packet.side if target < source else 1 - packet.side
        self._owner.count += 1
        self._key = (self._owner.count,)

    def take(self, packet: Packet, side: int, data: bytes) -> int:
        """What is whole at the beginning of `data`."""
        of = self._sides[side]
        named = self._version
        at = 0
        while at < len(data) and of.stage in (_BANNER, _CLEAR):
            if of.stage == _BANNER:
                done = self._line(packet, side, of, data[at : at + MOST_BEFORE + 1])
            elif self._spoken == 1:
                done = self._old_packet(packet, side, of, data, at)
            else:
                done = self._packet(packet, side, of, data, at)
            if done == 0:
                break
            at += done
        if of.stage in (_DARK, _LOST):
            at = len(data) if self._shown else PASS_OVER
        if self._shown and not of.stuck and (at or not named):
            packet.name(_NAMES[named])
        return at

    def lost(self, packet: Packet, side: int, count: int) -> bool:
        """What was lost is not known to be a packet's or several: no more is read."""
        if self._sides[side].stage != _DARK:
            self._sides[side].stage = _LOST
        return self._shown or any(s.stage in (_BANNER, _CLEAR) for s in self._sides)

    def closed(self, packet: Packet, side: int, data: bytes) -> None:
        """The row is as complete as it gets."""
        self.ended()

    def missed(self, packet: Packet, side: int, count: int) -> None:
        """It was of no interest."""

    def ended(self) -> None:
        """No more comes."""
        self._owner.begun.tell(self._key)

    def _row(self, packet: Packet) -> Row:
        row = self._owner.begun.get(self._key)
        if row is None:
            row = packet.exchange(SSH, reverse=packet.side != self._client)
            self._owner.begun.put(self._key, row, packet.row)
        return row

    def _line(self, packet: Packet, side: int, of: _Side, data: bytes) -> int:
        end = data.find(b"\n")
        if end < 0:
            if len(data) > MOST_BEFORE:
                of.stage = _LOST
            return 0
        line = data[:end].removesuffix(b"\r")
        if line[:4].upper() != b"SSH-":
            of.before += end + 1
            if of.before > MOST_BEFORE:
                of.stage = _LOST
            of.stuck = of.stuck or self._version == 2
            of.swallowed = packet.frame
            return end + 1
        of.stage = _CLEAR
        if self._shown and not of.stuck and of.swallowed != packet.frame and self._owner.out.tells:
            packet.detail("ssh.protocol", messages.text(line))
        client = side == self._client
        known = _version(line)
        if client:
            self._version = known
        row = self._row(packet)
        who = _SIDES[not client]
        row[f"shoal.ssh.{who}"] = messages.text(line[:MOST_BANNER])
        row[f"shoal.ssh.{who}.banner_frame"] = packet.frame
        if f"shoal.ssh.{_SIDES[client]}" in row:
            row["shoal.ssh.banner_time"] = packet.time - row["shoal.first_time"]
        if known and (self._spoken == 0 or known < self._spoken):
            self._spoken = known
            row["shoal.ssh.version"] = known
        return end + 1

    def _packet(self, packet: Packet, side: int, of: _Side, data: bytes, at: int) -> int:
        left = len(data) - at
        if left < 5:
            self.need[side] = 0
            return 0
        size = int.from_bytes(data[at : at + 4], "big")
        padding = data[at + 4]
        if size > MOST_PACKET or size < padding + 2:
            of.stage = _LOST
            of.stuck = of.stuck or (self._version == 2 and size + 4 > left)
            return 0
        if size + 4 > left:
            self.need[side] = size + 4 if at == 0 else 0
            return 0
        self.need[side] = 0
        payload = data[at + 5 : at + 4 + size - padding]
        told = self._shown and self._version == 2 and not of.stuck and of.swallowed != packet.frame
        if not self._version:
            of.swallowed = packet.frame
        self._message(packet, side, of, payload, (size, padding) if told and self._owner.out.tells else None)
        return size + 4

    def _message(self, packet: Packet, side: int, of: _Side, payload: bytes, told: tuple[int, int] | None) -> None:
        code = payload[0]
        client = side == self._client
        row = self._row(packet)
        who = _SIDES[not client]
        if told:
            packet.detail("ssh.packet_length", told[0])
            packet.detail("ssh.padding_length", told[1])
            packet.detail("ssh.message_code", code)
        if code == messages.KEXINIT:
            lists, end = messages.kexinit(payload)
            if told:
                _tell_lists(packet, lists, payload[end : end + 1], server=not client)
            if not of.lists and len(lists) == len(messages.NAMES):
                self._offered(packet, row, of, lists)
        elif code in (messages.KEX_REPLY, messages.GEX_REPLY):
            group = "group-exchange" in row.get("shoal.ssh.kex", "")
            if (code == messages.GEX_REPLY) == group:
                kind, fingerprint = messages.host_key(payload)
                if kind:
                    row["ssh.host_key.type"] = kind
                    row["shoal.ssh.host_key_fingerprint"] = fingerprint
                    if told:
                        packet.detail("ssh.host_key.type", kind)
        elif code == messages.DISCONNECT and len(payload) >= 5:
            row["shoal.ssh.disconnected"] = who
            row["shoal.ssh.disconnect_reason"] = int.from_bytes(payload[1:5], "big")
        elif code == messages.NEWKEYS:
            of.stage = _DARK
            row[f"shoal.ssh.{who}.newkeys_frame"] = packet.frame
            if self._sides[1 - side].stage == _DARK:
                if "shoal.ssh.kexinit_time" in row:
                    begun = row["shoal.first_time"] + row["shoal.ssh.banner_time"] + row["shoal.ssh.kexinit_time"]
                    row["shoal.ssh.kex_time"] = packet.time - begun
                self._owner.begun.tell(self._key)

    def _offered(self, packet: Packet, row: Row, of: _Side, lists: list[str]) -> None:
        client = of is self._sides[self._client]
        who = _SIDES[not client]
        row[f"shoal.ssh.{who}.kexinit_frame"] = packet.frame
        of.lists = [names[: messages.MOST_LIST] for names in lists[:8]]
        for name, names in zip(messages.NAMES, of.lists, strict=False):
            row[f"shoal.ssh.{who}.{name}"] = names
        hashed = messages.hassh(messages.fingerprinted(lists, server=not client))
        row["ssh.kex.hassh" if client else "ssh.kex.hasshserver"] = hashed
        ours, theirs = self._sides[self._client].lists, self._sides[1 - self._client].lists
        if ours and theirs:
            row.update(messages.agreed(ours, theirs))
            if "shoal.ssh.banner_time" in row:
                second = row["shoal.first_time"] + row["shoal.ssh.banner_time"]
                row["shoal.ssh.kexinit_time"] = packet.time - second

    def _old_packet(self, packet: Packet, side: int, of: _Side, data: bytes, at: int) -> int:
        left = len(data) - at
        if left < 4:
            return 0
        size = int.from_bytes(data[at : at + 4], "big")
        padding = 8 - size % 8
        if size > MOST_PACKET or size < 5:
            of.stage = _LOST
            return 0
        if left < 4 + padding + size:
            self.need[side] = 4 + padding + size if at == 0 else 0
            return 0
        self.need[side] = 0
        if self._shown and self._version == 1 and self._owner.out.tells:
            packet.detail("ssh.packet_length", size)
            packet.detail("ssh.padding_length", padding)
            if not of.lists:
                packet.detail("ssh.message_code", data[at + 4 + padding])
        of.lists = of.lists or [""]
        if self._sides[1 - side].lists:
            self._owner.begun.tell(self._key)
        return 4 + padding + size

    def state(self) -> Tree:
        """All that is known of the conversation."""
        return {
            "need": list(self.need), "client": self._client, "shown": self._shown, "version": self._version,
            "spoken": self._spoken, "key": list(self._key),
            "sides": [[s.stage, s.before, s.swallowed, s.stuck, list(s.lists)] for s in self._sides],
        }  # fmt: skip

    def restore(self, state: Tree) -> None:
        """Know what `state` was taken from."""
        self.need = list(state["need"])
        self._client, self._shown, self._version = state["client"], state["shown"], state["version"]
        self._spoken, self._key = state["spoken"], tuple(state["key"])
        for of, (stage, before, swallowed, stuck, lists) in zip(self._sides, state["sides"], strict=True):
            of.stage, of.before, of.swallowed, of.stuck, of.lists = stage, before, swallowed, stuck, list(lists)


def _version(line: bytes) -> int:
    """2, 1, or 0 for none that is known; 1.99 is a 2 that could speak 1 (RFC 4253 5.1)."""
    line = line[:9].upper()
    if line.startswith((b"SSH-2.", b"SSH-1.99-")):
        return 2
    return 1 if line.startswith(b"SSH-1.") else 0


def _tell_lists(packet: Packet, lists: list[str], follows: bytes, *, server: bool) -> None:
    for name, names in zip(messages.NAMES, lists, strict=False):
        packet.detail(f"ssh.{name}", names)
    if len(lists) < len(messages.NAMES):
        return
    if follows:
        packet.detail("ssh.first_kex_packet_follows", follows[0])
    of = messages.fingerprinted(lists, server=server)
    name = "ssh.kex.hasshserver" if server else "ssh.kex.hassh"
    packet.detail(f"{name}_algorithms", of)
    packet.detail(name, messages.hassh(of))
