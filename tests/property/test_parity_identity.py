"""Causes and rest of a day sum to its difference, whatever both sides did."""

from decimal import Decimal, localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.parity import DayPayment, HaltSpan
from quant_pipelines.parity.pairs import PRECISION
from tests.unit.parity.days import AT_VENUE, MINUTE, Built, other, target

amounts = st.decimals("-3", "3", places=3, allow_nan=False).filter(bool)
prices = st.decimals("90", "110", places=4, allow_nan=False)
minutes = st.integers(1, 40)
targets = st.builds(
    lambda at, size, price, arrival: target(at, str(size), str(price), arrival=arrival),
    minutes,
    amounts,
    prices,
    st.none() | prices,
)
others = st.builds(
    lambda kind, at, size, price: other(kind, at, str(size), str(price)),
    st.sampled_from(["stop", "liquidation", "manual", "flatten"]),
    minutes,
    amounts,
    prices,
)
trades = st.lists(targets | others, max_size=6)
payments = st.lists(
    st.builds(
        lambda at, kind, amount: DayPayment(at * MINUTE, kind, amount),
        minutes,
        st.sampled_from(["funding", "insurance", "transfer"]),
        amounts,
    ),
    max_size=3,
)
facts = st.builds(
    lambda is_paper, halted, ended, specified: AT_VENUE._replace(
        is_paper=is_paper,
        halts=(HaltSpan(0, halted * MINUTE),),
        ended={at * MINUTE: Decimal(1) for at in ended},
        specified=tuple(at * MINUTE for at in specified),
        most_fee_change=Decimal("0.0001"),
    ),
    st.booleans(),
    st.integers(0, 20),
    st.lists(minutes, max_size=3),
    st.lists(minutes, max_size=1),
)
days = st.builds(
    Built,
    trades,
    trades,
    payments,
    payments,
    facts,
    missed=st.lists(minutes, max_size=5).map(tuple),
    late_bars=st.lists(minutes, max_size=5).map(tuple),
    filled=st.none() | trades,
    stored=st.none() | trades,
    held=st.floats(-3, 3),
    end_price=prices.map(str),
)


@settings(max_examples=150)
@given(days)
def test_causes_and_rest_sum_to_the_difference(day: Built) -> None:
    found = day.compared()
    with localcontext(prec=PRECISION):  # it is split with so many digits; 28 would round the sum
        assert sum(found.causes.values(), Decimal(0)) + found.rest == found.difference


@settings(max_examples=60)
@given(trades, payments, facts, prices)
def test_a_day_that_is_its_replay_has_no_causes(one: list, paid: list, known: object, end: Decimal) -> None:
    found = Built(one, one, paid, paid, known, end_price=str(end)).compared()  # type: ignore[arg-type]
    assert (found.difference, found.causes, found.rest) == (0, {}, 0)


@settings(max_examples=60)
@given(trades)
def test_no_cause_of_the_market_explains_fills_on_paper(replayed: list) -> None:
    """On paper fills come from bars: what differs by price, fee or lot is unexplained."""
    found = Built([], replayed, facts=AT_VENUE._replace(is_paper=True)).compared()
    assert not {
        *("delay", "entry that waits", "spread and impact", "fee", "unfilled", "lots and netting")
    } & set(found.causes)
