"""The writer's forms, value by value, and what it does with rows, batches, pieces and settings."""

from __future__ import annotations

import datetime
import ipaddress
import socket

import numpy as np
import pytest

from pipeline.render import fields as fields_module
from pipeline.render.fields import FieldWriter, PrintedField
from pipeline.render.spell import printable
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.shown import Form, Source, sources

LANES = list(PACKETS.lanes)


def batch(rows: int) -> Columns:
    """An empty batch of so many rows."""
    columns = Columns(PACKETS, max(rows, 1))
    columns.rows = rows
    return columns


def put(columns: Columns, name: str, values: object) -> None:
    """Set a column in all rows, and with it the columns before it in its lane."""
    columns.values(name)[...] = values
    lane = PACKETS.by_name[name].lane
    if lane:
        members = [c.name for c in PACKETS.lanes[lane]]
        columns.lane[LANES.index(lane), : columns.rows] = members.index(name) + 1


def put_list(columns: Columns, group: str, counts: list[int], **values: list[object]) -> None:
    """Set the items of a list group, by the last part of the columns' names."""
    lists = columns.lists[group]
    lists.offsets[1 : len(counts) + 1] = np.cumsum(counts)
    for c in lists.group.columns:
        short = c.name.rpartition(".")[2]
        if short in values:
            lists.values(c, columns.rows)[...] = values[short]


def text(columns: Columns, *names: str, keep: np.ndarray | None = None, pick: str = "a") -> str:
    """The lines of the named fields."""
    writer = FieldWriter([PrintedField(sources(PACKETS, n), pick, gap="\t" if i else "") for i, n in enumerate(names)])
    return b"".join(bytes(piece) for piece in writer.lines(columns, keep)).decode()


def column(columns: Columns, name: str) -> list[str]:
    """What is printed of one field, row by row."""
    return text(columns, name).split("\n")[:-1]


def test_decimal_numbers() -> None:
    values = [0, 9, *(10**k + d for k in range(1, 20) for d in (-1, 0, 1)), 2**32, 2**63, 2**64 - 1]
    columns = batch(len(values))
    put(columns, "frame.number", np.array(values, np.uint64))
    assert column(columns, "frame.number") == [str(v) for v in values]


