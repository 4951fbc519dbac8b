"""pcapng: sections, interfaces, time stamp resolutions, block types."""

from __future__ import annotations

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from collectors.sources import CaptureError, open_capture
from collectors.sources.frames import NO_FLAGS
from tests.sources.makecap import SECOND, Section, Seen, read

TIME = 1_700_000_000
LAST, FIRST = (1 << 63) - 1, -(1 << 63)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.pcapng"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_packet_block(tmp_path: Path, order: str) -> None:
    s = Section(order)
    data = (
        s.header() + s.interface() + s.packet(b"enhanced", TIME * 10**6 + 1, length=900)
        + s.obsolete(b"old", TIME * 10**6 + 2, length=800) + s.simple(b"simple!") + s.packet(b"")
    )  # fmt: skip
    found, warning = read(written(tmp_path, data))
    assert warning is None
    assert found == [
        Seen(TIME * SECOND + 1000, b"enhanced", 900),
        Seen(TIME * SECOND + 2000, b"old", 800),
        Seen(0, b"simple!", 7),
        Seen(0, b"", 0),
    ]


def test_interfaces_have_their_own_link_type_and_clock(tmp_path: Path) -> None:
    s = Section()
    data = (
        s.header() + s.interface(1) + s.interface(127, tsresol=9) + s.interface(12, tsresol=6, tsoffset=-5)
        + s.packet(b"a", TIME * 10**6, 0) + s.packet(b"b", TIME * 10**9 + 3, 1) + s.packet(b"c", TIME * 10**6, 2)
    )  # fmt: skip
    found, _ = read(written(tmp_path, data))
    assert found == [
        Seen(TIME * SECOND, b"a", 1, 0, 1),
        Seen(TIME * SECOND + 3, b"b", 1, 1, 127),
        Seen((TIME - 5) * SECOND, b"c", 1, 2, 101),
    ]


def test_many_interfaces(tmp_path: Path) -> None:
    s = Section()
    data = s.header() + b"".join(s.interface(i) for i in range(100)) + s.packet(b"a", 0, 99) + s.packet(b"b", 0, 17)
    assert [(f.interface, f.linktype) for f in read(written(tmp_path, data))[0]] == [(99, 99), (17, 17)]


def test_sections_have_their_own_byte_order_and_interfaces(tmp_path: Path) -> None:
    data = b""
    for order, linktype in (("<", 1), (">", 113), ("<", 105)):
        s = Section(order)
        data += s.header() + s.interface(linktype) + s.packet(b"abc", TIME * 10**6)
    found, warning = read(written(tmp_path, data))
    assert warning is None
    assert found == [Seen(TIME * SECOND, b"abc", 3, 0, linktype) for linktype in (1, 113, 105)]
    found, warning = read(written(tmp_path, data + Section().header() + Section().packet(b"x")))
    assert len(found) == 3
    assert warning is not None
    assert "interface 0, which the section does not describe" in warning


