"""The page of one backtest, of one symbol or of several in one account."""

from typing import Any

from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.market.funding import FundingUse
from quant_pipelines.metrics import MEASURES
from quant_pipelines.reports.books import account_facts, book_section, exposure_section
from quant_pipelines.reports.curves import drawdown_sections, equity_section, rolling_section
from quant_pipelines.reports.months import month_section
from quant_pipelines.reports.numbers import measure, minute, money, percent, plain, value_text, words
from quant_pipelines.reports.page import Cell, Tile, document, facts, folded, paragraph, section, table, tiles
from quant_pipelines.reports.ruin import ruin_sentences
from quant_pipelines.reports.run import BacktestRun
from quant_pipelines.reports.trips import attribution_section, candle_section, trade_section, trip_section
from quant_pipelines.trading.rules import TradingRules

_TILES = ("total_return", "annual_return", "sharpe", "max_drawdown", "win_rate", "n_trades")


def render_backtest(run: BacktestRun) -> str:
    """Render a backtest as one HTML page that needs nothing else."""
    result = run.result
    sections = [
        *map(paragraph, ruin_sentences(result)),
        tiles(_tile(run, name) for name in _TILES),
        facts(_facts(run)),
        equity_section([run]),
        *drawdown_sections(run),
        month_section(result.days, result.daily_returns),
        rolling_section(run),
    ]
    measures = section("Measures", measure_table(run), conventions())
    if isinstance(result, AccountResult):
        sections += [exposure_section(result, run.day_times), book_section(result), measures]
    else:
        sections += [trip_section(run), attribution_section(run), measures, candle_section(run)]
    return document(f"Backtest of {run.strategy}", _subtitle(run), [*sections, trade_section(run)])


def measure_table(run: BacktestRun) -> str:
    """Table of every measure beside the one of buy and hold."""
    own, held = run.measures, run.holding_measures
    rows = [
        (
            Cell(about.title, hint=about.meaning),
            _value(name, own[name]),
            _value(name, held[name]) if name in held else "",
        )
        for name, about in MEASURES.items()
    ]
    return table(("measure", "strategy", "buy and hold"), rows)


def conventions() -> str:
    """Say what every measure means, folded away."""
    rows = [(about.title, about.meaning, about.undefined or "always defined") for about in MEASURES.values()]
    header = ("name", "convention", "undefined when")
    return folded(
        "Conventions: daily UTC returns, 365 days a year, no risk-free rate",
        table(header, rows, texts=(0, 1, 2)),
    )


def run_facts(run: BacktestRun) -> dict[str, str]:
    """Name what was asked, apart from the costs."""
    values = ", ".join(f"{name} = {value}" for name, value in run.parameters.items())
    return {"Strategy": run.strategy, "Parameters": values or "none", "Version": run.version}


def rule_facts(given: TradingRules) -> dict[str, str]:
    """Rules under which it traded, whatever they are made of."""
    rules = given.to_document()
    return {
        "Costs": _pairs(rules["costs"]),
        "Sizing": ", ".join([str(rules["sizing"]["kind"]), _pairs(rules["sizing"], "kind")]).rstrip(", "),
        "Direction": str(rules["direction"]),
        "Execution": _chosen("execution", rules) or "whole orders at the next open",
        "Limits": _pairs(rules["limits"]) or "none",
        "Instrument": _chosen("specification", rules) or "any quantity",
    }


def hole_facts(run: BacktestRun) -> dict[str, str]:
    """Say where bars are missing; nothing where none is."""
    return {"Holes": "; ".join(map(str, run.holes))} if run.holes else {}


def _facts(run: BacktestRun) -> dict[str, str]:
    result = run.result
    first, last = int(run.day_times[0]), max(int(bars.close_ts[-1]) for bars in run.execution_bars)
    own = account_facts(result) if isinstance(result, AccountResult) else {"Still open": _open_position(run)}
    return {
        **run_facts(run),
        "Market": f"{', '.join(bars.symbol for bars in run.bars)}, {run.bars[0].timeframe} bars",
        "Window": f"{minute(first)} to {minute(last)} UTC, {len(result.days):,} days",
        "Capital": f"{money(result.capital)} at the start, {money(result.final_equity)} at the end",
        "Executed on": f"{result.bars:,} bars of {result.execution_timeframe}",
        **rule_facts(run.rules),
        **own,
        "Not modelled": ", ".join(result.not_modelled) or "nothing that we know of",
        **hole_facts(run),
        **_funding_fact(result.funding_use),
        **_exit_fact(result.unfilled_exits),
    }


def _funding_fact(use: FundingUse) -> dict[str, str]:
    if not use.fallbacks:
        return {}
    opens = f", {use.open:,} of them on the open of a bar around them" if use.open else ""
    return {"Funding": f"{use.fallbacks:,} slots without a mark price were paid on the last close{opens}"}


def _exit_fact(bars: int) -> dict[str, str]:
    return {"Exits that volume did not let fill": f"in {bars:,} bars"} if bars else {}


def _open_position(run: BacktestRun) -> str:
    held = run.result.open_position
    if held is None:
        return "nothing"
    gained = money(held.unrealized_pnl)
    return f"{plain(held.quantity)} from {plain(held.entry_price)}, {gained} not realized"


def _subtitle(run: BacktestRun) -> str:
    return f"{run.market}, {run.result.days[0]} to {run.result.days[-1]}"


def _tile(run: BacktestRun, name: str) -> Tile:
    about, held = MEASURES[name], run.holding_measures.get(name)
    beside = "" if held is None else f"holding {measure(held, about.unit)}"
    if name == "n_trades":
        beside = f"in the market {percent(run.measures['exposure'], 0)}"
    return Tile(about.title, measure(run.measures[name], about.unit), beside)


def _value(name: str, value: float | None) -> Cell:
    about = MEASURES[name]
    if value is None:
        return Cell(measure(None, about.unit), hint=f"not defined: {about.undefined}")
    return Cell(measure(value, about.unit))


def _chosen(group: str, document: dict[str, Any]) -> str:
    """Values of a group of rules that are not the packaged ones."""
    packaged = TradingRules().to_document()[group]
    return _pairs({name: value for name, value in document[group].items() if value != packaged.get(name)})


def _pairs(values: dict[str, Any], *without: str) -> str:
    """Scalars of a document; a name in basis points tells its unit."""
    shown = []
    for name, value in values.items():
        if name in without or isinstance(value, dict | list | tuple):
            continue
        unit = " bps" if name.endswith("_bps") else ""
        shown.append(f"{words(name.removesuffix('_bps'))} {value_text(value)}{unit}")
    return ", ".join(shown)
