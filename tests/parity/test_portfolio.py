"""Several books in one account: one book is a backtest, and both drivers are equal to the last bit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.backtest.portfolio import run_portfolio
from quant_pipelines.backtest.portfolio_event import run_event_portfolio
from quant_pipelines.backtest.portfolio_plan import Allocation, SymbolFeed
from quant_pipelines.backtest.portfolio_result import CROSSING, PortfolioResult
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Inputs, Stops, Strategy
from quant_pipelines.sdk.scales import declares_scales
from quant_pipelines.trading import Execution, Specification, TradingRules
from tests.parity.scenarios import ALL_STOPS, BRACKETS, FINE, LOTS, SCENARIOS
from tests.parity.worlds import START_MS, Guarded, Wanderer, hourly_funding, random_bars, rolled_up


class PanelWanderer(Strategy):
    """Targets by the hash of each symbol's own close; where one has no bar it has an opinion all the same."""

    inputs = Inputs(symbols=0)
    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5), atr_stop=Float(2.0, low=0.0, high=9.0))

    def target(self, bars: Panel) -> Array:
        level = np.floor(np.nan_to_num(bars.close) * 1e6) % 6
        table = np.array([1.0, -1.0, 0.0, 0.5, -0.3, np.nan])
        return table[level.astype(np.int64)][np.arange(len(bars)) // 4 * 4]


def of(symbol: str, bars: Bars) -> Bars:
    return replace(bars, symbol=symbol)


def holed(symbol: str, seed: int, n: int = 300, *, listed: int = 0) -> Bars:
    bars = of(symbol, random_bars(n, seed))
    keep = np.random.default_rng(seed).random(n) > 0.1
    keep[:listed] = False
    columns = {name: getattr(bars, name)[keep] for name in ("ts", "open", "high", "low", "close", "volume")}
    return replace(bars, **columns)


def panel() -> Panel:
    return panel_of([holed("A", 1), holed("B", 2, listed=120), of("C", random_bars(300, 3))])


def two(share: float = 0.5, *, volatility: float = 0.004) -> list[Allocation]:
    bars = [of(name, random_bars(300, seed, volatility=volatility)) for name, seed in (("A", 51), ("B", 52))]
    return [Allocation(Wanderer(), one, share) for one in bars]


@dataclass(frozen=True)
class Several:
    allocations: Callable[[], Sequence[Allocation]]
    rules: TradingRules = field(default_factory=TradingRules)
    settings: BacktestSettings = field(default_factory=BacktestSettings)
    feeds: Callable[[], dict[str, SymbolFeed]] = dict
    flows: tuple[Flow, ...] = ()


FLOWS = (
    Flow(START_MS + 40 * MINUTE_MS + 1, 2_500.0),
    Flow(START_MS + 130 * MINUTE_MS, -4_000.0),
    Flow(START_MS + 130 * MINUTE_MS, 100.0),
)
SEVERAL = {
    "two_symbols": Several(two),
    "a_part_stays_in_reserve": Several(lambda: two(0.3)),
    "thirds": Several(
        lambda: [Allocation(Wanderer(), of(name, random_bars(200, i)), 1 / 3) for i, name in enumerate("ABC")]
    ),
    "opposite_books_on_one_symbol": Several(
        lambda: [
            Allocation(Wanderer(seed=seed), random_bars(300, 7), share, name)
            for seed, share, name in ((1, 0.5, "one"), (2, 0.3, "two"), (3, 0.2, "three"))
        ]
    ),
    "panel_with_holes_and_a_late_listing": Several(lambda: [Allocation(PanelWanderer(), panel())], LOTS),
    "panel_beside_another_strategy": Several(
        lambda: [
            Allocation(PanelWanderer(), panel(), 0.7),
            Allocation(Guarded(**ALL_STOPS), of("A", random_bars(300, 1)), 0.3),
        ],
        feeds=lambda: {"C": SymbolFeed(funding=hourly_funding(random_bars(300, 3)))},
        settings=BacktestSettings(close_at_end=True),
    ),
    "steps_of_each_symbol": Several(
        two,
        feeds=lambda: {
            "A": SymbolFeed(specification=Specification(0.5, 20.0)),
            "B": SymbolFeed(specification=Specification(0.01, 2_000.0)),
        },
    ),
    "volatility_target": Several(
        two, replace(LOTS, sizing=VolatilityTarget(annual_volatility=0.8, max_weight=1.5, window=20))
    ),
    "daily_loss_of_the_account": Several(
        lambda: two(volatility=0.01), replace(LOTS, limits=RiskLimits(max_daily_loss_fraction=0.02))
    ),
    "finer_execution_bars": Several(
        lambda: [
            Allocation(Wanderer(), of("A", rolled_up(FINE)), 0.5),
            Allocation(Wanderer(seed=4), of("B", FINE), 0.5),
        ],
        feeds=lambda: {"A": SymbolFeed(of("A", FINE), hourly_funding(FINE))},
    ),
    "history_before_the_test": Several(
        two, settings=BacktestSettings(trade_from_ms=START_MS + 150 * MINUTE_MS, close_at_end=True)
    ),
    "flows": Several(two, flows=FLOWS),
    "flows_under_limits_and_equity_stops": Several(
        lambda: [
            Allocation(
                Guarded(equity_stop=0.02, hold=20), of(name, random_bars(300, i, volatility=0.01)), 0.4
            )
            for i, name in enumerate("AB")
        ],
        replace(LOTS, limits=RiskLimits(max_daily_loss_fraction=0.03)),
        flows=FLOWS,
    ),
    "cross_margin": Several(
        lambda: [
            Allocation(
                Guarded(hard_stop=0.0, hold=30, seed=i),
                of(name, random_bars(300, 60 + i, volatility=0.01)),
                0.5,
            )
            for i, name in enumerate("AB")
        ],
        TradingRules(sizing=AllIn(25.0), execution=Execution(brackets=BRACKETS)),
    ),
    "isolated_margin": Several(
        lambda: [
            Allocation(
                Guarded(hard_stop=0.5, hold=30, seed=i),
                of(name, random_bars(300, 70 + i, volatility=0.02)),
                0.5,
            )
            for i, name in enumerate("AB")
        ],
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=10.0)),
    ),
}


