"""The watch and a webhook: what is told, what is not, and how a receiver in trouble is dealt with."""

from __future__ import annotations

import hashlib
import hmac
import time
from itertools import pairwise

import pytest

from pipeline.detect.watch.hands import Matchers, acknowledge, end_silence, silence
from pipeline.detect.watch.told import redeem
from pipeline.store.database import Database
from tests.watch.alert_rows import SECOND, alert, put
from tests.watch.receiver import receiving, until
from tests.watch.watching import QUICK, seen, told, watching


def test_the_life_of_an_alert_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    first = alert(**{"worst.flow_id": [2**63 + 1], "worst.flow": ["a b"], "worst.resent": [7], "worst.segments": [100]})
    with receiving() as hook, watching(
        database, hook={"type": "webhook", "url": hook.url, "secret_env": "HOOK_SECRET", **QUICK}
    ):
        put(database, first)
        until(lambda: len(hook.requests) == 1 and told(database))
        put(database, alert(version=2, opened=first["shoal.alert.opened"], severity="critical"))
        until(lambda: len(hook.requests) == 2)
        put(database, alert(version=3, opened=first["shoal.alert.opened"], severity="critical", state="closed"))
        until(lambda: len(hook.requests) == 3)
        # What tells of the third state comes behind all that could be told twice.
        put(database, alert("192.0.2.9:53"))
        until(lambda: len(hook.requests) == 4)
    bodies = hook.bodies()
    assert [(b["event"], b["state"], b["severity"]) for b in bodies] == [
        ("opened", "open", "warning"), ("updated", "open", "critical"), ("closed", "closed", "critical"),
        ("opened", "open", "warning"),
    ]
    assert bodies[0]["alerts"][0]["worst"] == [{"flow_id": str(2**63 + 1), "flow": "a b", "resent": 7, "segments": 100}]
    assert bodies[0]["alerts"][0]["counts"]["during"] == {"shoal.resent": 7}
    assert bodies[0]["closed"] is None
    assert bodies[2]["closed"].endswith("Z")
    assert len({b["thread"] for b in bodies[:3]}) == 1
    assert len({b["key"] for b in bodies}) == 4
    for request in hook.requests:
        signed = request.headers["Shoal-Timestamp"].encode() + b"." + request.body
        assert request.headers["Shoal-Signature"] == "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
        assert request.headers["Idempotency-Key"] == request.json["key"]
    assert [(row["version"], row["outcome"], row["attempts"]) for row in told(database)] == [
        (1, "delivered", 1), (2, "delivered", 1), (3, "delivered", 1), (1, "delivered", 1),
    ]


def test_what_ended_before_the_sink_was_there_is_not_told(database: Database) -> None:
    put(database, alert("over", state="closed"), alert("lasts"), alert("imported", past=True))
    with receiving() as hook:
        for _ in range(2):
            # The second watch knows what the first has told.
            with watching(database, hook={"type": "webhook", "url": hook.url}):
                until(lambda: len(told(database, "outcome = 'delivered'")) == 1)
    assert [body["entity"] for body in hook.bodies()] == ["lasts"]


def test_alerts_about_the_past_are_told_to_who_asks(database: Database) -> None:
    put(database, alert("imported", past=True, state="closed", opened=10**18))
    with receiving() as hook, watching(database, hook={"type": "webhook", "url": hook.url, "past": True}):
        until(lambda: hook.requests)
    assert hook.bodies()[0]["entity"] == "imported"


def test_a_sink_takes_what_it_wants(database: Database) -> None:
    hook_wants = {"min_severity": "critical", "rules": ["retrans*"], "sensors": ["n?rth"]}
    with receiving() as hook, watching(database, hook={"type": "webhook", "url": hook.url, **hook_wants}):
        put(database, alert("mild"), alert("rule", severity="critical", rule="port-scan"))
        put(database, alert("sensor", severity="critical", sensor="south"), alert("right", severity="critical"))
        until(lambda: hook.requests)
        put(database, alert("last", severity="critical"))
        until(lambda: len(hook.requests) == 2)
    assert [body["entity"] for body in hook.bodies()] == ["right", "last"]


