"""What an operator says of stored data: factors, and odd values that are right; both are audited."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.points import FundingRate
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms
from quant_pipelines.marketdata.days import SymbolDays
from quant_pipelines.marketdata.quality import check_days, check_own_timeframes
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.statements import accept_values, record_factor
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.findings import blocking_now, open_findings
from quant_pipelines.store.market import save_funding
from quant_pipelines.store.tables import audit_logs

pytestmark = pytest.mark.postgres

EXCHANGE, SYMBOL = "binanceusdm", "A/USDT:USDT"
FIRST = day_start_ms("2025-03-01")
DAYS = [f"2025-03-0{day}" for day in range(1, 5)]
WINDOW = Window(FIRST, FIRST + 4 * DAY_MS)
CHANGE = "2025-03-03T00:00=1000"


def store_redenomination(world: Any) -> None:
    ts = FIRST + np.arange(4 * 24) * HOUR_MS
    scale = np.where(ts < FIRST + 2 * DAY_MS, 1.0, 1000.0)
    price, volume = 0.002 * scale, 1e7 / scale
    zeros = np.zeros(ts.size)
    rows = BarRows(ts, price, price, price, price, volume, zeros, zeros.astype(np.int64))
    upsert_bars(world.engine, Series(EXCHANGE, SYMBOL, "1h"), rows)


def scale_findings(world: Any) -> list[str]:
    check_own_timeframes(world.engine, EXCHANGE, SymbolDays([SYMBOL], DAYS), clock=world.clock)
    found = open_findings(world.engine, EXCHANGE, symbols=[SYMBOL], checks=["price_scale"])
    return [f"{row['day']} {row['severity']} {row['detail']['factor']:g}" for row in found]


def audited(world: Any) -> list[tuple[str, Any]]:
    with world.engine.connect() as connection:
        rows = connection.execute(select(audit_logs.c.action, audit_logs.c.detail).order_by(audit_logs.c.id))
        return [(row.action, row.detail) for row in rows if row.action.startswith("data.")]


def test_recorded_factor_lets_a_redenomination_pass_and_can_be_taken_back(world: Any, ann: Signature) -> None:
    store_redenomination(world)
    assert scale_findings(world) == ["2025-03-03 block 1000"]
    record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change=CHANGE)
    assert scale_findings(world) == []
    read = DatabaseSource(world.engine, EXCHANGE).bars(SYMBOL, "1h", WINDOW)
    assert read.close == pytest.approx(np.full(96, 2.0))
    assert read.volume == pytest.approx(np.full(96, 1e4))
    record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change="2025-03-03=1")
    assert scale_findings(world) == ["2025-03-03 block 1000"]
    told = [(action, detail["before"], detail["after"]) for action, detail in audited(world)]
    assert told == [("data.factor", None, 1000.0), ("data.factor", 1000.0, 1.0)]


def test_an_unrecorded_redenomination_blocks_however_old_it_is_until_it_is_recorded_or_accepted(
    world: Any, ann: Signature
) -> None:
    store_redenomination(world)
    assert scale_findings(world) == ["2025-03-03 block 1000"]
    long_after = date(2025, 6, 1)

    def blocked() -> tuple[str, ...]:
        with world.engine.connect() as connection:
            return blocking_now(connection, EXCHANGE, SYMBOL, long_after)

    assert blocked() == ("1 x price_scale in 1h bars of A/USDT:USDT on 2025-03-03",)
    record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change=CHANGE)
    assert blocked() == ()
    record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change="2025-03-03=1")
    assert len(blocked()) == 1
    accept_values(world.engine, EXCHANGE, ann, symbol=SYMBOL, check="price_scale")
    assert blocked() == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [("2999-01-01=2", "expected a time that is over"), ("2025-03-03=1", "has no factor at 2025-03-03 00:00")],
)
def test_factor_that_can_not_be_is_refused_and_not_audited(
    world: Any, ann: Signature, change: str, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change=change)
    assert audited(world) == []


def test_accepted_values_block_no_more_and_new_ones_do(world: Any, ann: Signature, quant: Any) -> None:
    store_redenomination(world)
    record_factor(world.engine, EXCHANGE, ann, symbol=SYMBOL, change=CHANGE)
    save_funding(world.engine, EXCHANGE, SYMBOL, [FundingRate(FIRST, 0.71, None)])
    backtest = ("backtest", "ema_cross", SYMBOL, "--json")
    check_days(world.engine, EXCHANGE, SymbolDays([SYMBOL], DAYS), clock=world.clock)
    code, _, err = quant(*backtest)
    assert (code, "1 x funding_rate" in err) == (1, True)
    accept_values(world.engine, EXCHANGE, ann, symbol=SYMBOL, check="funding_rate")
    check_days(world.engine, EXCHANGE, SymbolDays([SYMBOL], DAYS), clock=world.clock)
    assert quant(*backtest)[0] == 0
    with pytest.raises(DataError, match="no funding_rate of A/USDT:USDT blocks"):
        accept_values(world.engine, EXCHANGE, ann, symbol=SYMBOL, check="funding_rate")
    save_funding(world.engine, EXCHANGE, SYMBOL, [FundingRate(FIRST + DAY_MS, 0.72, None)])
    check_days(world.engine, EXCHANGE, SymbolDays([SYMBOL], DAYS), clock=world.clock)
    assert quant(*backtest)[0] == 1
