"""Conversations: counted again from their packets, and how they ended as captures of kernel TCP tell it."""

from __future__ import annotations

import ipaddress
import statistics
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engine.flows import words
from pipeline.engine.flows.rows import community_ids
from pipeline.schema import PACKETS
from tests.engine.flow_rows import Row, Told, told
from tests.engine.wire import A, B, segment, udp
from tests.sources.makecap import pcap

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
CAPTURES = sorted(SCENARIOS.glob("*.pcap.gz"))
ENDINGS: dict[str, Any] = tomllib.loads((SCENARIOS / "endings.toml").read_text(encoding="utf-8"))
SECOND = 10**9
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CAUSES = ("resent", "resent_needlessly", "reordered", "duplicated_by_network")
RTT = "tcp.analysis.ack_rtt"


def _name(path: Path) -> str:
    return path.name.removesuffix(".pcap.gz")


def made(folder: Path, frames: list[tuple[float, bytes]], batch_rows: int = 4096) -> Told:
    """Frames at seconds, through the engine."""
    path = folder / "made.pcap"
    path.write_bytes(pcap((int(at * SECOND), frame) for at, frame in frames))
    return told(path, batch_rows)


def opened(at: float, port: int = 1000, ack: bool = True) -> list[tuple[float, bytes]]:
    """A handshake of A and B."""
    frames = [
        (at, segment(A, port, B, 80, SYN, 100, 0)), (at + 0.01, segment(B, 80, A, port, SYN | ACK, 500, 101)),
        (at + 0.02, segment(A, port, B, 80, ACK, 101, 501)),
    ]  # fmt: skip
    return frames if ack else frames[:2]


@pytest.mark.parametrize("path", CAPTURES, ids=_name)
def test_how_it_ended(path: Path) -> None:
    scenario, place = _name(path).rsplit("-", 1)
    expected = [(e["state"], e["ending"]) for e in ENDINGS[scenario][place]]
    rows = sorted((row for row in told(path).newest if "tcp.stream" in row), key=lambda row: int(row["tcp.stream"]))
    assert [(row["shoal.tcp.state"], row["shoal.tcp.ending"]) for row in rows] == expected
    back = "network cut and back" in ENDINGS[scenario].get("notes", {}).get(place, ())
    if back:
        assert rows[0]["shoal.tcp.outages"] == 1
        assert rows[0]["shoal.tcp.outage_max"] > SECOND


def _marked(packet: Row, name: str) -> bool:
    source = PACKETS.by_name[f"tcp.analysis.{name}"].bits_of
    assert source is not None
    return bool(packet["shoal.tcp.analysis"] >> source[1] & 1)


def _hops(packet: Row) -> int:
    return int(packet["ip.ttl"] if "ip.ttl" in packet else packet["ipv6.hlim"])


def _recounted(packets: list[Row], other: list[Row]) -> Row:
    """What one direction has, counted in another way than the engine's; `other` are the other direction's packets."""
    whole = [p for p in packets if "tcp.len" in p]
    payload = [p for p in whole if p["tcp.len"]]
    mss = next((p["tcp.options.mss_val"] for p in other if p["tcp.flags"] & SYN and "tcp.options.mss_val" in p), None)
    rtts = sorted(p[RTT] for p in other if RTT in p)
    row: Row = {
        "packets": len(packets),
        "bytes": sum(p["frame.len"] for p in packets),
        "payload_bytes": sum(p["tcp.len"] for p in whole),
        "segments": len(payload),
        "retransmission_bytes": sum(p["tcp.len"] for p in whole if _marked(p, "retransmission")),
        "fast_retransmission_bytes": sum(p["tcp.len"] for p in whole if _marked(p, "fast_retransmission")),
        "spurious_retransmission_bytes": sum(p["tcp.len"] for p in whole if _marked(p, "spurious_retransmission")),
        "rto": sum("tcp.analysis.rto" in p for p in whole),
        "rto_max": max((p["tcp.analysis.rto"] for p in whole if "tcp.analysis.rto" in p), default=0),
        "bytes_in_flight_max": max((p.get("tcp.analysis.bytes_in_flight", 0) for p in whole), default=0),
        "over_mss": sum(mss is not None and p["tcp.len"] > mss for p in payload),
        "delayed_acks": sum(
            p.get(RTT, 0) > SECOND // 5 and not p["tcp.len"] and not p["tcp.flags"] & (SYN | FIN | RST) for p in whole
        ),
        "ttl_min": min(_hops(p) for p in packets),
        "ttl_max": max(_hops(p) for p in packets),
    }
    row |= {name: sum(_marked(p, name) for p in whole) for name in words.MARKS}
    if not row["over_mss"]:
        # Where offload has joined segments, the causes count what the sender sent.
        row |= {cause: sum(p["shoal.tcp.cause"] == cause for p in whole) for cause in CAUSES}
        row["resent_bytes"] = sum(p["tcp.len"] for p in whole if p["shoal.tcp.cause"].startswith("resent"))
    if rtts:
        row |= {
            "rtt_samples": len(rtts), "rtt_min": rtts[0], "rtt_max": rtts[-1], "rtt_mean": sum(rtts) // len(rtts),
        }  # fmt: skip
    row["rtts"] = rtts
    return row


