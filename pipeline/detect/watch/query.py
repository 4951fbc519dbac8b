"""Alerts as users see them: with who has acknowledged them, and whether they are silenced now."""

from __future__ import annotations

import re

from pipeline.schema.alerts import ALERT_STATES
from pipeline.schema.ddl import literal, quote, table_columns
from pipeline.store.errors import StoreError
from pipeline.store.store import Store

SHORTEST_PREFIX = 4
"""Digits of an id that have to be given at least."""
_MOST_NAMED = 5
_ID = re.compile(r"[0-9a-f]+")
_SILENCED_BY = ("rule", "entity", "sensor", "severity")


class NoSuchAlert(StoreError):
    """No alert has an id that begins so, or several have."""


def _pattern(glob: str) -> str:
    """SQL of a LIKE pattern for that of a glob: * is any text, ? is any character, all else is itself."""
    sql = glob
    for old, new in (("\\", "\\\\"), ("%", "\\%"), ("_", "\\_"), ("*", "%"), ("?", "_")):
        sql = f"replaceAll({sql}, {literal(old)}, {literal(new)})"
    return sql


def _silences() -> str:
    """The ids and patterns of the silences that hold now, as one value: an array of tuples."""
    patterns = ", ".join(_pattern(f"`shoal.silence.{name}`") for name in _SILENCED_BY)
    return (
        f"SELECT groupArray((`shoal.silence.id`, {patterns})) FROM silences"
        " WHERE `shoal.silence.begins` <= now64(9) AND `shoal.silence.ends` > now64(9)"
    )


def alerts_select(where: str = "", *, more: str = "") -> str:
    """SELECT of all columns of view `alerts`, and who told what about them.

    `where` is a condition over the columns of `alerts`; `more` stands behind (ORDER BY, LIMIT), over all columns. What
    is besides in a row: `shoal.alert.acknowledged` (DateTime64, 1970 for no), `shoal.alert.acknowledged_by`,
    `shoal.alert.acknowledged_note` (of the last acknowledgement), `shoal.alert.silenced` (ids of the silences that hold
    for it now).
    """
    columns = ", ".join(quote(c.name) for c in table_columns(ALERT_STATES))
    matching = " AND ".join(
        f"toString(`{'sensor' if name == 'sensor' else f'shoal.alert.{name}'}`) LIKE s.{number}"
        for number, name in enumerate(_SILENCED_BY, 2)
    )
    acks = (
        "SELECT `shoal.alert.id`, max(`shoal.ack.time`) AS `shoal.alert.acknowledged`,"
        " argMax(`shoal.ack.by`, `shoal.ack.time`) AS `shoal.alert.acknowledged_by`,"
        " argMax(`shoal.ack.note`, `shoal.ack.time`) AS `shoal.alert.acknowledged_note`"
        " FROM alert_acks GROUP BY `shoal.alert.id`"
    )
    alerts = f"SELECT {columns} FROM alerts{f' WHERE {where}' if where else ''}"
    return (
        f"WITH ({_silences()}) AS shoal_silences"
        f" SELECT {columns}, `shoal.alert.acknowledged`, `shoal.alert.acknowledged_by`,"
        " `shoal.alert.acknowledged_note`,"
        f" arrayMap(s -> s.1, arrayFilter(s -> {matching}, shoal_silences)) AS `shoal.alert.silenced`"
        f" FROM ({alerts}) AS a GLOBAL LEFT JOIN ({acks}) AS b USING (`shoal.alert.id`)"
        f"{f' {more}' if more else ''}"
    )


def find_alert(store: Store, prefix: str) -> str:
    """The id of the one alert whose id begins with `prefix`. Raises NoSuchAlert, which names what was meant."""
    prefix = prefix.lower()
    if not _ID.fullmatch(prefix) or len(prefix) < SHORTEST_PREFIX:
        raise NoSuchAlert(
            f"'{prefix}' is no id of an alert: give {SHORTEST_PREFIX} of its 16 hexadecimal digits or more"
            " (shoal alerts list)", 2
        )
    rows = store.rows(
        "SELECT `shoal.alert.id` AS id, any(`shoal.alert.rule`) AS rule, any(`shoal.alert.entity`) AS entity"
        f" FROM alert_states WHERE startsWith(`shoal.alert.id`, {literal(prefix)})"
        f" GROUP BY id ORDER BY id LIMIT {_MOST_NAMED + 1}"
    )
    if not rows:
        raise NoSuchAlert(f"no alert has an id that begins with {prefix}; see: shoal alerts list", 2)
    if len(rows) > 1:
        named = ", ".join(f"{row['id']} ({row['rule']} {row['entity']})" for row in rows[:_MOST_NAMED])
        others = " and others" if len(rows) > _MOST_NAMED else ""
        raise NoSuchAlert(f"several alerts have an id that begins with {prefix}: {named}{others}; give more digits", 2)
    return str(rows[0]["id"])
