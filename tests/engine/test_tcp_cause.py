"""Each rule by which a segment's cause is told, with made segments; and that memory and results keep their bounds."""

from __future__ import annotations

import ipaddress
import random
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine
from pipeline.engine.tcp import ranges, words
from pipeline.engine.tcp.words import BETWEEN, NEAR_RECEIVER, NEAR_SENDER, UNKNOWN
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.wire import A, B
from tests.sources.makecap import pcap

MS = 1_000_000
START = 1_700_000_000_000 * MS
FIN, SYN, RST, ACK = 1, 2, 4, 16
NAMES = PACKETS.by_name["shoal.tcp.cause"].names


@dataclass
class Segment:
    """A segment of A (side 0) or B (side 1), at `ms`; numbers relative to 1, the first byte."""

    ms: float
    side: int
    seq: int = 1
    ack: int = 1
    length: int = 0
    flags: int = ACK
    ident: int = 0
    tsval: int = 0
    tsecr: int = 0
    sack: tuple[tuple[int, int], ...] = ()
    window: int = 8192
    mss: int = 0
    version: int = 4

    def frame(self) -> bytes:
        """The Ethernet frame."""
        options = b""
        if self.mss:
            options += struct.pack(">BBH", 2, 4, self.mss)
        if self.tsval:
            options += struct.pack(">BBBBII", 1, 1, 8, 10, self.tsval, self.tsecr)
        if self.sack:
            options += b"\1\1" + struct.pack(">BB", 5, 2 + 8 * len(self.sack))
            options += b"".join(struct.pack(">II", 1000 + a, 1000 + b) for a, b in self.sack)
        ports = (4000, 80) if self.side == 0 else (80, 4000)
        head = struct.pack(">HHIIBBHHH", *ports, 1000 + self.seq, (1000 + self.ack) if self.flags & ACK else 0,
                           (5 + len(options) // 4) << 4, self.flags, self.window, 7, 0)
        body = head + options + b"d" * self.length
        ends = [ipaddress.ip_address(x).packed for x in ((A, B) if self.side == 0 else (B, A))]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), self.ident, 0x4000, 64, 6, 0)
        return b"\2" * 12 + b"\x08\0" + ip + ends[0] + ends[1] + body


class Run:
    """The engine over segments in order of time; `causes` are the names by segment, `fresh` their new payload bytes."""

    def __init__(self, segments: list[Segment], folder: Path, batch_rows: int = 4096) -> None:
        path = folder / "made.pcap"
        path.write_bytes(pcap([(START + int(s.ms * MS), s.frame()) for s in segments], magic=0xA1B23C4D))
        columns, self.engine = Columns(PACKETS, batch_rows), Engine()
        self.causes: list[str] = []
        self.fresh: list[int] = []
        with open_capture(str(path), batch_rows=batch_rows) as reader:
            for batch in reader:
                decode(batch, columns)
                self.engine.process(columns)
                self.causes += [NAMES[k] for k in columns.values("shoal.tcp.cause").tolist()]
                self.fresh += self.engine.causes.fresh[: columns.rows].tolist()

    def count(self, what: int, side: int = 0) -> int:
        """A number of the first conversation's direction."""
        return int(self.engine.causes.table()[1, side, what])

    def position(self, side: int = 0) -> int:
        """Where the capture is for data from `side`."""
        return self.engine.causes.position(1, side)


def handshake(to_server: float = 5, to_client: float = 5, tsval: int = 0, ident: int = 0) -> list[Segment]:
    """SYN, SYN-ACK and ACK: `to_server` ms from here to B and back, then `to_client` to A and back."""
    ts = (tsval, tsval and tsval + 5000)
    return [
        Segment(0, 0, 0, 0, flags=SYN, mss=1460, tsval=ts[0], ident=ident),
        Segment(to_server, 1, 0, 1, flags=SYN | ACK, mss=1460, tsval=ts[1], tsecr=ts[0]),
        Segment(to_server + to_client, 0, 1, 1, tsval=ts[0] and ts[0] + 10, tsecr=ts[1], ident=ident and ident + 1),
    ]


