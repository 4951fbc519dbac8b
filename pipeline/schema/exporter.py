"""Metrics as they stand, and their exposition over HTTP (by the package prometheus-client, where it is asked for).

It is here so that collectors may use it as well. Values are held in a table of our own and not in the package's
objects: most of a collector's counters are the kernel's and the publisher's own totals, which are set and not added to,
and a sensor without `--metrics` needn't have the package.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from pipeline.schema.metrics import COUNTER, GAUGE, HISTOGRAM, Metric

if TYPE_CHECKING:
    from prometheus_client import Metric as Family


class ExporterError(Exception):
    """Metrics can't be served: why, and what to do. `exit_code` is what the `shoal` command ends with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Metrics:
    """The values of `declared` metrics; all methods may be called from any thread.

    A metric is named in full, and its labels are given by name: `metrics.add("shoal_worker_rows_total", 5,
    table="packets")`. A name that is not declared, or of another kind, is a KeyError; other labels a ValueError.
    """

    def __init__(self, declared: tuple[Metric, ...]) -> None:
        self._declared = {metric.name: metric for metric in declared}
        self._values: dict[str, dict[tuple[str, ...], float]] = {m.name: {} for m in declared if m.kind != HISTOGRAM}
        # Of each histogram: observations in each bucket and beyond, and their sum.
        self._observed: dict[str, dict[tuple[str, ...], tuple[list[int], float]]] = {
            m.name: {} for m in declared if m.kind == HISTOGRAM
        }
        for name, values in self._values.items():
            if not self._declared[name].labels:
                values[()] = 0.0
        self._lock = threading.Lock()

    def _key(self, name: str, labels: dict[str, str], *kinds: str) -> tuple[str, ...]:
        metric = self._declared[name]
        if metric.kind not in kinds:
            raise KeyError(f"{name} is a {metric.kind}")
        if labels.keys() != set(metric.labels):
            raise ValueError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
        return tuple(str(labels[label]) for label in metric.labels)

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raises a counter, or changes a gauge, by `amount`."""
        key = self._key(name, labels, COUNTER, GAUGE)
        with self._lock:
            values = self._values[name]
            values[key] = values.get(key, 0.0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """Gives a gauge its value, or a counter the total that someone else counts."""
        key = self._key(name, labels, COUNTER, GAUGE)
        with self._lock:
            self._values[name][key] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Counts an observation of a histogram."""
        key = self._key(name, labels, HISTOGRAM)
        buckets = self._declared[name].buckets
        with self._lock:
            counts, total = self._observed[name].get(key) or ([0] * (len(buckets) + 1), 0.0)
            counts[bisect_left(buckets, value)] += 1
            self._observed[name][key] = counts, total + value

    def forget(self, **labels: str) -> None:
        """Leaves out from now on what bears all of these labels: a partition that another worker has."""
        with self._lock:
            for name, metric in self._declared.items():
                if labels.keys() <= set(metric.labels):
                    at = [(metric.labels.index(label), str(value)) for label, value in labels.items()]
                    table: dict[tuple[str, ...], Any] = self._values.get(name) or self._observed.get(name) or {}
                    for key in [key for key in table if all(key[i] == value for i, value in at)]:
                        del table[key]

    def value(self, name: str, **labels: str) -> float:
        """What a counter or gauge stands at (0 where it was never set), or how often a histogram was observed."""
        key = self._key(name, labels, COUNTER, GAUGE, HISTOGRAM)
        with self._lock:
            if name in self._observed:
                return float(sum(self._observed[name].get(key, ([], 0.0))[0]))
            return self._values[name].get(key, 0.0)

    def collect(self) -> Iterator[Family]:
        """All metrics, as prometheus-client wants them of a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        with self._lock:
            values = {name: dict(of) for name, of in self._values.items()}
            observed = {name: {k: (list(c), t) for k, (c, t) in of.items()} for name, of in self._observed.items()}
        for name, metric in self._declared.items():
            if metric.kind == HISTOGRAM:
                histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels)
                bounds = [*map(str, metric.buckets), "+Inf"]
                for key, (counts, total) in observed[name].items():
                    upto = [float(sum(counts[: i + 1])) for i in range(len(counts))]
                    histogram.add_metric(key, list(zip(bounds, upto, strict=True)), total)
                yield histogram
                continue
            kind = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
            family = kind(name, metric.help, labels=metric.labels)
            for key, value in values[name].items():
                family.add_metric(key, value)
            yield family


class Exporter:
    """Serves `metrics` at `host`:`port` (0: a free one) from a thread; `refresh` is called before each answer, so that
    it can set what is not counted as it happens."""

    def __init__(
        self, metrics: Metrics, host: str, port: int, refresh: Callable[[Metrics], None] | None = None
    ) -> None:
        self._metrics = metrics
        self._host = host
        self._port = port
        self._refresh = refresh
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begins to serve. Raises ExporterError: the package is missing (exit code 2), the address can't be had."""
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
        except ImportError as error:
            said = "--metrics needs the package prometheus-client; pip install 'shoal[sensor]' brings it"
            raise ExporterError(said, 2) from error
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(self._port, self._host, registry)
        except OSError as error:
            said = error.strerror or str(error)
            raise ExporterError(f"--metrics {self._host}:{self._port}: {said}; name another address") from error
        return self

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def collect(self) -> Iterator[Family]:
        """The metrics as they are now."""
        if self._refresh is not None:
            self._refresh(self._metrics)
        return self._metrics.collect()

    def describe(self) -> list[Family]:
        """Nothing is asked of the owner when the registry takes this in."""
        return []

    def close(self) -> None:
        """Ends the thread; closing twice does no harm."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            assert self._thread is not None
            self._thread.join()
            self._server = None
