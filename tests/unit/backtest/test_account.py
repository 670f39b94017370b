"""What books of one account have to do with each other: sizes, limits, margin, flows; and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.errors import BacktestError, StrategyError
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.portfolio import AllIn
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Desk, EventStrategy, Float, Inputs, Stops, Strategy
from quant_pipelines.trading import (
    Bracket,
    DatedSpecification,
    Execution,
    Specification,
    SpecificationHistory,
    TradingRules,
)

FREE = TradingRules(costs=CostSettings(0.0, 0.0, 0.0), rebalance_band=0.0)
BRACKETS = (Bracket(0.0, 0.01),)


class Hold(Strategy):
    """One side from the first bar on; 0 is none."""

    side = Float(1.0, low=-1.0, high=1.0)

    def target(self, bars: Bars) -> Array:
        return np.full(len(bars), self.side)


class Turn(Strategy):
    """Nothing until the price has moved, then long."""

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) >= 3, 1.0, 0.0)


class Fragile(Hold):
    """Leaves once its equity has fallen by a twentieth."""

    stops = Stops(equity_stop=Float(0.05, low=0.0, high=0.9))


class Pair(Strategy):
    """Long the first, short the second."""

    inputs = Inputs(symbols=2)

    def target(self, bars: object) -> Array:
        return np.tile([1.0, -1.0], (len(bars), 1))  # type: ignore[arg-type]


def path(symbol: str, close: list[float], *, first: int = 0) -> Bars:
    values = np.array(close)
    opened = np.concatenate([values[:1], values[:-1]])
    columns = {
        "ts": HOUR_MS * (first + np.arange(values.size)),
        "open": opened,
        "high": np.maximum(opened, values),
        "low": np.minimum(opened, values),
        "close": values,
        "volume": np.ones(values.size),
    }
    return bars_from_columns(symbol, "1h", columns)


def settings(rules: TradingRules = FREE) -> BacktestSettings:
    return BacktestSettings(capital=1_000.0, rules=rules)


def positions(result: AccountResult) -> dict[str, float]:
    held = {book.symbol: book.result.open_position for book in result.books}
    return {symbol: one.quantity if one else 0.0 for symbol, one in held.items()}


def test_a_book_is_sized_on_its_share_of_what_the_whole_account_is_worth() -> None:
    rising, still = path("A", [100.0, 100.0, 150.0, 200.0, 200.0, 200.0]), path("B", [100.0] * 6)
    rules = replace(FREE, rebalance_band=1.0)  # what is held is not re-sized
    result = run_account(
        [Allocation(Hold(), rising, 0.5), Allocation(Turn(), still, 0.5)], settings=settings(rules)
    )
    # A holds 5 and earns 500; B's half is then 750, though its own virtual equity is 500.
    assert positions(result) == pytest.approx({"A": 5.0, "B": 7.5})


def test_opposite_books_on_one_symbol_have_no_net_exposure() -> None:
    bars = path("A", [100.0] * 30)
    result = run_account(
        [Allocation(Hold(), bars, 0.5, "long"), Allocation(Hold(side=-1.0), bars, 0.5, "short")],
        settings=settings(),
    )
    np.testing.assert_allclose(result.net_exposure["A"], 0.0)
    np.testing.assert_allclose(result.gross_exposure, 1.0)
    assert result.max_gross_exposure == pytest.approx(1.0)


def test_the_daily_loss_limit_measures_the_account() -> None:
    falling, still = path("A", [100.0, 100.0, 90.0, 90.0, 90.0]), path("B", [100.0] * 5)
    rules = replace(FREE, limits=RiskLimits(max_daily_loss_fraction=0.04))
    books = [Allocation(Hold(), falling, 0.5), Allocation(Turn(), still, 0.5)]
    result = run_account(books, settings=settings(rules))
    assert positions(result)["B"] == 0.0
    generous = replace(FREE, limits=RiskLimits(max_daily_loss_fraction=0.06))
    assert positions(run_account(books, settings=settings(generous)))["B"] > 0.0


def test_a_withdrawal_is_no_loss_of_the_day_and_fires_no_equity_stop() -> None:
    still = path("A", [100.0] * 8)
    rules = replace(FREE, limits=RiskLimits(max_daily_loss_fraction=0.01))
    result = run_account(
        [Allocation(Fragile(), still, 0.5), Allocation(Turn(), replace(still, symbol="B"), 0.5)],
        settings=settings(rules),
        flows=[Flow(2 * HOUR_MS, -500.0)],
    )
    assert result.trades == ()
    assert positions(result)["B"] == pytest.approx(2.5)
    assert result.metrics["max_drawdown"] == 0.0
    assert result.daily_units.tolist() == [500.0]


def test_a_withdrawal_of_more_than_there_is_is_refused() -> None:
    with pytest.raises(
        BacktestError, match=r"flow of -1,000\.00 at 1970-01-01 02:00 meets a value of 1,000\.00"
    ):
        run_account(
            [Allocation(Hold(), path("A", [100.0] * 5))],
            settings=settings(),
            flows=[Flow(2 * HOUR_MS, -1_000.0)],
        )


def test_cross_margin_liquidates_every_book_once_the_account_is_used_up() -> None:
    rules = replace(FREE, sizing=AllIn(5.0), execution=Execution(brackets=BRACKETS), rebalance_band=1.0)
    falling, still = path("A", [100.0, 100.0, 100.0, 61.0, 61.0]), path("B", [100.0] * 5)
    books = [Allocation(Hold(), falling, 0.5), Allocation(Hold(), still, 0.5)]
    result = run_account(books, settings=settings(rules))
    trades = {one.symbol: one for one in result.trades}
    # Each holds 25. B maintains 25 x 100 x 1 % = 25, so A must leave: 1000 + 25 (p - 100) - 25 = 0.01 x 25 p.
    assert trades["A"].exit_reason == trades["B"].exit_reason == "liquidation"
    assert trades["A"].exit_price == pytest.approx((2_500.0 - 975.0) / 24.75)


def test_the_other_books_stand_behind_a_book_of_a_cross_margin() -> None:
    rules = replace(FREE, sizing=AllIn(5.0), execution=Execution(brackets=BRACKETS), rebalance_band=1.0)
    falling = path("A", [100.0, 100.0, 100.0, 70.0, 70.0])
    books = [Allocation(Hold(), falling, 0.5), Allocation(Hold(side=0.0), path("B", [100.0] * 5), 0.5)]
    result = run_account(books, settings=settings(rules))
    assert result.trades == ()  # alone, with 500 behind 25, it would have been liquidated near 81
    assert result.final_equity == pytest.approx(250.0)


def test_isolated_margin_liquidates_a_book_by_itself() -> None:
    execution = Execution(brackets=BRACKETS, leverage=5.0)
    rules = replace(FREE, sizing=AllIn(5.0), execution=execution, rebalance_band=1.0)
    falling = path("A", [100.0, 100.0, 100.0, 70.0, 70.0])
    books = [Allocation(Hold(), falling, 0.5), Allocation(Hold(), path("B", [100.0] * 5), 0.5)]
    result = run_account(books, settings=settings(rules))
    assert [(one.symbol, one.exit_reason) for one in result.trades] == [("A", "liquidation")]
    assert positions(result)["B"] == pytest.approx(25.0)


def test_each_symbol_of_a_panel_is_a_book_with_an_equal_share() -> None:
    panel = panel_of([path("A", [100.0] * 4), path("B", [50.0] * 4)])
    result = run_account([Allocation(Pair(), panel)], settings=settings())
    assert positions(result) == pytest.approx({"A": 5.0, "B": -10.0})
    assert [book.share for book in result.books] == [0.5, 0.5]


def test_contributions_of_a_hedged_pair_are_opposite() -> None:
    close = (100.0 + 5.0 * np.sin(np.arange(24 * 6))).tolist()
    panel = panel_of([path("A", close), path("B", close)])
    result = run_account([Allocation(Pair(), panel)], settings=settings())
    assert result.correlation[0, 1] == pytest.approx(-1.0, abs=0.01)
    assert result.correlation[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("shares", [(0.6, 0.6), (0.5, 0.0), (-0.1, 0.4)])
def test_shares_that_can_not_be_given_are_refused(shares: tuple[float, float]) -> None:
    books = [
        Allocation(Hold(), path(name, [100.0] * 3), share) for name, share in zip("AB", shares, strict=True)
    ]
    with pytest.raises(BacktestError, match="expected positive ones whose sum is at most 1"):
        run_account(books)


def test_nothing_allocated_is_refused() -> None:
    with pytest.raises(BacktestError, match="no strategy is allocated"):
        run_account([])


def test_a_flow_behind_the_last_bar_is_refused() -> None:
    with pytest.raises(BacktestError, match="flow is at 1970-01-01 09:00; expected one up to"):
        run_account([Allocation(Hold(), path("A", [100.0] * 3))], flows=[Flow(9 * HOUR_MS, 5.0)])


def test_different_execution_timeframes_are_refused() -> None:
    hours = path("A", [100.0] * 8)
    minutes = replace(path("B", [100.0] * 8), timeframe="1m")
    feeds = {"A": SymbolFeed(), "B": SymbolFeed()}
    with pytest.raises(BacktestError, match=r"execution timeframes are \['1h', '1m'\]"):
        run_account([Allocation(Hold(), hours, 0.5), Allocation(Hold(), minutes, 0.5)], feeds=feeds)


def test_a_strategy_of_two_symbols_is_refused_on_one() -> None:
    with pytest.raises(StrategyError, match="Pair: got bars of one symbol; expected 2 symbols together"):
        run_account([Allocation(Pair(), path("A", [100.0] * 3))])


class Flipper(EventStrategy):
    """Turns round at every close."""

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Sell twice what is held, or buy it back."""
        desk.market(-0.8 if desk.position > 0.0 else 0.8 if desk.position < 0.0 else 0.4)


