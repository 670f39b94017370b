"""Steps, order sizes, leverage and brackets of a venue are read again each day, and followed."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.venue_limits import LimitsWatch
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.venue_limits import PostgresLimits
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.venue_limits import VenueLimits
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import SYMBOL, deploy_canary, is_protected, runner, until
from tests.integration.runner.world import rows
from tests.unit.live_runner.memory_venue import MemoryVenue

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
EXCHANGE = "binanceusdm"
STORED = "select limits from market.venue_limits order by valid_from"
SPECIFIED = "select tick_size, lot_size, min_notional, taker_fee from market.instruments order by valid_from"
ALERTS = "select message from ops.alerts where source = 'limits:binanceusdm' order by id"
NOW_MS = 1_800_000_000_000
STEPS = (Decimal("0.1"), Decimal("0.001"), Decimal(5))
BRACKETS = (Bracket(0.0, 0.004), Bracket(50_000.0, 0.005, 50.0))
LIMITS = VenueLimits(SYMBOL, *STEPS, largest_market_order=Decimal(120), max_leverage=125, brackets=BRACKETS)


class Venue(MemoryVenue):
    """Tells its limits, unless it is away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away, self.n_asked = False, 0

    async def limits(self, symbols: Iterable[str]) -> list[VenueLimits]:
        self.n_asked += 1
        if self.is_away:
            raise ExchangeUnavailable("the venue is away")
        return [LIMITS]


def test_limits_keep_their_values_as_a_document() -> None:
    for limits in (LIMITS, replace(LIMITS, largest_market_order=None, brackets=())):
        assert VenueLimits.from_document(json.loads(json.dumps(limits.to_document()))) == limits


def test_limits_are_those_of_the_venues_own_lists(tmp_path: Path) -> None:
    found = list[VenueLimits]()

    async def scenario(stage: Stage) -> None:
        async with CcxtOrders(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock) as venue:
            found.extend(await venue.limits([SYMBOL, "NOT/USDT:USDT"]))

    play(tmp_path, scenario)
    [limits] = found
    assert limits.symbol == SYMBOL
    assert (limits.tick_size, limits.lot_size) == STEPS[:2]
    assert limits.largest_market_order is not None
    assert limits.brackets[0].floor == 0.0
    assert all(one.rate < other.rate for one, other in pairwise(limits.brackets))


def test_a_change_is_stored_with_the_specification_and_told_once(engine: Engine, deploy: Deploy) -> None:
    deploy_canary(deploy)
    [(tick_size, lot_size, min_notional, fee)] = rows(engine, SPECIFIED)
    known = replace(LIMITS, tick_size=tick_size, lot_size=lot_size, min_notional=min_notional)
    coarse = replace(known, lot_size=Decimal("0.5"), max_leverage=20, brackets=(Bracket(0.0, 0.02),))
    follow = PostgresLimits(engine).follow
    told = [
        follow(EXCHANGE, [limits], from_ms(NOW_MS + 1000 * second))
        for second, limits in enumerate((known, known, coarse, coarse))
    ]
    sentence = (
        f"limits of {SYMBOL} at {EXCHANGE} have changed: lot_size {lot_size} -> 0.5, "
        "max_leverage 125 -> 20, maintenance rate from 0 on 0.004 -> 0.02, "
        "maintenance rate from 50000 on 0.005 -> none"
    )
    assert told == [[], [], [sentence], []]
    assert rows(engine, ALERTS) == [(sentence,)]
    assert rows(engine, SPECIFIED)[1:] == [(tick_size, Decimal("0.5"), min_notional, fee)]
    assert [document["max_leverage"] for (document,) in rows(engine, STORED)] == [125, 20]


def test_what_the_first_reading_finds_changed_since_the_specification_is_told(
    engine: Engine, deploy: Deploy
) -> None:
    deploy_canary(deploy)
    [(tick_size, lot_size, min_notional, _)] = rows(engine, SPECIFIED)
    coarse = replace(LIMITS, tick_size=tick_size, lot_size=Decimal("0.5"), min_notional=min_notional)
    [told] = PostgresLimits(engine).follow(EXCHANGE, [coarse], from_ms(NOW_MS))
    assert told.endswith(f"have changed: lot_size {lot_size} -> 0.5")
    assert len(rows(engine, SPECIFIED)) == 2


def test_limits_are_read_at_first_with_a_new_symbol_and_each_day_and_silence_is_told_after_one(
    engine: Engine, deploy: Deploy
) -> None:
    deploy_canary(deploy)
    venue, warned, clock_ms = Venue(), list[str](), [NOW_MS]

    async def warn(sentence: str) -> None:
        warned.append(sentence)

    async def asked(after_ms: int, *symbols: str) -> int:
        clock_ms[0] += after_ms
        await watch.look(1, venue, frozenset(symbols))
        return venue.n_asked

    venues, time = OrderVenues(Settings(), lambda _: venue, warn), ExchangeTime(lambda: clock_ms[0])
    watch = LimitsWatch(PostgresLimits(engine), venues, time, exchange=EXCHANGE, warn=warn)

    async def scenario() -> None:
        assert await asked(0) == 0
        assert await asked(0, SYMBOL) == 1
        assert await asked(DAY_MS - 1, SYMBOL) == 1
        assert await asked(0, SYMBOL, "ETH/USDT:USDT") == 2
        assert await asked(DAY_MS - 1, SYMBOL) == 2
        venue.is_away = True
        assert await asked(1, SYMBOL) == 3
        assert await asked(1, SYMBOL) == 3, "not at once again"

    asyncio.run(scenario())
    assert warned == [
        "limits of account 1 at binanceusdm could not be read since 2027-01-16 07:59 UTC; the old ones count"
    ]


def test_a_deployment_at_a_venue_goes_on_with_the_new_lot_size_and_its_stop_stays(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deploy_canary(deploy)

    def taken_up() -> int:
        return sum(record.message == "deployment taken up" for record in caplog.records)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine) and taken_up() == 1)
            coarse = replace(LIMITS, lot_size=Decimal("0.01"))
            await asyncio.to_thread(PostgresLimits(engine).follow, EXCHANGE, [coarse], from_ms(stage.clock()))
            await until(lambda: taken_up() == 2)
            await until(lambda: is_protected(engine))

    with caplog.at_level("INFO", "live_runner.process.traders"):
        play(tmp_path, scenario)
