"""What is shared out over books sums to the whole, and nobody gets more than is theirs."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.trading.netting import (
    Cross,
    UnsentOrder,
    mutual_funding,
    netted,
    reduces_net,
    shared_amount,
    shared_quantity,
)

LOT = Decimal("0.001")
lots = st.integers(1, 10**6).map(lambda count: count * LOT)
wishes = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), lots), min_size=1, max_size=6).map(
    lambda found: [UnsentOrder(f"q1-{number}-x-t", *one) for number, one in enumerate(found)]
)
positions = st.dictionaries(st.integers(1, 9), lots, min_size=1, max_size=5)
signed = st.dictionaries(
    st.integers(1, 9), st.integers(-(10**6), 10**6).map(lambda count: count * LOT), min_size=1, max_size=5
)
amounts = st.integers(-(10**14), 10**14).map(lambda count: Decimal(count).scaleb(-8))


def side(wish: UnsentOrder) -> Decimal:
    return wish.quantity if wish.side == "buy" else -wish.quantity


@given(wishes)
def test_what_is_sent_and_what_crosses_is_what_was_wished(given_wishes: list[UnsentOrder]) -> None:
    rests, crosses = netted(given_wishes)
    crossed = Counter[str]()
    for cross in crosses:
        assert cross.quantity > 0
        crossed[cross.buy] += cross.quantity  # type: ignore[assignment]
        crossed[cross.sell] += cross.quantity  # type: ignore[assignment]
    for wish in given_wishes:
        assert rests[wish.name] >= 0
        assert rests[wish.name] + crossed[wish.name] == wish.quantity
    sides = {wish.name: wish.side for wish in given_wishes}
    assert all(sides[cross.buy] == "buy" and sides[cross.sell] == "sell" for cross in crosses)
    assert len({sides[name] for name, rest in rests.items() if rest}) <= 1


@given(wishes, st.randoms())
def test_who_was_faster_decides_nothing(given_wishes: list[UnsentOrder], chance: object) -> None:
    other = given_wishes.copy()
    chance.shuffle(other)  # type: ignore[attr-defined]
    assert netted(other)[1] == netted(given_wishes)[1]
    assert dict(netted(other).rests) == dict(netted(given_wishes).rests)


@given(wishes)
def test_the_net_of_what_is_sent_is_the_net_of_what_was_wished(given_wishes: list[UnsentOrder]) -> None:
    rests = netted(given_wishes).rests
    sent = sum(side(wish._replace(quantity=rests[wish.name])) for wish in given_wishes)
    assert sent == sum(map(side, given_wishes))


def test_the_smaller_side_crosses_wholly() -> None:
    found = netted(
        [
            UnsentOrder("b", "sell", Decimal(2)),
            UnsentOrder("a", "buy", Decimal(3)),
            UnsentOrder("c", "sell", Decimal(4)),
        ]
    )
    assert found.rests == {"a": 0, "b": 0, "c": 3}
    assert found.crosses == (Cross("a", "b", Decimal(2)), Cross("a", "c", Decimal(1)))


@pytest.mark.parametrize(
    ("net", "change", "expected"),
    [(2, -1, True), (2, -2, True), (2, -3, False), (2, 1, False), (-2, 1, True), (0, 1, False)],
)
def test_only_what_brings_the_net_nearer_to_flat_reduces_it(net: int, change: int, expected: bool) -> None:
    assert reduces_net(Decimal(net), Decimal(change)) is expected


@given(lots, positions)
def test_a_shared_trade_is_whole_in_lots_and_nobody_closes_more_than_it_holds(
    quantity: Decimal, held: dict[int, Decimal]
) -> None:
    over = min(held)
    parts = shared_quantity(quantity, held, LOT, over=over)
    assert sum(parts.values()) == quantity
    assert all(part > 0 and part % LOT == 0 for part in parts.values())
    beyond = max(quantity - sum(held.values()), Decimal(0))
    assert all(part <= held[book] + (beyond if book == over else 0) for book, part in parts.items())


@given(lots, positions)
def test_a_trade_is_shared_as_evenly_as_lots_allow(quantity: Decimal, held: dict[int, Decimal]) -> None:
    total = sum(held.values())
    parts = shared_quantity(min(quantity, total), held, LOT, over=min(held))
    for book, mine in held.items():
        assert abs(parts.get(book, Decimal(0)) - min(quantity, total) * mine / total) <= len(held) * LOT


def test_a_trade_that_nobody_holds_for_is_its_orders_book() -> None:
    assert shared_quantity(Decimal(2), {}, LOT, over=4) == {4: Decimal(2)}


def test_a_trade_of_an_odd_quantity_is_lost_by_nobody() -> None:
    parts = shared_quantity(Decimal("0.0025"), {1: Decimal(1), 2: Decimal(1)}, LOT, over=1)
    assert sum(parts.values()) == Decimal("0.0025")


@given(amounts, signed)
def test_a_payment_is_shared_to_the_last_digit(amount: Decimal, held: dict[int, Decimal]) -> None:
    if total := sum(held.values()):
        parts = shared_amount(amount, held)
        assert sum(parts.values()) == amount
        for book, part in parts.items():
            fair = amount * held[book] / total
            assert abs(part - fair) <= len(held) * Decimal("1e-8")


@given(signed, st.integers(-(10**6), 10**6), st.integers(1, 10**9))
def test_books_that_net_to_zero_pay_each_other(held: dict[int, Decimal], rate: int, price: int) -> None:
    held = {**held, 99: -sum(held.values(), Decimal(0))}
    by, at = Decimal(rate).scaleb(-8), Decimal(price).scaleb(-2)
    parts = mutual_funding(by, at, held)
    assert sum(parts.values()) == 0
    for book, part in parts.items():
        assert abs(part + held[book] * at * by) <= len(held) * Decimal("1e-8")