def data(ms: float, k: int, **more: int) -> Segment:
    """The k-th hundred bytes that A sends."""
    return Segment(ms, 0, 1 + 100 * k, 1, 100, **more)


def answer(ms: float, k: int, **more: object) -> Segment:
    """B acknowledges what comes before the k-th hundred bytes."""
    return Segment(ms, 1, 1, 1 + 100 * k, **more)  # type: ignore[arg-type]


def test_segments_in_order_have_no_cause(tmp_path: Path) -> None:
    run = Run([*handshake(), data(20, 0), data(21, 1), answer(30, 2), data(31, 2),
               Segment(40, 0, 301, 1, flags=ACK | FIN)], tmp_path)
    assert set(run.causes) == {"none"}
    assert run.fresh == [0, 0, 0, 100, 100, 0, 100, 0]
    assert not run.engine.causes.table().any()


def test_later_timestamp_is_sent_again(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), data(20, 1, tsval=120), data(22, 0, tsval=122)], tmp_path)
    assert run.causes[-1] == "resent"
    assert run.fresh[-1] == 0
    assert (run.count(words.RESENT_SEGMENTS), run.count(words.RESENT_BYTES)) == (1, 100)
    assert (run.count(words.LOST_AFTER_SEGMENTS), run.count(words.LOST_BEFORE_SEGMENTS)) == (1, 0)


def test_later_ip_id_is_sent_again_within_one_tick(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100, ident=7), data(20, 0, tsval=120, ident=9), data(20, 1, tsval=120, ident=10),
               data(20.3, 0, tsval=120, ident=11)], tmp_path)
    assert run.causes[-1] == "resent"


@pytest.mark.parametrize("tsval", [0, 120])
@pytest.mark.parametrize("ident", [0, 9])
def test_a_copy_is_the_networks(tmp_path: Path, tsval: int, ident: int) -> None:
    one = data(20, 0, tsval=tsval, ident=ident)
    two = data(20.2, 1, tsval=tsval, ident=ident and 10)
    run = Run([*handshake(tsval=tsval and 100, ident=ident and 7), one, two, data(20.5, 0, tsval=tsval, ident=ident)],
              tmp_path)
    assert run.causes[-1] == "duplicated_by_network"
    assert (run.count(words.DUPLICATED_SEGMENTS), run.count(words.DUPLICATED_BYTES)) == (1, 100)
    assert run.count(words.LOST_AFTER_SEGMENTS) == 0


def test_same_ip_id_is_a_copy_however_late(tmp_path: Path) -> None:
    run = Run([*handshake(ident=7), data(20, 0, ident=9), data(21, 1, ident=10), data(90, 0, ident=9)], tmp_path)
    assert run.causes[-1] == "duplicated_by_network"


@pytest.mark.parametrize("near", ["sender", "receiver"])
def test_without_evidence_a_round_trip_decides_but_near_the_sender(tmp_path: Path, near: str) -> None:
    ways = (9.9, 0.1) if near == "sender" else (0.1, 9.9)
    run = Run([*handshake(*ways), data(20, 0), data(20.1, 1), data(21, 0), answer(22, 2), data(40, 1)], tmp_path)
    if near == "sender":
        assert run.causes[5:] == ["resent", "none", "resent_needlessly"]
    else:
        assert run.causes[5:] == ["duplicated_by_network", "none", "resent_needlessly"]


def test_another_checksum_is_no_copy(tmp_path: Path) -> None:
    segments = [*handshake(), data(20, 0), data(20.1, 1), data(20.5, 0)]
    path = tmp_path / "made.pcap"
    frames = [(START + int(s.ms * MS), s.frame()) for s in segments]
    last = bytearray(frames[-1][1])
    last[50] ^= 1
    path.write_bytes(pcap([*frames[:-1], (frames[-1][0], bytes(last))], magic=0xA1B23C4D))
    columns, engine = Columns(PACKETS), Engine()
    with open_capture(str(path)) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            assert NAMES[int(columns.values("shoal.tcp.cause")[-1])] == "resent"


