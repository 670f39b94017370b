"""The page of a backtest of several symbols, or several strategies, in one account."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from quant_pipelines.backtest.portfolio_result import BookResult, BookTrade, PortfolioResult
from quant_pipelines.backtest.result import daily_returns_of
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, to_ms
from quant_pipelines.metrics import MEASURES, Activity, beta, compounded, correlation, max_drawdown, summarize
from quant_pipelines.reports.axes import number_axis, time_axis
from quant_pipelines.reports.backtest import conventions, rule_facts
from quant_pipelines.reports.charts import Chart, draw, level, line
from quant_pipelines.reports.curves import drawdown_sections, equity_section, month_section, rolling_section
from quant_pipelines.reports.numbers import NOTHING, duration, measure, minute, money, percent, plain, words
from quant_pipelines.reports.page import (
    Cell,
    document,
    facts,
    paragraph,
    section,
    signed,
    table,
    tiles,
)
from quant_pipelines.trading.rules import TradingRules

_TILES = ("total_return", "annual_return", "sharpe", "max_drawdown", "win_rate", "n_trades")
_MOST_LISTED = 500
_NONE = np.empty(0)


@dataclass(frozen=True, eq=False)
class PortfolioRun:
    """A finished backtest of one account with what it was asked.

    Parameters
    ----------
    strategy, version, parameters
        Strategy, hash of its contents, values by name.
    result
        What came out.
    bars
        The strategy's bars by symbol: they name the market and make what holding would have earned.
    rules
        Costs, sizing and limits that were in force.
    """

    strategy: str
    version: str
    parameters: Mapping[str, Any]
    result: PortfolioResult
    bars: Mapping[str, Bars]
    rules: TradingRules = field(default_factory=TradingRules)

    @cached_property
    def times(self) -> IntArray:
        """Start of the first day, then the end of each, milliseconds UTC; shape (n_days + 1,)."""
        first = day_start_ms(self.result.days[0])
        return first + DAY_MS * np.arange(len(self.result.days) + 1, dtype=np.int64)

    @cached_property
    def equity(self) -> FloatArray:
        """Capital, then what it became at each day's end without flows of cash, quote."""
        return self.result.capital * compounded(self.result.daily_returns)

    @cached_property
    def holding(self) -> FloatArray:
        """Capital in equal parts in every symbol from its first open in the window on, without any costs."""
        held = np.mean([self._held(bars) for bars in self.bars.values()], axis=0)
        return np.concatenate([[self.result.capital], self.result.capital * held])

    @cached_property
    def holding_returns(self) -> FloatArray:
        """Daily returns of holding."""
        return daily_returns_of(self.holding[1:], self.result.capital)

    @cached_property
    def measures(self) -> dict[str, float | None]:
        """Every measure that an account has, by its name."""
        own, held = self.result.daily_returns, self.holding_returns
        known = self.result.metrics | {"beta": beta(own, held), "correlation": correlation(own, held)}
        return {name: _finite(known[name]) for name in MEASURES if name in known}

    @cached_property
    def holding_measures(self) -> dict[str, float | None]:
        """Measures of holding by its daily returns."""
        deepest = Activity(1.0, math.nan, max_drawdown(self.holding_returns))
        known = summarize(self.holding_returns, _NONE, deepest)
        return {name: _finite(value) for name, value in known.items() if np.isfinite(value) and value != 0.0}

    def _held(self, bars: Bars) -> FloatArray:
        """Growth of a symbol at each day's end; 1 before its first bar."""
        start = int(self.times[0])
        inside = bars.between(start, int(self.times[-1]))
        if not len(inside):
            return np.ones(len(self.result.days))
        last = np.searchsorted(inside.ts, self.times[1:]) - 1
        growth = inside.close[np.maximum(last, 0)] / inside.open[0]
        return np.where(last >= 0, growth, 1.0)


def render_portfolio(run: PortfolioRun) -> str:
    """Render a backtest of several symbols as one HTML page that needs nothing else."""
    result = run.result
    sections = [
        tiles(_tile(run, name) for name in _TILES),
        facts(_facts(run)),
        equity_section([run]),
        paragraph("Holding puts equal parts into every symbol and never touches them again.", "soft"),
        *drawdown_sections(run),
        paragraph("By day ends; the deepest drawdown among the measures is by bar closes.", "soft"),
        month_section(result.days, result.daily_returns),
        rolling_section(run),
        _exposure_section(run),
        _book_section(result),
        section("Measures", _measure_table(run), conventions()),
        _trade_section(result.trades),
    ]
    return document(f"Backtest of {run.strategy}", _subtitle(run), sections)


def _subtitle(run: PortfolioRun) -> str:
    symbols, days = list(run.bars), run.result.days
    named = ", ".join(symbols[:4]) + (f" and {len(symbols) - 4} more" if len(symbols) > 4 else "")
    return f"{named}, {days[0]} to {days[-1]}"


def _tile(run: PortfolioRun, name: str) -> tuple[str, str, str]:
    about, held = MEASURES[name], run.holding_measures.get(name)
    beside = "" if held is None else f"holding {measure(held, about.unit)}"
    return about.title, measure(run.measures[name], about.unit), beside


