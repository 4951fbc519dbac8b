"""What is counted comes out over HTTP as it is declared."""

from __future__ import annotations

import re
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.schema.exporter import Exporter, ExporterError, Metrics
from pipeline.schema.metrics import COLLECTOR, COUNTER, GAUGE, HISTOGRAM, WORKER, page

ROOT = Path(__file__).resolve().parents[2]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(exporter: Exporter) -> tuple[Samples, dict[str, tuple[str, str]]]:
    """Samples by name and labels, and of each family its type and help."""
    with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}
    return samples, {f.name: (f.type, f.documentation) for f in families}


def test_declarations() -> None:
    names = [m.name for m in (*COLLECTOR, *WORKER)]
    assert len(names) == len(set(names))
    for m in (*COLLECTOR, *WORKER):
        assert re.fullmatch(r"shoal_(collector|worker)_[a-z_]+", m.name), m.name
        assert m.kind in (COUNTER, GAUGE, HISTOGRAM), m.name
        assert (m.kind == COUNTER) == m.name.endswith("_total"), m.name
        assert (m.kind == HISTOGRAM) == bool(m.buckets), m.name
        assert m.help, m.name
        assert list(m.buckets) == sorted(set(m.buckets)), m.name


def test_the_page_is_of_today() -> None:
    committed = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert committed == page(), "docs/metrics.md is not what is declared: run python -m pipeline.schema.docs"
    assert all(f"| `{m.name}` |" in committed for m in (*COLLECTOR, *WORKER))


def test_values_over_http() -> None:
    metrics = Metrics(WORKER)
    metrics.add("shoal_worker_rows_total", 5, table="packets")
    metrics.add("shoal_worker_rows_total", 2, table="packets")
    metrics.set("shoal_worker_lag_messages", 12, topic="t", partition="3")
    for seconds in (0.005, 0.3, 100.0):
        metrics.observe("shoal_worker_insert_seconds", seconds, table="packets")
    refreshed = []

    def refresh(of: Metrics) -> None:
        refreshed.append(1)
        of.set("shoal_worker_checkpoint_age_seconds", len(refreshed), topic="t", partition="3")

    exporter = Exporter(metrics, "127.0.0.1", 0, refresh).start()
    try:
        samples, families = scraped(exporter)
        again, _ = scraped(exporter)
    finally:
        exporter.close()
    assert samples["shoal_worker_rows_total", (("table", "packets"),)] == 7
    assert samples["shoal_worker_lag_messages", (("partition", "3"), ("topic", "t"))] == 12
    assert samples["shoal_worker_partitions", ()] == 0
    age = "shoal_worker_checkpoint_age_seconds", (("partition", "3"), ("topic", "t"))
    assert (samples[age], again[age]) == (1, 2)
    bucket = "shoal_worker_insert_seconds_bucket"
    upto = {dict(labels)["le"]: value for (name, labels), value in samples.items() if name == bucket}
    assert (upto["0.005"], upto["0.25"], upto["0.5"], upto["60.0"], upto["+Inf"]) == (1, 1, 2, 2, 3)
    assert samples["shoal_worker_insert_seconds_count", (("table", "packets"),)] == 3
    assert samples["shoal_worker_insert_seconds_sum", (("table", "packets"),)] == pytest.approx(100.305)
    assert samples["process_open_fds", ()] > 0
    for m in WORKER:
        assert families[m.name.removesuffix("_total")] == (m.kind, m.help)


def test_two_in_one_process_know_nothing_of_each_other() -> None:
    one, other = Metrics(COLLECTOR), Metrics(COLLECTOR)
    one.set("shoal_collector_spool_bytes", 7, sensor="a")
    exporters = [Exporter(metrics, "127.0.0.1", 0).start() for metrics in (one, other)]
    try:
        found = [("shoal_collector_spool_bytes", (("sensor", "a"),)) in scraped(e)[0] for e in exporters]
    finally:
        for exporter in exporters:
            exporter.close()
            exporter.close()
    assert found == [True, False]


def test_a_partition_that_went_is_left_out() -> None:
    metrics = Metrics(WORKER)
    for partition in ("1", "2"):
        for topic in ("packets", "sensors"):
            metrics.set("shoal_worker_lag_messages", 5, topic=topic, partition=partition)
    metrics.add("shoal_worker_rows_total", 5, table="packets")
    metrics.forget(topic="packets", partition="1")
    left = {
        (topic, partition): metrics.value("shoal_worker_lag_messages", topic=topic, partition=partition)
        for topic in ("packets", "sensors") for partition in ("1", "2")
    }
    assert left == {("packets", "1"): 0, ("packets", "2"): 5, ("sensors", "1"): 5, ("sensors", "2"): 5}
    assert metrics.value("shoal_worker_rows_total", table="packets") == 5


def test_threads_lose_no_count() -> None:
    metrics = Metrics(WORKER)

    def count() -> None:
        for _ in range(2000):
            metrics.add("shoal_worker_dead_letters_total", reason="schema")
            metrics.observe("shoal_worker_engine_seconds", 0.1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.value("shoal_worker_dead_letters_total", reason="schema") == 8000
    assert metrics.value("shoal_worker_engine_seconds") == 8000


def test_what_is_not_declared_is_an_error() -> None:
    metrics = Metrics(WORKER)
    with pytest.raises(KeyError):
        metrics.add("shoal_worker_rows")
    with pytest.raises(KeyError, match="is a histogram"):
        metrics.add("shoal_worker_engine_seconds")
    with pytest.raises(KeyError, match="is a gauge"):
        metrics.observe("shoal_worker_partitions", 1)
    with pytest.raises(ValueError, match="has the labels"):
        metrics.add("shoal_worker_rows_total", 1)


def test_an_address_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ExporterError, match=rf"--metrics 127\.0\.0\.1:{port}: Address already in use"):
            Exporter(Metrics(WORKER), "127.0.0.1", port).start()
    with pytest.raises(ExporterError, match="name another address"):
        Exporter(Metrics(WORKER), "no-such-host.invalid", 0).start()
