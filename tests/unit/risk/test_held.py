"""What is held beyond a limit that no order passed."""

import math
from typing import Any

import pytest

from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.risk.account_rules import ACCOUNT_RULES
from quant_pipelines.risk.account_view import AccountView, BookExposure, OpenExposure, Prices
from quant_pipelines.risk.held import HELD_ACCOUNT_RULES, HELD_RULES, breach_of_account, breach_of_book
from quant_pipelines.risk.rules import RULES

A, B = "A/USDT:USDT", "B/USDT:USDT"


def book(number: int = 1, symbol: str = A, **changes: Any) -> BookExposure:
    return BookExposure(number, symbol, 8.0, (), 1_000.0, 1_000.0, 100.0)._replace(**changes)


@pytest.mark.parametrize(
    ("limits", "changes", "expected"),
    [
        (RiskLimits(max_position_fraction=0.8), {}, ""),
        (RiskLimits(max_position_fraction=0.8), {"price": 100.9}, ""),  # the spread of a fill
        (RiskLimits(max_position_fraction=0.8), {"price": 110.0}, "position_limit: 0.88 is held, beyond 0.8"),
        (RiskLimits(max_position_fraction=0.8), {"equity": 500.0}, "position_limit: 1.6 is held, beyond 0.8"),
        (RiskLimits(max_leverage=2.0), {"position": -30.0}, "position_limit: 3 is held, beyond 2"),
        (RiskLimits(max_position_notional=500.0), {}, "notional_quota: 800 is held, beyond 500"),
        (RiskLimits(max_position_quantity=5.0), {}, "quantity_quota: 8 is held, beyond 5"),
        (RiskLimits(max_position_quantity=5.0), {"position": 0.0}, ""),
        (RiskLimits(max_position_quantity=5.0), {"position": 0.0, "orders": (OpenExposure(9.0),)}, ""),
        (RiskLimits(max_position_fraction=0.8), {"equity": 0.0}, "position_limit: inf is held, beyond 0.8"),
        (RiskLimits(max_position_fraction=0.8), {"price": math.nan}, ""),
        (RiskLimits(max_orders_per_day=1.0, max_daily_loss_fraction=0.0), {"equity": 900.0}, ""),
    ],
)
def test_a_book_beyond_its_own_limits(limits: RiskLimits, changes: dict[str, Any], expected: str) -> None:
    assert breach_of_book(book(**changes), limits) == expected


@pytest.mark.parametrize(
    ("limits", "symbol", "expected"),
    [
        (AccountLimits(max_symbol_notional=700.0), A, "symbol_position: 800 is held, beyond 700"),
        (AccountLimits(max_symbol_notional=700.0), B, ""),
        (AccountLimits(max_symbol_fraction=0.35), A, "concentration: 0.4 is held, beyond 0.35"),
        (AccountLimits(max_symbol_fraction=0.35), B, ""),
        (AccountLimits(max_gross_notional=1_100.0), B, "gross_exposure: 1200 is held, beyond 1100"),
        (AccountLimits(max_net_notional=300.0), B, "net_exposure: 400 is held, beyond 300"),
        (AccountLimits(max_leverage=0.5), A, "leverage: 0.6 is held, beyond 0.5"),
        (AccountLimits(max_leverage=0.5), "C/USDT:USDT", ""),
        (AccountLimits(), A, ""),
    ],
)
def test_an_account_beyond_its_limits_stops_who_has_a_share_in_it(
    limits: AccountLimits, symbol: str, expected: str
) -> None:
    books = {1: book(), 2: book(2, B, position=-4.0, orders=(OpenExposure(-90.0),))}
    view = AccountView(books, {A: Prices(100.0, 100.0), B: Prices(100.0, 100.0)})
    assert breach_of_account(view, symbol, limits) == expected


@pytest.mark.parametrize("limits", [AccountLimits(max_leverage=0.5), AccountLimits(max_symbol_fraction=0.35)])
def test_an_account_whose_equity_nobody_knows_yet_is_beyond_nothing(limits: AccountLimits) -> None:
    view = AccountView({1: book()}, {A: Prices(100.0, 100.0)}, unknown=frozenset({2}))
    assert breach_of_account(view, A, limits) == ""
    assert breach_of_account(view._replace(unknown=frozenset()), A, limits) != ""


def test_every_rule_that_is_asked_is_one_of_the_tables() -> None:
    assert set(HELD_RULES) <= {rule.name for rule in RULES}
    assert set(HELD_ACCOUNT_RULES) <= {rule.name for rule in ACCOUNT_RULES}
