"""`shoal interfaces`: what the kernel says of each interface."""

from __future__ import annotations

import json
import struct
import subprocess

import pytest

from collectors.sources.netlink import attribute
from collectors.sources.wireless import Wireless, channel, parse
from tests.capture.programs import SHOAL, wait_until
from tests.capture.wire import NAME, Space, wire


def told(where: Space) -> dict[str, dict[str, object]]:
    done = subprocess.run(where.command(*SHOAL, "interfaces", "--json"), capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["name"]: row for row in rows}


def netstat(where: Space) -> dict[str, list[int]]:
    """The counters of /proc/net/dev, as net-tools prints them."""
    done = subprocess.run(where.command("cat", "/proc/self/net/dev"), capture_output=True, text=True, check=True)
    rows = (line.replace(":", " ").split() for line in done.stdout.splitlines()[2:])
    return {row[0]: [int(row[i]) for i in (2, 3, 4, 5, 10, 11, 12, 13)] for row in rows}


def test_what_is_told() -> None:
    with wire(mtu=1400) as (a, b):
        b.ip("addr", "add", "10.9.3.2/24", "dev", NAME)
        b.ip("link", "add", "idle", "type", "veth", "peer", "name", "idler")
        with a.sender() as sender:
            for _ in range(17):
                sender.send(b"\xff" * 14 + b"x" * 50)
        wait_until(lambda: netstat(b)[NAME][0] >= 17, "the frames")
        found = told(b)
        assert list(found)[-1] == "any"
        assert set(found) == {"lo", NAME, "idle", "idler", "any"}
        one = found[NAME]
        assert (one["linktype"], one["linktype_name"], one["state"], one["mtu"]) == (1, "Ethernet", "up", 1400)
        assert one["addresses"] == ["10.9.3.2/24"]
        assert len(str(one["address"])) == 17
        assert found["lo"]["addresses"] == ["127.0.0.1/8"]
        assert found["idle"]["state"] == "down"
        assert (found["any"]["linktype"], found["any"]["linktype_name"]) == (276, "Linux cooked v2")
        for name, counters in netstat(b).items():
            assert list(found[name]["counters"].values()) == counters  # type: ignore[attr-defined]
        assert found[NAME]["counters"]["rx_ok"] >= 17  # type: ignore[index]


def test_the_table() -> None:
    with wire() as (_, b):
        done = subprocess.run(b.command(*SHOAL, "interfaces"), capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert lines[0].split()[:5] == ["Interface", "Link", "type", "State", "MTU"]
        assert [line.split()[0] for line in lines[1:]] == ["lo", NAME, "any"]
        assert lines[-1].split() == ["any", "Linux", "cooked", "v2", "up"]


@pytest.mark.parametrize(
    ("frequency", "number"),
    [(2412, 1), (2472, 13), (2484, 14), (5180, 36), (5825, 165), (5955, 1), (7115, 233), (58320, 1), (900, None),
     (5181, None)],
)  # fmt: skip
def test_channels(frequency: int, number: int | None) -> None:
    assert channel(frequency) == number


def test_wireless_interfaces_tell_mode_and_channel() -> None:
    """As nl80211 answers; the machines that test have no radio."""
    def answer(*values: tuple[int, int]) -> bytes:
        return bytes(4) + b"".join(attribute(kind, struct.pack("=I", value)) for kind, value in values)

    assert parse(answer((3, 7), (5, 6), (38, 5180))) == (7, Wireless("monitor", 5180, 36))
    assert parse(answer((3, 8), (5, 2))) == (8, Wireless("managed", None, None))
    assert parse(answer((3, 8), (5, 99))) == (8, Wireless("mode 99", None, None))
    assert parse(answer((1, 0), (5, 10))) is None
