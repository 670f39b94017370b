"""One value of an account: the venue's while it is fresh, else the more prudent of it and our books."""

import math

import pytest

from quant_pipelines.risk.account_nav import AccountFunds, Nav, nav_of

BOOKS = Nav(900.0, 1_000.0)


@pytest.mark.parametrize(
    ("venue", "age_ms", "expected"),
    [
        (None, 0.0, BOOKS),
        (Nav(4_900.0, 5_000.0), 60_000.0, Nav(4_900.0, 5_000.0)),
        (Nav(500.0, 1_000.0), 60_001.0, Nav(500.0, 1_000.0)),
        (Nav(5_000.0, 5_000.0), 60_001.0, BOOKS),
        (Nav(math.nan, math.nan), 60_001.0, BOOKS),
    ],
)
def test_what_the_rules_go_by(venue: Nav | None, age_ms: float, expected: Nav) -> None:
    assert nav_of(BOOKS, venue, age_ms) == pytest.approx(expected)


def test_books_that_are_not_known_are_not_replaced_by_a_balance() -> None:
    assert math.isnan(nav_of(Nav(math.nan, math.nan), Nav(1.0, 1.0), 0.0).now)


@pytest.mark.parametrize("flow", [500.0, -500.0])
def test_money_that_comes_or_goes_is_no_profit_and_no_loss(flow: float) -> None:
    before = AccountFunds(950.0, units=1_000.0, day_start_value=1.0, at_ms=0)
    units = 1_000.0 + flow / before.value
    after = AccountFunds(950.0 + flow, units=units, day_start_value=1.0, at_ms=0)
    assert after.since(1.0).lost_fraction == pytest.approx(before.since(1.0).lost_fraction) == 0.05
    assert after.since(1.0).now == 950.0 + flow


def test_an_account_without_units_has_no_value() -> None:
    assert math.isnan(AccountFunds(0.0, 0.0, 1.0, 0).value)
