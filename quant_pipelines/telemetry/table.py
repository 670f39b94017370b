"""Every metric of the product: one row each, with its kind, unit, labels and who shows it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.telemetry_settings import MeasuredProcess

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]
MetricUnit: TypeAlias = Literal["", "seconds", "bytes", "quote", "ratio"]
ALL: Final[tuple[MeasuredProcess, ...]] = ("runner", "collector", "gateway", "watchdog")

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BAR: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)


class Metric(NamedTuple):
    """One metric.

    Parameters
    ----------
    name
        As Prometheus shows it; that of a counter ends in ``_total``, others in their unit.
    kind
        What may be done with it.
    help
        What it counts or measures, one clause.
    labels
        What it is told apart by: ids, states and names of services. Never any text.
    unit
        Of the value; rates are fractions (``ratio``).
    shown_by
        Processes that show it.
    buckets
        Upper bounds of a histogram.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    unit: MetricUnit = ""
    shown_by: tuple[MeasuredProcess, ...] = ("gateway",)
    buckets: tuple[float, ...] = ()


_RUNNER: Final[tuple[MeasuredProcess, ...]] = ("runner",)
_MARKET: Final[tuple[MeasuredProcess, ...]] = ("runner", "collector")
_WATCHDOG: Final[tuple[MeasuredProcess, ...]] = ("watchdog",)

_OF_TRADING: Final = (
    Metric(
        "quant_decisions_total",
        "counter",
        "decisions that were committed; outcome: order, none or denied",
        ("deployment", "outcome"),
        shown_by=_RUNNER,
    ),
    Metric(
        "quant_orders_total",
        "counter",
        "orders that were committed",
        ("deployment", "side"),
        shown_by=_RUNNER,
    ),
    Metric(
        "quant_fills_total", "counter", "fills that were booked", ("deployment", "side"), shown_by=_RUNNER
    ),
    Metric(
        "quant_order_states_total",
        "counter",
        "states that orders at venues came to; REJECTED is a refusal of the venue, DENIED one of ours",
        ("deployment", "status"),
        shown_by=_RUNNER,
    ),
    Metric(
        "quant_failures_total",
        "counter",
        "deployments that were halted because their work failed",
        ("source",),
        shown_by=_RUNNER,
    ),
    Metric(
        "quant_bar_lateness_seconds",
        "histogram",
        "from the close of a bar until the runner has it",
        unit="seconds",
        shown_by=_RUNNER,
        buckets=_BAR,
    ),
    Metric(
        "quant_bar_to_intent_seconds",
        "histogram",
        "from the close of a bar until what follows from it is committed",
        unit="seconds",
        shown_by=_RUNNER,
        buckets=_BAR,
    ),
    Metric(
        "quant_tick_to_order_seconds",
        "histogram",
        "from the tick that was decided on until its order is handed to the venue",
        unit="seconds",
        shown_by=_RUNNER,
        buckets=_FAST,
    ),
)

_OF_PROCESSES: Final = (
    Metric(
        "quant_stream_reconnects_total",
        "counter",
        "market or user streams that were lost and opened again",
        ("stream",),
        shown_by=_MARKET,
    ),
    Metric(
        "quant_database_wait_seconds",
        "histogram",
        "from the begin of a transaction until it is committed or given up",
        unit="seconds",
        shown_by=ALL,
        buckets=_FAST,
    ),
    Metric(
        "quant_database_errors_total",
        "counter",
        "transactions in which the database did not answer",
        shown_by=ALL,
    ),
    Metric(
        "quant_bars_closed_total",
        "counter",
        "minutes that the collector stored",
        shown_by=("collector",),
    ),
    Metric(
        "quant_alerts_sent_total",
        "counter",
        "messages of the alerts that were sent; outcome: sent or failed",
        ("channel", "outcome"),
        shown_by=_WATCHDOG,
    ),
    Metric(
        "quant_metric_refused_total",
        "counter",
        "values that were not taken; reason: value (no finite number), labels (too many) or name",
        ("reason",),
        shown_by=ALL,
    ),
)

_OF_ROWS: Final = (
    Metric("quant_database_up", "gauge", "whether the gateway could read the rows just now"),
    Metric("quant_equity_quote", "gauge", "equity of a deployment's book", ("deployment",), "quote"),
    Metric("quant_capital_quote", "gauge", "capital of a deployment", ("deployment",), "quote"),
    Metric(
        "quant_drawdown_ratio",
        "gauge",
        "how far an account is below the most that it was worth",
        ("account",),
        "ratio",
    ),
    Metric("quant_account_equity_quote", "gauge", "what an account is worth", ("account",), "quote"),
    Metric(
        "quant_trading_state",
        "gauge",
        "1 for the state that the breaker of a deployment is in",
        ("deployment", "state"),
    ),
    Metric("quant_halts", "gauge", "halts that wait for a person"),
    Metric(
        "quant_exposure_ratio",
        "gauge",
        "what a book holds, at the last price, as a fraction of its equity",
        ("deployment",),
        "ratio",
    ),
    Metric("quant_limit_value", "gauge", "limit in force, in its own unit", ("scope", "limit")),
    Metric("quant_wallet_quote", "gauge", "wallet of an account at its venue", ("account",), "quote"),
    Metric("quant_unrealized_quote", "gauge", "unrealized profit at the venue", ("account",), "quote"),
    Metric("quant_maintenance_quote", "gauge", "margin that must remain there", ("account",), "quote"),
    Metric("quant_alerts_open", "gauge", "alerts that are neither over nor acknowledged"),
    Metric("quant_outages", "gauge", "what the runner finds away now"),
    Metric(
        "quant_source_age_seconds",
        "gauge",
        "age of the oldest value of a source, as the console judges it",
        ("source",),
        "seconds",
    ),
    Metric(
        "quant_source_state",
        "gauge",
        "1 for what the age of a source makes of it: fresh, late, stale or unknown",
        ("source", "state"),
    ),
    Metric(
        "quant_service_beat_age_seconds",
        "gauge",
        "since the last sign of life of a service",
        ("service",),
        "seconds",
    ),
    Metric("quant_service_up", "gauge", "whether quant up has a service running", ("service",)),
    Metric("quant_service_restarts", "gauge", "times that quant up started a service again", ("service",)),
    Metric("quant_service_memory_bytes", "gauge", "resident memory of a service", ("service",), "bytes"),
    Metric("quant_search_units", "gauge", "units of searches in the queue", ("status",)),
    Metric(
        "quant_request_use_ratio",
        "gauge",
        "used share of an exchange's request allowance",
        ("exchange",),
        "ratio",
    ),
)

METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {row.name: row for row in (*_OF_TRADING, *_OF_PROCESSES, *_OF_ROWS)}
)
"""Rows by name."""


def shown_by(process: MeasuredProcess) -> list[Metric]:
    """Rows that a process shows."""
    return [row for row in METRICS.values() if process in row.shown_by]