@pytest.mark.parametrize("resolution", [*range(20), *(128 | i for i in range(64))])
@pytest.mark.parametrize("offset", [0, TIME])
def test_resolutions(tmp_path: Path, resolution: int, offset: int) -> None:
    units = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    ticks = [t for t in (0, 1, units - 1, units, 3 * units // 2, 0xFEDC_BA98_7654_3210, (1 << 64) - 1) if t < 1 << 64]
    s = Section()
    data = s.header() + s.interface(tsresol=resolution, tsoffset=offset)
    found, _ = read(written(tmp_path, data + b"".join(s.packet(b"", t) for t in ticks)))
    for t, f in zip(ticks, found, strict=True):
        exact = Fraction(t, units) * SECOND + offset * SECOND
        assert f.time == (int(exact) if exact < 9_223_372_036 * SECOND else LAST)


def test_times_saturate(tmp_path: Path) -> None:
    s = Section()
    interfaces = s.interface(tsoffset=FIRST) + s.interface(tsoffset=LAST) + s.interface(tsoffset=-9_223_372_037)
    data = s.header() + interfaces + b"".join(s.packet(b"", (1 << 64) - 1 if i < 2 else 0, i) for i in range(3))
    assert [f.time for f in read(written(tmp_path, data))[0]] == [FIRST, LAST, FIRST]


@pytest.mark.parametrize(
    ("length", "snaplen", "captured"), [(100, 64, 64), (60, 64, 60), (100, 0, 100), (65, 65, 65)]
)
def test_simple_packets_are_cut_at_the_snap_length(tmp_path: Path, length: int, snaplen: int, captured: int) -> None:
    s = Section()
    data = s.header() + s.interface(snaplen=snaplen) + s.simple(bytes(captured), length) + s.simple(b"after")
    found, warning = read(written(tmp_path, data))
    assert warning is None
    assert [(len(f.data), f.length) for f in found] == [(captured, length), (5, 5)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_blocks_and_options_are_passed_over(tmp_path: Path, order: str) -> None:
    s = Section(order)
    comment = s.option(1, b"a comment") + s.option(0, b"")
    named = s.option(2, b"eth0") + s.option(1, b"why")
    names = s.block(4, struct.pack(order + "HH", 1, 9) + b"\x0a\0\0\1host\0\0\0\0" + b"\0\0\0\0")
    statistics = s.block(5, struct.pack(order + "III", 0, 0, 0) + s.option(4, b"\0" * 8) + s.option(0, b""))
    secrets = s.block(10, struct.pack(order + "II", 0x544C534B, 3) + b"key\0")
    others = names + statistics + secrets + s.block(0xBAD, b"\0\0\x7e\xd9custom") + s.block(0x8000_1234, b"local")
    data = s.header(comment) + others + s.interface(options=named) + others
    for i in range(3):
        data += s.packet(bytes([i]) * (5 + i), options=s.option(2, b"\0\0\0\0") + comment) + others
    found, warning = read(written(tmp_path, data))
    assert warning is None
    assert [f.data for f in found] == [b"\0" * 5, b"\1" * 6, b"\2" * 7]


def test_a_section_header_alone_is_an_empty_capture(tmp_path: Path) -> None:
    assert read(written(tmp_path, Section().header())) == ([], None)


@pytest.mark.parametrize("limits", [{"batch_rows": 3}, {"batch_bytes": 1}])
def test_batches_of_any_size_hold_the_same_frames(tmp_path: Path, limits: dict[str, int]) -> None:
    s = Section()
    data = s.header()
    for i in range(200):
        data += s.interface(i) + s.packet(bytes([i]) * (i * 31 % 400), i, i) + s.block(0xABC, bytes(i))
    path = written(tmp_path, data)
    assert len(read(path)[0]) == 200
    assert read(path, **limits) == read(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (Section().header()[:20], "cut inside its header, at byte 20"),
        (Section().header()[:8] + b"\1\2\3\4" + Section().header()[12:], "byte-order magic 0x04030201"),
        (Section().header(version=(2, 0)), "version 2.0"),
        (Section().header(version=(1, 1)), "version 1.1"),
        (Section().header()[:-4] + b"\0\0\0\0", "two lengths differ"),
        (b"\n\r\r\n\x10\0\0\0" + Section().header()[8:], "16 bytes, too few"),
    ],
)
def test_no_capture(tmp_path: Path, data: bytes, says: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(CaptureError) as error:
        open_capture(path)
    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)


@pytest.mark.parametrize("order", ["<", ">"])
def test_flags_of_packets(tmp_path: Path, order: str) -> None:
    s = Section(order)

    def flags(value: int) -> bytes:
        return s.option(2, struct.pack(order + "I", value))

    end, comment = s.option(0, b""), s.option(1, b"a comment")
    told = [flags(5) + end, b"", comment + end, comment + flags(2), flags(0) + flags(9) + end, flags(0xF0000016)]
    path = written(tmp_path, s.header() + s.interface() + b"".join(
        s.packet(b"x" * 60, TIME * 10**6 + k, options=options) for k, options in enumerate(told)
    ) + s.simple(b"y" * 60))  # fmt: skip
    names = ("frame.packet_flags", "frame.packet_flags_direction", "frame.packet_flags_reception_type")
    fields = [word for name in names for word in ("-e", name)]
    answers = [
        subprocess.run((*program, "-r", str(path), "-T", "fields", *fields), capture_output=True, check=True).stdout
        for program in (("tshark",), (sys.executable, "-m", "pipeline.cli.main", "read"))
    ]
    assert answers[0] == answers[1]
    assert answers[0].splitlines()[0] == b"0x00000005\t0x00000001\t1"
    (frames,) = list(open_capture(path))
    assert frames.flags is not None
    assert (frames.flags == NO_FLAGS).tolist() == [False, True, True, False, False, False, True]
