"""Closing what is held: always against the position, never beyond the collar, until nothing is left."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.trading.flatten import CloseOrder, Collar, NothingHeld, NotNow, flatten_step

TICK = Decimal("0.01")
PRICES = st.decimals("0.5", "90000", places=2)
HELD = st.decimals("-100", "100", places=3).filter(bool)


@pytest.mark.parametrize(
    ("held", "mark", "is_working", "expected"),
    [
        (Decimal(0), Decimal(100), False, NothingHeld()),
        (Decimal(0), None, False, NothingHeld()),
        (Decimal(1), Decimal(100), True, NotNow("the last closing order has not ended")),
        (None, Decimal(100), False, NotNow("what is held is not known")),
        (Decimal("NaN"), Decimal(100), False, NotNow("what is held is not known")),
        (Decimal(1), None, False, NotNow("the mark is not known")),
        (Decimal(1), Decimal("NaN"), False, NotNow("the mark is not known")),
        (Decimal(1), Decimal(0), False, NotNow("the mark is not known")),
        (Decimal(1), Decimal(100), False, CloseOrder("sell", Decimal(1), Decimal("99.50"))),
        (Decimal(-1), Decimal(100), False, CloseOrder("buy", Decimal(1), Decimal("100.50"))),
    ],
)
def test_next_step(
    *,
    held: Decimal | None,
    mark: Decimal | None,
    is_working: bool,
    expected: CloseOrder | NothingHeld | NotNow,
) -> None:
    assert flatten_step(held, mark=mark, n_tries=0, tick_size=TICK, is_working=is_working) == expected


@given(HELD, PRICES, st.integers(0, 200))
def test_an_order_closes_what_is_held_within_the_collar(held: Decimal, mark: Decimal, n_tries: int) -> None:
    step = flatten_step(held, mark=mark, n_tries=n_tries, tick_size=TICK)
    assert isinstance(step, CloseOrder)
    assert (step.quantity, step.side) == (abs(held), "sell" if held > 0 else "buy")
    assert abs(step.price - mark) <= mark * Collar().width(n_tries)
    assert step.price % TICK == 0


@given(st.integers(0, 200))
def test_the_collar_widens_up_to_its_end_and_never_narrows(n_tries: int) -> None:
    collar = Collar()
    assert collar.first <= collar.width(n_tries) <= collar.width(n_tries + 1) <= collar.widest


@given(HELD, st.lists(st.decimals("0", "1", places=2), min_size=1, max_size=30))
def test_partial_fills_are_followed_until_flat(held: Decimal, shares: list[Decimal]) -> None:
    left = held
    for n_tries, share in enumerate([*shares, Decimal(1)]):
        step = flatten_step(left, mark=Decimal(100), n_tries=n_tries, tick_size=TICK)
        if isinstance(step, NothingHeld):
            break
        assert isinstance(step, CloseOrder)
        filled = step.quantity * share
        left += filled if step.side == "buy" else -filled
        assert abs(left) <= abs(held)
    assert flatten_step(left, mark=None, n_tries=99, tick_size=TICK) == NothingHeld()
