"""What a worker shows to Prometheus, after a run of which everything is known."""

from __future__ import annotations

import time
import urllib.request
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from pipeline.agents.packets import MOST_CAPTURES
from pipeline.schema import topics
from pipeline.schema.message import LAYOUT
from pipeline.schema.metrics import COUNTER, GAUGE, HISTOGRAM, WORKER
from tests.broker.broker import free_ports
from tests.worker.publish import Sent, messages
from tests.worker.stage import Digests, Stage, send, wait_until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
EVICTED = 5


def shown(port: int) -> Samples:
    """The samples of a worker's page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
        text = page.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text) for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One of them, 0 where it is not there."""
    return samples.get((f"shoal_worker_{name}", frozenset(labels.items())), 0.0)


def renamed(message: Sent, capture: bytes) -> Sent:
    """The same message of another capture."""
    return replace(message, headers=[(k, capture if k == "capture" else v) for k, v in message.headers])


def test_metrics_of_a_run(played: Stage, sent: list[Sent], imported: Digests, captures: list[Path]) -> None:
    port = free_ports()
    worker = played.worker("--checkpoint", "0.2", "--metrics", f"127.0.0.1:{port}")
    topic = topics.packets(played.prefix, LAYOUT).name
    bad = replace(renamed(sent[0], b"bad"), value=sent[0].value[: len(sent[0].value) // 2])
    first = next(one for one in messages(captures[1], shards=1) if one.value)
    begun = [renamed(first, b"begun%d" % k) for k in range(MOST_CAPTURES + EVICTED)]
    send(played, [*sent, *sent[:4], bad, *begun])
    count = len(sent) + 4 + 1 + len(begun)
    wait_until(lambda: value(shown(port), "batches_total") >= count, "all messages to be stored")
    wait_until(lambda: value(shown(port), "checkpoints_total") >= 4, "checkpoints")
    # A message that ends a group is one more for a while.
    lags = [{"topic": topic, "partition": str(k)} for k in range(4)]
    wait_until(lambda: not any(value(shown(port), "lag_messages", **of) for of in lags), "no lag")
    samples = shown(port)
    assert value(samples, "partitions") == 9
    assert value(samples, "clickhouse_connected") == 1
    # Those that only end a group are messages as well, and of a message at most one goes on to the windows.
    assert count <= value(samples, "batches_total") <= 2 * count + 40
    assert value(samples, "batches_repeated_total") == 4
    assert value(samples, "frames_missing_total") == 0
    assert value(samples, "batches_lost_total") == 0
    assert value(samples, "dead_letters_total", reason="invalid") == 1
    assert value(samples, "evictions_total", event="captures-forgotten") == EVICTED
    (stored,) = played.served.ask("SELECT count() AS rows FROM packets")
    assert value(samples, "rows_total", table="packets") == stored["rows"]
    assert int(str(stored["rows"])) > imported["packets"][0]
    assert value(samples, "rows_total", table="dead_letters") == 1
    assert value(samples, "insert_seconds_count", table="packets") >= 4
    assert 0 < value(samples, "insert_seconds_sum", table="packets") < 60
    assert value(samples, "batch_bytes_total") >= sum(len(one.value) for one in (*sent, bad, *begun))
    for k in map(str, range(4)):
        assert 0 <= value(samples, "checkpoint_age_seconds", topic=topic, partition=k) < 60
        assert value(samples, "checkpoint_bytes", topic=topic, partition=k) > 20
    # It is of the newest frame of the last group, in which there may be messages of both kinds.
    newest, last = (max(int(dict(one.headers)["now"]) for one in of) / 1e9 for of in ([*sent, *begun], begun))
    delay = value(samples, "watermark_delay_seconds", topic=topic, partition="0")
    assert time.time() - max(newest, last) - 120 < delay <= time.time() - last
    names = {name for name, _ in samples}
    ends = {COUNTER: "", GAUGE: "", HISTOGRAM: "_count"}
    never = {"shoal_worker_checkpoints_damaged_total", "shoal_worker_budget_dropped_bytes_total"}
    assert {metric.name + ends[metric.kind] for metric in WORKER} - never <= names
    assert worker.end() == 0
