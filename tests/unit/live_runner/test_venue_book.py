"""The stops of a book at a venue are those of the paper book that is fed the same bars, to the last bit."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from live_runner.book.plan import DeploymentPlan, plan_of
from live_runner.book.rows import exact
from live_runner.venue.book import DISASTER_STOP, VenueBook
from quant_pipelines.backtest import Book, BookedFill, ExecutionBar
from quant_pipelines.backtest.bar.stops import EXIT_REASONS
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.store.trading import Fill, Income
from quant_pipelines.trading import decide
from tests.in_process import in_process
from tests.unit.live_runner.test_races import DEPLOYMENT

SOURCE = '''
import numpy as np
from quant_pipelines.indicators import sma
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Swinging(Strategy):
    """Long above its average, short below, flat in between."""

    stops = Stops({stops})

    def target(self, bars: Bars) -> Array:
        off = bars.close / sma(bars.close, 8) - 1.0
        return np.where(np.abs(off) < 0.0004, 0.0, np.sign(off))
'''
SCALES = """
    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        wave, names = np.exp(np.sin(bars.close)), [name for name in self.stop_values if name[:5] != "slope"]
        return {name: wave ** (0.3 + at / 9) for at, name in enumerate(names)}
"""
RULES = {
    "hard_stop": "Float(0.02, low=0.001, high=0.5)",
    "atr_stop": "Float(1.2, low=0.5, high=9.0)",
    "volatility_stop": "Float(4.0, low=0.5, high=9.0)",
    "chandelier_stop": "Float(1.4, low=0.5, high=9.0)",
    "sar_stop": "Float(0.02, low=0.001, high=0.5)",
    "time_stop": "Int(9, low=1, high=99)",
    "equity_stop": "Float(0.004, low=0.001, high=0.5)",
    "take_profit": "Float(0.004, low=0.001, high=0.5)",
}
SCALED = "scaled"
SETS = (
    tuple(RULES),
    (*RULES, SCALED),
    ("hard_stop", "chandelier_stop", "take_profit", SCALED),
    ("hard_stop", "atr_stop", "chandelier_stop"),
    ("hard_stop", "volatility_stop", "take_profit"),
    ("hard_stop", "sar_stop"),
    ("hard_stop", "time_stop", "equity_stop"),
)
N_BARS, WARM_UP = 600, 60


def plan_with(*names: str) -> DeploymentPlan:
    windows = "atr_window=5, volatility_window=12, equity_slope_days=1"
    declared = [f"{name}={RULES[name]}" for name in names if name != SCALED]
    if SCALED in names:
        declared.append("slope_tightening=Float(0.6, low=0.1, high=1.0)")
    source = SOURCE.format(stops=", ".join([*declared, windows]))
    return plan_of(replace(DEPLOYMENT, source=source + (SCALES if SCALED in names else "")), in_process)


def random_bars(seed: int) -> Bars:
    rng = np.random.default_rng(seed)
    close = 50_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, N_BARS)))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.0002, N_BARS))
    reach = np.abs(rng.normal(0.0, 0.0006, (2, N_BARS)))
    start = 1_767_225_600_000 + 19 * 60 * MINUTE_MS  # five hours before a midnight
    columns = {
        "ts": start + MINUTE_MS * np.arange(N_BARS, dtype=np.int64),
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + reach[0]),
        "low": np.minimum(open_, close) * (1.0 - reach[1]),
        "close": close,
        "volume": rng.uniform(50.0, 100.0, N_BARS),
    }
    return bars_from_columns("BTC/USDT:USDT", "1m", columns)


def fill_at_venue(fill: BookedFill) -> Fill:
    """Fill of the paper book as a venue tells it: an order's in the bar's first second, a stop's later."""
    is_stop = fill.reason in EXIT_REASONS[1:]
    return Fill(
        str(fill.number),
        None,
        "buy" if fill.quantity > 0 else "sell",
        exact(abs(fill.quantity)),
        exact(fill.price),
        exact(fill.fee),
        fill.reason,
        from_ms(fill.ts) + timedelta(seconds=31 if is_stop else 1),
    )


