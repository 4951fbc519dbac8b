"""The same frames give the same rows: in batches of any size, and with the engine set up anew between them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from collectors.decode import decode
from collectors.sources import open_capture
from pipeline.engine import Engine, SnapshotError
from pipeline.engine.flows import Flows
from pipeline.engine.snapshot import pack, unpack
from pipeline.schema import PACKETS
from pipeline.schema.columns import Columns
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.flows import FLOW_STATES
from tests.engine.conversations import ethernet
from tests.engine.flow_rows import Row, rows_of, whole_rows_of
from tests.engine.wire import A, B, C, invite, tcp, udp
from tests.exchanges.everything import everything
from tests.exchanges.hear import BEGIN
from tests.sources.makecap import pcap

ROOT = Path(__file__).resolve().parents[2]
SECOND = 10**9
CAPTURES = sorted((ROOT / "tests" / "scenarios").glob("*.pcap.gz"))[::4]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenarios of kernel TCP and the sample, one half a minute after the other, and between them what is announced,
    and fragments of a datagram."""
    frames: list[tuple[int, bytes]] = []
    now = 1_700_000_000 * SECOND
    for path in [*CAPTURES, ROOT / "samples" / "demo.pcapng", *CAPTURES[:3]]:
        found: list[tuple[int, bytes]] = []
        with open_capture(str(path)) as reader:
            for batch in reader:
                view = memoryview(batch.buffer)
                found += [
                    (int(time), bytes(view[int(at) : int(at) + int(size)]))
                    for time, at, size in zip(batch.time, batch.offset, batch.cap_len, strict=True)
                ]
        frames += [(time - found[0][0] + now, data) for time, data in found]
        now = frames[-1][0] + 30 * SECOND
        port = 30_000 + len(frames) % 5000 * 2
        datagram = udp(A, port, B, 40_000, bytes(range(200)) * 3)[34:]
        between = [
            invite(port, cseq=len(frames)), udp(A, port, B, 9), udp(C, 7, A, port),
            ethernet(A, B, 17, datagram[:304], 0x2000), tcp(A, 21, B, port, b"227 (10,0,0,1,7,9)\r\n", len(frames)),
            ethernet(A, B, 17, datagram[304:], 38),
        ]  # fmt: skip
        frames += [(now + k, data) for k, data in enumerate(between)]
    frames += [(now + 60 * SECOND + time - BEGIN, data) for time, data in everything()]
    made = tmp_path_factory.mktemp("determinism") / "joined.pcap"
    made.write_bytes(pcap(frames, magic=0xA1B23C4D))
    return made


def _cells(columns: Columns) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every column's cells, zero where there is no value, and presence."""
    for c in PACKETS.stored:
        if c.of.slab in ("const", "raw", "code"):
            continue
        values, counts = columns.values(c.name), columns.counts(c.name)
        if counts is not None:
            there = columns.present(c.name)
            assert there is not None
            values = np.where(there if values.ndim == 1 else there[:, None], values, 0)
            yield f"{c.name}?", there.copy()
        yield c.name, values.copy()
    for group in PACKETS.groups:
        lists = columns.lists[group.name]
        yield f"{group.name} items", np.diff(lists.offsets[: columns.rows + 1])
        for c in group.columns:
            yield c.name, lists.values(c, columns.rows).copy()


def _said(columns: Columns) -> Iterator[tuple[str, object]]:
    """The name of each frame's protocol, and the fields of what is said in it."""
    numbers = columns.values("frame.number").tolist()
    codes = columns.values("_ws.col.Protocol").tolist()
    names = (columns.texts[code] for code in codes)
    yield from (("_ws.col.Protocol", named) for named in zip(numbers, names, strict=True))
    for name, (rows, values) in columns.details.items():
        yield from ((name, (numbers[row], value)) for row, value in zip(rows, values, strict=True))


@dataclass
class Rows:
    """Cells of packets, rows of conversations, rows of exchanges by record, and fields of frames by name."""

    packets: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    flows: list[Row] = field(default_factory=list)
    exchanges: dict[str, list[Row]] = field(default_factory=dict)
    said: dict[str, list[object]] = field(default_factory=dict)


def _rows(path: Path, batch_rows: int, seed: int | None = None, often: float = 0.0) -> Rows:
    """Packets and conversations; with `seed`, the engine is replaced by its snapshot's at random places."""
    packets: dict[str, list[NDArray[np.generic]]] = {}
    found = Rows()
    rng = random.Random(seed)

    def sink(rows: Columns) -> None:
        found.flows.extend(rows_of(rows, FLOW_STATES))

    def exchanges(rows: Columns) -> None:
        found.exchanges.setdefault(rows.record.name, []).extend(whole_rows_of(rows))

    def new() -> Engine:
        return Engine(sink, None, exchanges, details=True)

    engine, columns, replaced = new(), Columns(PACKETS, batch_rows), 0
    with open_capture(str(path), batch_rows=batch_rows) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            for name, cells in _cells(columns):
                packets.setdefault(name, []).append(cells)
            for name, value in _said(columns):
                found.said.setdefault(name, []).append(value)
            if seed is not None and rng.random() < often:
                snapshot, engine = engine.snapshot(), new()
                engine.restore(snapshot)
                replaced += 1
    engine.finish()
    assert seed is None or replaced > 1
    found.packets = {name: np.concatenate(parts) for name, parts in packets.items()}
    return found


@pytest.fixture(scope="module")
def expected(capture: Path) -> Rows:
    return _rows(capture, 65_536)


@pytest.mark.parametrize(("batch_rows", "seed", "often"), [
    (1, None, 0.0), (7, None, 0.0), (4096, None, 0.0), (1, 1, 0.002), (7, 2, 0.02), (1000, 3, 0.9), (4096, 4, 1.0),
])  # fmt: skip
def test_batches_and_snapshots(
    capture: Path, expected: Rows, batch_rows: int, seed: int | None, often: float
) -> None:
    found = _rows(capture, batch_rows, seed, often)
    assert [n for n, cells in expected.packets.items() if not np.array_equal(cells, found.packets[n])] == []
    assert found.flows == expected.flows
    assert len(found.flows) > 100
    assert found.exchanges == expected.exchanges
    assert found.said == expected.said
    assert found.exchanges.keys() == {record.name for record in EXCHANGES}


def test_a_snapshot_of_other_parts_is_refused(capture: Path) -> None:
    engine = Engine()
    snapshot = engine.snapshot()
    with pytest.raises(SnapshotError, match="other parts"):
        Engine(lambda rows: None).restore(snapshot)
    tree = unpack(snapshot)
    with pytest.raises(SnapshotError, match="another version"):
        Engine().restore(pack({**tree, "engine": -1}))
    with pytest.raises(SnapshotError, match="damaged"):
        Engine().restore(snapshot[:-1] + b"\1")


def test_rows_are_handed_out_when_asked_for(capture: Path) -> None:
    """What waits is handed out by `flush`, in the same order."""
    flushed: list[Row] = []
    engine, columns = Engine(lambda rows: flushed.extend(rows_of(rows, FLOW_STATES))), Columns(PACKETS, 500)
    assert isinstance(engine.flows, Flows)
    counts: list[int] = []
    with open_capture(str(capture), batch_rows=500) as reader:
        for batch in reader:
            decode(batch, columns)
            engine.process(columns)
            engine.flows.flush()
            counts.append(len(flushed))
    engine.finish()
    assert counts[0] < counts[len(counts) // 2] < len(flushed)
    assert flushed == _rows(capture, 65_536).flows
