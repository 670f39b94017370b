"""A runner whose strategies decide in the confined process: as in its own, and unharmed by what hurts it."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from quant_pipelines.sandbox.host import HostLimits, SandboxHost
from quant_pipelines.store.outages import wait_of
from tests.integration.runner.conftest import RULES
from tests.integration.runner.test_resting_orders import PLACE, replayed
from tests.integration.runner.world import (
    HISTORY_START,
    LADDER,
    OTHER_SYMBOL,
    SWITCH,
    rows,
    world,
)

pytestmark = pytest.mark.postgres

N_SHORT = 160
HURTING = '''
import dataclasses
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy

there = dataclasses.sys.modules


class Hurting(Strategy):
    """Long, and then it hurts whoever runs it."""

    def target(self, bars: Bars) -> Array:
        if 150 < len(bars) < 200 and not {spares}:
            {hurt}
        return np.ones(len(bars))
'''
ENDLESS, DYING = "while True: pass", "there['os']._exit(7)"
ONCE = "len(bars) != 152"


@pytest.fixture
def sandbox() -> Iterator[SandboxHost]:
    with SandboxHost(HostLimits(seconds=2.0)) as host:
        yield host


@pytest.mark.parametrize(("source", "timeframe"), [(SWITCH, "1m"), (LADDER, "1m"), (LADDER, "15m")])
def test_live_books_equal_the_event_backtest_to_the_bit(
    engine: Engine, database_url: str, deploy: Callable[..., int], source: str, timeframe: str
) -> None:
    deploy(source, timeframe=timeframe, **PLACE)
    before = {name for name in sys.modules if name.startswith("quant_strategy_")}
    with SandboxHost() as host:
        asyncio.run(replace(world(engine, database_url), load=host.load).play())
    assert {name for name in sys.modules if name.startswith("quant_strategy_")} == before
    expected = replayed(source, RULES, timeframe)
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    assert expected.bar_equity is not None
    assert len(set(equity)) > 10
    assert equity == expected.bar_equity.tolist()


@pytest.mark.parametrize("hurt", [ENDLESS, DYING])
def test_strategy_that_never_answers_is_halted_and_the_other_decides_on_every_bar(
    engine: Engine, database_url: str, deploy: Callable[..., int], sandbox: SandboxHost, hurt: str
) -> None:
    healthy = deploy(SWITCH, **PLACE)
    hurting = deploy(HURTING.format(spares=False, hurt=hurt), symbol=OTHER_SYMBOL, **PLACE)
    played = replace(world(engine, database_url, n_bars=N_SHORT), load=sandbox.load)
    asyncio.run(played.play())
    end = HISTORY_START + timedelta(minutes=N_SHORT)
    ends = dict(rows(engine, "select deployment_id, max(ts) from trading.equity group by 1"))
    decided = dict(rows(engine, "select deployment_id, max(bar_close) from trading.signals group by 1"))
    (alert,) = rows(engine, "select source, message from ops.alerts where severity = 'halt'")
    assert ends == {healthy: end, hurting: end}
    assert decided == {healthy: end, hurting: HISTORY_START + timedelta(minutes=150)}
    assert alert[0] == f"deployment:{hurting}"
    assert "3 times in a row" in alert[1]


@pytest.mark.parametrize("source", ["target", "event"])
def test_missed_bar_is_said_once_and_the_next_one_is_decided_on(
    engine: Engine, database_url: str, deploy: Callable[..., int], sandbox: SandboxHost, source: str
) -> None:
    text = HURTING.format(spares=ONCE, hurt=ENDLESS)
    if source == "event":
        hurt = "if len(bars) == 152 and bars.ts[0] > 10**12: there['os']._exit(7)  # not on made-up ones"
        head = "import dataclasses\nthere = dataclasses.sys.modules\n"
        count = 'desk.memory["bars"] = desk.memory.get("bars", 0) + 1'
        text = head + LADDER.replace(count, f"{count}\n        desk.cancel_all()\n        {hurt}")
    deploy(text, **PLACE)
    played = replace(world(engine, database_url, n_bars=N_SHORT), load=sandbox.load)
    asyncio.run(played.play())
    closes = {row[0] for row in rows(engine, "select bar_close from trading.signals")}
    every = {HISTORY_START + timedelta(minutes=minute) for minute in range(121, N_SHORT + 1)}
    missed = HISTORY_START + timedelta(minutes=152)
    assert every - closes == {missed}
    waits = "select message, resolved_at from ops.alerts where source = :scope"
    ((message, resolved_at),) = rows(engine, waits, scope=wait_of("deployment:1"))
    assert f"{missed:%H:%M:%S} UTC: the strategy" in message
    assert resolved_at is not None
    (memory,) = rows(engine, "select state -> 'desk' -> 'memory' -> 'bars' from trading.checkpoints")
    assert memory == ((len(every) - 1,) if source == "event" else (None,))