def test_hole_filled_by_an_earlier_timestamp_is_reordered(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), data(22, 2, tsval=122), data(60, 1, tsval=121)], tmp_path)
    assert run.causes[-1] == "reordered"
    assert run.fresh[-1] == 100
    assert run.count(words.REORDERED_SEGMENTS) == 1
    assert run.count(words.LOST_BEFORE_SEGMENTS) == 0


def test_hole_filled_by_a_later_timestamp_was_lost_before(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), data(22, 2, tsval=122), data(24, 1, tsval=123)], tmp_path)
    assert run.causes[-1] == "resent"
    assert run.fresh[-1] == 100
    assert (run.count(words.LOST_BEFORE_SEGMENTS), run.count(words.LOST_BEFORE_BYTES)) == (1, 100)
    assert run.count(words.LOST_AFTER_SEGMENTS) == 0


@pytest.mark.parametrize(("ident", "told"), [(10, "reordered"), (12, "resent")])
def test_hole_by_ip_ids(tmp_path: Path, ident: int, told: str) -> None:
    run = Run([*handshake(ident=7), data(20, 0, ident=9), data(22, 2, ident=11), data(50, 1, ident=ident)], tmp_path)
    assert run.causes[-1] == told


@pytest.mark.parametrize(("ms", "told"), [(29, "reordered"), (30, "resent")])
def test_hole_by_time(tmp_path: Path, ms: float, told: str) -> None:
    run = Run([*handshake(0.1, 9.9), data(20, 0), data(22, 2), data(ms, 1)], tmp_path)
    assert run.causes[-1] == told


def test_random_ip_ids_tell_no_order(tmp_path: Path) -> None:
    r = random.Random(5)
    idents = [r.randrange(1, 1 << 16) for _ in range(60)]
    segments = [*handshake(0.1, 9.9), *(data(20 + k, k, ident=i) for k, i in enumerate(idents))]
    segments += [data(81, 61, ident=3), data(120, 60, ident=r.randrange(1, 1 << 16))]
    segments.append(data(121, 5, ident=idents[5]))
    run = Run(segments, tmp_path)
    assert run.causes[-2:] == ["resent", "duplicated_by_network"]


def test_an_original_that_what_was_sent_again_overtook(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), data(22, 2, tsval=122), data(40, 1, tsval=140),
               data(41, 1, tsval=121)], tmp_path)
    assert run.causes[-2:] == ["resent", "reordered"]
    assert run.count(words.LOST_BEFORE_SEGMENTS) == 0


def test_what_was_sent_again_can_be_overtaken_too(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), data(22, 2, tsval=122), data(40, 3, tsval=140),
               data(41, 1, tsval=139)], tmp_path)
    assert run.causes[-1] == "reordered"
    assert run.count(words.LOST_BEFORE_SEGMENTS) == 1


def test_an_original_of_other_bounds_is_no_duplicate(tmp_path: Path) -> None:
    run = Run([*handshake(5, 5, tsval=100), data(20, 0, tsval=120), data(21, 4, tsval=121), data(40, 1, tsval=140),
               data(40, 2, tsval=140), data(40, 3, tsval=140), Segment(41, 0, 151, 1, 200, tsval=120)], tmp_path)
    assert run.causes[-4:] == ["resent", "resent", "resent", "reordered"]


def test_an_acknowledgment_of_the_same_tick_is_no_sign_of_reordering(tmp_path: Path) -> None:
    run = Run([*handshake(5, 5, tsval=100), data(20, 0, tsval=120), Segment(219, 0, 201, 50, tsval=320),
               data(220, 1, tsval=320)], tmp_path)
    assert run.causes[-1] == "resent"