def _unique(packets: list[Row]) -> int:
    """Payload bytes of one direction by their places, each once (a conversation of less than 4 GiB)."""
    taken: set[int] = set()
    for p in packets:
        if p["tcp.len"] > 1:
            start = p["tcp.seq"] + bool(p["tcp.flags"] & SYN)
            taken.update(range(start, start + p["tcp.len"]))
    return len(taken)


def _closed_for(packets: list[Row], end: int) -> int:
    """For how long (ns) the window of one direction was closed."""
    total, since = 0, None
    for p in packets:
        if p["tcp.flags"] & (SYN | RST):
            continue
        if p["tcp.window_size"] == 0:
            since = p["frame.time"] if since is None else since
        elif since is not None:
            total, since = total + p["frame.time"] - since, None
    return total + (end - since if since is not None else 0)


@pytest.mark.parametrize("path", CAPTURES[::3], ids=_name)
def test_counted_again(path: Path) -> None:
    found = told(path, packets=True)
    for row in (r for r in found.newest if "tcp.stream" in r):
        packets = [p for p in found.packets if p.get("tcp.stream") == row["tcp.stream"]]
        client = row.get("ip.src", row.get("ipv6.src")), row["tcp.srcport"]
        out = [p for p in packets if (p.get("ip.src", p.get("ipv6.src")), p["tcp.srcport"]) == client]
        back = [p for p in packets if p not in out]
        assert row["shoal.first_frame"] == packets[0]["frame.number"]
        assert row["shoal.last_frame"] == packets[-1]["frame.number"]
        for side, mine, others in (("client", out, back), ("server", back, out)):
            if not mine:
                assert row[f"shoal.{side}.packets"] == 0
                continue
            expected = _recounted(mine, others)
            rtts = expected.pop("rtts")
            assert {name: row.get(f"shoal.{side}.{name}") for name in expected} == expected
            if all(p["tcp.len"] != 1 for p in mine):  # a probe of one byte is no payload of its own
                assert row[f"shoal.{side}.unique_bytes"] == _unique(mine)
            closed = _closed_for(mine, packets[-1]["frame.time"])
            assert row[f"shoal.{side}.zero_window_time"] == closed
            if rtts:
                for percent, name in ((50, "rtt_p50"), (95, "rtt_p95")):
                    exact = rtts[max(0, -(-len(rtts) * percent // 100) - 1)]
                    assert row[f"shoal.{side}.{name}"] == pytest.approx(exact, rel=0.0626, abs=4096)


def test_congestion_point(tmp_path: Path) -> None:
    """Three segments go out together; the second of them is sent again: 20 bytes were in flight with it."""
    sent = [(1.0 + k / 1000, segment(A, 1000, B, 80, ACK | PSH, 101 + 10 * k, 501, 10)) for k in range(3)]
    answers = [(1.05, segment(B, 80, A, 1000, ACK, 501, 111))]
    again = [(1.5, sent[1][1]), (1.6, segment(B, 80, A, 1000, ACK, 501, 131)), (2.0, sent[2][1])]
    (row,) = made(tmp_path, opened(0.5) + sent + answers + again).newest
    assert row["shoal.client.congestion_point"] == 20
    assert "shoal.server.congestion_point" not in row


def test_a_row_each_minute_that_it_lives(tmp_path: Path) -> None:
    frames = opened(0.5)
    for at in (30, 61, 62, 130, 200):
        frames.append((at, segment(A, 1000, B, 80, ACK | PSH, 101 + at * 10, 501, 10)))
    rows = made(tmp_path, frames).rows
    # Each minute's last frame: 4 in the first, 6 in the second, 7 in the third, 8 at the end.
    assert [row["shoal.last_frame"] for row in rows] == [4, 6, 7, 8]
    assert [row["shoal.client.payload_bytes"] for row in rows] == [10, 30, 40, 50]


def test_idle_is_told_without_another_frame_of_it(tmp_path: Path) -> None:
    frames = opened(5.5) + [(at, udp(A, 1, B, 2)) for at in (20.0, 61.0, 130.0, 250.0)]
    rows = [row for row in made(tmp_path, frames).rows if "tcp.stream" in row]
    assert [(row["shoal.last_frame"], row["shoal.tcp.state"]) for row in rows] == [(3, "established"), (3, "idle")]


@pytest.mark.parametrize("batch_rows", [1, 5, 64])
def test_ports_used_again_tell_the_one_before(tmp_path: Path, batch_rows: int) -> None:
    again = [(2.0, segment(A, 1000, B, 80, SYN, 9000, 0)), (2.1, segment(B, 80, A, 1000, RST | ACK, 0, 9001))]
    rows = made(tmp_path, opened(0.5) + again, batch_rows).rows
    assert [(row["tcp.stream"], row["shoal.tcp.ending"]) for row in rows] == [
        (0, "client restarted: its ports used again while open"), (1, "refused: the port is closed"),
    ]  # fmt: skip


def test_udp_conversations(tmp_path: Path) -> None:
    frames = [(1.0, udp(A, 5000, B, 53, b"q" * 20)), (1.25, udp(B, 53, A, 5000, b"r" * 90)),
              (2.0, udp(B, 53, A, 9, b""))]  # fmt: skip
    one, two = made(tmp_path, frames).newest
    assert (one["ip.src"], one["udp.srcport"], one["ip.dst"], one["udp.dstport"]) == (A, 5000, B, 53)
    assert one["udp.stream"] == 0
    assert (one["shoal.client.payload_bytes"], one["shoal.server.payload_bytes"]) == (20, 90)
    assert one["shoal.response_time"] == SECOND // 4
    assert "shoal.tcp.state" not in one
    # Both ports are system ports: who sent the first packet is the client.
    assert (two["ip.src"], two["udp.srcport"], two["shoal.server.packets"]) == (B, 53, 0)


def test_who_is_the_client_without_a_handshake(tmp_path: Path) -> None:
    frames = [(1.0, segment(B, 80, A, 50_000, ACK, 5, 6, 9)), (1.1, segment(A, 50_000, B, 80, ACK, 6, 14))]
    (row,) = made(tmp_path, frames).newest
    assert (row["ip.src"], row["tcp.srcport"], row["shoal.server.payload_bytes"]) == (A, 50_000, 9)
    assert not row["shoal.tcp.handshake"]


@pytest.mark.parametrize(("source", "destination", "protocol", "ports", "expected"), [
    ("128.232.110.120", "66.35.250.204", 6, (34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("66.35.250.204", "128.232.110.120", 6, (80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 6, (2000, 3000),
     "1:CrdzaR2dCDVSWpLY5FiRp7av4zM="),
    ("192.168.1.52", "8.8.8.8", 17, (54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
])  # fmt: skip
def test_community_id(source: str, destination: str, protocol: int, ports: tuple[int, int], expected: str) -> None:
    ends = [list(ipaddress.ip_address(end).packed.rjust(16, b"\0")) for end in (source, destination)]
    told = community_ids(np.array([ends], np.uint8), np.array([ports], np.uint16), np.array([protocol], np.uint8),
                         np.array([":" in source]))
    assert told == [expected]


@pytest.mark.parametrize("name", ["loss-ipv6-client", "scan-client"])
def test_community_id_as_tshark_gives_it(name: str) -> None:
    path = SCENARIOS / f"{name}.pcap.gz"
    lines = subprocess.run(
        ["tshark", "-n", "--enable-protocol", "communityid", "-r", str(path), "-Y", "tcp", "-T", "fields", "-e",
         "tcp.stream", "-e", "communityid"], capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    want = dict(line.split("\t") for line in lines)
    got = {str(r["tcp.stream"]): r["shoal.community_id"] for r in told(path).newest if "tcp.stream" in r}
    assert got == want


def test_percentiles_of_many_times(tmp_path: Path) -> None:
    frames = opened(0.0)
    at, seq, rtts = 1.0, 101, []
    for k in range(400):
        rtt = round(0.0001 * 1.02**k, 6)
        frames.append((at, segment(A, 1000, B, 80, ACK | PSH, seq, 501, 10)))
        seq += 10
        frames.append((at + rtt, segment(B, 80, A, 1000, ACK, 501, seq)))
        rtts.append(rtt * SECOND)
        at += rtt + 0.001
    (row,) = made(tmp_path, frames).newest
    rtts.append(0.01 * SECOND)  # the SYN's
    assert row["shoal.client.rtt_samples"] == 401
    assert row["shoal.client.rtt_p50"] == pytest.approx(statistics.median(rtts), rel=0.0626)
    assert row["shoal.client.rtt_p95"] == pytest.approx(sorted(rtts)[380], rel=0.0626)
    assert row["shoal.client.rtt_mean"] == pytest.approx(statistics.fmean(rtts), rel=1e-4)
    # Acknowledgments that came more than 0.2 s later.
    assert row["shoal.server.delayed_acks"] == sum(rtt > SECOND // 5 for rtt in rtts)
