"""The levels at which a person is told, and the stop that must come before the liquidation."""

import pytest

from quant_pipelines.risk.account_view import AccountView, BookExposure
from quant_pipelines.risk.alert_levels import ALERT_LEVELS, AccountState, reached


def book(number: int, position: float, equity: float = 1_000.0, start: float = 1_000.0) -> BookExposure:
    return BookExposure(number, f"S{number}", position, (), equity, start, price=100.0)


def levels(*books: BookExposure, peak: float = 1_000.0, capital: float = 1_000.0) -> set[str]:
    view = AccountView({one.deployment_id: one for one in books}, {})
    return set(reached(AccountState(view, peak, capital)))


def test_the_table_has_the_levels_that_were_asked_for() -> None:
    assert {one.name: one.level for one in ALERT_LEVELS} == {
        "drawdown": 0.20,
        "exposure": 0.80,
        "intraday_loss": 0.05,
        "concentration": 0.50,
        "concentration_of_positions": 0.50,
        "low_balance": 0.50,
    }


@pytest.mark.parametrize(
    ("books", "peak", "expected"),
    [
        ((book(1, 0.0),), 1_000.0, set[str]()),
        ((book(1, 0.0),), 1_251.0, {"drawdown"}),
        ((book(1, 5.0),), 1_000.0, set[str]()),
        ((book(1, 5.1),), 1_000.0, {"concentration"}),
        ((book(1, 4.1), book(2, -4.1, 0.0, 0.0)), 1_000.0, {"exposure"}),
        ((book(1, 0.0, 949.0),), 1_000.0, {"intraday_loss"}),
        ((book(1, 1.0), book(2, 0.4)), 1_000.0, set[str]()),
        ((book(1, 1.0), book(2, 0.4), book(3, 0.4)), 1_000.0, {"concentration_of_positions"}),
        ((book(1, 0.0, 499.0, 499.0),), 500.0, {"low_balance"}),
    ],
)
def test_level_is_reached(books: tuple[BookExposure, ...], peak: float, expected: set[str]) -> None:
    assert levels(*books, peak=peak) == expected


def test_an_account_that_is_not_known_reaches_no_level() -> None:
    view = AccountView({1: book(1, 9.0)}, {}, unknown=frozenset({2}))
    assert reached(AccountState(view, 1_000.0, 1_000.0)) == {}
