"""Values that no market can have are found; markets at their wildest are not blamed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.price_factors import PriceFactor, adjusted
from quant_pipelines.core.timeframes import HOUR_MS, day_start_ms
from quant_pipelines.marketdata.checks import (
    BLOCK,
    Finding,
    check_funding_rates,
    check_open_interest,
    check_price_scale,
    check_value_held,
    check_volume_unit,
)

BTC = "BTC/USDT:USDT"
DAY = day_start_ms("2024-06-01")
N = 240


def market(price: float = 68_000.0, turnover: float = 5e8, *, n: int = N) -> Bars:
    """Hourly bars that swing by 2 %, with a turnover that swings sevenfold."""
    hours = np.arange(n)
    close = price * np.exp(0.02 * np.sin(hours / 17.0))
    opened = np.concatenate([[price], close[:-1]])
    volume = turnover / close * np.exp(np.sin(hours * 0.7))
    return Bars(
        "BTC/USDT:USDT",
        "1h",
        DAY + hours * HOUR_MS,
        opened,
        np.maximum(opened, close) * 1.001,
        np.minimum(opened, close) * 0.999,
        close,
        volume,
    )


def scaled(bars: Bars, price: float, volume: float, *, since: int = N // 2) -> Bars:
    """Bars whose prices and volumes are multiplied from one bar on."""
    late = np.arange(len(bars)) >= since
    factor = np.where(late, price, 1.0)
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, volume=bars.volume * np.where(late, volume, 1.0))


def count(found: dict[Any, Finding]) -> int:
    assert {finding.severity for finding in found.values()} <= {BLOCK}
    return sum(finding.count for finding in found.values())


def test_volume_beside_its_quote_volume_is_no_fault() -> None:
    bars = market()
    assert check_volume_unit(bars, bars.volume * bars.close) == {}
    assert check_volume_unit(bars, np.zeros(N)) == {}
    assert check_volume_unit(bars, np.full(N, np.nan)) == {}
    assert check_volume_unit(bars) == {}


@pytest.mark.parametrize("unit", [1 / 0.01, 0.01, 68_000.0], ids=["contracts", "larger contracts", "quote"])
def test_volume_that_contradicts_its_quote_volume_blocks_every_bar(unit: float) -> None:
    bars = market()
    found = check_volume_unit(replace(bars, volume=bars.volume * unit), bars.volume * bars.close)
    assert count(found) == N


def test_volume_and_quote_volume_that_swap_places_for_a_while_block_there() -> None:
    bars = market()
    quote = bars.volume * bars.close
    swapped = np.arange(N) < 50
    volume = np.where(swapped, quote, bars.volume)
    found = check_volume_unit(replace(bars, volume=volume), np.where(swapped, bars.volume, quote))
    assert count(found) >= 50


def test_volume_beyond_any_market_blocks_without_a_witness() -> None:
    bars = market()
    found = check_volume_unit(replace(bars, volume=np.full(N, 2_300_000.25)))
    assert count(found) == N


def test_busiest_hours_of_real_markets_are_let_be() -> None:
    assert check_volume_unit(market(turnover=1.5e10, n=3)) == {}


@pytest.mark.parametrize("unit", [68_000.0, 1 / 68_000.0, 0.01])
def test_unit_that_changes_in_the_middle_is_found_at_its_bar(unit: float) -> None:
    bars = scaled(market(turnover=5e5), 1.0, unit)
    found = check_volume_unit(bars)
    assert [finding.times for finding in found.values()] == [(int(bars.ts[N // 2]),)]


def test_news_that_lifts_turnover_fortyfold_is_no_change_of_unit() -> None:
    late = np.maximum(np.arange(N) - N // 2, 0)
    lift = np.where(late > 0, 1.0 + 39.0 * np.exp(-late / 10.0), 1.0)
    bars = market(turnover=5e6)
    assert check_volume_unit(replace(bars, volume=bars.volume * lift)) == {}


@pytest.mark.parametrize("factor", [1000.0, 10.0, 2.0, 1.5, 0.1, 0.001])
def test_redenomination_is_found_with_its_factor_and_passes_once_it_is_recorded(factor: float) -> None:
    bars = scaled(market(), factor, 1 / factor)
    found = check_price_scale(bars)
    assert [finding.times for finding in found.values()] == [(int(bars.ts[N // 2]),)]
    assert [finding.detail["factor"] for finding in found.values()] == pytest.approx([factor])
    assert check_volume_unit(bars) == {}  # one fault, one finding
    assert check_price_scale(adjusted(bars, [PriceFactor(int(bars.ts[N // 2]), factor)])) == {}


@pytest.mark.parametrize("recorded", [100.0, 0.001])
def test_wrong_factor_does_not_let_a_redenomination_pass(recorded: float) -> None:
    bars = scaled(market(), 1000.0, 1 / 1000.0)
    assert check_price_scale(adjusted(bars, [PriceFactor(int(bars.ts[N // 2]), recorded)]))


@pytest.mark.parametrize("volume", [0.7, 1.0, 3.0])
def test_crash_between_two_bars_whose_volume_does_not_rise_inversely_is_none(volume: float) -> None:
    assert check_price_scale(scaled(market(), 0.1, volume)) == {}


def test_crash_within_a_bar_is_none_however_busy_it_is() -> None:
    bars = scaled(market(), 0.1, 10.0)
    opened = bars.open.copy()
    opened[N // 2] = bars.close[N // 2 - 1]
    high = np.maximum(bars.high, opened)
    assert check_price_scale(replace(bars, open=opened, high=high)) == {}


def test_redenomination_across_days_without_bars_is_found() -> None:
    bars = scaled(market(), 1000.0, 1 / 1000.0)
    halted = bars.rows(0, N // 2 - 30), bars.rows(N // 2 + 30, N)
    columns = ("ts", "open", "high", "low", "close", "volume")
    joined = [np.concatenate([getattr(part, name) for part in halted]) for name in columns]
    found = check_price_scale(Bars(bars.symbol, "1h", *joined))
    assert [finding.times for finding in found.values()] == [(int(bars.ts[N // 2 + 30]),)]


def payments(rates: list[float], *, hours: int = 8) -> dict[Any, Finding]:
    ts = DAY + np.arange(len(rates), dtype=np.int64) * hours * HOUR_MS
    return check_funding_rates(ts, np.array(rates))


@pytest.mark.parametrize("rate", [0.71, -0.71, 0.06])
def test_funding_beyond_every_cap_blocks(rate: float) -> None:
    assert count(payments([0.0001, rate, 0.0001])) == 1


@pytest.mark.parametrize("rate", [0.04, -0.03])
def test_funding_at_the_largest_caps_is_let_be(rate: float) -> None:
    assert payments([rate] * 3, hours=1) == {}


def test_funding_in_percent_blocks() -> None:
    assert count(payments([0.01] * 6)) == 6
    assert count(payments([0.01, 0.007, 0.012] * 14)) == 42
    assert payments([0.0001] * 60) == {}


def test_funding_of_a_squeeze_is_let_be() -> None:
    squeeze = [-0.02] * 8 + [-0.004] * 30 + [0.0001] * 200
    assert payments(squeeze, hours=1) == {}


def test_open_interest_in_base_is_no_fault() -> None:
    bars = market()
    assert check_open_interest(bars.ts, np.linspace(4e4, 8e4, N), bars) == {}


@pytest.mark.parametrize("price", [68_000.0, 150.0])
def test_open_interest_in_quote_blocks(price: float) -> None:
    bars = market(price, 2e7)
    held = np.full(N, 4e9)
    inside = int((bars.close_ts[0] <= bars.ts).sum())
    assert count(check_open_interest(bars.ts, held, bars)) == inside


def test_open_interest_whose_unit_changes_is_found_at_its_point() -> None:
    held = np.where(np.arange(N) < 100, 5e4, 5e6)
    found = check_open_interest(DAY + np.arange(N) * HOUR_MS, held, market(n=0))
    assert [finding.times for finding in found.values()] == [(DAY + 100 * HOUR_MS,)]


def test_checks_answer_nothing_to_nothing() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert check_volume_unit(market(n=0), np.empty(0)) == {}
    assert check_price_scale(market(n=0)) == {}
    assert check_funding_rates(nothing, np.empty(0)) == {}
    assert check_open_interest(nothing, np.empty(0), market(n=0)) == {}


@pytest.mark.parametrize("price", [1.5, 0.6])
def test_quote_volume_that_is_the_volume_again_blocks_however_near_to_one_the_price_is(price: float) -> None:
    bars = market(price)
    found = check_volume_unit(bars, bars.volume.copy())
    assert sum(one.count for one in found.values()) == N


def test_a_pegged_coin_is_worth_its_quote() -> None:
    flat = np.full(N, 0.9998)
    bars = replace(market(), open=flat, high=flat + 1e-4, low=flat - 1e-4, close=flat)
    assert check_volume_unit(bars, bars.volume.copy()) == {}


@pytest.mark.parametrize("has_bars", [True, False])
def test_value_of_open_interest_that_is_open_interest_again_blocks(has_bars: bool) -> None:
    bars = market()
    held = np.full(N, 80_000.0 * 68_000.0)
    found = check_value_held(bars.close_ts, held, held.copy(), bars if has_bars else empty_bars(BTC, "1h"))
    assert sum(one.count for one in found.values()) == N


@pytest.mark.parametrize(("factor", "odd"), [(1.0, 0), (1.4, 0), (100.0, N), (1 / 68_000.0**2, N)])
def test_value_of_open_interest_is_compared_with_the_price(factor: float, odd: int) -> None:
    bars = market()
    held = np.full(N, 80_000.0)
    found = check_value_held(bars.close_ts, held, held * bars.close * factor, bars)
    assert sum(one.count for one in found.values()) == odd


def test_open_interest_without_a_value_is_not_blamed_for_it() -> None:
    bars = market()
    assert check_value_held(bars.close_ts, np.full(N, 9.0), np.full(N, np.nan), bars) == {}
