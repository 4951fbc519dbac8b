"""Mode and channel of wireless interfaces, as nl80211 (linux/nl80211.h) tells them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from collectors.sources import netlink

_CTRL, _CTRL_GETFAMILY, _CTRL_FAMILY_ID, _CTRL_FAMILY_NAME = 16, 3, 1, 2
_GET_INTERFACE = 5
_IFINDEX, _IFTYPE, _FREQUENCY = 3, 5, 38
_MODES = {1: "ad-hoc", 2: "managed", 3: "AP", 4: "AP VLAN", 5: "WDS", 6: "monitor", 7: "mesh", 8: "P2P client",
          9: "P2P GO", 10: "P2P device", 11: "OCB", 12: "NAN"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wireless:
    """`frequency` is that of the primary channel in MHz; it and `channel` are None while the interface has none."""

    mode: str
    frequency: int | None
    channel: int | None


def channel(frequency: int) -> int | None:
    """The channel of a frequency in MHz (IEEE Std 802.11-2020, Annex E); None for one that is of no channel."""
    if frequency == 2484:
        return 14
    for low, high, start in ((2412, 2472, 2407), (5955, 7115, 5950), (5160, 5885, 5000), (58320, 69120, 56160)):
        step = 2160 if low > 50_000 else 5
        if low <= frequency <= high and (frequency - start) % step == 0:
            return (frequency - start) // step
    return None


def wireless() -> dict[int, Wireless]:
    """What is known of each wireless interface, by its number; nothing where the kernel has no nl80211."""
    name = netlink.attribute(_CTRL_FAMILY_NAME, b"nl80211\0")
    try:
        answers = netlink.request(netlink.GENERIC, _CTRL, struct.pack("=BBH", _CTRL_GETFAMILY, 1, 0) + name, dump=False)
        (family,) = struct.unpack("=H", netlink.attributes(answers[0][1][4:])[_CTRL_FAMILY_ID])
        messages = netlink.request(netlink.GENERIC, family, struct.pack("=BBH", _GET_INTERFACE, 0, 0))
    except OSError:
        return {}
    return dict(found for _, message in messages if (found := parse(message)) is not None)


def parse(message: bytes) -> tuple[int, Wireless] | None:
    """Number and description in an answer to NL80211_CMD_GET_INTERFACE; None for one of no network interface."""
    found = netlink.attributes(message[4:])
    if len(found.get(_IFINDEX, b"")) != 4 or len(found.get(_IFTYPE, b"")) != 4:
        return None
    mode = struct.unpack("=I", found[_IFTYPE])[0]
    frequency = struct.unpack("=I", found[_FREQUENCY])[0] if len(found.get(_FREQUENCY, b"")) == 4 else None
    index = struct.unpack("=I", found[_IFINDEX])[0]
    return index, Wireless(_MODES.get(mode, f"mode {mode}"), frequency, channel(frequency) if frequency else None)