@dataclass
class Twins:
    """A paper book and a venue's book that decide alike; the venue's fills are the paper book's."""

    plan: DeploymentPlan
    paper: Book = field(init=False)
    venue: VenueBook = field(init=False)
    fills: list[Fill] = field(default_factory=list)
    exits: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.paper = Book(self.plan.paper_settings)
        self.venue = VenueBook(self.plan, 0.1, (), (), None)

    def step(self, bars: Bars, row: int) -> list[Fill]:
        """Step the paper book; returns what it filled."""
        events = self.paper.step(execution_bar(bars, row))
        booked = [event for event in events if isinstance(event, BookedFill)]
        self.exits |= {fill.reason for fill in booked}
        new = [fill_at_venue(fill) for fill in booked]
        self.fills += new
        return new

    def decide(self, bars: Bars, row: int) -> None:
        known = bars.between(0, int(bars.ts[row]) + 1)
        target = float(target_of(self.plan.strategy, known)[-1])
        inputs = latest_of(self.plan.strategy, known, self.plan.rules).inputs
        decision = decide(self.paper.view(), target, self.plan.rules)
        theirs = decide(
            self.venue.view(Decimal(0), 0, volatility=0.0, data_age_seconds=0.0), target, self.plan.rules
        )
        assert theirs.order_quantity == pytest.approx(decision.order_quantity, rel=1e-9)
        assert theirs.target_side == decision.target_side
        self.paper.submit(decision.order_quantity, target_side=decision.target_side, inputs=inputs)
        self.venue.act_upon(decision.target_side)
        self.venue.read(inputs)

    def assert_alike(self) -> None:
        paper, venue = self.paper, self.venue
        assert venue.stop_price == paper.stop_price
        state = paper.state
        assert state is not None
        assert (venue.goal_price or 0.0) == (state.stop.guard.goal if state.account.position else 0.0)
        if paper.stop_price is not None:
            assert venue.stop_name in EXIT_REASONS
        assert venue.equity == paper.equity


def execution_bar(bars: Bars, row: int) -> ExecutionBar:
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return ExecutionBar(*(column[row].item() for column in columns))


def leave_alike(twins: Twins) -> bool:
    """Whether both leave at the next open or neither does, by the same stop.

    Where the close has reached the level too, the paper book's next bar stops before it leaves.
    """
    state, venue = twins.paper.state, twins.venue
    assert state is not None
    order = state.order
    leaves_by = EXIT_REASONS[order.reason] if order.quantity and order.reason else ""
    position, level = state.account.position, venue.stop_price
    if leaves_by and level is not None and (state.close <= level if position > 0 else state.close >= level):
        leaves_by = venue.stop_name
    return venue.leaves_by == leaves_by


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", SETS)
def test_every_level_reason_and_exit_is_that_of_the_paper_book(names: tuple[str, ...], seed: int) -> None:
    twins, bars, tightenings = Twins(plan_with(*names)), random_bars(seed), set[float]()
    for row in range(WARM_UP, N_BARS):
        new = twins.step(bars, row)
        twins.venue.book(new, ())
        twins.venue.step(execution_bar(bars, row))
        assert leave_alike(twins)
        twins.decide(bars, row)
        twins.assert_alike()
        tightenings.add(twins.venue.stop_tightening)
        assert twins.venue.stop_tightening == twins.paper.stop_tightening
    assert twins.exits - {"target"}
    assert tightenings == ({1.0, 0.6} if SCALED in names else {1.0})


def restored(twins: Twins) -> VenueBook:
    document: dict[str, Any] = json.loads(json.dumps(twins.venue.to_document()))
    return VenueBook(twins.plan, 0.1, twins.fills, (), document)


def test_a_book_that_is_restored_at_any_bar_goes_on_with_the_same_stops() -> None:
    twins, bars = Twins(plan_with(*RULES, SCALED)), random_bars(7)
    for row in range(WARM_UP, 400):
        twins.venue.book(twins.step(bars, row), ())
        twins.venue.step(execution_bar(bars, row))
        twins.venue = restored(twins)
        assert leave_alike(twins)
        twins.decide(bars, row)
        twins.assert_alike()
    assert len(twins.exits) > 3


