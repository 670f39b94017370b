"""The work of ``quant backtest``, apart from its arguments so that ``quant --help`` loads none of it."""

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from quant_pipelines.backtest import BacktestResult, BacktestSettings, SymbolFeed, Trade
from quant_pipelines.backtest.account.result import AccountResult, BookResult, BookTrade
from quant_pipelines.backtest.account.run import run_symbols
from quant_pipelines.cli.history import StoredMarket, read_market
from quant_pipelines.cli.operator import strategies_of
from quant_pipelines.cli.output import write_text
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError, ConfigurationError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.gaps import Holes
from quant_pipelines.core.instrument_sets import set_name
from quant_pipelines.core.setting_bounds import bounds_of
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.portfolio import parse_sizing
from quant_pipelines.reports.run import BacktestRun, undefined
from quant_pipelines.sdk import Strategy, StrategySource, load_strategy
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.settings import load_settings
from quant_pipelines.trading import Execution, SpecificationHistory, TradingRules


def run_from_arguments(arguments: argparse.Namespace) -> list[BacktestRun]:
    """Run the backtest that the arguments ask for, and those that it is compared with.

    Of several symbols a strategy that trades several trades them together in one account; one that trades a
    single symbol trades each of them with an equal share.

    Raises
    ------
    QuantError
        One sentence for a strategy, symbol, parameter, setting or archive that can't be used.
    """
    settings = load_settings(_flags(arguments))
    fault = bounds_of("portfolio.deployment_capital").fault("capital", arguments.capital)
    if fault:
        raise ConfigurationError(fault)
    asked = [(arguments.strategy, arguments.set), *arguments.compare]
    folder = strategies_of(arguments, settings)
    sources = [load_strategy(name, folder) for name, _ in asked]
    for source in sources:
        require_symbols(source, arguments.symbols)
    set_name(arguments.symbols)
    rules = rules_of(arguments, settings)
    strategies = [
        source.strategy_class(**dict(values)) for source, (_, values) in zip(sources, asked, strict=True)
    ]
    with waiting("reading bars", arguments):
        markets = [
            [read_market(arguments, symbol, settings, strategy) for symbol in arguments.symbols]
            for strategy in strategies
        ]
    with waiting("backtest", arguments, total=len(asked)) as progress:
        runs = []
        for source, strategy, known in zip(sources, strategies, markets, strict=True):
            runs.append(_backtest(source, strategy, known, rules, arguments))
            progress.advance()
    return runs


def _backtest(
    source: StrategySource,
    strategy: Strategy,
    markets: Sequence[StoredMarket],
    rules: TradingRules,
    arguments: argparse.Namespace,
) -> BacktestRun:
    bars, execution = tuple(market.bars for market in markets), _executed(markets)
    feeds = {
        one.symbol: _feed(arguments, market, one) for market, one in zip(markets, execution, strict=True)
    }
    is_one = len(markets) == 1
    settings = BacktestSettings(
        capital=arguments.capital,
        rules=rules,
        has_stops=arguments.stops == "on",
        trade_from_ms=arguments.start,
        has_bar_equity=is_one,
    )
    has_depth = any(feed.depth is not None for feed in feeds.values())
    return BacktestRun(
        source.name,
        source.content_hash,
        strategy.parameters,
        run_symbols(strategy, bars, feeds=feeds, settings=settings),
        bars,
        execution,
        replace(rules, specification=markets[0].specification) if is_one else rules,
        has_other_fills=isinstance(strategy, EventStrategy) or has_depth,
    )


def _executed(markets: Sequence[StoredMarket]) -> tuple[Bars, ...]:
    """Bars on which fills are decided: finer ones only where all symbols have some."""
    finer = tuple(market.execution_bars() for market in markets)
    is_common = len({bars.timeframe for bars in finer}) == 1
    return finer if is_common else tuple(market.tested_bars for market in markets)


