"""Acknowledgements and silences, and alerts as users see them with both."""

from __future__ import annotations

import pytest

from pipeline.detect.watch.hands import Matchers, acknowledge, end_silence, silence, silences
from pipeline.detect.watch.query import NoSuchAlert, alerts_select, find_alert
from pipeline.schema.alerts import ALERT_STATES
from pipeline.store.database import Database
from pipeline.store.errors import StoreError
from tests.watch.alert_rows import alert, put


def test_an_alert_comes_with_who_acknowledged_it(database: Database) -> None:
    one, other = alert(), alert("192.0.2.2:53")
    put(database, one, other)
    acknowledge(database, one["shoal.alert.id"], "ann", "a cable")
    acknowledge(database, one["shoal.alert.id"], "bob", "it was a switch")
    rows = {row["shoal.alert.entity"]: row for row in database.rows(alerts_select())}
    assert len(rows) == 2
    first = rows["192.0.2.1:443"]
    assert (first["shoal.alert.acknowledged_by"], first["shoal.alert.acknowledged_note"]) == ("bob", "it was a switch")
    assert first["shoal.alert.acknowledged"] > "2026"
    assert rows["192.0.2.2:53"]["shoal.alert.acknowledged"].startswith("1970")
    assert set(ALERT_STATES.by_name) <= set(first)


@pytest.mark.parametrize(("matchers", "silenced"), [
    (Matchers(rule="retransmission-spike"), True),
    (Matchers(rule="retrans*", entity="192.0.2.?:443", sensor="nor*", severity="warning"), True),
    (Matchers(rule="retransmission_spike"), False),
    (Matchers(rule="%"), False),
    (Matchers(entity="192.0.2.1"), False),
    (Matchers(sensor="south"), False),
    (Matchers(severity="critical"), False),
])
def test_a_silence_is_of_what_it_matches(database: Database, matchers: Matchers, silenced: bool) -> None:
    put(database, alert())
    made = silence(database, matchers, 60, "ann")
    (row,) = database.rows(alerts_select("`shoal.alert.state` = 'open'", more="ORDER BY `shoal.alert.opened` LIMIT 5"))
    assert row["shoal.alert.silenced"] == ([made.id] if silenced else [])


def test_a_silence_ends(database: Database) -> None:
    put(database, alert())
    made = silence(database, Matchers(), 60, "ann", "works at night")
    assert silences(database) == [made]
    ended = end_silence(database, made.id[:5], "bob")
    assert ended.ends < made.ends
    assert silences(database) == []
    assert silences(database, ended=True) == [ended]
    assert database.rows(alerts_select())[0]["shoal.alert.silenced"] == []
    for prefix in ("", made.id, "zz"):
        with pytest.raises(StoreError, match="no silence that holds"):
            end_silence(database, prefix, "bob")


def test_an_alert_is_found_by_the_begin_of_its_id(database: Database) -> None:
    rows = [alert(shown, id=f"abcdef{n}000000000") for n, shown in enumerate(("one", "two"))]
    put(database, *rows)
    assert find_alert(database, "ABCDEF1") == "abcdef1000000000"
    with pytest.raises(NoSuchAlert, match=r"several .* abcdef0000000000 \(retransmission-spike one\)"):
        find_alert(database, "abcdef")
    for prefix, said in (("abc", "4 of its 16"), ("no id", "is no id"), ("0123", "no alert has")):
        with pytest.raises(NoSuchAlert, match=said):
            find_alert(database, prefix)
