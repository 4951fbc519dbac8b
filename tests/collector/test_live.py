"""Live accounting: what is sent on a cable is published or counted as dropped, at any speed, however it is captured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from tests.broker.broker import Broker
from tests.collector.cable import PORT, Cable, fragments, mixed, tagged
from tests.collector.running import messages
from tests.collector.trouble import live

_C, _S = 0x8100 << 16, 0x88A8 << 16
"""Types of VLAN tags: of customers and of services (IEEE Std 802.1Q)."""


@pytest.fixture(scope="module", name="sample")
def _sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 frames of all kinds."""
    path = tmp_path_factory.mktemp("sample") / "mixed.pcap"
    mixed(path, 10_000)
    return path


@pytest.mark.parametrize(("options", "speed"), [
    ((), "--pps=20000"), ((), "--topspeed"), (("-B", "2"), "--topspeed"), (("--fanout", "2"), "--topspeed"),
], ids=["20,000 a second", "top speed", "a small buffer", "two rings"])  # fmt: skip
def test_sent_is_published_or_counted(
    line: Cable, broker: Broker, sample: Path, options: tuple[str, ...], speed: str
) -> None:
    run = live(line, broker, sample, *options, loop=3, speed=speed)
    assert run.sent == 30_000
    assert run.published > 0
    assert len(run.arrived) == 1 + ("--fanout" in options)
    assert all(len(each.numbers) for each in run.arrived.values())


def test_two_rings_get_fragments_as_they_were_sent(line: Cable, broker: Broker, place: Path) -> None:
    count = fragments(place / "fragments.pcap", 500)
    run = live(line, broker, place / "fragments.pcap", "--fanout", "2", speed="--pps=5000")
    assert run.published == count == 990


@pytest.mark.parametrize(("interface", "expression", "tags"), [
    ("", "inbound", ((), (_C | 5,), (_S | 7, _C | 5))),
    # The kernel's own filter looks behind one tag there.
    ("any", f"udp port {PORT}", ((), (_C | 5,), (_C | 6,))),
], ids=["an interface", "any"])  # fmt: skip
def test_vlan_tags(
    line: Cable, broker: Broker, place: Path, interface: str, expression: str, tags: tuple[tuple[int, ...], ...]
) -> None:
    count = tagged(place / "tagged.pcap", 3000, *tags)
    run = live(line, broker, place / "tagged.pcap", interface=interface, expression=expression, speed="--pps=5000")
    assert run.dropped == 0
    assert run.published == count
    seen: Counter[tuple[int, ...]] = Counter()
    for message in messages(broker, topics.packets(run.prefix, LAYOUT).name, 4):
        with pa.ipc.open_stream(message.value) as stream:
            seen.update(map(tuple, stream.read_all()["vlan.id"].to_pylist()))
    assert set(seen) == {tuple(tag & 0xFFF for tag in each) for each in tags}
    assert set(seen.values()) == {1000}