def _feed(arguments: argparse.Namespace, market: StoredMarket, execution: Bars) -> SymbolFeed:
    """Gather what else is known; costs that were asked for hold at all times."""
    inputs = market.fill_inputs
    dated = inputs.specifications.dated
    if arguments.fee_bps is not None:
        dated = tuple(replace(one, fee_bps=None, maker_fee_bps=None) for one in dated)
    return SymbolFeed(
        execution,
        market.funding if arguments.funding == "on" else no_funding(),
        inputs.mark,
        inputs.depth if arguments.slippage_bps is None else None,
        market.specification,
        SpecificationHistory(dated),
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


def rules_of(arguments: argparse.Namespace, settings: Settings) -> TradingRules:
    """Return the rules that the arguments ask for; the settings have their costs already."""
    costs = settings.costs
    if arguments.fee_bps is not None:
        costs = replace(costs, maker_fee_bps=min(costs.maker_fee_bps, costs.fee_bps))
    return TradingRules(
        costs=costs,
        sizing=parse_sizing(arguments.sizing),
        direction=arguments.direction,
        rebalance_band=settings.portfolio.rebalance_band,
        execution=Execution.from_settings(settings.execution),
    )


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """Gather the flags that stand for settings, as a tree of them."""
    costs = {name: getattr(arguments, name) for name in ("fee_bps", "slippage_bps")}
    return {"costs": {name: value for name, value in costs.items() if value is not None}}


def document_of(run: BacktestRun) -> dict[str, Any]:
    """JSON document of one symbol; that of several has a symbol in each trade, and what each book did."""
    result = run.result
    head = {
        "strategy": run.strategy,
        "version": run.version,
        "parameters": run.parameters,
        "symbols": [bars.symbol for bars in run.bars],
        "timeframe": run.bars[0].timeframe,
        "execution_timeframe": result.execution_timeframe,
        "start": result.days[0],
        "end": result.days[-1],
        "capital": result.capital,
        "final_equity": result.final_equity,
        "bankrupt_at": result.bankrupt_at,
    }
    trades = [trade.to_document() for trade in result.trades]
    paid = {
        "fees_paid": result.fees_paid,
        "funding_paid": result.funding_paid,
        "funding_use": result.funding_use._asdict(),
        "known_funding": result.known_funding.to_document(),
        "unfilled_exits": result.unfilled_exits,
    }
    tail = {
        "bars": result.bars,
        "seconds": result.seconds,
        "not_modelled": result.not_modelled,
        "holes": [_holes_document(holes) for holes in run.holes],
    }
    if isinstance(result, AccountResult):
        books = {
            "books": [_book_document(book) for book in result.books],
            "max_gross_exposure": result.max_gross_exposure,
            "insurance_paid": result.insurance_paid,
            "shortfalls": [asdict(one) for one in result.shortfalls],
        }
        return {**head, "metrics": result.metrics, "trades": trades, **books, **paid, **tail}
    return {
        **head,
        "metrics": run.measures,
        "undefined": undefined(run.measures),
        "holding": run.holding_measures,
        "trades": trades,
        "open_position": _position_document(result),
        **paid,
        **tail,
        "mark_fallbacks": result.mark_fallbacks,
        "mark_use": result.mark_use._asdict(),
        "depth_fallbacks": result.depth_fallbacks,
    }


def _holes_document(holes: Holes) -> dict[str, Any]:
    ranges = [{"start": from_ms(one.start_ms), "end": from_ms(one.end_ms)} for one in holes.ranges]
    return {
        "symbol": holes.symbol,
        "timeframe": holes.timeframe,
        "missing_bars": holes.missing,
        "text": str(holes),
        "ranges": ranges,
    }


def _book_document(book: BookResult) -> dict[str, Any]:
    result = book.result
    return {
        "symbol": book.symbol,
        "share": book.share,
        "final_equity": result.final_equity,
        "metrics": result.metrics,
        "trades": len(result.trades),
        "open_position": _position_document(result),
        "fees_paid": result.fees_paid,
        "funding_paid": result.funding_paid,
    }


def _position_document(result: BacktestResult) -> dict[str, Any] | None:
    return asdict(result.open_position) if result.open_position else None


def write_files(arguments: argparse.Namespace, runs: list[BacktestRun]) -> None:
    """Write the report and the trades where they were asked for."""
    if arguments.report:
        from quant_pipelines.reports.backtest import render_backtest
        from quant_pipelines.reports.comparison import render_comparison

        with waiting("writing the report", arguments):
            page = render_backtest(runs[0]) if len(runs) == 1 else render_comparison(runs)
            write_text(arguments.report, page)
    if arguments.trades:
        result = runs[0].result
        kind = BookTrade if isinstance(result, AccountResult) else Trade
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(kind.columns())
        writer.writerows(map(_cells, result.trades))
        write_text(arguments.trades, text.getvalue())


def _cells(trade: Trade) -> list[Any]:
    """Return a trade's values in the order of its columns, times as ISO 8601."""
    values = trade.to_document().values()
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
