import math
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.hotlist import FACTORS, FactorInputs, raw_factors, risk_labels
from quant_pipelines.hotlist.factor import Factor, Need

AT = day_start_ms("2024-03-15")
STEP = 15 * MINUTE_MS
EMPTY, NO_TIMES = np.empty(0), np.empty(0, np.int64)


def inputs(*, usual: float = 0.001, recent: float = 0.001, drift: float = 0.0) -> FactorInputs:
    """Eight days of 15-minute bars whose returns alternate around a drift on the last day."""
    count = 8 * 96
    returns = np.where(np.arange(count) % 2, 1.0, -1.0) * np.where(np.arange(count) < 7 * 96, usual, recent)
    returns[7 * 96 :] += drift
    times = AT - DAY_MS + np.arange(-2, 289) * 5 * MINUTE_MS
    return FactorInputs(
        symbol="BTC/USDT:USDT",
        at_ms=AT,
        ts=AT - np.arange(count, 0, -1) * STEP,
        close=100.0 * np.exp(np.cumsum(returns)),
        volume=np.full(count, 10.0),
        open_interest_ts=times,
        open_interest=np.linspace(500.0, 600.0, times.size),
        funding_rate=0.0001,
        funding_interval_hours=8,
    )


def factor(name: str, one: FactorInputs) -> float:
    return raw_factors(one)[name]


def test_volatility_jump_is_the_log_ratio_of_recent_to_usual() -> None:
    assert factor("volatility_jump", inputs(recent=0.003)) == pytest.approx(math.log(3.0), abs=0.01)


def test_turnover_is_how_often_open_contracts_change_hands_a_day() -> None:
    one = inputs()
    assert factor("turnover", one) == pytest.approx(math.log(96 * 10.0 / one.open_interest[-1]))


def test_open_interest_change_compares_with_a_day_before() -> None:
    one = inputs()
    before = one.open_interest[np.searchsorted(one.open_interest_ts, AT - DAY_MS, side="right") - 1]
    assert factor("open_interest_change", one) == pytest.approx(one.open_interest[-1] / before - 1.0)


@pytest.mark.parametrize(("hours", "expected"), [(8, 0.0001), (4, 0.0002), (1, 0.0008)])
def test_funding_is_its_eight_hour_equivalent(hours: int, expected: float) -> None:
    assert factor("funding", replace(inputs(), funding_interval_hours=hours)) == pytest.approx(expected)


def test_regime_shift_is_positive_when_the_market_turns_wild() -> None:
    assert factor("regime_shift", inputs(recent=0.004)) > 0.5
    assert abs(factor("regime_shift", inputs())) < 0.1


def test_price_does_not_move_the_open_interest_factors() -> None:
    one = inputs()
    scaled = replace(one, close=one.close * 1000.0)
    assert raw_factors(scaled) == pytest.approx(raw_factors(one), nan_ok=True)


def test_missing_data_give_missing_factors() -> None:
    bare = replace(
        inputs(),
        ts=NO_TIMES, close=EMPTY, volume=EMPTY,
        open_interest_ts=NO_TIMES, open_interest=EMPTY, funding_rate=math.nan,
    )  # fmt: skip
    assert all(math.isnan(value) for value in raw_factors(bare).values())


def test_stale_open_interest_is_missing() -> None:
    one = inputs()
    stale = replace(one, open_interest_ts=one.open_interest_ts - 3 * HOUR_MS)
    assert math.isnan(factor("turnover", stale))


def test_band_and_leverage_follow_the_daily_volatility() -> None:
    labels = risk_labels(inputs(recent=0.002), max_leverage=125)
    last = float(inputs(recent=0.002).close[-1])
    assert labels.daily_volatility == pytest.approx(0.002 * math.sqrt(96), rel=0.02)
    assert labels.band_high == pytest.approx(last * math.exp(2 * labels.daily_volatility))
    assert labels.safe_leverage == pytest.approx(1 / (3 * labels.daily_volatility + 0.01), abs=0.1)


def test_leverage_never_exceeds_what_the_venue_grants() -> None:
    assert risk_labels(inputs(), max_leverage=3).safe_leverage == 3.0


@pytest.mark.parametrize(
    ("recent", "drift", "funding", "mood"),
    [
        (0.001, 0.0, 0.0001, "calm"),
        (0.001, 0.0005, 0.0001, "greedy"),
        (0.001, 0.0005, -0.0001, "calm"),
        (0.001, -0.0005, -0.0001, "fearful"),
        (0.005, 0.0, 0.0001, "turbulent"),
    ],
)
def test_mood_follows_regime_move_and_funding(recent: float, drift: float, funding: float, mood: str) -> None:
    one = replace(inputs(recent=recent, drift=drift), funding_rate=funding)
    assert risk_labels(one, max_leverage=20).mood == mood


def test_mood_is_unknown_without_history() -> None:
    one = inputs()
    short = replace(one, ts=one.ts[-10:], close=one.close[-10:], volume=one.volume[-10:])
    assert risk_labels(short, max_leverage=20).mood == "unknown"


def test_momentum_is_the_last_day_in_the_weeks_deviations() -> None:
    one = inputs(drift=0.001)
    assert factor("momentum", one) == pytest.approx(96 * 0.001 / (0.001 * math.sqrt(96)), rel=0.02)


def test_volume_jump_compares_with_a_usual_day() -> None:
    one = inputs()
    tripled = np.where(one.ts >= AT - DAY_MS, 30.0, 10.0)
    assert factor("volume_jump", replace(one, volume=tripled)) == pytest.approx(math.log(3.0))


def test_strength_is_the_index_of_fourteen_hours() -> None:
    rising = replace(inputs(), close=100.0 * np.exp(np.linspace(0.0, 1.0, 8 * 96)))
    assert factor("strength", rising) == pytest.approx(100.0)
    assert 0.0 <= factor("strength", inputs()) <= 100.0


def test_market_cap_is_what_the_recorded_coins_are_worth() -> None:
    one = inputs()
    assert factor("market_cap", replace(one, circulating_supply=1e6)) == pytest.approx(
        math.log(1e6 * float(one.close[-1]))
    )


def test_market_cap_is_unknown_where_nobody_recorded_the_coins() -> None:
    assert math.isnan(factor("market_cap", inputs()))


def test_weights_of_the_table_are_those_of_the_settings() -> None:
    settings = HotListSettings()
    told = {one.name: one.weight for one in FACTORS if one.weight}
    assert told == {name: getattr(settings, f"{name}_weight") for name in told}
    assert len(told) == 5


@pytest.mark.parametrize("row", FACTORS, ids=lambda row: str(row.name))
def test_factor_needs_what_its_row_says_and_nothing_else(row: Factor) -> None:
    full = replace(inputs(recent=0.002, drift=0.0001), circulating_supply=1e6)
    without: dict[Need, FactorInputs] = {
        "bars": replace(full, ts=NO_TIMES, close=EMPTY, volume=EMPTY),
        "open_interest": replace(full, open_interest_ts=NO_TIMES, open_interest=EMPTY),
        "funding": replace(full, funding_rate=math.nan),
        "supply": replace(full, circulating_supply=math.nan),
    }
    assert math.isfinite(row.value(full))
    assert {need for need, less in without.items() if math.isnan(row.value(less))} == set(row.needs)
