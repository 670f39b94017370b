"""A strategy that thinks for long: its own book is covered, closed and halted meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.operations import halts
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy
from tests.in_process import in_process
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    HOLD,
    Ledger,
    assert_books_equal,
    deploy_canary,
    is_protected,
    runner,
    status_of,
    until,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

HELD = "select quantity from trading.positions"
BOOKED = "select max(bar_close) from trading.checkpoints"
SIGNALS = "select count(*) from trading.signals"
MEMORY = "select state->'desk'->'memory' from trading.checkpoints"
SLOW_COVER_SECONDS = 5.0
RUNG = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Rung(EventStrategy):
    """Half long at once, the other half one percent lower; it writes down what it is told."""

    order_kinds = ("limit", "market")
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(told=[], bars=0)
        desk.market(0.5)
        desk.limit(0.5, desk.price * 0.99)

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["bars"] += 1

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status])
'''


class Thinking:
    """Loads texts whose answers wait while they may not be given."""

    def __init__(self) -> None:
        self.may_answer, self.is_asked = threading.Event(), threading.Event()
        self.may_answer.set()

    def load(self, name: str, source: str) -> type[Strategy]:
        told = in_process(name, source)
        question = "on_bar" if issubclass(told, EventStrategy) else "target"

        def answer(*asked: Any) -> Any:
            if not self.may_answer.is_set():
                self.is_asked.set()
                assert self.may_answer.wait(120)
            return getattr(told, question)(*asked)

        return type(told.__name__, (told,), {question: answer})


def flatten(engine: Engine, _stage: Stage, deployment_id: int) -> None:
    signature = Signature("ann", "the exchange looks odd")
    halts.flatten(engine, signature, scope=f"deployment:{deployment_id}", clock=system_clock_ms)


def fall_through_its_stop(_engine: Engine, stage: Stage, _deployment_id: int) -> None:
    stage.move(-0.2)


@pytest.mark.parametrize(
    ("source", "happens", "purpose", "n_more"),
    [
        (HOLD, flatten, "close", 0),
        (HOLD, fall_through_its_stop, "stop", 1),
        (RUNG, flatten, "close", 1),  # what it was told and has noted counts
        (RUNG, fall_through_its_stop, "stop", 1),
    ],
)
def test_what_is_held_is_closed_and_booked_while_its_strategy_thinks(
    *,
    engine: Engine,
    database_url: str,
    deploy: Callable[..., int],
    tmp_path: Path,
    source: str,
    happens: Callable[..., None],
    purpose: str,
    n_more: int,
) -> None:
    deployment_id, thinking, ledger = deploy_canary(deploy, source), Thinking(), Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, load=thinking.load):
            await until(lambda: is_protected(engine))
            before, n_decided = rows(engine, BOOKED), rows(engine, SIGNALS)[0][0]
            thinking.may_answer.clear()
            try:
                stage.clock.skip_minute()
                await until(thinking.is_asked.is_set)
                await asyncio.to_thread(happens, engine, stage, deployment_id)
                await until(lambda: rows(engine, HELD) == [(0,)], 30)
                await until(lambda: status_of(engine, purpose)[-1:] == [("FILLED",)], 30)
                assert rows(engine, BOOKED) == before  # it thinks still
            finally:
                thinking.may_answer.set()
            await until(lambda: rows(engine, BOOKED) != before)
            thought_about = f"bar_close <= '{before[0][0]}'::timestamptz + interval '1 minute'"
            assert rows(engine, f"{SIGNALS} where {thought_about}") == [(n_decided + n_more,)]
            if happens is flatten:  # halted: no target is decided any more, whatever closes meanwhile
                assert rows(engine, SIGNALS) == [(n_decided + n_more,)]

    play(tmp_path, scenario)
    assert_books_equal(engine, ledger)


def test_what_leaves_at_a_bars_close_leaves_while_its_strategy_thinks(
    engine: Engine, database_url: str, deploy: Callable[..., int], tmp_path: Path
) -> None:
    source = HOLD.replace("Float,", "Float, Int,").replace(
        "Stops(", "Stops(time_stop=Int(1, low=1, high=9), "
    )
    thinking, ledger = Thinking(), Ledger(tmp_path)
    deploy_canary(deploy, source)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, load=thinking.load):
            await until(lambda: is_protected(engine))
            before, n_decided = rows(engine, BOOKED), rows(engine, SIGNALS)[0][0]
            thinking.may_answer.clear()
            try:
                stage.clock.skip_minute()
                await until(thinking.is_asked.is_set)
                seen = asyncio.get_running_loop().time()
                await until(lambda: status_of(engine, "exit")[-1:] == [("FILLED",)], 30)
                assert asyncio.get_running_loop().time() - seen < SLOW_COVER_SECONDS
                assert rows(engine, BOOKED) != before
                assert rows(engine, SIGNALS) == [(n_decided,)]  # it thinks still
            finally:
                thinking.may_answer.set()
            await until(lambda: rows(engine, SIGNALS) == [(n_decided + 1,)])
            assert rows(engine, HELD) == [(0,)]  # the side was stopped

    play(tmp_path, scenario)
    assert_books_equal(engine, ledger)


def test_what_fills_while_an_event_strategy_thinks_is_covered_and_told_it_once(
    engine: Engine, database_url: str, deploy: Callable[..., int], tmp_path: Path
) -> None:
    deploy_canary(deploy, RUNG.replace("desk.market(0.5)", "pass"))
    thinking, ledger = Thinking(), Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, load=thinking.load):
            await until(lambda: status_of(engine, "order 1") == [("ACCEPTED",)])
            before = rows(engine, BOOKED)
            thinking.may_answer.clear()
            try:
                stage.clock.skip_minute()
                await until(thinking.is_asked.is_set)
                stage.move(-0.015)
                await until(ledger.fills, 30)
                seen = asyncio.get_running_loop().time()
                await until(lambda: is_protected(engine), 30)
                assert asyncio.get_running_loop().time() - seen < SLOW_COVER_SECONDS
                assert rows(engine, BOOKED) == before  # it thinks still
            finally:
                thinking.may_answer.set()
            for n_bars in (2, 3, 4):
                await until(lambda n=n_bars: rows(engine, MEMORY)[0][0]["bars"] == n)
                told = rows(engine, MEMORY)[0][0]["told"]
                assert told == ([] if n_bars == 2 else [[1, "FILLED"]])
                stage.clock.skip_minute()

    play(tmp_path, scenario)
    assert_books_equal(engine, ledger)
