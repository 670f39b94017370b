"""Writes the dashboards beside this file, for Grafana 11.6: ``python deploy/grafana/build.py``.

The tables below are the dashboards; the library knows the JSON of that version of Grafana.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER: Final = Path(__file__).parent
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${source}")
_HEIGHT: Final = 8


class Curve(NamedTuple):
    """One query of a panel, and how its series are called."""

    expression: str
    legend: str = ""


class Shown(NamedTuple):
    """One panel: a value as it is now, or curves over time; width in columns of 24."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    width: int = 12
    is_value: bool = False


def _value(title: str, expression: str, unit: str = "short", legend: str = "") -> Shown:
    return Shown(title, unit, (Curve(expression, legend),), 4, is_value=True)


def _quantiles(metric: str, by: str = "") -> tuple[Curve, ...]:
    label = f", {by}" if by else ""
    name = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Curve(
            f"histogram_quantile({share}, sum by (le{label}) (rate({metric}_bucket[$__rate_interval])))",
            f"{name}{share}",
        )
        for share in (0.5, 0.95, 0.99)
    )


def _rate(metric: str, by: str) -> Curve:
    return Curve(f"sum by ({by}) (increase({metric}[$__rate_interval]))", f"{{{{{by}}}}}")


TRADING: Final = (
    _value("Equity", "sum(quant_account_equity_quote)", "currencyUSD"),
    _value("Deepest drawdown", "max(quant_drawdown_ratio)", "percentunit"),
    _value("Halts", "quant_halts"),
    _value("Open alerts", "quant_alerts_open"),
    _value("What is away", "quant_outages"),
    _value("Oldest word of the runner", 'quant_source_age_seconds{source="runner"}', "s"),
    Shown(
        "Equity of deployments", "currencyUSD", (Curve("quant_equity_quote", "deployment {{deployment}}"),)
    ),
    Shown("Drawdown", "percentunit", (Curve("quant_drawdown_ratio", "account {{account}}"),)),
    Shown(
        "What is held, of the equity",
        "percentunit",
        (
            Curve("quant_exposure_ratio", "deployment {{deployment}}"),
            Curve('quant_limit_value{scope="account", limit="max_position_fraction"}', "limit of a book"),
        ),
    ),
    Shown(
        "Margin that must remain, of what is there",
        "percentunit",
        (Curve("quant_maintenance_quote / (quant_wallet_quote + quant_unrealized_quote)", "{{account}}"),),
    ),
    Shown(
        "States",
        "short",
        (Curve("quant_trading_state", "deployment {{deployment}} {{state}}"),),
    ),
    Shown("Decisions", "short", (_rate("quant_decisions_total", "outcome"),)),
    Shown(
        "Orders and fills",
        "short",
        (
            Curve("sum(increase(quant_orders_total[$__rate_interval]))", "orders"),
            Curve("sum(increase(quant_fills_total[$__rate_interval]))", "fills"),
        ),
    ),
    Shown("Order states", "short", (_rate("quant_order_states_total", "status"),)),
)
SYSTEM: Final = (
    _value("Services that run", "sum(quant_service_up)"),
    _value("Restarts", "sum(quant_service_restarts)"),
    _value("Memory of all services", "sum(quant_service_memory_bytes)", "bytes"),
    _value("Database", "quant_database_up"),
    _value("Stale sources", 'sum(quant_source_state{state="stale"})'),
    _value("Searches that wait", 'sum(quant_search_units{status="waiting"})'),
    Shown("Bars are late by", "s", _quantiles("quant_bar_lateness_seconds")),
    Shown("From a bar's close to its intents", "s", _quantiles("quant_bar_to_intent_seconds")),
    Shown("From a tick to its order", "s", _quantiles("quant_tick_to_order_seconds")),
    Shown("Transactions", "s", _quantiles("quant_database_wait_seconds", "process")),
    Shown("Age of sources", "s", (Curve("quant_source_age_seconds", "{{source}}"),)),
    Shown("Signs of life", "s", (Curve("quant_service_beat_age_seconds", "{{service}}"),)),
    Shown("Streams opened again", "short", (_rate("quant_stream_reconnects_total", "stream"),)),
    Shown("Memory", "bytes", (Curve("quant_service_memory_bytes", "{{service}}"),)),
    Shown("Requests used", "percentunit", (Curve("quant_request_use_ratio", "{{exchange}}"),)),
    Shown("Units of searches", "short", (Curve("quant_search_units", "{{status}}"),)),
    Shown("Alerts", "short", (_rate("quant_alerts_sent_total", "outcome"),)),
    Shown(
        "What did not go well",
        "short",
        (
            Curve("sum(increase(quant_failures_total[$__rate_interval]))", "deployments that failed"),
            Curve("sum(increase(quant_database_errors_total[$__rate_interval]))", "database errors"),
            Curve("sum(increase(quant_metric_refused_total[$__rate_interval]))", "values refused"),
        ),
    ),
    Shown(
        "Minutes stored",
        "short",
        (Curve("sum(increase(quant_bars_closed_total[$__rate_interval]))", "bars"),),
    ),
)
DASHBOARDS: Final = {
    "quant-trading": ("quant: trading", TRADING),
    "quant-system": ("quant: system", SYSTEM),
}
"""Dashboards by the name of their file: title and panels."""


def built(name: str) -> dict[str, Any]:
    """Document of a dashboard."""
    title, shown = DASHBOARDS[name]
    made = (
        dashboard.Dashboard(title)
        .uid(name)
        .tags(["quant"])
        .timezone("utc")
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(dashboard.DatasourceVariable("source").type("prometheus").label("Prometheus"))
    )
    for one in shown:
        made.with_panel(_panel(one))
    document: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    return document


def _panel(shown: Shown) -> Any:
    panel = stat.Panel() if shown.is_value else timeseries.Panel()
    panel.title(shown.title).datasource(_SOURCE).unit(shown.unit)
    panel.span(shown.width).height(_HEIGHT // 2 if shown.is_value else _HEIGHT)
    for letter, curve in zip("ABCDEF", shown.curves, strict=False):  # the library gives each the same
        query = prometheus.Dataquery().expr(curve.expression).legend_format(curve.legend).ref_id(letter)
        panel.with_target(query)
    return panel


if __name__ == "__main__":
    for name in DASHBOARDS:
        FOLDER.joinpath(f"{name}.json").write_text(json.dumps(built(name), indent=1) + "\n")
