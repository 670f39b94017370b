"""A day at the simulated venue, traded by the real link, beside its replay: differences have causes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.bars import BarRows, Bars
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.parity import DayComparison
from quant_pipelines.research.parity import compare_day
from quant_pipelines.store.bars import upsert_bars
from tests.integration.runner.minutes import START_MS, Minutes
from tests.integration.runner.test_venue_stops import LAYERS, N_KNOWN, deploy_at_venue, play, random_bars
from tests.integration.runner.venue_world import SYMBOL
from tests.integration.runner.world import execute, rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
OF_A_VENUE = {
    "delay",
    "entry that waits",
    "spread and impact",
    "fee",
    "stop source",
    "lots and netting",
    "unfilled",
}


def stored(engine: Engine, bars: Bars) -> None:
    """Store bars as the ingest does."""
    nothing = np.zeros(len(bars))
    prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    kept = BarRows(bars.ts, *prices, nothing, nothing.astype(np.int64))
    upsert_bars(engine, Series("binanceusdm", SYMBOL, "1m"), kept)


async def trade(played: Minutes) -> None:
    """Trade to the end of the bars."""
    for _ in range(played.row, len(played.bars)):
        await played.pass_bar()
        await played.settle()
        await played.book_bars()
        await played.settle()


def compared(engine: Engine) -> DayComparison:
    """Compare the day of the only deployment."""
    [day] = compare_day(engine, from_ms(START_MS).date())
    assert day.comparison is not None, day.reason
    return day.comparison


def test_a_day_at_the_venue_differs_from_its_replay_by_named_causes(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = random_bars(0, N_KNOWN + 45)
    stored(engine, bars)
    deploy_at_venue(deploy, bars, LAYERS)
    play(engine, tmp_path, bars, trade)
    found = compared(engine)
    assert found.n_fills > 4
    assert found.another == ()
    assert found.verdict == "explained", found
    assert "fee" in found.causes
    assert set(found.causes) <= OF_A_VENUE, found

    # A runner that had ordered a tenth less than it decided is caught by its order, one that had decided
    # otherwise by its decision: both are the same rows, changed.
    [(first,)] = rows(engine, "select min(bar_close) from trading.intents where purpose = 'target'")
    execute(engine, "update trading.intents set quantity = quantity * 0.9 where bar_close = :at", at=first)
    assert [one.runner[:11] for one in compared(engine).another] == ["an order of"]
    decided = "set decision = jsonb_set(decision, '{order_quantity}', '0.001')"
    execute(engine, f"update trading.signals {decided} where bar_close = :at", at=first)
    assert [one.runner for one in compared(engine).another] == ["+0.001"]
    assert rows(engine, "select count(*) from trading.book_openings") == [(0,)]
