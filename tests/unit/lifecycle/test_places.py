from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.verdict_decisions import ADMITTED, REJECTED
from quant_pipelines.lifecycle.places import FEWEST_SHARED_DAYS, Bet, closest_to, seat
from quant_pipelines.lifecycle.screen import ScreenCandidate, decide_all
from tests.unit.lifecycle.test_screen import verdict

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


def bet(family: str, symbol: str = BTC, days: Mapping[int, float] | None = None) -> Bet:
    return Bet(f"{family} {symbol}", family, "binanceusdm", symbol, days or {})


def days(seed: int, *, n_days: int = 60, sign: float = 1.0, noise: float = 0.0) -> dict[int, float]:
    generator = np.random.default_rng(seed)
    own = generator.standard_normal(n_days)
    other = np.random.default_rng(seed + 1000).standard_normal(n_days)
    return dict(enumerate((sign * own + noise * other).tolist()))


def test_places_go_round_the_families_before_one_gets_a_second() -> None:
    best = [bet("ema_cross", f"S{n}") for n in range(5)]
    others = [bet("rsi_reversion", BTC), bet("donchian_turtle", BTC)]
    assert seat([*best, *others], [], 3).seated == (0, 5, 6)


def test_a_family_on_a_symbol_that_it_trades_comes_last_in_any_timeframe() -> None:
    held = [bet("ema_cross", BTC), bet("macd_cross", ETH)]
    asked = [bet("ema_cross", BTC), bet("ema_cross", ETH), bet("macd_cross", BTC)]
    assert seat(asked, held, 3).seated == (1, 2, 0)


def test_among_equal_families_the_symbol_with_fewer_places_comes_first() -> None:
    held = [bet("ema_cross", BTC)]
    assert seat([bet("macd_cross", BTC), bet("macd_cross", ETH)], held, 1).seated == (1,)


@pytest.mark.parametrize(("sign", "told"), [(1.0, "is a near-twin of"), (-1.0, "mirrors")])
def test_copies_of_either_sign_get_no_place(sign: float, told: str) -> None:
    held = bet("ema_cross", BTC, days(1))
    copy = bet("sma_cross", ETH, days(1, sign=sign, noise=0.1))
    found = seat([copy], [held], 5)
    assert found.seated == ()
    assert found.alike[0].reason.startswith(f"{told} ema_cross {BTC} (ema_cross on {BTC}): correlation")


def test_two_copies_that_ask_together_get_one_place() -> None:
    found = seat([bet("a", BTC, days(1)), bet("b", ETH, days(1, noise=0.1))], [], 5)
    assert (found.seated, set(found.alike)) == ((0,), {1})


def test_what_differs_gets_its_place() -> None:
    asked = [bet("a", BTC, days(1)), bet("b", BTC, days(2)), bet("c", BTC, days(1, noise=1.0))]
    assert seat(asked, [], 5).alike == {}


@pytest.mark.parametrize("n_days", [0, 1, FEWEST_SHARED_DAYS - 1])
def test_too_few_shared_days_prove_no_copy(n_days: int) -> None:
    one, other = bet("a", BTC, days(1, n_days=n_days)), bet("b", BTC, days(1))
    assert closest_to(one, [other]) is None


def test_days_are_compared_by_their_dates() -> None:
    shifted = {day + 1: value for day, value in days(1).items()}
    assert seat([bet("b", BTC, shifted)], [bet("a", BTC, days(1))], 1).seated == (0,)


def test_one_that_never_traded_is_no_copy() -> None:
    flat = dict.fromkeys(range(60), 0.0)
    assert seat([bet("b", BTC, flat)], [bet("a", BTC, flat)], 1).seated == (0,)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("XYZ"), st.integers(0, 3)), max_size=8),
    st.integers(0, 6),
)
def test_everyone_is_seated_waits_or_is_a_copy_and_no_seat_stays_empty(
    asked: list[tuple[str, str, int]], places: int
) -> None:
    wanting = [bet(family, symbol, days(seed)) for family, symbol, seed in asked]
    found = seat(wanting, [], places)
    everyone = [*found.seated, *found.waiting, *found.alike]
    assert sorted(everyone) == list(range(len(wanting)))
    assert len(found.seated) <= places
    assert not found.waiting or len(found.seated) == places


def test_screen_refuses_the_mirror_with_its_number_and_admits_the_other() -> None:
    held = Bet("deployment:7", "ema_cross", "binanceusdm", BTC, days(1))
    mirror = ScreenCandidate(verdict(1, psr=0.9), days=days(1, sign=-1.0))
    other = ScreenCandidate(verdict(2), days=days(5))
    first, second = decide_all([mirror, other], {}, 2, [held])
    assert (first.verdict.id, first.decision) == (2, ADMITTED)
    assert (second.verdict.id, second.decision) == (1, REJECTED)
    (reason,) = second.reasons
    assert reason.startswith(
        f"mirrors deployment:7 (ema_cross on {BTC}): correlation -1.00 over 60 shared days"
    )
