"""Usefulness is measured from scores that were stored at an hour, and from prices after it only."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert, text

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.hotlist.factors import NAMES
from quant_pipelines.hotlist.usefulness import HORIZONS_HOURS, Usefulness
from quant_pipelines.marketdata.hot_usefulness import measure_usefulness
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.hot_usefulness import newest_usefulness, read_rankings
from quant_pipelines.store.tables import hotlist

pytestmark = pytest.mark.postgres
EXCHANGE = "binanceusdm"
SYMBOLS = [f"{letter * 3}/USDT:USDT" for letter in "ABCDEF"]
START = day_start_ms("2024-03-01")
N_HOURS = 12 * 24
NOW = START + (N_HOURS + 1) * HOUR_MS
SETTINGS = HotListSettings(usefulness_horizon="1h")


def scan(at_ms: int, scores: np.ndarray) -> list[dict[str, Any]]:
    """Rows of one scan; of the factors funding knows what the score does, and turnover is missing."""
    term = {"weight": 0.1, "contribution": 0.0}
    return [
        {
            "scored_at": from_ms(at_ms),
            "exchange": EXCHANGE,
            "symbol": symbol,
            "score": float(score),
            "rank": 1,
            "factors": {"funding": {"raw": 1.0, "z": -float(score), **term}}
            | {"turnover": {"raw": None, "z": 0.0, **term}},
            "flags": [],
            "labels": {},
        }
        for symbol, score in zip(SYMBOLS, scores, strict=True)
    ]


@pytest.fixture
def world(engine: Engine) -> Engine:
    """Scans two minutes after each hour, whose scores know the return of the hour after the next full one."""
    generator = np.random.default_rng(4)
    scores = generator.standard_normal((N_HOURS, len(SYMBOLS)))
    moves = 0.001 * generator.standard_normal((N_HOURS + 1, len(SYMBOLS)))
    # The scan of hour h is acted on at the begin of hour h + 1.
    moves[1:] += 0.01 * scores
    opens = START + HOUR_MS * np.arange(N_HOURS + 1, dtype=np.int64)
    for column, symbol in enumerate(SYMBOLS):
        close, ones = 100.0 * np.exp(np.cumsum(moves[:, column])), np.ones(opens.size)
        rows = BarRows(opens, close, close, close, close, ones, ones, np.ones(opens.size, dtype=np.int64))
        upsert_bars(engine, Series(EXCHANGE, symbol, "1h"), rows)
    rows_of = [
        row for hour in range(N_HOURS) for row in scan(START + hour * HOUR_MS + 2 * MINUTE_MS, scores[hour])
    ]
    with engine.begin() as connection:
        connection.execute(insert(hotlist), rows_of)
    return engine


def measured(engine: Engine, now_ms: int = NOW) -> dict[tuple[str, str, int], Usefulness]:
    seen = measure_usefulness(engine, EXCHANGE, SETTINGS, now_ms=now_ms, seed=1)
    return {(one.ranking, one.target, one.horizon_hours): one for one in seen}


def test_score_that_knows_the_next_hour_is_useful_beside_shuffles_and_its_use_decays(world: Engine) -> None:
    found = measured(world)
    decay = [found["score", "return", hours].coefficient for hours in HORIZONS_HOURS]
    first = found["score", "return", 1]
    assert (first.claim, first.hours) == ("useful", N_HOURS)
    assert first.coefficient > 0.95
    assert first.shuffled is not None
    assert first.shuffled.high < 0.5 < first.low
    assert decay[:4] == sorted(decay[:4], reverse=True)
    assert found["score", "return", 168].claim == "too_few"


def test_each_factor_is_measured_at_the_horizon_that_moves_weights(world: Engine) -> None:
    found = measured(world)
    assert {key for key in found if key[0] != "score"} == {
        (name, target, 1) for name in NAMES for target in ("return", "size")
    }
    assert (found["funding", "return", 1].claim, found["turnover", "return", 1].hours) == ("misleading", 0)


def test_prices_up_to_the_first_full_hour_after_a_scan_do_not_count(world: Engine) -> None:
    """Only the last scan is looked at: whatever came before the hour after it may have been otherwise."""
    first_day = START + (N_HOURS - 1) * HOUR_MS

    def coefficient() -> float:
        settings = HotListSettings(usefulness_horizon="1h", usefulness_days=1)
        seen = measure_usefulness(world, EXCHANGE, settings, now_ms=first_day + DAY_MS, seed=1)
        return next(one.coefficient for one in seen if one.horizon_hours == 1)

    before = coefficient()
    with world.begin() as connection:
        late = {"begin": from_ms(first_day)}
        connection.execute(
            text("update market.bars set close = close * (1 + random()) where ts < :begin"), late
        )
    assert coefficient() == before
    with world.begin() as connection:
        connection.execute(
            text("update market.bars set close = close * (1 + random()) where ts > :begin"), late
        )
    assert coefficient() != before


def test_hours_that_have_not_ended_are_not_known(world: Engine) -> None:
    half_way = measured(world, START + N_HOURS // 2 * HOUR_MS)
    # The newest scan is of the hour that has just ended; the hour to act in has only begun.
    assert half_way["score", "return", 1].hours == N_HOURS // 2 - 1


def test_first_scan_of_an_hour_counts(world: Engine) -> None:
    again = scan(START + 30 * MINUTE_MS, np.full(len(SYMBOLS), 9.0))
    with world.begin() as connection:
        connection.execute(insert(hotlist), again)
    stored = read_rankings(world, EXCHANGE, Window(START, START + HOUR_MS))
    assert stored.hours.tolist() == [START]
    assert stored.symbols == SYMBOLS
    assert (np.abs(stored.values[0]) < 9.0).all()


def test_nothing_that_is_stored_claims_nothing(engine: Engine) -> None:
    assert {one.claim for one in measured(engine).values()} == {"too_few"}
    assert {row["coefficient"] for row in newest_usefulness(engine, EXCHANGE)} == {None}


def test_measures_are_kept_as_they_were_told(world: Engine) -> None:
    found = measured(world)
    stored = newest_usefulness(world, EXCHANGE)
    assert len(stored) == len(found)
    (row,) = (
        one
        for one in stored
        if (one["ranking"], one["target"], one["horizon_hours"]) == ("score", "return", 1)
    )
    one = found["score", "return", 1]
    assert one.shuffled is not None
    assert (row["coefficient"], row["low"], row["claim"]) == (one.coefficient, one.low, "useful")
    assert (row["shuffled_low"], row["p_value"]) == (one.shuffled.low, one.shuffled.p_value)