def test_in_its_place_and_yet_overtaken(tmp_path: Path) -> None:
    segments = [*handshake(tsval=100, ident=7), data(20, 0, tsval=120, ident=9)]
    # An acknowledgment that was sent behind the next data, and leaves it the place.
    behind = Segment(22, 0, 101, 50, tsval=122, ident=11)
    run = Run([*segments, behind, data(23, 1, tsval=121, ident=10), data(24, 2, tsval=124, ident=12)], tmp_path)
    assert run.causes[-2:] == ["reordered", "none"]
    assert (run.count(words.REORDERED_SEGMENTS), run.count(words.REORDERED_BYTES)) == (1, 100)


def test_what_the_receiver_has_is_resent_needlessly(tmp_path: Path) -> None:
    segments = [*handshake(9.9, 0.1, tsval=100), *(data(20, k, tsval=120) for k in range(4)),
                answer(30, 1, sack=((201, 301),)), data(31, 0, tsval=131), data(32, 2, tsval=132),
                data(33, 1, tsval=133)]
    run = Run(segments, tmp_path)
    assert run.causes[-3:] == ["resent_needlessly", "resent_needlessly", "resent"]
    assert (run.count(words.NEEDLESS_SEGMENTS), run.count(words.RESENT_SEGMENTS)) == (2, 1)


def test_near_the_receiver_what_passed_has_arrived(tmp_path: Path) -> None:
    run = Run([*handshake(0.1, 9.9, tsval=100), data(20, 0, tsval=120), data(40, 0, tsval=140)], tmp_path)
    assert run.position() == NEAR_RECEIVER
    assert run.causes[-1] == "resent_needlessly"


def test_what_the_receiver_got_twice_was_not_lost(tmp_path: Path) -> None:
    segments = [*handshake(9.9, 0.1, tsval=100), data(20, 0, tsval=120), data(20, 1, tsval=120), data(35, 0, tsval=135)]
    lost = Run(segments, tmp_path)
    told = Run([*segments, answer(45, 2, sack=((1, 101),))], tmp_path)
    assert lost.count(words.LOST_AFTER_SEGMENTS) == 1
    assert told.count(words.LOST_AFTER_SEGMENTS) == told.count(words.LOST_AFTER_BYTES) == 0
    assert told.count(words.RECEIVED_TWICE) == 1
    assert told.count(words.RESENT_SEGMENTS) == 1


@pytest.mark.parametrize(("ms", "tsecr", "lost"), [(45, 135, 1), (45, 120, 0), (38, 0, 0)])
def test_an_answer_to_the_original_shows_that_it_was_not_lost(tmp_path: Path, ms: float, tsecr: int, lost: int) -> None:
    segments = [*handshake(9.9, 0.1, tsval=100), data(20, 0, tsval=120), data(35, 0, tsval=135)]
    segments.append(answer(ms, 1, tsval=tsecr and 5200, tsecr=tsecr))
    assert Run(segments, tmp_path).count(words.LOST_AFTER_SEGMENTS) == lost


def test_probes_and_keep_alives_are_nothing_sent_again(tmp_path: Path) -> None:
    segments = [
        *handshake(), data(20, 0), answer(30, 1, window=0),
        # A closed window is probed with the next byte, twice, and opens; the byte is sent again as part of the rest.
        Segment(300, 0, 101, 1, 1), answer(305, 1, window=0), Segment(700, 0, 101, 1, 1), answer(705, 1, window=500),
        data(710, 1), answer(720, 2),
        # Keep-alives, with a byte of what was acknowledged and without.
        Segment(5000, 0, 200, 1, 1), answer(5010, 2), Segment(6000, 0, 200, 1, 0), answer(6010, 2), data(7000, 2),
    ]
    assert set(Run(segments, tmp_path).causes) == {"none"}


