"""The page that compares backtests on the same bars."""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.metrics import MEASURES, correlation
from quant_pipelines.reports.backtest import conventions, hole_facts, rule_facts
from quant_pipelines.reports.books import earned_section
from quant_pipelines.reports.curves import equity_section, underwater_chart
from quant_pipelines.reports.numbers import NOTHING, measure, money
from quant_pipelines.reports.page import Cell, document, facts, paragraph, section, table
from quant_pipelines.reports.ruin import ruin_sentences
from quant_pipelines.reports.run import BacktestRun

_HOLDING = "buy and hold"


def render_comparison(runs: Sequence[BacktestRun]) -> str:
    """Render several backtests on the same bars and rules as one HTML page."""
    first = runs[0]
    days = first.result.days
    about = {
        "Market": f"{first.symbols}, {first.bars[0].timeframe} bars",
        "Executed on": f"{first.result.bars:,} bars of {first.result.execution_timeframe}",
        "Capital": f"{money(first.result.capital)} each",
        **rule_facts(first.rules),
        "Not modelled": ", ".join(first.result.not_modelled) or "nothing that we know of",
        **hole_facts(first),
    }
    names = [f"{at + 1} {run.strategy}" for at, run in enumerate(runs)]
    accounts = [run.result for run in runs if isinstance(run.result, AccountResult)]
    ends = [f"{run.strategy}: {end}" for run in runs for end in ruin_sentences(run.result)]
    sections = [
        *map(paragraph, ends),
        facts(about),
        section("Compared", _names(runs)),
        equity_section(runs),
        section("Drawdown", underwater_chart(runs, with_holding=True)),
        *([earned_section(names, accounts)] if accounts else []),
        section("Measures", _measures(names, runs), conventions()),
        section("Correlation of daily returns", _correlations(names, runs)),
    ]
    title = f"Comparison of {len(runs)} backtests"
    return document(title, f"{first.market}, {days[0]} to {days[-1]}", sections)


def _names(runs: Sequence[BacktestRun]) -> str:
    rows = [
        (f"{at + 1}", run.strategy, ", ".join(f"{k}={v}" for k, v in run.parameters.items()), run.version)
        for at, run in enumerate(runs)
    ]
    return table(("", "strategy", "parameters", "version"), rows, texts=(0, 1, 2, 3))


def _measures(names: Sequence[str], runs: Sequence[BacktestRun]) -> str:
    columns = [run.measures for run in runs] + [runs[0].holding_measures]
    rows = []
    for name, about in MEASURES.items():
        cells = [Cell(measure(column.get(name), about.unit), column.get(name)) for column in columns]
        rows.append([Cell(about.title, hint=about.meaning), *cells])
    return table(("measure", *names, _HOLDING), rows)


def _correlations(names: Sequence[str], runs: Sequence[BacktestRun]) -> str:
    returns = [run.result.daily_returns for run in runs] + [runs[0].holding_returns]
    rows = []
    for name, own in zip((*names, _HOLDING), returns, strict=True):
        found = (correlation(own, other) for other in returns)
        rows.append([name, *(NOTHING if np.isnan(value) else f"{value:.2f}" for value in found)])
    note = "Pearson, by UTC day; 1 moves alike, 0 has nothing in common."
    return table(("", *names, _HOLDING), rows) + paragraph(note, "soft")
