"""Windows and time: late frames, times that fall back, a quiet capture, SYNs whose answer comes in a later window."""

from __future__ import annotations

from pathlib import Path

import pytest

import pipeline.engine.windows.parts as parts_module
from collectors.decode import decode
from pipeline.engine import Engine
from pipeline.engine.windows import entities
from pipeline.engine.windows.bundle import Bundle
from pipeline.engine.windows.merge import Merger
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from tests.engine.wire import A, B, segment, udp
from tests.exchanges.dns_bytes import ASKED, query, record, response
from tests.exchanges.hear import Frame, answer, ask, frames_of
from tests.exchanges.hosts import icmp, ip
from tests.windows.windowed import SECOND, Told, through_engine, written

ZERO = 1_700_000_000 - 1_700_000_000 % 60
"""Second at which windows of both lengths begin."""
SYN, SYNACK, RST, FIN, ACK = 2, 0x12, 4, 0x11, 0x10


def _at(second: float) -> int:
    return ZERO * SECOND + round(second * SECOND)


def _tick(second: float, port: int = 9) -> Frame:
    return _at(second), udp(A, 5000, B, port)


def _told(frames: list[Frame], folder: Path) -> Told:
    return through_engine(written(frames, folder))


def test_late_frames_correct_a_window_and_too_late_ones_are_counted(tmp_path: Path) -> None:
    told = _told([_tick(1), _tick(2), _tick(15), _tick(3), _tick(25), _tick(69.5), _tick(4), _tick(81), _tick(5)],
                 tmp_path)  # fmt: skip
    rows = [row for row in told.windows if row["shoal.window.kind"] == "sensor" and row["shoal.window.seconds"] == 10]
    first = [(row["shoal.window.version"], row["shoal.packets"]) for row in rows if row["shoal.window.time"] == _at(0)]
    # Told with 2 frames, corrected by the third and by the fourth, which came within 60 s behind its end.
    assert [packets for _, packets in first] == [2, 3, 4]
    assert [version for version, _ in first] == sorted({version for version, _ in first})
    assert told.sensor("shoal.late") == {ZERO + 80: 1}
    assert sum(told.sensor("shoal.packets").values()) == 8
    assert told.sensor("shoal.packets", 60) == {ZERO: 6, ZERO + 60: 2}
    assert sum(told.sensor("shoal.late", 60).values()) == 1


def test_times_that_fall_back_by_an_hour_begin_a_pass(tmp_path: Path) -> None:
    told = _told([_tick(1), _tick(7200), _tick(2), _tick(3)], tmp_path)
    rows = [row for row in told.newest(10, "sensor").values() if row["shoal.window.time"] == _at(0)]
    assert {row["shoal.window.pass"]: row["shoal.packets"] for row in rows} == {0: 1, 1: 2}
    assert [tick[3] for tick in told.ticks] == [0, 1, 1]
    assert told.sensor("shoal.late") == {}


def test_frames_without_a_time_move_no_clock(tmp_path: Path) -> None:
    told = _told([(0, udp(A, 1, B, 2)), _tick(1), (0, udp(A, 1, B, 2)), _tick(2), _tick(80)], tmp_path)
    assert [tick[3] for tick in told.ticks] == [0, 0]
    assert sum(told.sensor("shoal.packets").values()) + sum(told.sensor("shoal.late").values()) == 5


def test_a_syn_that_is_answered_in_a_later_window_is_taken_back(tmp_path: Path) -> None:
    frames = [
        (_at(9), segment(A, 1000, B, 80, SYN, 100, 0)), (_at(9.1), segment(A, 1001, B, 80, SYN, 100, 0)),
        (_at(12), segment(A, 1000, B, 80, SYN, 100, 0)), (_at(24), segment(B, 80, A, 1000, SYNACK, 900, 101)),
        _tick(100),
    ]  # fmt: skip
    told = _told(frames, tmp_path)
    services = told.newest(10, "service")
    of = {key[2]: row for key, row in services.items() if key[6] == 80}
    assert [of[_at(s)]["shoal.syns"] for s in (0, 10)] == [2, 1]
    assert [of[_at(s)]["shoal.syns_unanswered"] for s in (0, 10)] == [1, 0]
    assert of[_at(0)]["shoal.window.host"] == "::ffff:a00:2"
    assert told.sensor("shoal.syns_unanswered", 60) == {ZERO: 1}
    first = [row["shoal.syns_unanswered"] for row in told.windows if row["shoal.window.kind"] == "sensor"
             and row["shoal.window.seconds"] == 10 and row["shoal.window.time"] == _at(0)]  # fmt: skip
    assert first == [2, 1]


