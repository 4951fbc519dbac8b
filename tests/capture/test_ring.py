"""`Ring`: what it tells of frames, its counters, filters that change, and interfaces that go away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from collectors.filters import FilterError
from collectors.sources import CaptureError
from collectors.sources.frames import Frames
from collectors.sources.packet_socket import device
from collectors.sources.ring import SNAPLEN, InterfaceGone, Ring, block_size
from tests.capture.frames import BROADCAST, assorted, ethernet, ipv4
from tests.capture.programs import wait_until
from tests.capture.wire import NAME, Space, space, wire


@pytest.fixture(scope="module")
def ends() -> Iterator[tuple[Space, Space]]:
    with wire() as both:
        yield both


@contextmanager
def opened(where: Space, interface: str = NAME, *, keep_compiler: bool = False, **options: object) -> Iterator[Ring]:
    ring = Ring(interface, **options)  # type: ignore[arg-type]
    where.inside(lambda: ring.open(keep_compiler=keep_compiler))
    try:
        yield ring
    finally:
        ring.close()


def send(where: Space, *frames: bytes) -> None:
    with where.sender() as sender:
        for frame in frames:
            sender.send(frame)


def held(frames: Frames) -> list[bytes]:
    return [
        bytes(frames.buffer[at : at + size])
        for at, size in zip(frames.offset.tolist(), frames.cap_len.tolist(), strict=True)
    ]


def taken(ring: Ring, count: int) -> list[bytes]:
    """The bytes of the next `count` frames."""
    found: list[bytes] = []

    def enough() -> bool:
        frames = ring.batch(0.2)
        if frames is not None:
            found.extend(held(frames))
        return len(found) >= count

    wait_until(enough, f"{count} frames")
    return found


def test_what_is_sent_is_what_comes(ends: tuple[Space, Space]) -> None:
    sent = assorted()
    with opened(ends[1], number=3) as ring:
        before = time.time_ns()
        send(ends[0], *sent)
        frames = ring.batch(5)
        assert frames is not None
        assert held(frames) == sent[: len(frames)]
        assert frames.first == 1
        assert set(frames.interface.tolist()) == {3}
        assert set(frames.linktype.tolist()) == {1}
        assert frames.length.tolist() == frames.cap_len.tolist()
        assert (np.diff(frames.time) >= 0).all()
        assert before - 10**9 < frames.time[0] < time.time_ns() + 10**9
        first = len(frames)
        rest = taken(ring, len(sent) - first) if first < len(sent) else []
        assert rest == sent[first:]
        counts = ring.statistics()
        assert (counts.received, counts.taken, counts.dropped, counts.damaged) == (len(sent), len(sent), 0, 0)


def test_direction(ends: tuple[Space, Space]) -> None:
    with opened(ends[1]) as here, opened(ends[0]) as there:
        send(ends[0], ethernet(b"x" * 60), ethernet(b"x" * 60, destination=BROADCAST),
             ethernet(b"x" * 60, destination=b"\x01" * 6))  # fmt: skip
        incoming, outgoing = here.batch(5), there.batch(5)
        assert incoming is not None
        assert outgoing is not None
        assert incoming.flags is not None
        assert outgoing.flags is not None
        assert incoming.flags.tolist() == [1 | 4 << 2, 1 | 3 << 2, 1 | 2 << 2]
        assert outgoing.flags.tolist() == [2, 2, 2]


@pytest.mark.parametrize(("expression", "found"), [("inbound", b"in"), ("outbound", b"out")])
def test_filter_by_direction(ends: tuple[Space, Space], expression: str, found: bytes) -> None:
    with opened(ends[1], filter=expression) as ring:
        send(ends[0], ethernet(b"in"))
        send(ends[1], ethernet(b"out"))
        send(ends[0], ethernet(b"in"))
        send(ends[1], ethernet(b"out"))
        assert taken(ring, 2) == [ethernet(found)] * 2


def test_sent_is_captured_or_dropped(ends: tuple[Space, Space]) -> None:
    """A ring that nobody empties fills up; what had no room is counted."""
    with opened(ends[1], buffer_bytes=1 << 20, block_bytes=1 << 16, snaplen=1000, batch_rows=100) as ring:
        send(ends[0], *[ethernet(i.to_bytes(4, "big") * 200) for i in range(3000)])
        counts = ring.statistics()
        assert counts.received == 3000
        assert counts.dropped > 0
        assert counts.freezes > 0
        kept = taken(ring, 3000 - counts.dropped)
        assert kept == [ethernet(i.to_bytes(4, "big") * 200)[:1000] for i in range(len(kept))]
        send(ends[0], *assorted()[:10])
        assert len(taken(ring, 10)) == 10
        after = ring.statistics()
        assert after.received == 3010
        assert after.received == after.taken + after.dropped
        assert after.waiting == 0


def test_small_batches_go_through_blocks(ends: tuple[Space, Space]) -> None:
    sent = [ethernet(i.to_bytes(4, "big") * (i % 300)) for i in range(2000)]
    with opened(ends[1], buffer_bytes=1 << 24, block_bytes=1 << 16, snaplen=2000, batch_rows=7) as ring:
        send(ends[0], *sent)
        found, first = [], 1
        while len(found) < len(sent):
            frames = ring.batch(5)
            assert frames is not None
            assert frames.first == first
            assert len(frames) <= 7
            first += len(frames)
            found += held(frames)
        assert found == sent


@pytest.mark.parametrize(("buffer", "snaplen", "block"), [
    (64 << 20, SNAPLEN, 1 << 20), (4096 << 20, 256, 1 << 20), (4 << 20, SNAPLEN, 1 << 17), (4 << 20, 256, 1 << 16),
    (2 << 20, 256, 1 << 15), (2 << 20, 65_535, 1 << 17),
])  # fmt: skip
def test_small_rings_have_many_blocks_too(buffer: int, snaplen: int, block: int) -> None:
    assert block_size(buffer, snaplen) == block


def test_the_longest_frames_fit_into_a_small_ring() -> None:
    long = ethernet(bytes(range(250)) * 260)
    with wire(mtu=65_535) as (a, b), opened(b, buffer_bytes=2 << 20) as ring:
        send(a, *[long] * 20)
        assert taken(ring, 20) == [long] * 20


def test_no_frame_of_before_the_filter_is_seen(ends: tuple[Space, Space]) -> None:
    with ends[0].sender() as sender:
        for _ in range(5):
            sender.send(ethernet(b"no"))
            with opened(ends[1], filter="ether[14] = 0x79", keep_compiler=True) as ring:
                sender.send(ethernet(b"no"))
                sender.send(ethernet(b"yes"))
                assert taken(ring, 1) == [ethernet(b"yes")]


@pytest.mark.parametrize("keep_compiler", [True, False], ids=["in the kernel", "on the frames"])
def test_the_filter_changes(ends: tuple[Space, Space], keep_compiler: bool) -> None:
    tagged = ethernet(ipv4(17, 5, 6, 20), 0x0800, vlans=(0x8100 << 16 | 5,))
    plain = ethernet(ipv4(17, 5, 6, 20), 0x0800)
    with opened(ends[1], keep_compiler=keep_compiler, snaplen=40) as ring:
        send(ends[0], plain)
        assert taken(ring, 1) == [plain[:40]]
        ring.set_filter("vlan 5")
        send(ends[0], plain, tagged, plain)
        assert taken(ring, 1) == [tagged[:40]]
        with pytest.raises(FilterError):
            ring.set_filter("no such filter")
        send(ends[0], plain, tagged)
        assert taken(ring, 1) == [tagged[:40]]
        ring.pause()
        send(ends[0], tagged)
        ring.set_filter("")
        send(ends[0], plain)
        assert taken(ring, 1) == [plain[:40]]
        counts = ring.statistics()
        assert counts.received == counts.taken + counts.ignored
        assert (counts.ignored == 0) == keep_compiler


def test_a_filter_too_long_for_the_kernel(ends: tuple[Space, Space]) -> None:
    summed = " + ".join(f"ether[{14 + i % 40}]" for i in range(1000))
    with opened(ends[1], filter=f"{summed} = 3000") as ring:
        send(ends[0], ethernet(b"\x02" * 50), ethernet(b"\x03" * 50))
        assert taken(ring, 1) == [ethernet(b"\x03" * 50)]
        wait_until(lambda: ring.batch(0.1) is None, "quiet")
        assert ring.statistics().ignored == 1


@pytest.mark.parametrize("mode", ["hash", "lb"])
def test_fanout_shares_the_frames(ends: tuple[Space, Space], mode: str) -> None:
    sent = [ethernet(ipv4(17, i, 9, 4), 0x0800) for i in range(1, 201)]
    with opened(ends[1], fanout=(77, mode)) as one, opened(ends[1], fanout=(77, mode)) as two:
        send(ends[0], *sent)
        wait_until(lambda: one.statistics().received + two.statistics().received == 200, "all frames")
        parts = [taken(ring, ring.statistics().received) for ring in (one, two)]
        assert sorted(parts[0] + parts[1]) == sorted(sent)
        assert all(len(part) > 50 for part in parts)


def test_the_interface_goes_down_and_comes_again(ends: tuple[Space, Space]) -> None:
    with opened(ends[1]) as ring:
        send(ends[0], ethernet(b"before"))
        assert taken(ring, 1) == [ethernet(b"before")]
        ends[1].ip("link", "set", NAME, "down")
        wait_until(lambda: ring.batch(0.05) is None and ring.down, "the ring to know")
        start = time.process_time()
        assert ring.batch(0.5) is None
        assert time.process_time() - start < 0.25
        ends[1].ip("link", "set", NAME, "up")
        wait_until(lambda: ring.batch(0.05) is None and not ring.down, "the ring to know")
        send(ends[0], ethernet(b"after"))
        assert taken(ring, 1) == [ethernet(b"after")]


def test_the_interface_is_removed() -> None:
    with wire() as (a, b), opened(b) as ring:
        send(a, ethernet(b"last"))
        b.ip("link", "del", NAME)
        assert taken(ring, 1) == [ethernet(b"last")]
        gone: list[InterfaceGone] = []

        def told() -> bool:
            try:
                assert ring.batch(0.1) is None
            except InterfaceGone as error:
                gone.append(error)
            return bool(gone)

        wait_until(told, "the ring to know")
        assert str(gone[0]) == f"{NAME}: the interface was removed while it was captured"


def test_what_can_t_be_captured() -> None:
    with space() as one:
        with pytest.raises(CaptureError, match=r"nosuch: no such interface; there are lo, and any"):
            one.inside(Ring("nosuch").open)
        one.ip("link", "set", "lo", "down")
        with pytest.raises(CaptureError, match=r"lo: the interface is down; ip link set lo up"):
            one.inside(Ring("lo").open)
        with pytest.raises(CaptureError, match=r"any: no hardware time stamps"):
            one.inside(Ring("any", time_stamps="hardware").open)
        with pytest.raises(FilterError, match="no such filter"):
            one.inside(Ring("any", filter="no such filter").open)
        with pytest.raises(CaptureError, match="the ring is not open"):
            Ring("lo").batch()


def test_a_device_is_known_by_its_type() -> None:
    with space() as one:
        found = one.inside(lambda: device("lo"))
        assert (found.linktype, found.cooked, found.loopback, found.up) == (1, False, True, True)
        assert one.inside(lambda: device("any")).cooked
