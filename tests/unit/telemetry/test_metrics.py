"""What is counted is declared, finite and bounded; whatever is not is counted itself, and stops nobody."""

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from quant_pipelines.telemetry.record import count, observe, take_notes
from quant_pipelines.telemetry.registry import MOST_SERIES, ProcessMetrics, Sample
from quant_pipelines.telemetry.table import ALL, METRICS, Metric, shown_by

ROOT = Path(__file__).resolve().parents[3]
REFUSED = "quant_metric_refused_total"
LABELS = {
    *("deployment", "account", "source", "scope", "limit", "stream", "service", "channel", "exchange"),
    *("outcome", "side", "status", "state", "reason"),
}
"""Ids, and words of which there are a few; a label that may be any text has no bound."""


@pytest.fixture
def metrics() -> Iterator[ProcessMetrics]:
    made = ProcessMetrics("runner")
    take_notes(made)
    yield made
    take_notes(None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_taken_into_a_histogram(metrics: ProcessMetrics, value: float) -> None:
    observe("quant_bar_lateness_seconds", 0.5)
    observe("quant_bar_lateness_seconds", value)
    observe("quant_bar_lateness_seconds", 1.5)
    assert metrics.value("quant_bar_lateness_seconds_sum") == 2.0
    assert metrics.value("quant_bar_lateness_seconds_count") == 2.0
    assert metrics.value(REFUSED, {"reason": "value"}) == 1.0


@pytest.mark.parametrize("amount", [math.nan, -1.0])
def test_a_counter_takes_nothing_that_it_could_not_count(metrics: ProcessMetrics, amount: float) -> None:
    count("quant_fills_total", amount, deployment=3, side="buy")
    assert metrics.value("quant_fills_total", {"deployment": "3", "side": "buy"}) == 0.0
    assert metrics.value(REFUSED, {"reason": "value"}) == 1.0


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("quant_never_declared_total", {}),
        ("quant_fills_total", {"deployment": 3}),
        ("quant_fills_total", {"side": "buy", "deployment": 3}),
        ("quant_bars_closed_total", {}),
    ],
)
def test_what_is_not_a_row_of_this_process_is_refused(
    metrics: ProcessMetrics, name: str, labels: dict[str, object]
) -> None:
    count(name, **labels)
    assert metrics.value(REFUSED, {"reason": "name"}) == 1.0


def test_series_of_a_metric_are_bounded(metrics: ProcessMetrics) -> None:
    for number in range(MOST_SERIES + 7):
        count("quant_fills_total", deployment=number, side="buy")
    count("quant_fills_total", deployment=0, side="buy")  # a known one goes on
    shown = [line for line in exposed(metrics) if line.startswith("quant_fills_total{")]
    assert len(shown) == MOST_SERIES
    assert metrics.value("quant_fills_total", {"deployment": "0", "side": "buy"}) == 2.0
    assert metrics.value(REFUSED, {"reason": "labels"}) == 7.0


def test_text_never_becomes_a_label(metrics: ProcessMetrics) -> None:
    count("quant_failures_total", source="binance refused: signature=4f1c of 2 'orders'")
    assert metrics.value("quant_failures_total", {"source": "other"}) == 1.0


def test_gauges_are_read_at_a_look_and_what_is_gone_is_gone() -> None:
    told = [Sample("quant_halts", 1.0), Sample("quant_equity_quote", 10.5, ("3",))]
    metrics = ProcessMetrics("gateway", lambda: tuple(told))
    assert metrics.value("quant_equity_quote", {"deployment": "3"}) == 10.5
    told.pop()
    assert [line for line in exposed(metrics) if line.startswith("quant_equity_quote{")] == []


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Sample("quant_halts", math.nan), "value"),
        (Sample("quant_halts", 1.0, ("3",)), "name"),
        (Sample("quant_fills_total", 1.0), "name"),
    ],
)
def test_a_gauge_that_is_wrong_costs_no_other_one(sample: Sample, reason: str) -> None:
    metrics = ProcessMetrics("gateway", lambda: (sample, Sample("quant_alerts_open", 4.0)))
    assert "quant_alerts_open 4.0" in exposed(metrics)
    assert metrics.value(REFUSED, {"reason": reason}) > 0.0


def test_without_metrics_a_note_does_nothing() -> None:
    take_notes(None)
    count("quant_never_declared_total")
    observe("quant_bar_lateness_seconds", math.nan)


@pytest.mark.parametrize("row", METRICS.values(), ids=lambda row: row.name)
def test_a_row_says_its_unit_in_its_name(row: Metric) -> None:
    assert re.fullmatch(r"quant(_[a-z]+)+", row.name)
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert not row.unit or row.name.endswith(f"_{row.unit}")
    assert bool(row.buckets) == (row.kind == "histogram")
    assert list(row.buckets) == sorted(set(row.buckets))
    assert set(row.labels) <= LABELS
    assert set(row.shown_by) <= set(ALL)


@pytest.mark.parametrize("process", ALL)
def test_every_process_shows_its_rows(process: object) -> None:
    metrics = ProcessMetrics(process)  # type: ignore[arg-type]
    helped = {line.split()[2] for line in exposed(metrics) if line.startswith("# HELP quant_")}
    assert helped == {row.name for row in shown_by(process)}  # type: ignore[arg-type]


def notes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every note that the product takes: where, and the metric with its labels."""
    for package in ("quant_pipelines", "live_runner", "assets", "jobs", "sensors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            if "telemetry.record import" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id in ("count", "observe") and isinstance(node.args[0], ast.Constant):
                    labels = tuple(str(one.arg) for one in node.keywords)
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", str(node.args[0].value), labels


def test_every_note_in_the_code_is_one_of_a_row() -> None:
    found = list(notes())
    wrong = [where for where, name, labels in found if METRICS[name].labels != labels]
    assert wrong == []
    noted = {name for _, name, _ in found}
    taken = {row.name for row in METRICS.values() if row.kind != "gauge"}
    assert taken - noted == {REFUSED}


def exposed(metrics: ProcessMetrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()
