"""Metrics of one process as prometheus-client keeps them: what is no number, or too much, stays out."""

import math
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family

from quant_pipelines.core.telemetry_settings import MeasuredProcess
from quant_pipelines.telemetry.table import METRICS, Metric, shown_by

MOST_SERIES: Final = 500
"""Sets of labels of one metric; more is a mistake, and would cost the memory of whoever trades."""
_REFUSED: Final = "quant_metric_refused_total"
_OTHER: Final = "other"
_LABEL: Final = re.compile(r"[\w:/.\-]{1,64}")


class Sample(NamedTuple):
    """Value of a gauge, with its labels in the order of its row."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


ReadSamples: TypeAlias = Callable[[], Iterable[Sample]]


class ProcessMetrics:
    """Counters and histograms that a process shows, and gauges that are read when somebody looks.

    Parameters
    ----------
    process
        Whose.
    read
        Gauges as they are at a look.

    Examples
    --------
    >>> metrics = ProcessMetrics("watchdog")
    >>> metrics.observe("quant_database_wait_seconds", float("nan"), {})
    >>> metrics.value("quant_metric_refused_total", {"reason": "value"})
    1.0
    """

    def __init__(self, process: MeasuredProcess, read: ReadSamples = tuple) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        rows = shown_by(process)
        self._counters = {
            row.name: Counter(row.name, row.help, row.labels, registry=self.registry)
            for row in rows
            if row.kind == "counter"
        }
        self._histograms = {
            row.name: Histogram(row.name, row.help, row.labels, registry=self.registry, buckets=row.buckets)
            for row in rows
            if row.kind == "histogram"
        }
        self._series: dict[str, set[tuple[str, ...]]] = {row.name: set() for row in rows}
        self.registry.register(_Gauges(process, read, self._refuse))
        ProcessCollector(registry=self.registry)

    def add(self, name: str, amount: float, labels: Mapping[str, object]) -> None:
        """Add to a counter; what can't be added is counted as refused."""
        values = self._values(name, self._counters, amount, labels)
        if values is not None:
            counter = self._counters[name]
            (counter.labels(*values) if values else counter).inc(amount)

    def observe(self, name: str, value: float, labels: Mapping[str, object]) -> None:
        """Take a value into a histogram; one NaN would make its sum NaN for ever."""
        values = self._values(name, self._histograms, value, labels)
        if values is not None:
            histogram = self._histograms[name]
            (histogram.labels(*values) if values else histogram).observe(value)

    def value(self, name: str, labels: dict[str, str] | None = None) -> float:
        """Value of a series as it is shown; 0 before the first note."""
        return self.registry.get_sample_value(name, labels or {}) or 0.0

    def _values(
        self, name: str, kept: Container[str], value: float, labels: Mapping[str, object]
    ) -> tuple[str, ...] | None:
        """Return labels in the order of the row; None, counted, for what is not taken."""
        if name not in kept or tuple(labels) != METRICS[name].labels:
            self._refuse("name")
            return None
        if not math.isfinite(value) or (value < 0 and METRICS[name].kind == "counter"):
            self._refuse("value")
            return None
        values = tuple(label_value(str(one)) for one in labels.values())
        known = self._series[name]
        if values not in known:
            if len(known) >= MOST_SERIES:
                self._refuse("labels")
                return None
            known.add(values)
        return values

    def _refuse(self, reason: str) -> None:
        self._counters[_REFUSED].labels(reason).inc()


class _Gauges:
    """Gauges of rows: whatever is gone is gone at the next look."""

    def __init__(self, process: MeasuredProcess, read: ReadSamples, refuse: Callable[[str], None]) -> None:
        self._rows = {row.name: row for row in shown_by(process) if row.kind == "gauge"}
        self._read = read
        self._refuse = refuse

    def collect(self) -> Iterator[Family]:
        """Families of everything that is known now."""
        families = {name: _family_of(row) for name, row in self._rows.items()}
        told: dict[str, set[tuple[str, ...]]] = {name: set() for name in self._rows}
        for sample in self._read():
            labels = tuple(map(label_value, sample.labels))
            if sample.name not in families or len(labels) != len(self._rows[sample.name].labels):
                self._refuse("name")
            elif not math.isfinite(sample.value):
                self._refuse("value")
            elif labels in told[sample.name] or len(told[sample.name]) >= MOST_SERIES:
                self._refuse("labels")
            else:
                told[sample.name].add(labels)
                families[sample.name].add_metric(labels, sample.value)
        yield from families.values()


def label_value(text: str) -> str:
    """Label as it is shown; a text that is no id and no name is ``other``.

    Examples
    --------
    >>> label_value("deployment:3"), label_value("no answer from the venue")
    ('deployment:3', 'other')
    """
    return text if _LABEL.fullmatch(text) else _OTHER


def _family_of(row: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(row.name, row.help, labels=row.labels)
