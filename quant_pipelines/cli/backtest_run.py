"""The work of ``quant backtest``, apart from its arguments so that ``quant --help`` loads none of it."""

import argparse
import csv
import io
from dataclasses import asdict, fields, replace
from typing import Any

from quant_pipelines.backtest import BacktestSettings, Trade, run_backtest
from quant_pipelines.cli.history import StoredMarket, read_market
from quant_pipelines.cli.output import write_text
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.settings import Settings
from quant_pipelines.portfolio import parse_sizing
from quant_pipelines.reports.run import BacktestRun
from quant_pipelines.sdk import StrategySource, load_strategy, strategies_folder
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.settings import load_settings
from quant_pipelines.trading import Execution, SpecificationHistory, TradingRules


def run_from_arguments(arguments: argparse.Namespace) -> list[BacktestRun]:
    """Run the backtest that the arguments ask for, and those that it is compared with.

    Raises
    ------
    QuantError
        One sentence for a strategy, symbol, parameter, setting or archive that can't be used.
    """
    settings = load_settings()
    asked = [(arguments.strategy, arguments.set), *arguments.compare]
    sources = [load_strategy(name, strategies_folder(settings.strategies_folder)) for name, _ in asked]
    for source in sources:
        require_symbols(source, arguments.symbols)
    (symbol,) = arguments.symbols
    rules = rules_of(arguments, settings)
    with waiting("reading bars", arguments):
        markets = [read_market(arguments, symbol, settings, source.strategy_class) for source in sources]
    with waiting("backtest", arguments, total=len(asked)) as progress:
        runs = []
        for source, (_, values), market in zip(sources, asked, markets, strict=True):
            runs.append(_backtest(source, dict(values), market, rules, arguments))
            progress.advance()
    return runs


def _backtest(
    source: StrategySource,
    values: dict[str, str],
    market: StoredMarket,
    rules: TradingRules,
    arguments: argparse.Namespace,
) -> BacktestRun:
    strategy = source.strategy_class(**values)
    execution = market.execution_bars()
    rules = replace(rules, specification=market.specification)
    backtest = BacktestSettings(
        capital=arguments.capital,
        rules=rules,
        has_stops=arguments.stops == "on",
        specifications=_specifications(arguments, market),
    )
    depth = market.fill_inputs.depth if arguments.slippage_bps is None else None
    result = run_backtest(
        strategy,
        market.bars,
        settings=backtest,
        execution_bars=execution,
        funding=market.funding if arguments.funding == "on" else no_funding(),
        mark=market.fill_inputs.mark,
        depth=depth,
    )
    return BacktestRun(
        source.name,
        source.content_hash,
        strategy.parameters,
        result,
        market.bars,
        execution,
        rules,
        has_other_fills=isinstance(strategy, EventStrategy) or depth is not None,
    )


def require_symbols(source: StrategySource, symbols: list[str]) -> None:
    """Refuse a number of symbols that a strategy can't trade; one of a single symbol trades each of several.

    Raises
    ------
    BacktestError
        If a strategy of several symbols got another number of them.
    """
    inputs = source.strategy_class.inputs
    if inputs.has_panel and not inputs.takes(len(symbols)):
        raise BacktestError(
            f"strategy {source.name} trades {inputs.wanted} together; got {len(symbols)}: {symbols}"
        )


def write_files(arguments: argparse.Namespace, runs: list[BacktestRun]) -> None:
    """Write the report and the trades where they were asked for."""
    if arguments.report:
        from quant_pipelines.reports.backtest import render_backtest
        from quant_pipelines.reports.comparison import render_comparison

        with waiting("writing the report", arguments):
            page = render_backtest(runs[0]) if len(runs) == 1 else render_comparison(runs)
            write_text(arguments.report, page)
    if arguments.trades:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([field.name for field in fields(Trade)])
        writer.writerows(cells_of(trade) for trade in runs[0].result.trades)
        write_text(arguments.trades, text.getvalue())


def rules_of(arguments: argparse.Namespace, settings: Settings) -> TradingRules:
    """Return the rules that the arguments ask for."""
    costs = settings.costs
    if arguments.fee_bps is not None:
        maker = min(costs.maker_fee_bps, arguments.fee_bps)
        costs = replace(costs, fee_bps=arguments.fee_bps, maker_fee_bps=maker)
    if arguments.slippage_bps is not None:
        costs = replace(costs, slippage_bps=arguments.slippage_bps)
    return TradingRules(
        costs=costs,
        sizing=parse_sizing(arguments.sizing),
        direction=arguments.direction,
        rebalance_band=settings.portfolio.rebalance_band,
        execution=Execution.from_settings(settings.execution),
    )


def _specifications(arguments: argparse.Namespace, market: StoredMarket) -> SpecificationHistory:
    """Specifications as of a date; a fee that was asked for holds at all of them."""
    known = market.fill_inputs.specifications
    if arguments.fee_bps is None:
        return known
    return SpecificationHistory(tuple(replace(one, fee_bps=None, maker_fee_bps=None) for one in known.dated))


def cells_of(trade: Trade) -> list[Any]:
    """Return a trade's values in the order of its fields, times as ISO 8601."""
    values = asdict(trade).values()
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
