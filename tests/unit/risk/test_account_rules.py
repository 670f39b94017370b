"""Each rule of an account alone, what they need, and that no order gets past a limit (I4)."""

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.account_limits import ACCOUNT_LIMITS, NO_ACCOUNT_LIMITS, AccountLimits
from quant_pipelines.risk.account_rules import ACCOUNT_RULES, AccountRule, account_denial, adds_exposure
from quant_pipelines.risk.account_view import (
    AccountOrder,
    AccountView,
    BookExposure,
    OpenExposure,
    Prices,
)

A, B = "A/USDT:USDT", "B/USDT:USDT"
OWN = BookExposure(
    1, A, 2.0, (OpenExposure(1.0, 100.0),), 400.0, 500.0, 100.0, orders_today=29, fills_today=10
)
OTHER = BookExposure(2, B, -3.0, (OpenExposure(-1.0), OpenExposure(2.0, 45.0)), 600.0, 500.0, 50.0)
ORDER = AccountOrder(1, A, 1.0, 104.0, 100_000)
SAME = ORDER._replace(at_ms=99_000)
VIEW = AccountView(
    {1: OWN, 2: OTHER},
    {A: Prices(mark=100.0, last=104.0, age_seconds=30.0), B: Prices(mark=50.0, last=50.0, age_seconds=1.0)},
    sent=(SAME, SAME._replace(at_ms=50_000, quantity=2.0), SAME._replace(at_ms=1_000)),
    executed=(SAME, SAME._replace(at_ms=1_000), SAME._replace(deployment_id=2)),
)
OBSERVED = {
    "stale_prices": 30.0,
    "account_daily_loss": 0.0,
    "order_quantity": 1.0,
    "order_value": 104.0,
    "price_collar": 0.04,
    "open_order_value": 100.0 + 150.0 + 104.0,
    "symbol_position": 400.0,
    "gross_exposure": 400.0 + 200.0,
    "net_exposure": 400.0 - 200.0,
    "leverage": 0.6,
    "concentration": 0.4,
    "message_rate": 3.0,
    "order_to_fill": 3.0,
    "duplicate_order": 2.0,
    "repeated_execution": 3.0,
}
LIMITED = [rule for rule in ACCOUNT_RULES if rule.field]
each_rule = pytest.mark.parametrize("rule", LIMITED, ids=lambda rule: rule.name)


def only(rule: AccountRule, limit: float) -> AccountLimits:
    return AccountLimits(**{"max_identical_orders": math.inf, rule.field: limit})


def denied_by(
    order: AccountOrder, view: AccountView = VIEW, limits: AccountLimits = NO_ACCOUNT_LIMITS
) -> str:
    denial = account_denial(view, order, limits)
    return denial.rule if denial else ""


def test_every_limit_has_a_rule_and_every_rule_its_limit() -> None:
    watched = {"max_account_loss_fraction", "max_rejects"}  # no order asks: they trip the account's breaker
    assert {rule.field for rule in LIMITED} == set(ACCOUNT_LIMITS) - watched
    assert set(OBSERVED) == {rule.name for rule in LIMITED}
    assert len({rule.name for rule in ACCOUNT_RULES}) == len(ACCOUNT_RULES)


@each_rule
def test_rule_observes_the_account(rule: AccountRule) -> None:
    assert rule.observed(VIEW, ORDER) == pytest.approx(OBSERVED[rule.name])


@each_rule
def test_rule_denies_beyond_its_limit_and_approves_at_it(rule: AccountRule) -> None:
    lost = VIEW._replace(books={1: OWN._replace(equity=300.0), 2: OTHER})
    view, observed = (lost, 0.1) if rule.name == "account_daily_loss" else (VIEW, OBSERVED[rule.name])
    assert denied_by(ORDER, view, only(rule, observed * 0.999)) == rule.name
    assert denied_by(ORDER, view, only(rule, observed * 1.0000000001)) == ""


@each_rule
def test_limit_that_is_not_a_number_denies(rule: AccountRule) -> None:
    denial = account_denial(VIEW, ORDER, only(rule, math.nan))
    assert denial is not None
    assert denial.sentence == f"{rule.field} is nan; expected a number before an order is sent"


