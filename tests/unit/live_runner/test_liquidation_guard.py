"""The stop is kept before the venue's liquidation price, without following every move of it."""

from decimal import Decimal

import pytest

from live_runner.venue.liquidation import LiquidationGuard
from quant_pipelines.trading.venue import AccountPosition, VenueStop


def held(liquidation_price: str | None, quantity: str = "2") -> AccountPosition:
    price = None if liquidation_price is None else Decimal(liquidation_price)
    return AccountPosition("BTC", Decimal(quantity), False, Decimal(100), price)


def stop_at(price: str) -> VenueStop:
    return VenueStop("s1", "7", "sell", Decimal(price), closes_position=True, status="ACCEPTED")


@pytest.fixture
def guard() -> LiquidationGuard:
    return LiquidationGuard(0.02)


def test_a_stop_before_the_liquidation_is_left_to_the_strategy(guard: LiquidationGuard) -> None:
    assert guard.look(held("80"), [stop_at("90")], 90.0) == ""
    assert guard.look(held(None), [stop_at("90")], 90.0) == ""
    assert not guard.is_near
    assert guard.level(2.0, 90.0, "hard_stop") == (90.0, "hard_stop")


def test_a_stop_that_comes_too_late_is_moved_and_told_of_once(guard: LiquidationGuard) -> None:
    told = guard.look(held("90"), [stop_at("90")], 90.0)
    assert told == "the stop at 90 is 0 % before the liquidation at 90; expected 2 %; it is moved to 92.7"
    assert guard.is_near
    assert guard.level(2.0, 90.0, "hard_stop") == (pytest.approx(92.7), "liquidation_buffer")
    assert guard.look(held("90"), [stop_at("90")], 90.0) == ""
    assert guard.is_near, "until it stands there"
    assert guard.look(held("90.2"), [stop_at("92.7")], 90.0) == ""
    assert not guard.is_near


def test_without_a_stop_at_the_venue_the_wanted_one_counts(guard: LiquidationGuard) -> None:
    assert guard.look(held("90"), [], 93.0) == ""
    assert guard.look(held("90"), [], 90.0)


def test_the_strategys_stop_counts_again_once_it_is_nearer(guard: LiquidationGuard) -> None:
    guard.look(held("90"), [stop_at("90")], 90.0)
    assert guard.level(2.0, 95.0, "atr_stop") == (95.0, "atr_stop")


@pytest.mark.parametrize("quantity", ["0", "-2"])
def test_another_position_begins_anew(guard: LiquidationGuard, quantity: str) -> None:
    guard.look(held("90"), [stop_at("90")], 90.0)
    assert guard.level(float(quantity), 110.0, "hard_stop") == (110.0, "hard_stop")
    assert guard.look(held(None, quantity), [], 110.0) == ""
    assert guard.look(held(None), [], 90.0) == ""
    assert guard.level(2.0, 90.0, "hard_stop") == (90.0, "hard_stop")