def test_capital_that_is_paid_to_both_changes_neither_stop_nor_decision_apart() -> None:
    twins, bars, income = Twins(plan_with(*RULES)), random_bars(9), list[Income]()
    for row in range(WARM_UP, 300):
        twins.venue.book(twins.step(bars, row), ())
        twins.venue.step(execution_bar(bars, row))
        twins.decide(bars, row)
        if row in (110, 190):
            amount = Decimal(-4_000) if row == 110 else Decimal(9_000)
            twins.paper.transfer(float(amount))
            income.append(twins.venue.pay(amount, int(bars.ts[row]) + MINUTE_MS))
        twins.assert_alike()
    document = json.loads(json.dumps(twins.venue.to_document()))
    again = VenueBook(twins.plan, 0.1, twins.fills, income, document)
    assert (again.paid_in, again.stop_price) == (twins.venue.paid_in, twins.venue.stop_price)
    assert again.paid_in == twins.plan.deployment.capital + 5_000
    assert again.equity == pytest.approx(twins.venue.equity, rel=1e-12)
    assert again.position() == twins.venue.position()


def test_fills_behind_the_checkpoint_are_followed_by_the_stops_after_a_restart() -> None:
    twins, bars = Twins(plan_with(*RULES)), random_bars(8)
    n_restored = 0
    for row in range(WARM_UP, 300):
        new = twins.step(bars, row)
        if new and twins.venue.n_fills:
            document = json.loads(json.dumps(twins.venue.to_document()))
            marks = document["marks"]
            twins.venue.book(new, ())
            twins.venue = VenueBook(twins.plan, 0.1, twins.fills, (), document)
            assert marks["target_side"] == twins.venue.to_document()["marks"]["target_side"]
            n_restored += 1
        else:
            twins.venue.book(new, ())
        twins.venue.step(execution_bar(bars, row))
        twins.decide(bars, row)
        twins.assert_alike()
    assert n_restored > 5


@pytest.mark.parametrize("is_restarted", [False, True])
def test_an_entry_that_is_booked_after_its_bars_has_its_stops_moved_over_them(*, is_restarted: bool) -> None:
    twins, bars = Twins(plan_with("hard_stop", "chandelier_stop", "sar_stop")), random_bars(3)
    row = WARM_UP
    while not twins.paper.pending:  # until an entry is ordered
        twins.venue.book(twins.step(bars, row), ())
        twins.venue.step(execution_bar(bars, row))
        twins.decide(bars, row)
        row += 1
    late, since_ms = list[Fill](), int(bars.ts[row])
    for later in range(row, row + 3):
        late += twins.step(bars, later)
        twins.venue.step(execution_bar(bars, later), since_ms)
    if is_restarted:
        document = json.loads(json.dumps(twins.venue.to_document()))
        twins.venue = VenueBook(twins.plan, 0.1, (), (), document)
    halves = [
        replace(late[0], trade_id=name, quantity=late[0].quantity / 2, fee=late[0].fee / 2) for name in "ab"
    ]
    assert len(late) == 1
    for half in halves:
        twins.venue.book([half], ())
    assert twins.venue.stop_price == pytest.approx(twins.paper.stop_price, rel=1e-12)
    twins.step(bars, row + 3)
    twins.venue.step(execution_bar(bars, row + 3))
    assert twins.venue.stop_price == pytest.approx(twins.paper.stop_price, rel=1e-12)


def test_a_strategy_without_a_hard_stop_has_the_disaster_stop_under_its_own_name() -> None:
    twins, bars = Twins(plan_with("time_stop")), random_bars(3)
    twins.venue.step(execution_bar(bars, 0))
    bought = Fill(
        "1", None, "buy", Decimal(1), Decimal(50_000), Decimal(0), "target", from_ms(int(bars.ts[1]))
    )
    twins.venue.book([bought], ())
    assert twins.venue.stop_price == pytest.approx(45_000.0)
    assert twins.venue.stop_name == DISASTER_STOP


def test_a_document_of_an_older_version_has_its_stops_rebuilt_from_the_fills() -> None:
    twins, bars = Twins(plan_with("hard_stop")), random_bars(3)
    bought = Fill(
        "1", None, "buy", Decimal(1), Decimal(50_000), Decimal(0), "target", from_ms(int(bars.ts[1]))
    )
    twins.venue.step(execution_bar(bars, 0))
    twins.venue.book([bought], ())
    twins.venue.step(execution_bar(bars, 1))
    names = ("target_side", "close", "equity", "day_start_equity", "day_end_ms")
    marks = twins.venue.to_document()["marks"]
    older = {"marks": {name: marks[name] for name in names}}
    book = VenueBook(twins.plan, 0.1, [bought], (), older)
    assert book.stop_price == twins.venue.stop_price == pytest.approx(49_000.0)