def _facts(run: PortfolioRun) -> dict[str, str]:
    result = run.result
    values = ", ".join(f"{name} = {value}" for name, value in run.parameters.items())
    return {
        "Strategy": run.strategy,
        "Parameters": values or "none",
        "Version": run.version,
        "Symbols": ", ".join(run.bars),
        "Window": f"{result.days[0]} to {result.days[-1]} UTC, {len(result.days):,} days",
        "Capital": f"{money(result.capital)} at the start, {money(result.final_equity)} at the end",
        "Paid in": money(result.net_flows),
        "Executed on": f"{result.bars:,} bars of {result.execution_timeframe}",
        "Fees and funding": f"{money(result.fees_paid)} and {money(result.funding_paid)} paid",
        "Largest exposure": f"{percent(result.max_gross_exposure)} of the account at a close",
        **rule_facts(run.rules),
        "Not modelled": ", ".join(result.not_modelled) or "nothing that we know of",
    }


def _exposure_section(run: PortfolioRun) -> str:
    """Notional of all symbols at each day's end over the account's value: its size, and its sum."""
    result = run.result
    net = np.sum(list(result.net_exposure.values()), axis=0)
    x = time_axis(int(run.times[0]), int(run.times[-1]))
    y = number_axis(np.concatenate([result.gross_exposure, net]), lambda v: percent(v, 0), has_zero=True)
    layers = [
        level(y, 0.0),
        line(x, y, run.times[1:], result.gross_exposure, name="gross", kind="hold", sign="dash"),
        line(x, y, run.times[1:], net, name="net"),
    ]
    chart = Chart("Exposure at day ends", "of the account's value", x, y, layers, height=220, hover="%")
    note = "Gross adds the sizes of all positions; net takes shorts from longs."
    return section("Exposure", draw(chart), paragraph(note, "soft"))


def _book_section(result: PortfolioResult) -> str:
    """Show what each book earned and paid, and how alike they earn."""
    header = ("book", "symbol", "share", "earned", "of the account", "fees", "funding", "round trips", "won")
    names = [f"{at + 1} {book.symbol}" for at, book in enumerate(result.books)]
    rows = [
        [name, *("1.00" if at == to else _ratio(value) for to, value in enumerate(row))]
        for at, (name, row) in enumerate(zip(names, result.correlation, strict=True))
    ]
    note = "Pearson, of what each book earned by UTC day over the account's value."
    return section(
        "Books",
        table(header, (_book_row(book) for book in result.books), texts=(0, 1), kind="sortable"),
        table(("correlation", *names), rows),
        paragraph(note, "soft"),
    )


def _book_row(book: BookResult) -> tuple[str | Cell, ...]:
    result = book.result
    earned, part = result.final_equity - result.capital, float(np.sum(book.contribution))
    won = result.metrics.get("win_rate")
    return (
        book.name,
        book.symbol,
        Cell(percent(book.share), book.share),
        Cell(money(earned), earned, signed(earned)),
        Cell(percent(part), part, signed(part)),
        Cell(money(result.fees_paid), result.fees_paid),
        Cell(money(result.funding_paid), result.funding_paid),
        Cell(f"{len(result.trades):,}", len(result.trades)),
        Cell(percent(won, 1), won),
    )


def _measure_table(run: PortfolioRun) -> str:
    rows = []
    for name, value in run.measures.items():
        about, held = MEASURES[name], run.holding_measures.get(name)
        hint = "" if value is not None else f"not defined: {about.undefined}"
        own = Cell(measure(value, about.unit), hint=hint)
        beside = "" if held is None else measure(held, about.unit)
        rows.append((Cell(about.title, hint=about.meaning), own, beside))
    return table(("measure", "account", "holding"), rows)


def _trade_section(trades: Sequence[BookTrade]) -> str:
    header = (
        "exit",
        "book",
        "symbol",
        "side",
        "quantity",
        "entry price",
        "exit price",
        "pnl",
        "lasted",
        "reason",
    )
    cut = len(trades) > _MOST_LISTED
    note = paragraph(f"The newest {_MOST_LISTED:,} of {len(trades):,}.", "soft") if cut else ""
    rows = map(_trade_row, trades[-_MOST_LISTED:])
    listed = table(header, rows, texts=(0, 1, 2, 3, 9), kind="sortable full")
    return section(f"All {len(trades):,} round trips", note, listed)


def _trade_row(one: BookTrade) -> tuple[str | Cell, ...]:
    trade = one.trade
    start, end = to_ms(trade.entry_time), to_ms(trade.exit_time)
    return (
        Cell(minute(end), end),
        one.book,
        one.symbol,
        trade.side,
        Cell(plain(trade.quantity), trade.quantity),
        Cell(plain(trade.entry_price), trade.entry_price),
        Cell(plain(trade.exit_price), trade.exit_price),
        Cell(money(trade.pnl), trade.pnl, signed(trade.pnl)),
        Cell(duration(end - start), end - start),
        words(trade.exit_reason),
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else NOTHING


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
