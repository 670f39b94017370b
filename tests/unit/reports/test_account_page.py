"""What the page of several symbols in one account says."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.reports.backtest import render_backtest
from quant_pipelines.reports.comparison import render_comparison
from quant_pipelines.reports.run import BacktestRun
from tests.unit.reports.conftest import Alternate, ReadPage, bars_of


def account_of(turn: int) -> BacktestRun:
    strategy = Alternate(turn=turn)
    still = bars_of(symbol="ETH/USDT:USDT")
    later = still.rows(24 * 30, len(still))
    bars = (bars_of(), later)
    allocations = [Allocation(strategy, one, 0.5) for one in bars]
    result = run_account(allocations, settings=BacktestSettings(has_bar_equity=False))
    return BacktestRun("alternate", "0123456789abcdef", strategy.parameters, result, bars, bars)


@pytest.fixture(scope="module")
def account() -> BacktestRun:
    return account_of(40)


@pytest.fixture(scope="module")
def page(account: BacktestRun) -> ReadPage:
    return ReadPage(render_backtest(account))


def test_every_book_is_a_row_with_what_it_earned(page: ReadPage, account: BacktestRun) -> None:
    (books,) = [table for table in page.tables if table[0][0] == "book"]
    earned = [f"{book.result.final_equity - book.result.capital:,.2f}" for book in account.result.books]
    assert [row[3] for row in books[1:]] == earned
    assert [row[1] for row in books[1:]] == [bars.symbol for bars in account.bars]


def test_measures_are_those_of_the_account(page: ReadPage, account: BacktestRun) -> None:
    rows = page.table("measure")
    assert rows["Sharpe ratio"][0] == f"{account.result.metrics['sharpe']:,.2f}"
    assert rows["Round trips"][0] == f"{len(account.result.trades):,}"


def test_holding_waits_for_the_first_bar_of_each_symbol(account: BacktestRun) -> None:
    btc, eth = account.bars
    growth = [one.close[-1] / one.open[0] for one in (btc, eth)]
    assert account.holding[-1] == pytest.approx(account.result.capital * np.mean(growth))
    day = 10
    alone = btc.close[24 * day - 1] / btc.open[0]
    assert account.holding[day] == pytest.approx(account.result.capital * (alone + 1.0) / 2)


def test_equity_ends_where_the_account_does(account: BacktestRun) -> None:
    assert account.equity[-1] == pytest.approx(account.result.final_equity, rel=1e-9)
    assert account.equity.size == account.times.size == account.holding.size


def test_trades_carry_their_symbol(page: ReadPage, account: BacktestRun) -> None:
    (trades,) = [table for table in page.tables if table[0][2:4] == ["book", "symbol"]]
    assert [row[3] for row in trades[1:]] == [one.symbol for one in account.result.trades]


def test_compared_accounts_show_what_each_earned_with_every_symbol(account: BacktestRun) -> None:
    other = account_of(90)
    page = ReadPage(render_comparison([account, other]))
    rows = page.table("symbol")
    for at, symbol in enumerate(["BTC/USDT:USDT", "ETH/USDT:USDT"]):
        books = [one.result.books[at].result for one in (account, other)]
        assert rows[symbol] == [f"{book.final_equity - book.capital:,.2f}" for book in books]
    assert rows["largest exposure"][0] == f"{100.0 * account.result.max_gross_exposure:,.2f} %"
    assert page.table("measure")["Sharpe ratio"][:2] == [
        f"{one.result.metrics['sharpe']:,.2f}" for one in (account, other)
    ]


def test_names_are_text_and_nothing_is_loaded(account: BacktestRun) -> None:
    evil = "<script>alert(1)</script>"
    source = render_backtest(replace(account, strategy=evil, parameters={evil: 1}))
    assert evil not in source
    assert "://" not in source