def test_refused_and_closed_connections(tmp_path: Path) -> None:
    syn = segment(A, 1000, B, 80, SYN, 100, 0)
    told = _told([
        (_at(1), syn), (_at(1.1), segment(B, 80, A, 1000, RST | ACK, 0, 101)),
        (_at(2), segment(A, 1001, B, 80, SYN, 100, 0)),
        icmp_of(2.1, segment(A, 1001, B, 80, SYN, 100, 0)),
        (_at(3), segment(A, 1002, B, 81, SYN, 1, 0)), (_at(3.1), segment(B, 81, A, 1002, SYNACK, 1, 2)),
        (_at(4), segment(A, 1002, B, 81, FIN, 2, 2)), (_at(4.1), segment(B, 81, A, 1002, FIN, 2, 3)),
    ], tmp_path)  # fmt: skip
    assert told.sensor("shoal.refused") == {ZERO: 2}
    assert told.sensor("shoal.syns_unanswered") == {}
    assert told.sensor("shoal.flows_opened") == {ZERO: 3}
    assert told.sensor("shoal.flows_closed") == {ZERO: 2}
    assert told.sensor("shoal.icmp_errors") == {ZERO: 1}
    host = next(row for key, row in told.newest(10, "host").items() if key[3] == "::ffff:a00:1")
    assert (host["shoal.refused"], host["shoal.sent.refused"], host["shoal.sent.syns"]) == (2, 2, 3)


def icmp_of(second: float, quoted: bytes) -> Frame:
    """B says that the port of a packet, which its error quotes, can't be reached."""
    _, data = icmp(3, 3, bytes(4), quoted[14:], src=B, dst=A)
    return _at(second), data


def test_dns_is_counted_where_it_was_asked(tmp_path: Path) -> None:
    data = record(ASKED, 1, bytes((192, 0, 2, 80)))
    asked = [ask(query("a.example"), 2.0), answer(response("a.example", data), 2.2), ask(query("b.example", 7), 3.0)]
    told = _told([(time, frame) for time, frame in asked], tmp_path)
    (row,) = (row for row in told.newest(10, "service").values() if row["shoal.dns.queries"])
    assert (row["shoal.dns.queries"], row["shoal.dns.failures"], row["shoal.window.port"]) == (2, 1, 53)
    assert abs(row["shoal.dns.p50"] - 0.2 * SECOND) < 0.2 * SECOND * 0.0625
    assert row["latency.count"] == [1]


def _live(engine: Engine, second: float, number: int) -> None:
    columns = Columns(PACKETS, 16)
    decode(frames_of([_tick(second)], number), columns)
    engine.process(columns)


def test_a_clock_ends_the_windows_of_a_quiet_capture() -> None:
    told, merger = Told(), Merger()

    def windows(bundle: Bundle) -> None:
        told.take(merger.take(0, bundle))

    engine = Engine(windows=windows)
    engine.idle(_at(1))
    _live(engine, 2, 1)
    engine.idle(_at(9))
    assert told.ticks == []
    engine.idle(_at(11), dropped=7)
    assert told.ticks == [(1, 2, _at(11), 0)]
    assert told.sensor("shoal.packets") == {ZERO: 1}
    _live(engine, 12, 2)
    engine.idle(_at(21))
    assert told.sensor("shoal.dropped") == {ZERO + 10: 7}
    engine.finish()
    assert told.ended
    assert told.sensor("shoal.packets") == {ZERO: 1, ZERO + 10: 1}


def _sweep(hosts: int, second: float) -> list[Frame]:
    """One frame to each of so many hosts."""
    return [
        (_at(second), ip(17, b"\x13\x88\0\x09\0\x08\0\0", "10.0.0.1", f"10.1.{k >> 8}.{k & 255}"))
        for k in range(hosts)
    ]  # fmt: skip


def test_at_its_cap_a_shard_tells_early_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [*_sweep(300, 1), *_sweep(300, 3), *_sweep(300, 12)]
    expected = _told(frames, tmp_path)
    monkeypatch.setattr(parts_module, "MOST_SLOTS", 64)
    found = _told(frames, tmp_path)
    assert len(found.parts) > len(expected.parts)
    assert found.windows == expected.windows


def test_a_window_is_told_whole_though_bigger_ones_have_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [*_sweep(300, 1), _tick(12)]
    expected = _told(frames, tmp_path)
    monkeypatch.setattr(entities, "MOST_ENTITIES", len(expected.newest(10)) + 20)
    found = _told(frames, tmp_path)
    begin = {key: row for key, row in found.newest(10).items() if key[2] == _at(0)}
    assert begin == {key: row for key, row in expected.newest(10).items() if key[2] == _at(0)}
    assert found.sensor("shoal.packets", 60) == expected.sensor("shoal.packets", 60)


def test_at_its_cap_the_merger_keeps_the_sensor_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [*_sweep(20, 1), *_sweep(300, 3), *_sweep(5, 12), _tick(85)]
    expected = _told(frames, tmp_path)
    monkeypatch.setattr(entities, "MOST_ENTITIES", 200)
    found = _told(frames, tmp_path)
    assert [name for name, _ in found.events][:1] == ["entities-forgotten"]
    assert found.newest(10, "sensor") == expected.newest(10, "sensor")
    assert found.newest(60, "sensor").keys() == expected.newest(60, "sensor").keys()
    assert found.sensor("shoal.packets", 60) == expected.sensor("shoal.packets", 60)
    whole = expected.newest(10)
    kept = found.newest(10)
    # What is there is exact.
    assert len(whole) > 500 > len(kept) > 50
    assert all(row["shoal.packets"] == whole[key]["shoal.packets"] for key, row in kept.items())
