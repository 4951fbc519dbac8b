"""Windows hold what the packets hold: counted here once more, row by row."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any

import pytest

from pipeline.schema import PACKETS
from pipeline.schema.windows import MARKS
from tests.engine.flow_rows import Row
from tests.windows.windowed import SECOND, Told, joined, through_engine, written

_BITS = {name: 1 << PACKETS.by_name[name].bits_of[1] for name in MARKS}  # type: ignore[index]
_CAUSES = {"resent": "shoal.resent", "resent_needlessly": "shoal.resent_needlessly", "reordered": "shoal.reordered",
           "duplicated_by_network": "shoal.duplicated_by_network"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return through_engine(written(joined(), tmp_path_factory.mktemp("counts")), packets=True)


def _mapped(row: Row, end: str) -> str:
    return f"::ffff:{row[f'ip.{end}']}" if f"ip.{end}" in row else row.get(f"ipv6.{end}", "")


def _counts(row: Row) -> Counter[str]:
    """What a frame counts for."""
    found = Counter({"shoal.packets": 1, "shoal.bytes": row["frame.len"]})
    if "tcp.stream" not in row:
        return found
    flags = row["tcp.flags"]
    found.update({name: 1 for name, bit in _BITS.items() if row["shoal.tcp.analysis"] & bit})
    found["shoal.segments"] = int(row["tcp.len"] > 0)
    found["shoal.resets"] = int(flags & 4 != 0)
    found["shoal.syns"] = int(flags & 0x12 == 2)
    if row["shoal.tcp.cause"] in _CAUSES:
        found[_CAUSES[row["shoal.tcp.cause"]]] = 1
    return +found


def _expected(packets: list[Row], seconds: int) -> dict[tuple[Any, ...], Counter[str]]:
    """Counts by (kind, begin, host, peer); `sent` is put before the names of what the host sent."""
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for row in packets:
        begin = row["frame.time"] - row["frame.time"] % (seconds * SECOND)
        counts = _counts(row)
        src, dst = _mapped(row, "src"), _mapped(row, "dst")
        found.setdefault(("sensor", begin, "::", "::"), Counter()).update(counts)
        if not src:
            continue
        for host in {src, dst}:
            own = found.setdefault(("host", begin, _plain(host), "::"), Counter())
            own.update(counts)
            if host == src:
                own.update({f"sent {name}": n for name, n in counts.items()})
        low, high = sorted((src, dst), key=_number)
        pair = found.setdefault(("pair", begin, _plain(low), _plain(high)), Counter())
        pair.update(counts)
        if low == src:
            pair.update({f"sent {name}": n for name, n in counts.items()})
    return found


def _plain(address: str) -> str:
    return str(ipaddress.IPv6Address(address))


def _number(address: str) -> int:
    return int(ipaddress.IPv6Address(address))


@pytest.mark.parametrize("seconds", [10, 60])
def test_windows_hold_what_the_packets_hold(told: Told, seconds: int) -> None:
    expected = _expected(told.packets, seconds)
    rows = [row for row in told.newest(seconds).values() if row["shoal.window.kind"] != "service"]
    assert len(rows) == len(expected) > 10
    names = {*_CAUSES.values(), *_BITS, "shoal.packets", "shoal.bytes", "shoal.segments", "shoal.resets", "shoal.syns"}
    for row in rows:
        key = tuple(row[f"shoal.window.{name}"] for name in ("kind", "time", "host", "peer"))
        for name in names:
            assert row[name] == expected[key][name], (key, name)
            sent = row["shoal.sent." + name.removeprefix("shoal.").replace("tcp.analysis.", "tcp.")]
            assert sent == expected[key][f"sent {name}"], (key, name)
    assert sum(row["shoal.resent"] for row in rows) > 100
    assert sum(row["tcp.analysis.out_of_order"] for row in rows) > 0


def test_services_are_those_that_were_asked(told: Told) -> None:
    asked = Counter[tuple[int, str, int]]()
    servers = {}
    for row in told.packets:
        if "tcp.stream" in row and row["tcp.flags"] & 0x12 == 2:
            servers[row["tcp.stream"]] = (_mapped(row, "dst"), row["tcp.dstport"])
    for row in told.packets:
        if row.get("tcp.stream") in servers:
            host, port = servers[row["tcp.stream"]]
            asked[row["frame.time"] - row["frame.time"] % (10 * SECOND), _plain(host), port] += 1
    found = {
        (row["shoal.window.time"], row["shoal.window.host"], row["shoal.window.port"]): row["shoal.packets"]
        for row in told.newest(10, "service").values()
    }
    assert asked
    assert {key: found[key] for key in asked} == asked


def test_frames_that_are_odd_are_those_of_which_mark_and_cause_differ(told: Told) -> None:
    again = _BITS["tcp.analysis.retransmission"] | _BITS["tcp.analysis.out_of_order"]
    expected = Counter[tuple[int, int]]()
    for row in told.packets:
        if "tcp.stream" not in row:
            continue
        marked = row["shoal.tcp.analysis"] & again != 0
        resent = row["shoal.tcp.cause"] in ("resent", "resent_needlessly")
        if marked != resent:
            expected[row["frame.time"], int(resent)] += 1
    found = Counter(
        one for row in told.parts
        for one in zip(row.get("shoal.odd.time", ()), row.get("shoal.odd.resent", ()), strict=True)
    )
    named = Counter({key: n for key, n in expected.items() if key in found})
    assert sum(found.values()) > 5, expected
    assert found == named
    # No part names more than 32, so some may be missing.
    full = [row for row in told.parts if len(row.get("shoal.odd.time", ())) == 32]
    assert found == expected or full
