"""States of conversations as rows of `FLOW_STATES`: the client's words under `shoal.client`, times in ns."""

from __future__ import annotations

import binascii
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.flows import words
from pipeline.engine.flows.ending import capture_points, endings
from pipeline.engine.flows.state import State
from pipeline.schema.columns import Columns
from pipeline.schema.flows import FLOW_STATES, SIDES

_PLAIN = ("packets", "bytes", "payload_bytes")
_SEGMENT_WORDS = tuple(
    c.name.removeprefix("shoal.client.")
    for c in FLOW_STATES.lanes["tcp"]
    if c.name.startswith("shoal.client.") and not c.name.endswith(("sack_perm", "timestamps", "zero_window_time"))
)
_RTT_WORDS = ("rtt_min", "rtt_max", "rtt_samples")


def community_ids(ends: NDArray[np.uint8], ports: NDArray[np.uint16], protocols: NDArray[np.uint8],
                  is_ip6: NDArray[np.bool_]) -> list[str]:
    """Community IDs, version 1, seed 0 (github.com/corelight/community-id-spec).

    `ends` has shape (rows, 2, 16), an IPv4 address being the last four bytes; `ports` (rows, 2); the others (rows,).
    """
    rows = len(ends)
    key = np.concatenate([ends, ports.astype(">u2").view(np.uint8).reshape(rows, 2, 2)], axis=2)
    different = key[:, 0] != key[:, 1]
    at = different.argmax(axis=1)
    swap = key[np.arange(rows), 0, at] > key[np.arange(rows), 1, at]
    key[swap] = key[swap][:, ::-1]
    # Seed, addresses, protocol, a zero, ports: 40 bytes with IPv6, 16 with IPv4.
    data = np.zeros((rows, 40), np.uint8)
    data[:, 2:18], data[:, 18:34] = key[:, 0, :16], key[:, 1, :16]
    data[:, 34], data[:, 36:38], data[:, 38:40] = protocols, key[:, 0, 16:], key[:, 1, 16:]
    four = ~is_ip6
    data[four, 2:6], data[four, 6:10] = key[four, 0, 12:16], key[four, 1, 12:16]
    data[four, 10], data[four, 11] = protocols[four], 0
    data[four, 12:14], data[four, 14:16] = key[four, 0, 16:], key[four, 1, 16:]
    whole, sizes = data.tobytes(), np.where(four, 16, 40).tolist()
    sha1, encode = hashlib.sha1, binascii.b2a_base64
    digests = (
        encode(sha1(whole[40 * i : 40 * i + size], usedforsecurity=False).digest()) for i, size in enumerate(sizes)
    )
    return [f"1:{line}" for line in b"".join(digests).decode("ascii").splitlines()]


def _put(columns: Columns, name: str, cells: Any) -> None:
    """Write the cells of a column, where its lane (set before) says that it has any."""
    values, present = columns.values(name), columns.present(name)
    if present is not None:
        cells = np.where(present if values.ndim == 1 else present[:, None], cells, 0)
    values[:] = np.asarray(cells).astype(values.dtype)


def fill(columns: Columns, counts: NDArray[np.uint32], sums: NDArray[np.int64]) -> Columns:
    """The rows of `columns` (FLOW_STATES, without labels) from states of shapes (rows, COUNT_WORDS) and
    (rows, SUM_WORDS)."""
    columns.rows = len(counts)
    state = State(counts, sums)
    _identity(columns, state)
    columns.set_lane("initial_rtt", state.own("initial_rtt") > 0)
    asked, replied = state.side("client", "first_payload"), state.side("server", "first_payload")
    columns.set_lane("response_time", (asked != 0) & (replied != 0) & (replied >= asked))
    states, names, codes = endings(state)
    columns.texts = [*names, *columns.texts]
    columns.values("shoal.community_id")[:] += np.uint32(len(names))  # type: ignore[misc]
    _put(columns, "shoal.tcp.state", states)
    _put(columns, "shoal.tcp.handshake", state.handshake)
    _put(columns, "shoal.tcp.ending", codes)
    _put(columns, "tcp.completeness", state.own("completeness"))
    _put(columns, "shoal.tcp.capture_point", capture_points(state))
    _put(columns, "shoal.tcp.outages", state.own("outages"))
    _put(columns, "shoal.tcp.outage_max", state.own("outage_max"))
    _put(columns, "tcp.analysis.initial_rtt", state.own("initial_rtt"))
    _put(columns, "shoal.response_time", replied - asked)
    for side in SIDES:
        _direction(columns, state, side)
    return columns


