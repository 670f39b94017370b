"""Several books on real exchange history: published trades, an account by hand, futures that are cut off."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.archive import load_bars, load_funding
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.portfolio import Fixed
from quant_pipelines.sdk import Array, Strategy, load_strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading import TradingRules

pytestmark = pytest.mark.archive

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
BTC, ETH, SUI = "BTC/USDT:USDT", "ETH/USDT:USDT", "SUI/USDT:USDT"
TOGETHER = {
    "pairs_cointegration": (BTC, ETH),
    "zscore_spread": (BTC, ETH),
    "cross_sectional_momentum": (BTC, ETH, "XRP/USDT:USDT", "LTC/USDT:USDT", SUI),
}


class Hold(Strategy):
    """Long from the first bar on."""

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))


def hours(archive: Path, symbol: str, start: str, end: str) -> Bars:
    times = (to_ms(datetime.fromisoformat(day).replace(tzinfo=UTC)) for day in (start, end))
    return load_bars(archive, symbol, "1h").between(*times)


def panel(archive: Path, name: str, start: str, end: str) -> Panel:
    return panel_of([hours(archive, symbol, start, end) for symbol in TOGETHER[name]])


def strategy(name: str, **values: float) -> Strategy:
    return load_strategy(name, STRATEGIES).strategy_class(**values)


def test_a_book_beside_another_makes_the_published_trades(archive: Path, reference: Path) -> None:
    rules = TradingRules(costs=CostSettings(fee_bps=5.0, slippage_bps=0.0), sizing=Fixed(0.1))
    follower = strategy("ema_cross", fast=20, slow=50)
    books = [
        Allocation(follower, hours(archive, symbol, "2024-01-01", "2025-01-01"), 0.5) for symbol in (BTC, ETH)
    ]
    result = run_account(books, settings=BacktestSettings(rules=rules, has_stops=False))
    with (reference / "ref" / "bt_btc_1h_2024_ema20_50_ls_trades.csv").open() as file:
        expected = list(csv.DictReader(file))
    book = result.books[0].result
    entries = [to_ms(trade.entry_time) for trade in book.trades]
    entry_bars = np.searchsorted(books[0].bars.ts, entries)
    assert entry_bars.tolist() == [int(row["entry_bar"]) for row in expected]
    pnl = [trade.pnl for trade in book.trades]
    assert pnl == pytest.approx([float(row["pnl_net"]) for row in expected], abs=1e-9)


def test_two_held_symbols_are_worth_what_arithmetic_says(archive: Path) -> None:
    rules = TradingRules(costs=CostSettings(fee_bps=5.0, slippage_bps=1.0), sizing=Fixed(0.05))
    bars = {symbol: hours(archive, symbol, "2024-03-01", "2024-06-01") for symbol in (BTC, ETH)}
    funding = {symbol: load_funding(archive, symbol) for symbol in bars}
    result = run_account(
        [Allocation(Hold(), one, 0.5) for one in bars.values()],
        feeds={symbol: SymbolFeed(funding=slots) for symbol, slots in funding.items()},
        settings=BacktestSettings(rules=rules),
    )
    expected = 10_000.0
    for symbol, one in bars.items():
        slots, paid = funding[symbol], one.open[1] * 1.0001
        due = (slots.ts > one.ts[1]) & (slots.ts <= one.ts[-1])
        at = np.searchsorted(one.ts, slots.ts[due])
        mark = slots.mark_price[due]
        price = np.where(np.isnan(mark), one.close[at - 1], mark)
        expected += 0.05 * (one.close[-1] - paid) - 0.05 * paid * 0.0005
        expected -= 0.05 * float(np.sum(slots.rate[due] * price))
    assert result.final_equity == pytest.approx(expected, rel=1e-12)
    assert result.funding_paid > 0.0


@pytest.mark.parametrize("name", TOGETHER)
def test_decisions_on_real_bars_do_not_change_when_the_future_is_cut_off(name: str, archive: Path) -> None:
    bars, traded = panel(archive, name, "2023-03-01", "2023-10-01"), strategy(name)
    whole = target_of(traded, bars)
    assert np.nan_to_num(whole).any(axis=0).all()
    for cut in np.random.default_rng(1).integers(2, len(bars), 25).tolist():
        part = target_of(traded, bars.rows(0, cut))
        np.testing.assert_array_equal(part, whole[:cut])


@pytest.mark.parametrize("name", TOGETHER)
def test_rows_of_real_bars_one_by_one_equal_the_batch(name: str, archive: Path) -> None:
    bars = panel(archive, name, "2023-04-10", "2023-05-25")  # SUI is listed on the 3rd of May
    feeds = {
        symbol: SymbolFeed(funding=load_funding(archive, symbol)) for symbol in bars.symbols if symbol != SUI
    }
    values = {"lookback": 48} if name == "cross_sectional_momentum" else {"window": 60}
    given = [Allocation(strategy(name, **values), bars)]
    batch, event = run_account(given, feeds=feeds), run_event_account(given, feeds=feeds)
    assert batch.bar_equity.tobytes() == event.bar_equity.tobytes()
    assert len(batch.trades) > 0
    assert batch.metrics == event.metrics
    assert [book.result.metrics for book in batch.books] == [book.result.metrics for book in event.books]


@pytest.mark.parametrize("name", TOGETHER)
def test_a_shipped_strategy_of_several_symbols_trades_real_years(name: str, archive: Path) -> None:
    bars = panel(archive, name, "2023-01-01", "2025-01-01")
    feeds = {
        symbol: SymbolFeed(funding=load_funding(archive, symbol)) for symbol in bars.symbols if symbol != SUI
    }
    result = run_account([Allocation(strategy(name), bars)], feeds=feeds)
    assert len(result.days) == 731
    assert all(book.result.trades for book in result.books)
    earned = sum(book.result.final_equity - book.result.capital for book in result.books)
    assert result.final_equity - result.capital == pytest.approx(earned, abs=1e-6)
    assert result.funding_paid != 0.0
