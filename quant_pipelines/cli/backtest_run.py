"""The work of ``quant backtest``, apart from its arguments so that ``quant --help`` loads none of it."""

import argparse
import csv
import io
from dataclasses import asdict, fields, replace
from typing import Any

from quant_pipelines.backtest import BacktestResult, BacktestSettings, Trade, run_backtest
from quant_pipelines.backtest.report import render_report
from quant_pipelines.cli.history import StoredMarket, read_market
from quant_pipelines.cli.output import write_text
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.settings import Settings
from quant_pipelines.portfolio import parse_sizing
from quant_pipelines.sdk import Strategy, StrategySource, load_strategy, strategies_folder
from quant_pipelines.settings import load_settings
from quant_pipelines.trading import TradingRules


def run_from_arguments(
    arguments: argparse.Namespace,
) -> tuple[StrategySource, Strategy, StoredMarket, BacktestResult]:
    """Backtest that the arguments ask for.

    Raises
    ------
    QuantError
        One sentence for a strategy, symbol, parameter, setting or archive that can't be used.
    """
    settings = load_settings()
    source = load_strategy(arguments.strategy, strategies_folder(settings.strategies_folder))
    require_symbols(source, arguments.symbols)
    (symbol,) = arguments.symbols
    strategy = source.strategy_class(**dict(arguments.set))
    rules = rules_of(arguments, settings)
    market = read_market(arguments, symbol, settings)
    backtest = BacktestSettings(
        capital=arguments.capital,
        rules=replace(rules, specification=market.specification),
        has_stops=arguments.stops == "on",
    )
    result = run_backtest(
        strategy,
        market.bars,
        settings=backtest,
        execution_bars=market.execution_bars(),
        funding=market.funding if arguments.funding == "on" else no_funding(),
    )
    return source, strategy, market, result


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


def write_files(arguments: argparse.Namespace, market: StoredMarket, result: BacktestResult) -> None:
    """Write the report and the trades where they were asked for."""
    if arguments.report:
        write_text(arguments.report, render_report(result, market.bars))
    if arguments.trades:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([field.name for field in fields(Trade)])
        writer.writerows(cells_of(trade) for trade in result.trades)
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
    )


def cells_of(trade: Trade) -> list[Any]:
    """Return a trade's values in the order of its fields, times as ISO 8601."""
    values = asdict(trade).values()
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