def _identity(columns: Columns, state: State) -> None:
    """Ends, indices, times."""
    tcp, ip6 = state.is_tcp, state.own("is_ip6") != 0
    columns.set_lane("tcp", tcp)
    columns.set_lane("udp", ~tcp)
    columns.set_lane("ip", ~ip6)
    columns.set_lane("ipv6", ip6)
    for name in ("first_frame", "last_frame", "first_time", "last_time", "flow_id"):
        columns.values(f"shoal.{name}").view(np.int64)[:] = state.own(name)
    _put(columns, "ip.proto", np.where(tcp, 6, 17))
    ends: list[NDArray[np.uint8]] = []
    for side, where in (("client", "src"), ("server", "dst")):
        halves = np.stack([state.address(side, "high"), state.address(side, "low")], axis=1)
        address = halves.astype(">i8").view(np.uint8).reshape(-1, 16)
        ends.append(address)
        _put(columns, f"ip.{where}", state.address(side, "low"))
        _put(columns, f"ipv6.{where}", address)
        port = state.port(side)
        _put(columns, f"tcp.{where}port", port)
        _put(columns, f"udp.{where}port", port)
    _put(columns, "tcp.stream", state.own("stream"))
    _put(columns, "udp.stream", state.own("stream"))
    ports = np.stack([state.port("client"), state.port("server")], axis=1).astype(np.uint16)
    columns.texts = community_ids(np.stack(ends, axis=1), ports, columns.values("ip.proto").astype(np.uint8), ip6)
    columns.values("shoal.community_id")[:] = np.arange(columns.rows)


def _direction(columns: Columns, state: State, side: str) -> None:
    """What one side sent."""
    options = state.side(side, "options")

    def has(name: str) -> NDArray[np.bool_]:
        bits: NDArray[np.bool_] = (options & words.OPTIONS[name]) != 0
        return bits

    samples = state.side(side, "rtt_samples").astype(np.int64)
    columns.set_lane(f"{side}.ttl", has("ttl"))
    columns.set_lane(f"{side}.rtt", samples > 0)
    columns.set_lane(f"{side}.congestion", has("congestion_point"))
    columns.set_lane(f"{side}.mss", has("mss"))
    columns.set_lane(f"{side}.wscale", has("wscale"))
    for name in _PLAIN:
        _put(columns, f"shoal.{side}.{name}", state.side(side, name))
    for name in ("ttl_min", "ttl_max"):
        _put(columns, f"shoal.{side}.{name}", state.side(side, name))
    for name in _SEGMENT_WORDS:
        _put(columns, f"shoal.{side}.{name}", state.side(side, name))
    since = state.side(side, "closed_since")
    closed = state.side(side, "zero_window_time") + np.where(since != 0, state.own("last_time") - since, 0)
    _put(columns, f"shoal.{side}.zero_window_time", closed)
    mean = state.side(side, "rtt_sum") // np.maximum(samples, 1)
    for name in _RTT_WORDS:
        _put(columns, f"shoal.{side}.{name}", state.side(side, name))
    _put(columns, f"shoal.{side}.rtt_mean", mean)
    least, most = state.side(side, "rtt_min"), state.side(side, "rtt_max")
    for percent in (50, 95):
        time = state.percentile(side, percent)
        # Where there was no room for a histogram, the mean stands in; the middle of a bucket may pass the ends.
        time = np.clip(np.where(time < 0, mean, time), least, most)
        _put(columns, f"shoal.{side}.rtt_p{percent}", time)
    _put(columns, f"shoal.{side}.congestion_point", state.side(side, "congestion_point"))
    _put(columns, f"shoal.{side}.mss", state.side(side, "mss"))
    _put(columns, f"shoal.{side}.wscale", state.side(side, "wscale"))
    _put(columns, f"shoal.{side}.sack_perm", has("sack_perm"))
    _put(columns, f"shoal.{side}.timestamps", has("timestamps"))
