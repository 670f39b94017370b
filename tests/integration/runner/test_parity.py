"""Days that the real runner traded, beside their replays."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.research.parity import ComparedDay, compare_day
from quant_pipelines.store.bars import upsert_bars
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    LADDER,
    N_BARS,
    SWITCH,
    SYMBOL,
    world,
)

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}
FIRST_DAY, SECOND_DAY = date(2026, 1, 1), date(2026, 1, 2)


def played(engine: Engine, database_url: str, timeframe: str = "1m", **options: Any) -> None:
    """Let the runner trade the recording, whose bars are stored as the ingest would."""
    playing = world(engine, database_url, **options)
    end_ms = to_ms(HISTORY_START + timedelta(minutes=N_BARS))
    now_ms = playing.time._now_ms
    playing.time._now_ms = end_ms
    for one in {"1m", timeframe}:
        bars = asyncio.run(playing.source.bars(SYMBOL, one, Window(0, end_ms)))
        upsert_bars(engine, Series("binanceusdm", SYMBOL, one), bars)
    playing.time._now_ms = now_ms
    asyncio.run(playing.play())


def both_days(engine: Engine) -> list[ComparedDay]:
    """Comparisons of the day on which the book began, and of the one after it."""
    return [*compare_day(engine, FIRST_DAY), *compare_day(engine, SECOND_DAY)]


@pytest.mark.parametrize(("source", "timeframe"), [(SWITCH, "1m"), (SWITCH, "15m"), (LADDER, "1m")])
def test_a_day_on_paper_is_its_replay_to_the_bit(
    engine: Engine, database_url: str, deploy: Callable[..., int], source: str, timeframe: str
) -> None:
    deploy(source, timeframe=timeframe, **PLACE)
    played(engine, database_url, timeframe)
    for day in both_days(engine):
        assert day.comparison is not None, day.reason
        assert (day.comparison.verdict, day.comparison.n_fills > 0) == ("equal", True), day.comparison
        assert day.comparison.is_equal_to_the_bit
