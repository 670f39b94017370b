"""Closing what is held: always against the position, never beyond the collar, until nothing is left."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.trading.flatten import (
    CloseOrder,
    ClosingTerms,
    Collar,
    FlattenStep,
    NothingHeld,
    NotNow,
    ToClose,
    flatten_step,
)

TERMS = ClosingTerms(Decimal("0.01"))
PRICES = st.decimals("0.5", "90000", places=2)
HELD = st.decimals("-100", "100", places=3).filter(bool)
LAST = 3
"""Steps before the widest collar."""


@pytest.mark.parametrize(
    ("held", "mark", "is_working", "expected"),
    [
        (Decimal(0), Decimal(100), False, NothingHeld()),
        (Decimal(0), None, False, NothingHeld()),
        (Decimal(1), Decimal(100), True, NotNow("the last closing order has not ended")),
        (None, Decimal(100), False, NotNow("what is held is not known")),
        (Decimal("NaN"), Decimal(100), False, NotNow("what is held is not known")),
        (Decimal(1), None, False, CloseOrder("sell", Decimal(1), None)),
        (Decimal(1), Decimal("NaN"), False, CloseOrder("sell", Decimal(1), None)),
        (Decimal(-1), Decimal(0), False, CloseOrder("buy", Decimal(1), None)),
        (Decimal(1), Decimal(100), False, CloseOrder("sell", Decimal(1), Decimal("99.50"))),
        (Decimal(-1), Decimal(100), False, CloseOrder("buy", Decimal(1), Decimal("100.50"))),
        (Decimal(1), Decimal("0.01"), False, CloseOrder("sell", Decimal(1), Decimal("0.01"))),
    ],
)
def test_next_step(
    *, held: Decimal | None, mark: Decimal | None, is_working: bool, expected: FlattenStep
) -> None:
    assert flatten_step(ToClose(held, mark, is_working), 0, terms=TERMS) == expected


def test_an_order_is_as_large_as_the_venue_takes_it() -> None:
    step = flatten_step(ToClose(Decimal(-9), Decimal(100)), 0, terms=TERMS._replace(largest=Decimal(4)))
    assert step == CloseOrder("buy", Decimal(4), Decimal("100.50"))


@given(HELD, PRICES, st.integers(0, LAST))
def test_an_order_closes_what_is_held_within_the_collar(held: Decimal, mark: Decimal, n_steps: int) -> None:
    step, width = flatten_step(ToClose(held, mark), n_steps, terms=TERMS), Collar().width(n_steps)
    assert isinstance(step, CloseOrder)
    assert step.price is not None
    assert width is not None
    assert (step.quantity, step.side) == (abs(held), "sell" if held > 0 else "buy")
    assert abs(step.price - mark) <= mark * width
    assert step.price % TERMS.tick_size == 0


@given(st.decimals("0.0005", "0.05", places=4), st.decimals("0.001", "0.2", places=3))
def test_the_collar_widens_up_to_its_end_and_ends_at_the_market(first: Decimal, widest: Decimal) -> None:
    collar = Collar(first, widest, Decimal("1.1"))
    widths = [width for n in range(100) if (width := collar.width(n)) is not None]
    assert widths == sorted(set(widths))
    assert widths[0] == min(first, widest)
    assert widths[-1] == widest
    assert collar.width(100) is None


@given(HELD, st.lists(st.decimals("0", "1", places=2), min_size=1, max_size=30))
def test_partial_fills_are_followed_until_flat(held: Decimal, shares: list[Decimal]) -> None:
    left = held
    for n_steps, share in enumerate([*shares, Decimal(1)]):
        step = flatten_step(ToClose(left, Decimal(100)), n_steps, terms=TERMS)
        if isinstance(step, NothingHeld):
            break
        assert isinstance(step, CloseOrder)
        filled = step.quantity * share
        left += filled if step.side == "buy" else -filled
        assert abs(left) <= abs(held)
    assert flatten_step(ToClose(left, None), 99, terms=TERMS) == NothingHeld()


def test_the_collar_is_that_of_the_settings() -> None:
    assert Collar.of(RunnerSettings()) == Collar()
    assert Collar.of(RunnerSettings(flatten_widest_fraction=0.1)).widest == Decimal("0.1")
