"""The fields as users read of them: `docs/fields.md` and `shoal fields`.

`python -m pipeline.schema.docs` writes the page, and that of the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.schema import metrics
from pipeline.schema.column import Column, Record
from pipeline.schema.ddl import cell_type, record_aliases, table_columns
from pipeline.schema.exchanges import DETAILS
from pipeline.schema.packets import PACKETS
from pipeline.schema.tables import TABLES, VIEWS
from pipeline.schema.watch import PINNED_PACKETS

PAGE = Path("docs/fields.md")

BOTH, SQL_ONLY, READ_ONLY = "both", "sql", "read"
"""Where a field is known: in SQL and to `shoal read -e`, or to one of them."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the table that it is selected from, ClickHouse's type, unit, meaning, and where it is known."""

    table: str
    name: str
    type: str
    unit: str
    meaning: str
    where: str

    @property
    def said(self) -> str:
        """Meaning, and unit if there is one."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {
            "table": self.table, "field": self.name, "type": self.type, "unit": self.unit, "meaning": self.meaning,
            "where": self.where,
        }


# What `shoal read` makes of several frames, so that no column can hold it.
_OF_SEVERAL_FRAMES = (
    ("frame.time_relative", "Time since the first frame of the capture"),
    ("frame.time_delta", "Time since the frame before"),
)


def _short_type(type_: str) -> str:
    """A type as one reads it: an enumeration's names are left out, a text is a String however it is stored."""
    if type_.startswith("Enum8("):
        return "Enum8"
    for wrapper in ("LowCardinality(", "Nullable("):
        if type_.startswith(wrapper):
            return _short_type(type_[len(wrapper) : -1])
    return type_


def queried_as(record: Record) -> str:
    """The table or view that users select the record's rows from."""
    return next((view.name for view in VIEWS if view.of == record.name and view.replaces), record.name)


def record_fields(record: Record) -> list[Field]:
    """The fields of a record in order; what is only there to be stored is left out."""
    from pipeline.schema.shown import shown

    table = queried_as(record)
    types = {c.name: c.type for c in table_columns(record)}
    readable = set(shown(record)) if record is PACKETS else set()
    columns: list[Column] = [*record.columns, *(c for g in record.groups for c in g.columns)]
    known = [(c.name, types[c.name], c.unit, c.meaning) for c in columns]
    known += [(a.name, a.type, a.unit, a.meaning) for a in record_aliases(record)]
    fields = [
        Field(table, name, _short_type(kind), unit, meaning, BOTH if name in readable else SQL_ONLY)
        for name, kind, unit, meaning in known
    ]
    if record is PACKETS:
        fields += [Field(table, name, "", "s", meaning, READ_ONLY) for name, meaning in _OF_SEVERAL_FRAMES]
        # What is said in the frames: in SQL it is in the tables of exchanges.
        fields += [
            Field(table, c.name, _short_type(cell_type(c)), c.unit, c.meaning, READ_ONLY) for c in DETAILS.values()
        ]
    return fields


def all_fields() -> list[Field]:
    """The fields of every table; of pinned packets, those that packets have not."""
    return [f for record in TABLES for f in record_fields(record) if not _told_before(record, f.name)]


def _told_before(record: Record, name: str) -> bool:
    """Whether a column of pinned packets is one of packets, of which nobody reads twice."""
    if record is not PINNED_PACKETS:
        return False
    aliases = {alias.name for alias in record_aliases(record)}
    return name in aliases or record.by_name[name] == PACKETS.by_name.get(name)


def matches(field: Field, pattern: str) -> bool:
    """Whether `pattern` is in the field's name or meaning; one with * or ? must match the whole name."""
    wanted = pattern.lower()
    if "*" in wanted or "?" in wanted:
        return fnmatchcase(field.name.lower(), wanted)
    return wanted in field.name.lower() or wanted in field.meaning.lower()


_HEAD = ["", "| field | type | unit | meaning |", "|---|---|---|---|"]


def _row(field: Field) -> str:
    cells = (f"`{field.name}`", field.type, field.unit, field.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page() -> str:
    """The text of `docs/fields.md`."""
    lines = [
        "# Fields",
        "",
        "This page is made from `pipeline/schema` by `python -m pipeline.schema.docs`; do not edit it.",
        "",
        "Fields bear Wireshark's names; what Wireshark has not begins with `shoal.`. Dotted names need no quotes in",
        "SELECT and WHERE. A field whose layer a frame has not is NULL, a list is empty, and a mark (Bool) is false.",
    ]
    for record in TABLES:
        fields = [f for f in record_fields(record) if not _told_before(record, f.name)]
        lines += ["", f"## {queried_as(record)}", "", f"{record.meaning}."]
        if record is PINNED_PACKETS:
            lines += ["", "The fields of packets, and:"]
        if record is not PACKETS:
            lines += [*_HEAD, *(_row(f) for f in fields)]
            continue
        for where, said in (
            (BOTH, "In SQL, and known to `shoal read -e`:"),
            (SQL_ONLY, "In SQL only:"),
            (READ_ONLY, "Known to `shoal read -e` only:"),
        ):
            lines += ["", said, *_HEAD, *(_row(f) for f in fields if f.where == where)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    metrics.PAGE.write_text(metrics.page(), encoding="utf-8")