def test_a_probes_byte_that_was_taken_is_no_hole(tmp_path: Path) -> None:
    segments = [*handshake(), data(20, 0), answer(30, 1, window=0), Segment(300, 0, 101, 1, 1),
                Segment(305, 1, 1, 102, window=500), Segment(310, 0, 102, 1, 99), answer(320, 2)]
    run = Run(segments, tmp_path)
    assert set(run.causes) == {"none"}
    assert run.count(words.MISSED_BYTES) == 0


def test_a_probe_that_was_lost_is_not_sent_again_but_its_byte_is(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=9), Segment(20, 0, 1, 1, 1, tsval=30), Segment(300, 0, 1, 1, 1, tsval=310)], tmp_path)
    assert run.causes[-1] == "resent"


def test_syn_and_fin_have_causes(tmp_path: Path) -> None:
    syn = Segment(0, 0, 0, 0, flags=SYN, tsval=10, ident=4)
    again = Segment(1000, 0, 0, 0, flags=SYN, tsval=1010, ident=5)
    fin = Segment(1100, 0, 1, 1, flags=ACK | FIN, tsval=1110, ident=7)
    twice = Segment(1101, 0, 1, 1, flags=ACK | FIN, tsval=1110, ident=7)
    run = Run([syn, again, Segment(1010, 1, 0, 1, flags=SYN | ACK), Segment(1020, 0, tsval=1030, ident=6), fin, twice],
              tmp_path)
    assert run.causes == ["none", "resent", "none", "none", "none", "duplicated_by_network"]


def test_a_repeated_syn_is_answered_again(tmp_path: Path) -> None:
    syn = {"flags": SYN, "ack": 0, "seq": 0}
    reply = {"flags": SYN | ACK, "seq": 0}
    segments = [Segment(0, 0, **syn), Segment(0.1, 1, **reply), Segment(0.2, 0, **syn), Segment(0.3, 1, **reply)]
    assert Run(segments, tmp_path).causes == ["none", "none", "duplicated_by_network", "resent"]


def test_a_pure_acknowledgment_shows_the_hole_before_it(tmp_path: Path) -> None:
    run = Run([*handshake(tsval=100), data(20, 0, tsval=120), Segment(40, 0, 201, 50, tsval=140),
               data(220, 1, tsval=320)], tmp_path)
    assert run.causes[-1] == "resent"
    assert run.count(words.LOST_BEFORE_SEGMENTS) == 1


def test_offloaded_segments_count_as_the_sender_counts(tmp_path: Path) -> None:
    big = Segment(20, 0, 1, 1, 5000, tsval=120)
    again = Segment(40, 0, 1, 1, 5000, tsval=140)
    run = Run([*handshake(tsval=100), big, again], tmp_path)
    assert run.causes[-1] == "resent"
    # 5,000 bytes in segments of 1,460 less the twelve bytes of the timestamps.
    assert run.count(words.RESENT_SEGMENTS) == 4


def test_what_was_acknowledged_and_never_passed_was_missed(tmp_path: Path) -> None:
    run = Run([*handshake(), data(20, 0), data(21, 3), answer(30, 2), answer(31, 4)], tmp_path)
    assert run.count(words.MISSED_BYTES) == 200
    assert run.engine.causes.unseen_bytes(1, 0) == 0


def test_holes_stay_open_until_filled(tmp_path: Path) -> None:
    segments = [*handshake(), data(20, 0), data(21, 3), data(22, 6), data(60, 4)]
    run = Run(segments, tmp_path)
    assert run.engine.causes.unseen_bytes(1, 0) == 300
    assert run.fresh[-4:] == [100, 100, 100, 100]
    partly = Run([*segments, Segment(70, 0, 151, 1, 500)], tmp_path)
    assert partly.engine.causes.unseen_bytes(1, 0) == 50
    assert partly.fresh[-1] == 250


def test_a_capture_that_begins_in_the_middle(tmp_path: Path) -> None:
    run = Run([data(0, 5, tsval=50), data(1, 6, tsval=51), data(30, 3, tsval=80), data(31, 2, tsval=20)], tmp_path)
    assert run.fresh == [100, 100, 100, 100]
    assert run.causes[:2] == ["none", "none"]


