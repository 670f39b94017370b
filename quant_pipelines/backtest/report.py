"""Self-contained HTML page of one backtest: equity, drawdown, metrics, trades; no script, no download."""

import html

import numpy as np

from quant_pipelines.backtest.page import line, page, table
from quant_pipelines.backtest.result import BacktestResult
from quant_pipelines.core.bars import Bars

_PERCENT = {"total_return", "annual_return", "max_drawdown", "win_rate", "exposure"}
_MAX_TRADES = 500


def render_report(result: BacktestResult, bars: Bars) -> str:
    """Render a backtest as one HTML page.

    Parameters
    ----------
    result
        What ``run_backtest`` returned.
    bars
        The strategy's bars: they name symbol and timeframe.
    """
    equity = np.concatenate([[result.capital], result.daily_equity])
    drawdown = equity / np.maximum.accumulate(equity) - 1.0
    title = f"Backtest of {bars.symbol} {bars.timeframe}, {result.days[0]} to {result.days[-1]}"
    shown = [(name, _format(name, value)) for name, value in result.metrics.items()]
    shown.append(("final_equity", f"{result.final_equity:,.2f}"))
    sections = [
        "<h2>Equity at day ends</h2>",
        line(equity, "#1967d2"),
        "<h2>Drawdown</h2>",
        line(drawdown, "#c5221f"),
        "<h2>Metrics</h2>",
        table(("metric", "value"), shown),
        (
            f"<p>Executed on {result.bars:,} bars of {result.execution_timeframe}. "
            f"Not modelled: {html.escape(', '.join(result.not_modelled))}.</p>"
        ),
        f"<h2>Trades ({len(result.trades):,}{_note_on_cut(result)})</h2>",
        _trades_table(result),
    ]
    return page(title, sections)


def _note_on_cut(result: BacktestResult) -> str:
    return f", the last {_MAX_TRADES} shown" if len(result.trades) > _MAX_TRADES else ""


def _trades_table(result: BacktestResult) -> str:
    header = ("entry", "exit", "side", "quantity", "entry price", "exit price", "costs", "pnl", "reason")
    rows = (
        (
            f"{trade.entry_time:%Y-%m-%d %H:%M}",
            f"{trade.exit_time:%Y-%m-%d %H:%M}",
            trade.side,
            f"{trade.quantity:.6g}",
            f"{trade.entry_price:.6g}",
            f"{trade.exit_price:.6g}",
            f"{trade.fees + trade.funding:,.2f}",
            f"{trade.pnl:,.2f}",
            trade.exit_reason,
        )
        for trade in result.trades[-_MAX_TRADES:]
    )
    return table(header, rows)


def _format(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.2%}" if name in _PERCENT else f"{value:,.3f}"
