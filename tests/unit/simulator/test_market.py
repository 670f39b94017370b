"""The market is one story: the same however it is asked, never revised, never ahead of its time."""

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.listing import BY_NAME, LISTINGS, Listing
from quant_pipelines.simulator.market import Market
from quant_pipelines.simulator.seconds import CLOSE, HIGH, LOW, OPEN, QUOTE_VOLUME, VOLUME

ANCHOR_MS = 20_700 * DAY_MS
NOW = ANCHOR_MS + 7 * HOUR_MS + 23 * MINUTE_MS + 17_345


def make_market(seed: int = 3) -> Market:
    return Market(Anchor(ANCHOR_MS, seed, history_days=120))


def minutes(market: Market, name: str, first_ms: int, last_ms: int, now_ms: int = NOW) -> np.ndarray:
    _, rows = market.bars(name, MINUTE_MS, first_ms=first_ms, last_ms=last_ms, now_ms=now_ms)
    return rows


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market()


def test_a_day_is_the_same_whether_asked_first_or_after_others(market: Market) -> None:
    day = ANCHOR_MS - 40 * DAY_MS
    for other in (90, 10, 41, 39):
        minutes(market, "SOLUSDT", ANCHOR_MS - other * DAY_MS, ANCHOR_MS - (other - 1) * DAY_MS - 1)
    asked_first = minutes(make_market(), "SOLUSDT", day, day + DAY_MS - 1)
    assert np.array_equal(asked_first, minutes(market, "SOLUSDT", day, day + DAY_MS - 1))


def test_another_seed_is_another_market(market: Market) -> None:
    day = ANCHOR_MS - DAY_MS
    other = minutes(make_market(seed=4), "BTCUSDT", day, day + DAY_MS - 1)
    assert not np.array_equal(other, minutes(market, "BTCUSDT", day, day + DAY_MS - 1))


def test_a_closed_bar_is_never_revised(market: Market) -> None:
    before = minutes(market, "ETHUSDT", ANCHOR_MS, NOW)[:-1]
    later = minutes(market, "ETHUSDT", ANCHOR_MS, NOW, now_ms=NOW + 3 * DAY_MS)
    assert np.array_equal(before, later[: len(before)])


def test_the_open_bar_grows_into_the_closed_one(market: Market) -> None:
    slot = NOW // MINUTE_MS * MINUTE_MS
    states = [minutes(market, "XRPUSDT", slot, slot, now_ms=slot + 1000 * second)[0] for second in range(60)]
    closed = minutes(market, "XRPUSDT", slot, slot, now_ms=slot + MINUTE_MS)[0]
    assert np.all(np.diff([state[VOLUME] for state in states]) >= 0)
    assert np.all(np.diff([state[HIGH] for state in states]) >= 0)
    assert np.allclose(states[-1], closed, rtol=1e-12)


def test_nothing_after_now_is_told(market: Market) -> None:
    ts, _ = market.bars("BTCUSDT", HOUR_MS, first_ms=NOW - DAY_MS, last_ms=NOW + DAY_MS, now_ms=NOW)
    assert ts[-1] == NOW // HOUR_MS * HOUR_MS


def test_history_begins_with_the_anchor(market: Market) -> None:
    ts, _ = market.bars("LTCUSDT", DAY_MS, first_ms=0, last_ms=NOW, now_ms=NOW)
    assert ts[0] == ANCHOR_MS - 120 * DAY_MS
    assert len(ts) == 121


@pytest.mark.parametrize("step_ms", [5 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, DAY_MS])
def test_longer_bars_are_the_minutes_of_their_span(market: Market, step_ms: int) -> None:
    first = ANCHOR_MS - 2 * DAY_MS
    _, rows = market.bars("BNBUSDT", step_ms, first_ms=first, last_ms=first, now_ms=NOW)
    inside = minutes(market, "BNBUSDT", first, first + step_ms - 1)
    assert rows[0, OPEN] == inside[0, OPEN]
    assert rows[0, CLOSE] == inside[-1, CLOSE]
    assert rows[0, HIGH] == inside[:, HIGH].max()
    assert rows[0, LOW] == inside[:, LOW].min()
    assert rows[0, QUOTE_VOLUME] == pytest.approx(inside[:, QUOTE_VOLUME].sum())


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
def test_every_bar_is_well_formed_and_days_join_without_a_jump(market: Market, listing: Listing) -> None:
    first = ANCHOR_MS - 3 * DAY_MS
    ts, rows = market.bars(listing.name, MINUTE_MS, first_ms=first, last_ms=ANCHOR_MS - 1, now_ms=NOW)
    columns = (np.ascontiguousarray(rows[:, at]) for at in (OPEN, HIGH, LOW, CLOSE, VOLUME))
    bars = Bars(listing.name, "1m", ts, *columns).validated()
    assert len(bars) == 3 * 1440
    ticks = bars.close * 10**listing.price_decimals
    assert np.allclose(ticks, np.rint(ticks), atol=1e-6)
    steps = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
    assert steps.max() < 0.01
    assert np.all(rows[:, QUOTE_VOLUME] <= rows[:, VOLUME] * rows[:, HIGH] * (1 + 1e-9))


def test_the_market_looks_like_one(market: Market) -> None:
    names = ("ETHUSDT", "ADAUSDT")
    eth, ada = (minutes(market, name, ANCHOR_MS - 14 * DAY_MS, ANCHOR_MS - 1) for name in names)
    returns = [np.diff(np.log(rows[:, CLOSE])) for rows in (eth, ada)]
    assert np.corrcoef(*returns)[0, 1] > 0.3  # the common factor
    hours = np.abs(returns[0][: 14 * 1440 - 60]).reshape(-1, 60).mean(axis=1)
    volume = eth[1 : 1 + hours.size * 60, VOLUME].reshape(-1, 60).sum(axis=1)
    assert np.corrcoef(hours, volume)[0, 1] > 0.5  # volume follows volatility
    deviations = returns[0] / returns[0].std()
    assert (deviations**4).mean() > 3.3  # fat tails
    assert np.corrcoef(hours[1:], hours[:-1])[0, 1] > 0.3  # volatility clusters


def test_the_listing_documents_what_trends() -> None:
    characters = {name: listing.character for name, listing in BY_NAME.items()}
    trends = {name for name, one in characters.items() if one.fast_trend > 0 or one.slow_trend > 0}
    assert trends == {"BTCUSDT", "SOLUSDT", "XRPUSDT"}