@pytest.mark.parametrize(
    ("ways", "where"),
    [((9.9, 0.1), NEAR_SENDER), ((0.1, 9.9), NEAR_RECEIVER), ((5, 5), BETWEEN), ((6, 3), BETWEEN)],
)
def test_position_by_the_handshake(tmp_path: Path, ways: tuple[float, float], where: int) -> None:
    run = Run([*handshake(*ways), data(20, 0)], tmp_path)
    assert run.position(0) == where
    assert run.position(1) == {NEAR_SENDER: NEAR_RECEIVER, NEAR_RECEIVER: NEAR_SENDER, BETWEEN: BETWEEN}[where]


def test_position_by_timestamps_without_a_handshake(tmp_path: Path) -> None:
    segments = []
    for k in range(6):
        ts = 100 + 20 * k
        segments += [data(20 * k, k, tsval=ts, tsecr=5000 + 20 * k - 20),
                     answer(20 * k + 18, k + 1, tsval=5000 + 20 * k, tsecr=ts)]
    run = Run(segments, tmp_path)
    assert run.position(0) == NEAR_SENDER


def test_position_by_losses_alone(tmp_path: Path) -> None:
    first = [data(0, 0, tsval=100), data(1, 1, tsval=101)]
    assert Run(first, tmp_path).position() == UNKNOWN
    after = [*first, data(30, 1, tsval=130)]
    assert Run(after, tmp_path).position() == NEAR_SENDER
    before = [*first, data(30, 3, tsval=130), data(60, 2, tsval=160)]
    assert Run(before, tmp_path).position() == NEAR_RECEIVER
    assert Run([*after, data(31, 3, tsval=131), data(60, 2, tsval=160)], tmp_path).position() == BETWEEN


def chance(seed: int, count: int = 400) -> list[Segment]:
    """What A sends is lost, held back, copied and sent again by chance."""
    r = random.Random(seed)
    segments = handshake(5, 5, tsval=100, ident=98)
    sent = [(20 + k * 0.7, k, r.random() < 0.05) for k in range(count)]
    sent += [(now + 11 + r.random(), k, False) for now, k, lost in sent if lost or r.random() < 0.05]
    for ident, (now, k, lost) in enumerate(sorted(sent), 101):
        if not lost:
            held = 8 * r.random() if r.random() < 0.1 else 0
            segments.append(data(now + held, k, tsval=100 + int(now), ident=ident))
            if r.random() < 0.05:
                segments.append(data(now + held + 0.01, k, tsval=100 + int(now), ident=ident))
        if r.random() < 0.4:
            segments.append(answer(now + 5, max(1, k - r.randrange(9)), tsval=5000 + ident, tsecr=100 + int(now)))
    return sorted(segments, key=lambda s: s.ms)


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_any_size_give_the_same(tmp_path: Path, seed: int) -> None:
    whole = Run(chance(seed), tmp_path)
    assert {"resent", "reordered", "duplicated_by_network"} <= set(whole.causes)
    for rows in (1, 7):
        cut = Run(chance(seed), tmp_path, rows)
        assert (cut.causes, cut.fresh) == (whole.causes, whole.fresh)
        assert np.array_equal(cut.engine.causes.table()[:2], whole.engine.causes.table()[:2])


def test_every_byte_is_fresh_once(tmp_path: Path) -> None:
    run = Run(chance(4), tmp_path)
    assert sum(run.fresh) + run.engine.causes.unseen_bytes(1, 0) + run.count(words.MISSED_BYTES) == 400 * 100


def test_holes_have_a_cap(tmp_path: Path) -> None:
    segments = [*handshake(), *(data(20 + k, 2 * k + 1) for k in range(ranges.MOST_OF_ONE + 50))]
    run = Run(segments, tmp_path)
    assert run.engine.causes.holes_evicted == 50
    assert run.engine.causes.unseen_bytes(1, 0) == 100 * ranges.MOST_OF_ONE
