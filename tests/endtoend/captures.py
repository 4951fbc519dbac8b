"""Captures for whole fleets: TCP in trouble, DNS, pings, fragments, VLANs; and the rows that an import makes."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from collectors.sources import open_capture
from collectors.sources.identity import content_hash
from pipeline.run.importer import import_capture
from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import literal
from pipeline.schema.exchanges import EXCHANGES
from pipeline.schema.tables import EVENT_STATES, FLOW_STATES, PACKETS
from pipeline.schema.windows import WINDOWS
from pipeline.store.database import Database
from pipeline.store.migrate import migrate
from pipeline.store.store import Store
from tests.exchanges.everything import everything
from tests.exchanges.hear import BEGIN

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "samples" / "demo.pcapng", *sorted((ROOT / "tests" / "scenarios").glob("*.pcap.gz")))
COMPARED = (PACKETS, FLOW_STATES, *EXCHANGES, EVENT_STATES, WINDOWS, ALERT_STATES)
_HASHED = "cityHash64(toString(tuple(* EXCEPT (sensor, capture, `shoal.day`))))"
# What names sensor and capture is left out, and what is told of imports alone.
_HASHED_ALERT = (
    "cityHash64(toString(tuple(* EXCEPT (sensor, capture, `shoal.day`, `shoal.alert.id`, `shoal.alert.past`,"
    " `shoal.alert.sql`, `shoal.alert.entity`, `shoal.alert.said`, `shoal.alert.members`))),"
    " if(`shoal.alert.entity` = sensor, '', concat(`shoal.alert.entity`, `shoal.alert.said`)))"
)
COPY_NS = 370_000_000
"""By how much a copy of the sources is later than the one before."""
_BEGIN = 1_795_000_000 * 10**9
_ETHERNET = bytes.fromhex("020000000002 020000000001 0800".replace(" ", ""))

Frame = tuple[int, int, bytes]
"""Time in ns, length on the wire, bytes that were captured."""
Digests = dict[str, tuple[int, int]]
"""Table to the number of its rows and the sum of their hashes."""


@dataclass(frozen=True)
class Played:
    """A capture file that collectors read."""

    path: Path
    frames: int

    @property
    def capture(self) -> str:
        """What it is known by."""
        return content_hash(str(self.path))


@dataclass
class Wanted:
    """What a database has to hold: of each capture its frames, and the digests of its rows."""

    frames: dict[str, int] = field(default_factory=dict)
    digests: dict[str, Digests] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of packets in all."""
        return sum(self.frames.values())

    def of(self, played: Iterable[Played]) -> Wanted:
        """Of these captures alone."""
        names = {one.capture for one in played}
        return Wanted({name: self.frames[name] for name in names}, {name: self.digests[name] for name in names})


def _fragments() -> list[Frame]:
    """Datagrams of UDP in three fragments each, of which the last comes first, and one that is never whole."""
    found: list[Frame] = []
    for number in range(8):
        datagram = struct.pack(">HHHH", 5000 + number, 4000, 8 + 100, 0) + bytes(range(100))
        pieces = [(0, datagram[:48]), (48, datagram[48:96]), (96, datagram[96:])]
        for at, piece in reversed(pieces[: 2 if number == 7 else 3]):
            more = 0x2000 if at < 96 else 0
            header = struct.pack(
                ">BBHHHBBH4s4s", 0x45, 0, 20 + len(piece), number, more | at // 8, 64, 17, 0,
                bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)),
            )  # fmt: skip
            frame = _ETHERNET + header + piece
            found.append((1_000_000 * len(found), len(frame), frame))
    return found


def _sources() -> list[Frame]:
    """The frames of all sources as if all had begun at once, by time."""
    found = _fragments()
    found += [(time - BEGIN, len(frame), frame) for time, frame in everything()]
    for path in SOURCES:
        first = -1
        with open_capture(str(path)) as reader:
            for batch in reader:
                view = memoryview(batch.buffer)
                for at, size, length, time in zip(batch.offset, batch.cap_len, batch.length, batch.time, strict=True):
                    first = int(time) if first < 0 else first
                    found.append((int(time) - first, int(length), bytes(view[int(at) : int(at) + int(size)])))
    return sorted(found, key=lambda frame: frame[0])


def _readdressed(frame: bytes, copy: int) -> bytes:
    """`frame` with the second and third byte of its IPv4 addresses moved, behind at most one VLAN tag."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    if frame[at - 2 : at] != b"\x08\x00" or len(frame) < at + 20:
        return frame
    changed = bytearray(frame)
    for byte in (at + 13, at + 17):
        changed[byte] = (changed[byte] + copy) & 255
        changed[byte + 1] = (changed[byte + 1] + (copy >> 8)) & 255
    return bytes(changed)


def make(folder: Path, files: int, frames: int) -> list[Played]:
    """`files` pcap files of `frames` frames each: the sources over and over, each copy with addresses and a time of its
    own, so that conversations of many copies overlap and times jump back at each."""
    sources = _sources()
    made: list[Played] = []
    copy = 0
    for number in range(files):
        path = folder / f"{number:03}.pcap"
        left = frames
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1))
            while left:
                written = bytearray()
                for time, length, frame in sources[:left]:
                    seconds, nanoseconds = divmod(_BEGIN + time + copy * COPY_NS, 10**9)
                    written += struct.pack("<IIII", seconds, nanoseconds, len(frame), length)
                    written += _readdressed(frame, copy)
                out.write(written)
                left -= min(left, len(sources))
                copy += 1
        made.append(Played(path, frames))
    return made


def digests(store: Store, captures: Iterable[str]) -> dict[str, Digests]:
    """Of each capture and table what says whether its rows are the same, bookkeeping aside; of states, the newest."""
    found: dict[str, Digests] = {name: {record.name: (0, 0) for record in COMPARED} for name in captures}
    names = ", ".join(map(literal, found))
    for record in COMPARED:
        final = "FINAL" if record.version else ""
        hashed = _HASHED_ALERT if record is ALERT_STATES else _HASHED
        for row in store.rows(
            f"SELECT capture, count() AS rows, sum({hashed}) AS hash FROM {record.name} {final}"
            f" WHERE capture IN ({names}) GROUP BY capture"
        ):
            found[row["capture"]][record.name] = (row["rows"], row["hash"])
    return found


def imported(folder: Path, played: Iterable[Played]) -> Wanted:
    """What a database holds into which they were imported; `folder` has room for it."""
    wanted = Wanted({one.capture: one.frames for one in played})
    with Database(folder / "imported").open(create=True) as database:
        migrate(database)
        for one in played:
            import_capture(database, str(one.path), sensor="s")
        wanted.digests = digests(database, wanted.frames)
    return wanted
