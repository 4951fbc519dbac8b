"""pcap: byte orders, resolutions, header variants, link types, and what is no capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.sources import CaptureError, open_capture
from tests.sources.makecap import SECOND, Seen, pcap, pcap_header, pcap_record, read

TIME = 1_700_000_000 * SECOND
FRAMES = [(TIME + i * 1_234_567_000, bytes([i]) * (i * 37 % 200)) for i in range(50)]
NANOSECONDS = 0xA1B23C4D


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.pcap"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, NANOSECONDS])
def test_byte_orders_and_resolutions(tmp_path: Path, order: str, magic: int) -> None:
    frames = [(t + 7 if magic == NANOSECONDS else t, d) for t, d in FRAMES]
    found, warning = read(written(tmp_path, pcap(frames, order, magic)))
    assert warning is None
    assert found == [Seen(t, d, len(d)) for t, d in frames]


@pytest.mark.parametrize("limits", [{"batch_rows": 7}, {"batch_rows": 1}, {"batch_bytes": 1}, {"batch_bytes": 5000}])
def test_batches_of_any_size_hold_the_same_frames(tmp_path: Path, limits: dict[str, int]) -> None:
    frames = [(TIME, bytes([i % 256]) * (i * 31 % 3000)) for i in range(300)]
    path = written(tmp_path, pcap(frames))
    assert read(path, **limits) == read(path)
    if "batch_rows" in limits:
        assert max(len(f) for f in open_capture(path, **limits)) == limits["batch_rows"]


def test_frames_stay_as_they_are_while_reading_goes_on(tmp_path: Path) -> None:
    frames = [(TIME, bytes([i % 256]) * 1000) for i in range(4000)]
    kept = list(open_capture(written(tmp_path, pcap(frames)), batch_bytes=8192))
    assert len(kept) > 10
    data = [bytes(f.buffer[o : o + n]) for f in kept for o, n in zip(f.offset, f.cap_len, strict=True)]
    assert data == [d for _, d in frames]


def test_a_frame_longer_than_a_batch(tmp_path: Path) -> None:
    frames = [(TIME, b"a" * 100), (TIME, b"b" * 262_144), (TIME, b"c" * 50)]
    found, warning = read(written(tmp_path, pcap(frames)), batch_bytes=4096)
    assert warning is None
    assert [f.data for f in found] == [d for _, d in frames]


def test_captured_and_original_length(tmp_path: Path) -> None:
    record = pcap_record(b"abcd", TIME, length=1500)
    found, _ = read(written(tmp_path, pcap_header() + record + pcap_record(b"", TIME, length=60)))
    assert [(f.data, f.length) for f in found] == [(b"abcd", 1500), (b"", 60)]


@pytest.mark.parametrize("extra", [8, 12])
@pytest.mark.parametrize("order", ["<", ">"])
def test_modified_headers(tmp_path: Path, extra: int, order: str) -> None:
    records = [pcap_record(d + b"x", t, order=order, extra=b"\2\0\0\0" * (extra // 4)) for t, d in FRAMES]
    found, warning = read(written(tmp_path, pcap_header(order, 0xA1B2CD34) + b"".join(records)))
    assert warning is None
    assert found == [Seen(t, d + b"x", len(d) + 1) for t, d in FRAMES]


@pytest.mark.parametrize("extra", [8, 4])
def test_modified_headers_under_the_standard_magic(tmp_path: Path, extra: int) -> None:
    records = [pcap_record(b"\x08\0" * 20, t, extra=b"\2\0\0\0\0\x08\0\0"[:extra]) for t, _ in FRAMES]
    found, warning = read(written(tmp_path, pcap_header() + b"".join(records)))
    assert warning is None
    assert [f.time for f in found] == [t for t, _ in FRAMES]


@pytest.mark.parametrize(("version", "swapped"), [((2, 1), True), ((2, 3), True), ((2, 3), False), ((543, 0), True)])
def test_old_versions_swap_the_lengths(tmp_path: Path, version: tuple[int, int], swapped: bool) -> None:
    record = pcap_record(b"abcd", TIME, length=1500, swapped=swapped)
    found, warning = read(written(tmp_path, pcap_header(version=version) + record * 3))
    assert warning is None
    assert found == [Seen(TIME, b"abcd", 1500)] * 3


@pytest.mark.parametrize(("magic", "unit"), [(0x1C0001AC, 1), (0x1C0001AB, 1000)])
def test_ixia_files(tmp_path: Path, magic: int, unit: int) -> None:
    record = pcap_record(b"abcd", TIME + 5000, unit=unit)
    found, _ = read(written(tmp_path, pcap_header(magic=magic) + b"\0\0\0\x14" + record))
    assert found == [Seen(TIME + 5000, b"abcd", 4)]


@pytest.mark.parametrize(
    ("network", "version", "linktype"),
    [(1, (2, 4), 1), (12, (2, 4), 101), (14, (2, 4), 101), (11, (2, 4), 100), (101, (2, 4), 101), (147, (2, 4), 147),
     (0x2400_0001, (2, 4), 1), (0xF400_0069, (2, 4), 105), (6, (2, 2), 1), (9, (2, 2), 6), (60_000, (2, 4), 60_000)],
)  # fmt: skip
def test_link_types(tmp_path: Path, network: int, version: tuple[int, int], linktype: int) -> None:
    data = pcap_header(network=network, version=version) + pcap_record(b"abcd")
    assert [f.linktype for f in read(written(tmp_path, data))[0]] == [linktype]


@pytest.mark.parametrize(
    ("magic", "seconds", "fraction", "time"),
    [(0xA1B2C3D4, 5, 1_000_046, 6_000_046_000), (0xA1B2C3D4, 5, 0xFFEA9138, 3_595_384_000),
     (NANOSECONDS, 5, 1_882_137_472, 6_882_137_472), (NANOSECONDS, 5, 0xFFFFFFFF, 4_999_999_999),
     (0xA1B2C3D4, 0xFFFFFFFF, 0, 4_294_967_295 * SECOND)],
)  # fmt: skip
def test_fractions_out_of_range_are_signed_as_in_wireshark(
    tmp_path: Path, magic: int, seconds: int, fraction: int, time: int
) -> None:
    record = b"".join(n.to_bytes(4, "little") for n in (seconds, fraction, 4, 4)) + b"abcd"
    assert read(written(tmp_path, pcap_header(magic=magic) + record))[0][0].time == time


def test_a_header_alone_is_an_empty_capture(tmp_path: Path) -> None:
    assert read(written(tmp_path, pcap_header())) == ([], None)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"GET / HTTP/1.1\r\n\r\n", "begins with the bytes 47 45 54"),
        (pcap_header()[:3], "begins with the bytes d4 c3 b2"),
        (pcap_header()[:4], "cut inside its header, at byte 4 of 24"),
        (pcap_header()[:23], "cut inside its header, at byte 23 of 24"),
        (pcap_header(magic=0x1C0001AC), "cut inside its header, at byte 24 of 28"),
        (pcap_header(version=(1, 9)), "version 1.9"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 20, "zstd-compressed"),
        (b"snoop\0\0\0" + b"\0" * 20, "snoop"),
    ],
)
def test_no_capture(tmp_path: Path, data: bytes, says: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(CaptureError) as error:
        open_capture(path)
    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_what_can_not_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        open_capture(tmp_path / "none.pcap")
    with pytest.raises(CaptureError, match="is a directory"):
        open_capture(tmp_path)


def test_progress(tmp_path: Path) -> None:
    path = written(tmp_path, pcap(FRAMES))
    reader = open_capture(path)
    assert reader.size == path.stat().st_size
    assert len(list(reader)) == 1
    assert reader.bytes_read == reader.size


def test_a_reader_can_be_left_early(tmp_path: Path) -> None:
    with open_capture(written(tmp_path, pcap(FRAMES)), batch_rows=1) as reader:
        assert len(next(iter(reader))) == 1
