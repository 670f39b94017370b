"""Strategies as files, texts and deployments: what each trades, since when, and what a version changed."""

import difflib
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import UnknownRow
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import from_ms, timeframe_ms, to_ms
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console import figures
from quant_pipelines.gateway.console.books import heads_of
from quant_pipelines.gateway.reading_models import DeploymentView, FillView
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.store import shown_rows
from quant_pipelines.store.bars import newest_bar_ms, read_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.versions import changes_among

_POINTS, _FILLS, _MARKED, _CARDS = 1_500, 50, 400, 10
CANDLES: Final = (300, 1_000, figures.MOST_CANDLES)
"""How many bars may be looked at; the first is what a page opens with."""


class DiffLine(NamedTuple):
    """A line of a difference, and what it is: added, removed, a place, or kept."""

    kind: str
    text: str


def read_strategies(services: Services, _: Mapping[str, str]) -> dict[str, Any]:
    """Read the cards of all deployments and the files behind them."""
    deployed = reading_routes.deployments(services)
    curves = {row.deployment_id: row.equity for row in reading_routes.equity(services, points=120).rows}
    return {
        "as_of": deployed.as_of,
        "row_version": deployed.row_version,
        "traded": [row for row in deployed.rows if row.stage in LADDER],
        "resting": [row for row in deployed.rows if row.stage not in LADDER],
        "curves": curves,
        "files": reading_routes.strategies(services).rows,
    }


def read_deployment(services: Services, deployment_id: int, candles: int = CANDLES[0]) -> dict[str, Any]:
    """Read one deployment: its bars, book, days, fills and changes.

    Raises
    ------
    UnknownRow
        If there is no such deployment.
    """
    deployed = reading_routes.deployments(services)
    found = [row for row in deployed.rows if row.id == deployment_id]
    if not found:
        raise UnknownRow(f"deployment:{deployment_id} does not exist; expected one that Strategies lists")
    points = reading_routes.equity_of(services, deployment_id, points=_POINTS).rows
    traded = read_traded(services, [leg.id for leg in found[0].legs] or [deployment_id])
    booked = figures.curve_of([to_ms(point.ts) for point in points], [point.equity for point in points])
    with reading(services) as read:
        changes = changes_among(read.connection, [deployment_id])
        paid = shown_rows.capital_paid(read.connection, points[0].ts, deployment_id) if points else []
    grown = figures.without_payments(booked, figures.payments(paid))
    title = f"its newest {len(points)} bars"
    return {
        "as_of": deployed.as_of,
        "row_version": deployed.row_version,
        "row": found[0],
        "chart": figures.equity_chart(f"Equity, {title}", booked),
        "depth": figures.drawdown_chart(f"Below its peak without payments of capital, {title}", grown),
        "candles": _candles(services, found[0], traded, candles),
        "counts": CANDLES,
        "count": candles,
        "cards": reading_routes.metrics(services, deployment_id, limit=_CARDS).rows,
        "heads": heads_of(found),
        "fills": traded.fills[:_FILLS],
        "changes": [change._asdict() for change in changes],
        "is_traded": found[0].stage in LADDER,
    }


class TradedBook(NamedTuple):
    """Fills, newest first, and what is held after the newest of them, signed base quantity; 0 for a set."""

    fills: list[FillView]
    position: Decimal


def read_traded(services: Services, books: Sequence[int]) -> TradedBook:
    """Read the newest fills of a deployment's books with what it holds."""
    rows, position = shown_rows.fills_with_position(services.engine, books, limit=_MARKED)
    return TradedBook([FillView.model_validate(row) for row in rows], position)


def _candles(services: Services, row: DeploymentView, traded: TradedBook, count: int) -> Markup:
    """Draw the newest bars of a deployment of one symbol; a set has none, as its legs have no page."""
    if row.legs:
        return Markup("")
    series = Series(row.exchange, row.symbol, row.timeframe)
    with transaction(services.engine) as connection:
        newest = newest_bar_ms(connection, series)
    if newest is None:
        return Markup("")
    step = timeframe_ms(row.timeframe)
    bars = read_bars(services.engine, series, Window(newest - (count - 1) * step, newest + step))
    stops = read_stops(services, row.id, bars)
    marks = figures.fill_marks(traded.fills, traded.position)
    return figures.candle_chart(f"{row.symbol} with entries, exits and stops", bars, stops, marks)


def read_stops(services: Services, deployment_id: int, bars: Bars) -> figures.BookedCurve:
    """Read the stop of a book as each of these bars opened and closed, NaN where it had none.

    A book has a row for each bar of execution, up to a day's worth of them in one candle.
    """
    grid = np.union1d(bars.ts, bars.close_ts)
    moments = [from_ms(one) for one in grid.tolist()]
    with transaction(services.engine) as connection:
        known = shown_rows.stops_at(connection, deployment_id, moments)
    levels = [known.get(one) for one in moments]
    return figures.curve_of(grid.tolist(), [math.nan if level is None else level for level in levels])


def read_versions(services: Services, strategy: str, left: str, right: str) -> dict[str, Any]:
    """Read the texts of a strategy, and what changed between two of them; the newest two by default.

    Raises
    ------
    UnknownRow
        If the strategy or a version of it is not stored.
    """
    with reading(services) as read:
        versions = shown_rows.versions_of(read.connection, strategy)
    sources = {row["content_hash"]: row["source"] for row in versions}
    if not sources:
        raise UnknownRow(f"{strategy!r:.80} has no judged text; expected a strategy that was judged")
    hashes = list(sources)
    right, left = right or hashes[0], left or hashes[min(1, len(hashes) - 1)]
    for one in (left, right):
        if one not in sources:
            raise UnknownRow(f"version {one!r:.80} of {strategy} is not stored; expected one of its list")
    return {
        "as_of": read.as_of,
        "strategy": strategy,
        "versions": versions,
        "left": left,
        "right": right,
        "lines": _difference(sources[left], sources[right]),
        "source": sources[right],
    }


def _difference(before: str, after: str) -> list[DiffLine]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    return [DiffLine(kinds.get(text[:1], "kept"), text) for text in lines]