UNKNOWN = {
    "mark price": VIEW._replace(prices={**VIEW.prices, A: VIEW.prices[A]._replace(mark=math.nan)}),
    "last price": VIEW._replace(prices={**VIEW.prices, A: VIEW.prices[A]._replace(last=math.nan)}),
    "no prices": VIEW._replace(prices={}, books={1: OWN._replace(price=math.nan), 2: OTHER}),
    "equity": VIEW._replace(books={1: OWN._replace(equity=math.nan), 2: OTHER}),
    "equity at midnight": VIEW._replace(books={1: OWN._replace(day_start_equity=math.nan), 2: OTHER}),
    "another's book": VIEW._replace(unknown=frozenset({7})),
    "its own book": VIEW._replace(books={2: OTHER}),
}
DENIES = {
    "mark price": {"price_collar": f"mark price of {A}"},
    "last price": {"price_collar": f"last price of {A}"},
    "no prices": {
        "stale_prices": f"age of the data of {A}",
        "price_collar": f"mark price of {A}",
        "symbol_position": f"price of {A}",
        "leverage": f"price of {A}",
    },
    "equity": {
        "leverage": "equity of the account",
        "concentration": "equity of the account",
        "account_daily_loss": "equity of the account",
    },
    "equity at midnight": {"account_daily_loss": "equity of the account at 00:00 UTC"},
    "another's book": {
        "gross_exposure": "book of deployment:7",
        "account_daily_loss": "book of deployment:7",
    },
    "its own book": {"symbol_position": "book of deployment:1"},
}


@pytest.mark.parametrize("missing", UNKNOWN)
def test_what_is_not_known_denies_by_name(missing: str) -> None:
    rules = {rule.name: rule for rule in LIMITED}
    for name, what in DENIES[missing].items():
        denial = account_denial(UNKNOWN[missing], ORDER, only(rules[name], 1.0))
        assert denial is not None, name
        assert denial.sentence == f"{what} is not known; expected a number before an order is sent"


@pytest.mark.parametrize("field", ["quantity", "price"])
def test_an_order_without_number_is_denied_under_no_limits_at_all(field: str) -> None:
    denial = account_denial(VIEW, ORDER._replace(**{field: math.nan}), NO_ACCOUNT_LIMITS)
    assert denial is not None
    assert denial.sentence == f"{field} of the order is not known; expected a number before an order is sent"


def test_without_limits_an_order_of_the_account_passes() -> None:
    assert denied_by(ORDER, VIEW._replace(sent=())) == ""


def test_what_may_not_be_opened_is_let_through_only_where_it_reduces() -> None:
    for name, view in {
        "restricted_symbol": VIEW._replace(restricted=frozenset({A})),
        "trading_state": VIEW._replace(is_reducing=True),
        "liquidation_buffer": VIEW._replace(near_liquidation=frozenset({A})),
    }.items():
        assert denied_by(ORDER, view) == name
        assert denied_by(ORDER._replace(quantity=-2.0), view) == ""
        assert denied_by(ORDER._replace(quantity=-2.1), view) == name


def test_what_closes_a_book_and_takes_the_net_from_flat_is_asked_as_what_opens() -> None:
    closing = ORDER._replace(quantity=-2.0, adds_to_net=True)
    assert denied_by(closing, VIEW._replace(is_reducing=True)) == "trading_state"
    assert denied_by(closing, VIEW._replace(books={1: OWN._replace(orders=())}, sent=())) == ""


def test_an_order_that_would_trade_with_one_of_ours_is_denied() -> None:
    resting = VIEW._replace(books={1: OWN._replace(orders=(OpenExposure(-1.0, 105.0),)), 2: OTHER}, sent=())
    assert denied_by(ORDER, resting) == "self_match"
    assert denied_by(ORDER._replace(is_limit=True, price=104.9), resting) == ""
    assert denied_by(ORDER._replace(is_limit=True, price=105.0), resting) == "self_match"


@pytest.mark.parametrize(
    ("resting", "trigger", "name"),
    [(104.9, 105.0, ""), (105.0, 105.0, "self_match"), (106.0, 105.0, "self_match")],
    ids=["before its trigger", "at its trigger", "behind its trigger"],
)
def test_a_stop_could_meet_what_rests_from_its_trigger_on(resting: float, trigger: float, name: str) -> None:
    limit, stop = OpenExposure(-1.0, resting), OpenExposure(1.0, trigger_price=trigger)
    held = OWN._replace(position=0.0, orders=(limit,))
    asked = ORDER._replace(is_stop=True, price=trigger)
    assert denied_by(asked, VIEW._replace(books={1: held, 2: OTHER}, sent=())) == name
    sale = ORDER._replace(quantity=-1.0, is_limit=True, price=resting)
    there = held._replace(orders=(stop,))
    assert denied_by(sale, VIEW._replace(books={1: there, 2: OTHER}, sent=())) == name


def test_stops_and_what_takes_at_once_meet_nobody_who_rests_in_the_book() -> None:
    waiting = OWN._replace(position=0.0, orders=(OpenExposure(-1.0, trigger_price=90.0), OpenExposure(-1.0)))
    view = VIEW._replace(books={1: waiting, 2: OTHER}, sent=())
    assert denied_by(ORDER, view) == ""
    assert denied_by(ORDER._replace(is_stop=True, price=105.0), view) == ""


