"""The names that `shoal read -e` knows, and the options of -E."""

from __future__ import annotations

import pytest

from pipeline.render.options import FieldOptions, OptionError, parse_options
from pipeline.schema import PACKETS
from pipeline.schema.shown import FORMS, UnknownField, shown, sources


def test_every_column_is_known() -> None:
    assert set(PACKETS.by_name) <= set(shown(PACKETS))


def test_every_source_is_there() -> None:
    """Sources name columns of the record, lists of one group, and forms that the writer has."""
    in_group = {c.name: g.name for g in PACKETS.groups for c in g.columns}
    for name, found in shown(PACKETS).items():
        assert found, name
        for source in found:
            assert source.form.name in FORMS, name
            assert all(in_group.get(c, "") == source.group for c in source.columns), name
            if source.when is not None:
                assert in_group.get(source.when[0], "") == source.group, name


@pytest.mark.parametrize(("name", "columns"), [
    ("frame.len", ["frame.len"]),
    ("ip.src", ["shoal.outer.src", "ip.src", "shoal.quoted.src"]),
    ("ip.flags.df", ["shoal.outer.flags", "ip.flags", "shoal.quoted.flags"]),
    ("ipv6.hlim", ["shoal.outer.ttl", "ipv6.hlim", "shoal.quoted.ttl"]),
    ("udp.stream", ["shoal.outer.stream", "udp.stream", "shoal.quoted.stream"]),
    ("eth.type", ["eth.type", "shoal.inner.eth.type"]),
    ("vlan.id", ["vlan.id"]),
    ("tcp.port", ["shoal.outer.srcport", "shoal.outer.dstport", "tcp.srcport", "tcp.dstport", "shoal.quoted.srcport",
                  "shoal.quoted.dstport"]),
    ("frame.time_epoch", ["frame.time"]),
])
def test_sources(name: str, columns: list[str]) -> None:
    assert [c for source in sources(PACKETS, name) for c in source.columns] == columns


def test_near_names() -> None:
    with pytest.raises(UnknownField, match=r"unknown field 'ip\.scr': did you mean ip\.src"):
        sources(PACKETS, "ip.scr")
    with pytest.raises(UnknownField, match=r"unknown field 'xyzzy': `shoal fields`"):
        sources(PACKETS, "xyzzy")


def test_options() -> None:
    assert parse_options([]) == FieldOptions()
    given = ["header=y", "separator=/s", "occurrence=l", "aggregator=;", "quote=d", "aggregator=\x1f"]
    assert parse_options(given) == FieldOptions(True, " ", "l", "\x1f", '"')
    assert parse_options(["separator=/t", "header=n", "quote=s", "separator=→"]) == FieldOptions(False, "→", quote="'")


@pytest.mark.parametrize("given", ["header=x", "header", "separator=", "separator=ab", "occurrence=b", "aggregator=/x",
                                   "quote=q", "escape=y", ""])
def test_options_that_are_none(given: str) -> None:
    with pytest.raises(OptionError, match=f"-E {given}"):
        parse_options([given])