@pytest.mark.parametrize(("name", "digits", "top"), [
    ("ip.dsfield", 2, 0xFF), ("ip.id", 4, 0xFFFF), ("gre.key", 8, 2**32 - 1), ("ipv6.flow", 6, 0xFFFFF),
    ("ipv6.tclass", 8, 0xFF), ("geneve.vni", 6, 0xFFFFFF),
])
def test_hexadecimal_numbers(name: str, digits: int, top: int) -> None:
    values = [0, 10, top // 3, top]
    columns = batch(4)
    put(columns, name, values)
    assert column(columns, name) == [f"0x{v:0{digits}x}" for v in values]


def test_addresses() -> None:
    rng = np.random.default_rng(0)
    columns = batch(2000)
    ipv4 = rng.integers(0, 2**32, 2000, np.uint32)
    mac = rng.integers(0, 2**48, 2000, np.uint64)
    # Zero groups at all places, and those beginnings that embed an IPv4 address.
    ipv6 = (rng.integers(0, 2**16, (2000, 8)) * rng.integers(0, 2, (2000, 8))).astype(">u2").view(np.uint8)
    ipv6[:256] = (rng.integers(1, 2**16, (256, 8)) * (np.arange(256)[:, None] >> np.arange(8) & 1)).astype(">u2").view(
        np.uint8)
    ipv6[256:300, :10] = 0
    ipv6[256:280, 10:12] = 255
    ipv6[300:310, :15] = 0
    put(columns, "ip.src", ipv4)
    put(columns, "eth.src", mac)
    put(columns, "ipv6.src", ipv6)
    assert column(columns, "ip.src") == [str(ipaddress.IPv4Address(int(v))) for v in ipv4]
    assert column(columns, "eth.src") == [":".join(f"{b:02x}" for b in int(v).to_bytes(6, "big")) for v in mac]
    assert column(columns, "ipv6.src") == [socket.inet_ntop(socket.AF_INET6, v.tobytes()) for v in ipv6]


def test_times() -> None:
    edges = [0, 1, 999_999_999, 1_000_000_000, -1, -999_999_999, -1_000_000_000, -1_000_000_001, 2**63 - 1, -(2**63)]
    leaps = [datetime.datetime(y, m, d, 23, 59, 59, tzinfo=datetime.UTC) for y, m, d in
             ((1969, 12, 31), (1972, 2, 29), (2000, 2, 29), (2000, 3, 1), (1900, 2, 28), (1900, 3, 1), (2023, 11, 4),
              (2100, 2, 28), (2100, 3, 1), (2024, 12, 31))]
    rng = np.random.default_rng(1)
    anywhere = rng.integers(-(2**63), 2**63 - 1, 500)
    values = np.array([*edges, *(int(t.timestamp()) * 10**9 + 5 for t in leaps), *anywhere])
    columns = batch(len(values))
    put(columns, "frame.time", values.view(np.uint64))
    assert column(columns, "frame.time_epoch") == [f"{'-' * (v < 0)}{abs(v) // 10**9}.{abs(v) % 10**9:09}"
                                                   for v in values.tolist()]
    start = datetime.datetime(1970, 1, 1)
    days = [start + datetime.timedelta(seconds=v // 10**9) for v in values.tolist()]
    assert column(columns, "frame.time") == [f"{t:%b} {t.day:2}, {t:%Y %H:%M:%S}.{v % 10**9:09} UTC"
                                             for t, v in zip(days, values.tolist(), strict=True)]


def test_durations() -> None:
    values = np.array([0, 1, 110_467_000, -1_000, -3_000_000_000, 2**63 - 1, -(2**63)])
    columns = batch(len(values))
    put(columns, "tcp.analysis.ack_rtt", values.view(np.uint64))
    assert column(columns, "tcp.analysis.ack_rtt") == [
        "0.000000000", "0.000000001", "0.110467000", "-0.000001000", "-3.000000000", "9223372036.854775807",
        "-9223372036.854775808"]


def test_numbers_with_a_sign() -> None:
    values = np.array([-1, -2, 0, 1, 16384, 32767, -32768], np.int16)
    columns = batch(len(values))
    put(columns, "tcp.window_size_scalefactor", values.view(np.uint16))
    assert column(columns, "tcp.window_size_scalefactor") == [str(v) for v in values]


def test_marks_are_1_or_nothing() -> None:
    columns = batch(5)
    columns.values("shoal.tcp.analysis")[...] = [0, 1, 1 << 14, 1 << 15, 1 << 17]
    assert column(columns, "tcp.analysis.retransmission") == ["", "1", "", "", ""]
    assert column(columns, "tcp.analysis.reused_ports") == ["", "", "1", "", ""]
    assert column(columns, "tcp.analysis.tfo_syn") == ["", "", "", "1", ""]
    assert column(columns, "tcp.connection.syn") == ["", "", "", "", "1"]
    assert column(columns, "tcp.analysis.flags") == ["", "1", "1", "", ""]
    assert column(columns, "tcp.analysis.keep_alive") == [""] * 5
    writer = FieldWriter([PrintedField(sources(PACKETS, "tcp.analysis.flags"))], quote='"')
    assert b"".join(bytes(p) for p in writer.lines(columns)) == b'\n"1"\n"1"\n\n\n'


def test_relative_times_go_on_over_batches() -> None:
    writer = FieldWriter([PrintedField(sources(PACKETS, n), gap=" " * i)
                          for i, n in enumerate(("frame.time_relative", "frame.time_delta"))])
    lines = []
    for times in ([10**18, 10**18 + 5], [10**18 - 1], [], [10**18 + 2 * 10**9]):
        columns = batch(len(times))
        put(columns, "frame.time", np.array(times, np.uint64))
        lines += b"".join(bytes(p) for p in writer.lines(columns)).decode().splitlines()
    assert lines == ["0.000000000 0.000000000", "0.000000005 0.000000005", "-0.000000001 -0.000000006",
                     "2.000000000 2.000000001"]


def test_texts_labels_and_bytes() -> None:
    columns = batch(3)
    columns.texts = ["eth:ip", "a\tb\nc\x01", "größe"]
    columns.labels = {"sensor": "probe", "shoal.day": datetime.date(2024, 2, 29)}
    columns.values("frame.protocols")[...] = [1, 0, 2]
    columns.values("shoal.short")[...] = [0, 1, 255]
    put(columns, "tcp.options.tfo.cookie", np.arange(48).reshape(3, 16))
    columns.lane[LANES.index("tcp.options.tfo.cookie"), :3] = [3, 0, 16]
    columns.raw_buffer = b"..abc..defg"
    columns.raw_offset, columns.raw_length = np.array([2, 7, 0]), np.array([3, 4, 0], np.uint32)
    names = ("frame.protocols", "sensor", "shoal.day", "shoal.short", "tcp.options.tfo.cookie", "frame.raw")
    assert text(columns, *names).split("\n") == [
        "a\\tb\\nc\\001\tprobe\t2024-02-29\t\t000102\t616263",
        "eth:ip\tprobe\t2024-02-29\teth\t\t64656667",
        "größe\tprobe\t2024-02-29\t\t202122232425262728292a2b2c2d2e2f\t",
        "",
    ]


def test_printable_text() -> None:
    assert printable('a"b\\\t\r\n\x07\x00\x1b\x7f') == 'a"b\\\\t\\r\\n\\a\\000\\033\\177'


def test_bits_and_marks() -> None:
    columns = batch(4)
    put(columns, "ip.flags", [0, 1, 2, 4])
    put(columns, "tcp.flags", [0x1FF, 0x100, 0x12, 0])
    put(columns, "tcp.options.sack_perm", 1)
    columns.lane[LANES.index("tcp.options.sack_perm"), 1] = 0
    assert text(columns, "ip.flags.df", "ip.flags.mf", "ip.flags.rb", "tcp.flags.ae", "tcp.flags.syn",
                "tcp.options.sack_perm").splitlines() == [
        "0\t0\t0\t1\t1\t0402", "0\t1\t0\t1\t0\t", "1\t0\t0\t0\t1\t0402", "0\t0\t1\t0\t0\t0402"]


def test_a_header_cut_short() -> None:
    """Fields behind the cut print nothing, those before it do."""
    columns = batch(2)
    put(columns, "ip.ttl", [64, 65])
    assert text(columns, "ip.id", "ip.ttl", "ip.proto", "ip.src") == "0x0000\t64\t\t\n0x0000\t65\t\t\n"


def mapped(address: str) -> list[int]:
    return list(socket.inet_pton(socket.AF_INET6, f"::ffff:{address}"))


def tunnels() -> Columns:
    """Three rows: no tunnel; IPv4 in IPv6 in IPv4 in IPv4 with UDP; an ICMP error that quotes IPv4 with UDP."""
    columns = batch(3)
    put(columns, "ip.src", [1, 2, 3])
    put(columns, "ip.dst", [11, 12, 13])
    put_list(columns, "outer", [0, 3, 0], version=[4, 4, 6], ports=[0, 17, 0], srcport=[0, 4789, 0],
             dstport=[0, 8472, 0], udp_length=[0, 50, 0], stream=[0, 7, 0], ttl=[1, 2, 3],
             src=[mapped("1.1.1.1"), mapped("2.2.2.2"), [0x20] * 16],
             dst=[mapped("1.1.1.2"), mapped("2.2.2.3"), [0x30] * 16])
    put(columns, "udp.dstport", [0, 53, 0])
    columns.values("udp.srcport")[1] = 999
    columns.lane[LANES.index("udp"), [0, 2]] = 0
    quoted = [("version", [0, 0, 4]), ("src", [[0] * 16, [0] * 16, mapped("9.9.9.9")]), ("ports", [0, 0, 17]),
              ("dst", [[0] * 16, [0] * 16, mapped("9.9.9.8")]), ("srcport", 5), ("dstport", 6), ("udp_length", 8)]
    for name, values in quoted:
        put(columns, f"shoal.quoted.{name}", values)
    columns.lane[LANES.index("quoted"), :2] = 0
    return columns


def test_occurrences_in_order() -> None:
    columns = tunnels()
    assert column(columns, "ip.src") == ["0.0.0.1", "1.1.1.1,2.2.2.2,0.0.0.2", "0.0.0.3,9.9.9.9"]
    assert column(columns, "ip.addr") == ["0.0.0.1,0.0.0.11", "1.1.1.1,1.1.1.2,2.2.2.2,2.2.2.3,0.0.0.2,0.0.0.12",
                                          "0.0.0.3,0.0.0.13,9.9.9.9,9.9.9.8"]
    assert column(columns, "ipv6.src") == ["", "2020:" * 7 + "2020", ""]
    assert column(columns, "ipv6.hlim") == ["", "3", ""]
    assert column(columns, "udp.port") == ["", "4789,8472,999,53", "5,6"]
    assert column(columns, "udp.stream") == ["", "7", ""]
    assert column(columns, "udp.length") == ["", "50", "8"]
    assert column(columns, "tcp.srcport") == ["", "", ""]
    assert column(columns, "shoal.outer.src") == ["", f"::ffff:1.1.1.1,::ffff:2.2.2.2,{'2020:' * 7}2020", ""]


def test_first_and_last_occurrence() -> None:
    columns = tunnels()
    assert text(columns, "ip.src", "udp.port", pick="f") == "0.0.0.1\t\n1.1.1.1\t4789\n0.0.0.3\t5\n"
    assert text(columns, "ip.src", "udp.port", pick="l") == "0.0.0.1\t\n0.0.0.2\t53\n9.9.9.9\t6\n"


def test_quotes_and_widths() -> None:
    columns = tunnels()
    number = (Source(("udp.srcport",), Form("dec"), before=("#",)),)
    writer = FieldWriter([PrintedField(number, width=6), PrintedField(number, gap="|", width=-6),
                          PrintedField(sources(PACKETS, "udp.port"), "l", gap="|", join=";")], quote="'")
    assert b"".join(bytes(p) for p in writer.lines(columns)).decode().splitlines() == [
        "      |      |", "'#999'|'#999'|'53'", "      |      |'6'"]


def test_only_rows_that_are_kept() -> None:
    rows = 3 * fields_module.BLOCK
    columns = batch(rows)
    put(columns, "frame.number", np.arange(rows))
    keep = np.zeros(rows, np.bool_)
    keep[[0, 5, fields_module.BLOCK, rows - 1]] = True
    assert text(columns, "frame.number", keep=keep).split() == ["0", "5", str(fields_module.BLOCK), str(rows - 1)]
    assert text(columns, "frame.number", keep=~keep).count("\n") == rows - 4


def test_pieces_are_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer that is small for the text, or too small for one line, changes nothing but the pieces."""
    columns = batch(200)
    put(columns, "frame.number", np.arange(200))
    columns.raw_buffer = bytes(range(256)) * 8
    columns.raw_offset, columns.raw_length = np.zeros(200, np.int64), np.arange(200, dtype=np.uint32) * 10
    expected = "".join(f"{i}\t{columns.raw_buffer[: 10 * i].hex()}\n" for i in range(200))
    for size in (1, 4_200, 10_000):
        monkeypatch.setattr(fields_module, "BUFFER", size)
        writer = FieldWriter([PrintedField(sources(PACKETS, "frame.number")),
                              PrintedField(sources(PACKETS, "frame.raw"), gap="\t")])
        pieces = [bytes(p) for p in writer.lines(columns)]
        assert all(p.endswith(b"\n") for p in pieces)
        assert len(pieces) > 1
        assert b"".join(pieces).decode() == expected


def test_batches_differ() -> None:
    """What one batch has, texts, lists or lanes, is not taken for the next one's."""
    fields = [PrintedField(sources(PACKETS, n), gap=" " if i else "") for i, n in
              enumerate(("frame.protocols", "ip.src", "vlan.id", "shoal.short", "frame.time"))]
    alone, together = [], []
    one = FieldWriter(fields)
    for k in range(4):
        columns = batch(2)
        columns.texts = [f"text {k} {i}" for i in range(3 - k % 2)]
        columns.values("frame.protocols")[...] = [1, 0]
        if k % 2:
            put(columns, "ip.src", [k, 2 * k])
            put_list(columns, "vlan", [0, 2], id=[k, k + 1])
        alone.append(b"".join(bytes(p) for p in FieldWriter(fields).lines(columns)))
        together.append(b"".join(bytes(p) for p in one.lines(columns)))
    assert together == alone
    assert alone[1] == (b"text 1 1 0.0.0.1   Jan  1, 1970 00:00:00.000000000 UTC\n"
                        b"text 1 0 0.0.0.2 1,2  Jan  1, 1970 00:00:00.000000000 UTC\n")


def test_a_batch_without_rows() -> None:
    assert text(batch(0), "frame.number", "ip.src", "frame.time_relative") == ""


def test_a_code_without_a_text_does_not_run_off() -> None:
    columns = batch(1)
    columns.texts = ["only"]
    columns.values("frame.protocols")[...] = 7
    assert column(columns, "frame.protocols") == ["only"]