def test_a_stop_is_worth_its_trigger_and_the_same_only_at_the_same_one() -> None:
    stop, limits = ORDER._replace(is_stop=True, price=120.0), AccountLimits(max_order_notional=110.0)
    assert denied_by(stop, VIEW._replace(sent=()), limits) == "order_value"
    sent = VIEW._replace(sent=(stop._replace(at_ms=99_000),), executed=())
    assert denied_by(stop, sent) == "duplicate_order"
    assert denied_by(stop._replace(price=121.0), sent) == ""
    assert denied_by(stop._replace(is_stop=False, is_limit=True), sent) == ""


def test_an_order_that_is_asked_about_again_does_not_count_itself() -> None:
    named = ORDER._replace(client_order_id="q1")
    book = OWN._replace(orders=(OpenExposure(1.0, 104.0, "q1"),))
    view = VIEW._replace(books={1: book, 2: OTHER}, sent=(named,))
    assert denied_by(named, view, AccountLimits(max_symbol_notional=300.0)) == ""
    assert denied_by(named._replace(client_order_id="q2"), view) == "duplicate_order"


@pytest.mark.parametrize(
    ("position", "open_quantity", "ordered", "adds"),
    [
        (0.0, 0.0, 1.0, True),
        (2.0, 0.0, 1.0, True),
        (2.0, 0.0, -2.0, False),
        (2.0, 0.0, -3.0, True),
        (2.0, -1.0, -1.0, False),
        (2.0, -1.0, -2.0, True),
        (-2.0, 0.0, 1.0, False),
        (-2.0, 3.0, 1.0, True),
    ],
)
def test_what_reduces_is_told_from_what_adds(
    *, position: float, open_quantity: float, ordered: float, adds: bool
) -> None:
    orders = (OpenExposure(open_quantity),) if open_quantity else ()
    view = AccountView({1: BookExposure(1, A, position, orders)}, {})
    assert adds_exposure(view, ORDER._replace(quantity=ordered)) is adds


QUANTITIES = st.floats(-20.0, 20.0, allow_nan=False).map(lambda value: round(value, 2))
BOOKS = st.builds(
    BookExposure,
    st.just(1),
    st.sampled_from((A, B)),
    QUANTITIES,
    st.lists(st.builds(OpenExposure, QUANTITIES), max_size=3).map(tuple),
    st.just(500.0),
    st.just(500.0),
    st.just(10.0),
)


@given(st.lists(BOOKS, min_size=1, max_size=5), QUANTITIES.filter(bool), st.data())
def test_no_approved_order_takes_position_open_and_unknown_past_the_limit(
    books: list[BookExposure], quantity: float, data: st.DataObject
) -> None:
    numbered = {n: book._replace(deployment_id=n) for n, book in enumerate(books)}
    view, own = AccountView(numbered, {}), numbered[0]
    order = AccountOrder(0, own.symbol, quantity, 10.0, 0)
    limit = data.draw(st.floats(10.0, 400.0))
    if account_denial(view, order, AccountLimits(max_symbol_notional=limit)) is not None:
        return
    filled = [one.quantity for book in view.of_symbol(own.symbol) for one in book.orders]
    held = sum(book.position for book in view.of_symbol(own.symbol))
    is_filled = data.draw(st.lists(st.booleans(), min_size=len(filled), max_size=len(filled)))
    after = held + quantity + sum(one for one, done in zip(filled, is_filled, strict=True) if done)
    assert not adds_exposure(view, order) or abs(after) * 10.0 <= limit * (1.0 + 1e-9)


def test_limits_are_taken_from_rows_and_others_are_left_to_others() -> None:
    limits = AccountLimits.of({"max_leverage": 2.0, "max_position_quantity": 1.0})
    assert {one.name: getattr(limits, one.name) for one in fields(limits)} == {
        **{one.name: one.default for one in fields(limits)},
        "max_leverage": 2.0,
    }


def test_a_part_counts_once_beside_its_whole_and_is_no_duplicate_of_another() -> None:
    whole = ORDER._replace(client_order_id="q1-1-t", quantity=3.0)
    open_whole = OWN._replace(orders=(OpenExposure(3.0, client_order_id="q1-1-t"),))
    part = whole._replace(client_order_id="q1-1-r2", part_of="q1-1-t")
    sent = (whole, part._replace(client_order_id="q1-1-r1"))
    view = VIEW._replace(books={1: open_whole, 2: OTHER}, sent=sent)
    assert denied_by(part, view, AccountLimits(max_symbol_notional=500.0)) == ""
    assert denied_by(part, view, AccountLimits(max_symbol_notional=499.0)) == "symbol_position"
    assert denied_by(part, view, AccountLimits(max_identical_orders=1.0)) == ""
    assert denied_by(part, view, AccountLimits(max_orders_per_minute=2.0)) == "message_rate"
    assert denied_by(part, view, AccountLimits(max_orders_per_minute=3.0)) == ""
