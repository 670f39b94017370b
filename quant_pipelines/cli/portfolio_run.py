"""The work of ``quant backtest`` with several symbols: one account, a book for each of them."""

import argparse
import csv
import io
from dataclasses import asdict, fields
from typing import Any

from quant_pipelines.backtest import BacktestSettings, Trade
from quant_pipelines.backtest.portfolio import run_portfolio
from quant_pipelines.backtest.portfolio_plan import SymbolFeed, allocations_of
from quant_pipelines.cli.backtest_run import cells_of, require_symbols, rules_of
from quant_pipelines.cli.history import StoredMarket, read_market
from quant_pipelines.cli.output import write_text
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.instrument_sets import set_name
from quant_pipelines.reports.portfolio import PortfolioRun, render_portfolio
from quant_pipelines.sdk import load_strategy, strategies_folder
from quant_pipelines.settings import load_settings


def run_portfolio_from_arguments(arguments: argparse.Namespace) -> PortfolioRun:
    """Backtest of several symbols that the arguments ask for.

    A strategy of several symbols trades them together; one of a single symbol trades each of them with an
    equal share.

    Raises
    ------
    QuantError
        One sentence for a strategy, symbol, parameter, setting or archive that can't be used.
    """
    settings = load_settings()
    source = load_strategy(arguments.strategy, strategies_folder(settings.strategies_folder))
    require_symbols(source, arguments.symbols)
    set_name(arguments.symbols)
    if arguments.compare:
        raise BacktestError("--compare shows one symbol; expected one symbol, or a --report of each strategy")
    strategy = source.strategy_class(**dict(arguments.set))
    markets = [
        read_market(arguments, symbol, settings, source.strategy_class) for symbol in arguments.symbols
    ]
    rules = rules_of(arguments, settings)
    result = run_portfolio(
        allocations_of(strategy, [market.bars for market in markets]),
        feeds=_feeds(arguments, markets),
        settings=BacktestSettings(
            capital=arguments.capital,
            rules=rules,
            has_stops=arguments.stops == "on",
            has_bar_equity=False,
        ),
    )
    bars = {market.bars.symbol: market.bars for market in markets}
    return PortfolioRun(source.name, source.content_hash, strategy.parameters, result, bars, rules)


def document_of(arguments: argparse.Namespace, run: PortfolioRun) -> dict[str, Any]:
    """JSON document: that of one symbol, with a symbol in each trade, and what each book did."""
    result = run.result
    return {
        "strategy": run.strategy,
        "version": run.version,
        "parameters": run.parameters,
        "symbols": arguments.symbols,
        "timeframe": arguments.timeframe,
        "execution_timeframe": result.execution_timeframe,
        "start": result.days[0],
        "end": result.days[-1],
        "capital": result.capital,
        "final_equity": result.final_equity,
        "metrics": result.metrics,
        "trades": [{"symbol": one.symbol, **asdict(one.trade)} for one in result.trades],
        "books": [
            {
                "symbol": book.symbol,
                "share": book.share,
                "final_equity": book.result.final_equity,
                "metrics": book.result.metrics,
                "trades": len(book.result.trades),
                "open_position": asdict(book.result.open_position) if book.result.open_position else None,
                "fees_paid": book.result.fees_paid,
                "funding_paid": book.result.funding_paid,
            }
            for book in result.books
        ],
        "max_gross_exposure": result.max_gross_exposure,
        "fees_paid": result.fees_paid,
        "funding_paid": result.funding_paid,
        "bars": result.bars,
        "seconds": result.seconds,
        "not_modelled": result.not_modelled,
    }


def write_files(arguments: argparse.Namespace, run: PortfolioRun) -> None:
    """Write the report and the trades where they were asked for, each trade with its symbol."""
    if arguments.report:
        with waiting("writing the report", arguments):
            write_text(arguments.report, render_portfolio(run))
    if not arguments.trades:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["symbol", *(field.name for field in fields(Trade))])
    writer.writerows([one.symbol, *cells_of(one.trade)] for one in run.result.trades)
    write_text(arguments.trades, text.getvalue())


def _feeds(arguments: argparse.Namespace, markets: list[StoredMarket]) -> dict[str, SymbolFeed]:
    """Gather bars, funding and steps of each symbol; finer bars only where all of them have some."""
    finer = [market.execution_bars() for market in markets]
    is_common = len({bars.timeframe for bars in finer}) == 1
    return {
        market.bars.symbol: SymbolFeed(
            bars if is_common else None,
            market.funding if arguments.funding == "on" else no_funding(),
            market.specification,
        )
        for market, bars in zip(markets, finer, strict=True)
    }