def test_a_symbol_that_was_listed_late_has_fewer_round_trips_than_the_other() -> None:
    long, short = path("LONG", [100.0] * 60), path("LATE", [100.0] * 4, first=56)
    result = run_account([Allocation(Flipper(), one, 0.5) for one in (long, short)])
    assert isinstance(result, AccountResult)
    assert [len(book.result.trades) for book in result.books] == [58, 2]


def test_a_book_that_ends_days_before_the_account_pays_what_it_costs_to_leave() -> None:
    costly = TradingRules(costs=CostSettings(fee_bps=100.0, slippage_bps=0.0))
    early, whole = path("EARLY", [100.0] * 30), path("WHOLE", [100.0] * 120)
    result = run_account(
        [Allocation(Hold(), one, 0.5) for one in (early, whole)],
        settings=replace(settings(costly), close_at_end=True),
    )
    for book in result.books:
        (trade,) = book.result.trades
        assert book.result.final_equity - 500.0 == pytest.approx(trade.pnl)
        assert book.result.daily_equity[-1] == book.result.final_equity
        assert np.prod(1.0 + book.result.daily_returns) * 500.0 == pytest.approx(book.result.final_equity)


def test_a_symbol_without_bars_maintains_by_the_brackets_of_the_day() -> None:
    rules = replace(FREE, sizing=AllIn(5.0), execution=Execution(brackets=BRACKETS), rebalance_band=1.0)
    falling, gone = path("A", [100.0, 100.0, 100.0, 100.0, 70.0, 70.0]), path("B", [100.0] * 3)
    stricter = DatedSpecification(4 * HOUR_MS, Specification(), brackets=(Bracket(0.0, 0.1),))
    history = SpecificationHistory((DatedSpecification(0, Specification()), stricter))
    books = [Allocation(Hold(), one, 0.5) for one in (falling, gone)]
    for driver in (run_account, run_event_account):
        free = driver(books, settings=settings(rules))
        assert free.trades == ()  # 1000 - 25 x 30 covers 25 x 70 x 1 % and 25 x 100 x 1 %
        strict = driver(books, settings=settings(rules), feeds={"B": SymbolFeed(specifications=history)})
        assert [(one.symbol, one.exit_reason) for one in strict.trades] == [("A", "liquidation")]