def run(driver: Callable[..., PortfolioResult], name: str) -> PortfolioResult:
    case = SEVERAL[name]
    settings = replace(case.settings, rules=case.rules)
    return driver(case.allocations(), feeds=case.feeds(), settings=settings, flows=case.flows)


MODELLED = [
    name
    for name, case in SCENARIOS.items()
    if not (case.settings.has_stops and declares_scales(case.strategy))
    and not case.settings.specifications.dated
]


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - set(MODELLED)))
def test_what_several_books_do_not_model_is_refused(name: str) -> None:
    case = SCENARIOS[name]
    with pytest.raises(BacktestError, match="an account of several books does not model that so far"):
        run_portfolio(
            [Allocation(case.strategy, case.bars())], settings=replace(case.settings, rules=case.rules)
        )


@pytest.mark.parametrize("name", MODELLED)
def test_one_book_with_the_whole_account_equals_a_backtest_to_the_bit(name: str) -> None:
    case = SCENARIOS[name]
    bars = case.bars()
    settings = replace(case.settings, rules=case.rules)
    execution = case.execution() if case.execution else None
    funding = case.funding(bars) if case.funding else None
    alone = run_backtest(case.strategy, bars, settings=settings, execution_bars=execution, funding=funding)
    feeds = {bars.symbol: SymbolFeed(execution, funding)}
    account = run_portfolio([Allocation(case.strategy, bars)], feeds=feeds, settings=settings)
    (book,) = account.books
    assert book.result.trade_rows.tobytes() == alone.trade_rows.tobytes()
    assert account.bar_equity.tobytes() == alone.bar_equity.tobytes()
    assert account.daily_equity.tobytes() == alone.daily_equity.tobytes()
    assert account.daily_returns.tobytes() == alone.daily_returns.tobytes()
    assert account.metrics == alone.metrics
    assert book.result.metrics == alone.metrics
    assert book.result.open_position == alone.open_position
    assert (account.final_equity, account.fees_paid, account.funding_paid) == (
        alone.final_equity,
        alone.fees_paid,
        alone.funding_paid,
    )


@pytest.mark.parametrize("name", SEVERAL)
def test_rows_one_by_one_equal_the_batch_to_the_bit(name: str) -> None:
    expected, actual = run(run_portfolio, name), run(run_event_portfolio, name)
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.daily_equity.tobytes() == expected.daily_equity.tobytes()
    assert actual.daily_units.tobytes() == expected.daily_units.tobytes()
    assert actual.metrics == expected.metrics
    assert actual.max_gross_exposure == expected.max_gross_exposure
    for one, other in zip(actual.books, expected.books, strict=True):
        assert one.result.trade_rows.tobytes() == other.result.trade_rows.tobytes()
        assert one.result.metrics == other.result.metrics
        assert one.result.open_position == other.result.open_position
        assert one.contribution.tobytes() == other.contribution.tobytes()
        assert one.net_notional.tobytes() == other.net_notional.tobytes()


@pytest.mark.parametrize("name", SEVERAL)
def test_the_account_earns_what_its_books_earn(name: str) -> None:
    result = run(run_portfolio, name)
    earned = sum(book.result.final_equity - book.result.capital for book in result.books)
    assert result.final_equity - result.capital - result.net_flows == pytest.approx(earned, abs=1e-6)
    for book in result.books:
        account, held = book.result, book.result.open_position
        gross = sum(trade.pnl + trade.fees + trade.funding for trade in account.trades)
        if held is None:
            costs = account.fees_paid + account.funding_paid
            assert account.final_equity - account.capital == pytest.approx(gross - costs, abs=1e-6)


def test_scenarios_exercise_trades_liquidation_and_limits() -> None:
    results = {name: run(run_portfolio, name) for name in SEVERAL}
    assert all(len(result.trades) > 5 for result in results.values())
    reasons = {name: {one.trade.exit_reason for one in result.trades} for name, result in results.items()}
    assert "liquidation" in reasons["cross_margin"]
    assert "liquidation" in reasons["isolated_margin"]
    assert "equity_stop" in reasons["flows_under_limits_and_equity_stops"]
    assert results["opposite_books_on_one_symbol"].not_modelled[-1] == CROSSING
    unlimited = run_portfolio(two(volatility=0.01), settings=BacktestSettings(rules=LOTS))
    assert len(results["daily_loss_of_the_account"].trades) < len(unlimited.trades)


def test_hour_grid_of_a_symbol_without_bars_keeps_its_last_close() -> None:
    late = of("B", random_bars(30, 5, timeframe="1h"))
    early = replace(late.rows(0, 10), symbol="A")
    result = run_portfolio([Allocation(Wanderer(), early, 0.5), Allocation(Wanderer(), late, 0.5)])
    assert result.bar_ts.size == 30
    assert result.bar_ts[-1] - result.bar_ts[0] == 29 * HOUR_MS
    assert len(result.days) > len(result.books[0].result.days)