def test_alerts_of_several_sensors_are_one_thread(database: Database) -> None:
    at = (time.time_ns() // SECOND - 1000) * SECOND
    with receiving() as hook, watching(database, hook={"type": "webhook", "url": hook.url}):
        put(database, alert(sensor="north", opened=at))
        until(lambda: len(told(database)) == 1)
        put(database, alert(sensor="south", opened=at + 10 * SECOND))
        until(lambda: len(told(database)) == 2)
        put(database, alert(sensor="north", opened=at, version=2, state="closed", closed=at + 30 * SECOND))
        until(lambda: len(told(database)) == 3)
        put(database, alert(sensor="south", opened=at + 10 * SECOND, version=2, state="closed",
                            closed=at + 60 * SECOND))
        until(lambda: len(told(database)) == 4)
        # Much later, it is another story.
        put(database, alert(sensor="south", opened=at + 600 * SECOND))
        until(lambda: len(told(database)) == 5)
    bodies = hook.bodies()
    assert [(b["event"], b["sensors"], b["state"]) for b in bodies] == [
        ("opened", ["north"], "open"), ("updated", ["north", "south"], "open"),
        ("updated", ["north", "south"], "open"), ("closed", ["north", "south"], "closed"),
        ("opened", ["south"], "open"),
    ]
    assert len({b["thread"] for b in bodies[:4]}) == 1
    assert bodies[4]["thread"] != bodies[0]["thread"]


def test_a_receiver_in_trouble_is_tried_again(database: Database) -> None:
    log: list[str] = []
    hook_is = {"type": "webhook", "timeout": "300ms", **QUICK}
    with receiving(500, "reset", "hang", 429, 503) as hook, watching(database, log, hook=hook_is | {"url": hook.url}):
        put(database, alert())
        (row,) = until(lambda: told(database, "outcome = 'delivered'"))
    assert row["attempts"] == 6
    assert len(hook.requests) == 6
    assert len({request.headers["Idempotency-Key"] for request in hook.requests}) == 1
    assert [request.headers["Shoal-Attempt"] for request in hook.requests] == list("123456")
    assert any("answers with 500: the answer" in line for line in log)
    assert log[-1] == "sink hook: takes notifications again"


def test_it_is_said_how_much_waits(database: Database) -> None:
    log: list[str] = []
    with receiving(always=500) as hook, watching(
        database, log, hook={"type": "webhook", "url": hook.url, "attempts": 1000, **QUICK}
    ):
        put(database, alert("one"))
        until(lambda: told(database, "outcome = 'waiting'"))
        put(database, *(alert(f"{n}") for n in range(5)))
        until(lambda: _waiting(log)[-1:] in ([4], [5], [6]))
        hook.always = 200
        until(lambda: len(told(database, "outcome = 'delivered'")) == 6)
    # Each time that it has doubled, and no more.
    assert all(later >= 2 * earlier for earlier, later in pairwise(_waiting(log)))


def _waiting(log: list[str]) -> list[int]:
    return [int(line.split()[3]) for line in log if line.endswith(" notifications wait")]


@pytest.mark.parametrize(("status", "said"), [
    (400, "answers with 400: the answer"), (404, "answers with 404"), ("redirect", "redirects are not followed"),
])
def test_what_is_refused_is_not_tried_again(database: Database, status: int | str, said: str) -> None:
    with receiving(status) as hook, receiving() as elsewhere:
        hook.answer_headers["Location"] = elsewhere.url
        with watching(database, hook={"type": "webhook", "url": hook.url, **QUICK}):
            put(database, alert())
            (row,) = until(lambda: told(database, "outcome = 'refused'"))
            assert said in row["said"]
            put(database, alert("next"))
            until(lambda: told(database, "outcome = 'delivered'"))
    assert len(hook.requests) == 2
    assert elsewhere.requests == []


def test_what_was_given_up_can_be_tried_again(database: Database) -> None:
    log: list[str] = []
    hook_is = {"type": "webhook", "attempts": 3, **QUICK}
    with receiving(always=500) as hook, watching(database, log, hook=hook_is | {"url": hook.url}):
        put(database, alert())
        (row,) = until(lambda: told(database, "outcome = 'dead'"))
        assert (row["attempts"], len(hook.requests)) == (3, 3)
        assert any("given up after 3 attempts" in line for line in log)
        hook.always = 200
        assert redeem(database, ["another"]) == 0
        assert redeem(database) == 1
        until(lambda: told(database, "outcome = 'delivered'"))
    assert len(hook.requests) == 4


def test_one_that_always_fails_holds_up_none(database: Database) -> None:
    with receiving() as hook:
        hook.on_request = lambda request: hook.script.append(500 if request.json["entity"] == "poison" else 200)
        with watching(database, hook={"type": "webhook", "url": hook.url, **QUICK}):
            put(database, alert("poison", opened=1_790_000_000 * SECOND))
            until(lambda: told(database, "outcome = 'waiting'"))
            put(database, *(alert(f"good {n}") for n in range(5)))
            until(lambda: len(told(database, "outcome = 'delivered'")) == 5)


def test_a_silenced_alert_is_told_when_the_silence_is_over(database: Database) -> None:
    with receiving() as hook, watching(database, hook={"type": "webhook", "url": hook.url}) as watch:
        at = 1_790_000_000 * SECOND
        put(database, alert("heard", opened=at))
        until(lambda: len(told(database)) == 1)
        of_all = silence(database, Matchers(rule="retrans*"), 600, "ann")
        seen(watch)
        put(database, alert("heard", opened=at, version=2, state="closed"))
        put(database, alert("lasts"))
        over = alert("over")
        put(database, over, alert("over", opened=over["shoal.alert.opened"], version=2, state="closed"))
        until(lambda: told(database, "outcome = 'passed' AND said = 'silenced'"))
        assert len(hook.requests) == 1
        end_silence(database, of_all.id, "ann")
        until(lambda: len(told(database, "outcome = 'delivered'")) == 3)
    found = sorted((body["entity"], body["event"]) for body in hook.bodies())
    assert found == [("heard", "closed"), ("heard", "opened"), ("lasts", "opened")]


def test_of_an_acknowledged_alert_only_the_end_is_told(database: Database) -> None:
    with receiving() as hook, watching(database, hook={"type": "webhook", "url": hook.url}) as watch:
        one = alert()
        at = one["shoal.alert.opened"]
        put(database, one)
        until(lambda: len(told(database)) == 1)
        acknowledge(database, one["shoal.alert.id"], "ann")
        seen(watch)
        put(database, alert(opened=at, version=2, severity="critical"), alert("next"))
        until(lambda: len(told(database)) == 2)
        put(database, alert(opened=at, version=3, state="closed"))
        until(lambda: len(told(database)) == 3)
    assert [(b["entity"], b["event"]) for b in hook.bodies()] == [
        ("192.0.2.1:443", "opened"), ("next", "opened"), ("192.0.2.1:443", "closed"),
    ]
