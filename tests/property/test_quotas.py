"""Quotas: nothing that adds exposure is ordered beyond them, whatever is wanted; what closes always is."""

import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestSettings, Book, BookSettings
from quant_pipelines.backtest.market.market import prepare_market
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.portfolio import AllIn, Fixed, Sizing
from quant_pipelines.risk import RiskLimits
from quant_pipelines.trading import BookView, Specification, TradingRules, decide
from tests.parity.stream import execution_stream
from tests.property.examples import examples

N_BARS = 80
targets = st.one_of(st.floats(-1.0, 1.0), st.sampled_from([0.0, 1.0, -1.0, math.nan]))
quota = st.one_of(st.just(math.inf), st.floats(0.0, 2_000.0))
counts = st.one_of(st.just(math.inf), st.integers(0, 6).map(float))
quotas = st.builds(
    RiskLimits, max_position_notional=quota, max_position_quantity=quota, max_orders_per_day=counts
)
sizes = st.sampled_from([AllIn(), AllIn(3.0), Fixed(7.0)])
lots = st.sampled_from([Specification(), Specification(0.5, 5.0)])


def rules_of(sizing: Sizing, specification: Specification, limits: RiskLimits) -> TradingRules:
    return TradingRules(sizing=sizing, specification=specification, limits=limits, rebalance_band=0.0)


def adds(held: float, order: float) -> bool:
    """Whether an order leaves more than is held, or anything on the other side."""
    after = held + order
    return abs(after) > abs(held) + 1e-9 or after * held < -1e-9


@example(1.0, -0.5, 1.0, 0, RiskLimits(), Fixed(7.0), Specification(0.5, 5.0))
@given(
    st.floats(-20.0, 20.0).map(lambda held: round(2.0 * held) / 2.0),
    targets,
    st.floats(1.0, 500.0),
    st.integers(0, 8),
    st.builds(
        RiskLimits, max_position_notional=quota, max_position_quantity=quota, max_orders_per_day=counts
    ),
    sizes,
    lots,
)
@settings(max_examples=examples(400))
def test_decision_adds_nothing_beyond_a_quota(  # noqa: PLR0917 - all drawn
    held: float,
    target: float,
    price: float,
    n_orders: int,
    limits: RiskLimits,
    sizing: Sizing,
    specification: Specification,
) -> None:
    view = BookView(held, 1_000.0, price, 1_000.0, float(np.sign(held)), orders_today=float(n_orders))
    decision = decide(view, target, rules_of(sizing, specification, limits))
    after = held + decision.order_quantity
    if adds(held, decision.order_quantity):
        assert n_orders + 1 <= limits.max_orders_per_day
        assert abs(after) * price <= limits.max_position_notional * (1.0 + 1e-6)
        assert abs(after) <= limits.max_position_quantity * (1.0 + 1e-6)
    if target == 0.0 or target * held < 0.0:
        assert after * held <= 1e-9


@given(
    st.lists(targets, min_size=N_BARS, max_size=N_BARS),
    st.lists(st.floats(-0.05, 0.05), min_size=N_BARS, max_size=N_BARS),
    quotas,
    sizes,
)
@settings(max_examples=examples(60))
def test_no_day_of_a_book_has_more_orders_that_add_than_its_quota(
    wanted: list[float], returns: list[float], limits: RiskLimits, sizing: Sizing
) -> None:
    close = 100.0 * np.cumprod(1.0 + np.array(returns))
    open_ = np.concatenate([[100.0], close[:-1]])
    ts = 5 * HOUR_MS * np.arange(N_BARS, dtype=np.int64)
    bars = Bars(
        "X/USDT:USDT", "1h", ts, open_, np.maximum(open_, close), np.minimum(open_, close), close, close
    )
    rules = rules_of(sizing, Specification(), limits)
    book = Book(BookSettings(1_000.0, rules, 0.03, "1h"))
    ordered: dict[int, int] = {}
    stream = execution_stream(prepare_market(bars, BacktestSettings(rules=rules)), no_funding())
    for bar, target in zip(stream, wanted, strict=True):
        book.step(bar)
        day, held = (bar.ts + HOUR_MS) // DAY_MS, book.account.position + book.pending
        decision = decide(book.view(), target, rules)
        assert book.view().orders_today == ordered.get(day, 0)
        book.submit(decision.order_quantity, target_side=decision.target_side)
        if decision.order_quantity != 0.0:
            ordered[day] = ordered.get(day, 0) + 1
        if adds(held, decision.order_quantity):
            assert ordered[day] <= limits.max_orders_per_day
            after = abs(held + decision.order_quantity)
            assert after * bar.close <= limits.max_position_notional * (1.0 + 1e-6)
        if target == 0.0:
            assert book.account.position + book.pending == 0.0
