"""Closes compared with another exchange's: what differs too far is a warning, what is away stops nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from assets.quality import source_agreement
from assets.resources import Platform
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, from_ms
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.findings import open_findings
from quant_pipelines.store.market import seed_symbols
from tests.pipelines.conftest import NOW_MS, SYMBOLS, ComputedMarket

pytestmark = pytest.mark.postgres

YESTERDAY_MS = day_start_ms("2024-03-14")
BTC = SYMBOLS[0]


class OtherVenue(ComputedMarket):
    """Its closes are higher by a fraction, on one symbol."""

    def __init__(self, fraction: float) -> None:
        super().__init__()
        self._fraction = fraction

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        rows = await super().bars(symbol, timeframe, window)
        return replace(rows, close=rows.close * (1.0 + self._fraction)) if symbol == BTC else rows


class Away(ComputedMarket):
    async def instruments(self) -> Any:
        raise ExchangeUnavailable("the other exchange is away")


@pytest.fixture
def compare(engine: Engine) -> Callable[..., dict[str, Any]]:
    """Materialize the asset with other exchanges, each answered by a source of the test."""
    seed_symbols(engine, "binanceusdm", SYMBOLS, SYMBOLS, from_ms(NOW_MS))
    for symbol in SYMBOLS:
        rows = asyncio.run(ComputedMarket().bars(symbol, "1h", Window(YESTERDAY_MS, YESTERDAY_MS + DAY_MS)))
        upsert_bars(engine, Series("binanceusdm", symbol, "1h"), rows)

    def run(**others: Any) -> dict[str, Any]:
        settings = Settings(
            database_url=engine.url.render_as_string(hide_password=False),
            exchange=ExchangeSettings(others=tuple(others)),
        )
        platform = Platform(settings, clock=lambda: NOW_MS, open_source=lambda wanted: others[wanted.id])
        result = dg.materialize([source_agreement], resources={"platform": platform})
        platform.engine.dispose()
        (event,) = result.asset_materializations_for_node("source_agreement")
        return {name: value.value for name, value in event.metadata.items()}

    return run


def test_venues_that_agree_leave_no_finding(compare: Callable[..., dict[str, Any]], engine: Engine) -> None:
    told = compare(okx=OtherVenue(0.001))
    assert (told["compared"], told["findings"]) == (1, 0)
    assert open_findings(engine, "binanceusdm") == []


def test_a_venue_that_is_far_away_is_a_warning_that_names_it_until_it_is_back(
    compare: Callable[..., dict[str, Any]], engine: Engine
) -> None:
    compare(okx=OtherVenue(0.05))
    (finding,) = open_findings(engine, "binanceusdm")
    assert (finding["symbol"], finding["check_name"]) == (BTC, "source_mismatch")
    assert (finding["severity"], finding["count"], finding["detail"]["source"]) == ("warning", 24, "okx")
    compare(okx=OtherVenue(0.0))
    assert open_findings(engine, "binanceusdm") == []


def test_an_exchange_that_is_away_is_named_and_stops_nothing(
    compare: Callable[..., dict[str, Any]], engine: Engine
) -> None:
    told = compare(okx=Away(), bybit=OtherVenue(0.05))
    assert "okx: the other exchange is away" in told["away"]
    assert (told["compared"], told["findings"]) == (1, 1)


def test_nothing_is_compared_by_default(compare: Callable[..., dict[str, Any]]) -> None:
    assert compare()["compared"] == 0
