"""What trades in a world: a strategy of targets, one whose orders rest, and those that trade against them."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.deployments import Deployment
from tests.integration.runner.venue_world import FLIP, FLOP, PYRAMID
from tests.unit.live_runner.test_races import DEPLOYMENT

RUNGS = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Rungs(EventStrategy):
    """Orders on both sides of the price, hung anew each minute; what is held is given back nearby."""

    order_kinds = ("limit", "market")
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory["bars"] = 0

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        count = desk.memory["bars"] = desk.memory["bars"] + 1
        if count % 2:
            desk.cancel_all()
            desk.limit(0.2, desk.price * 0.9998, post_only=True)
            desk.limit(-0.2, desk.price * 1.0002)
            desk.limit(0.2, desk.price * 0.9990, expires_bars=1)
        if count % 3 == 0:
            desk.cancel_all()
            desk.market(0.1 if desk.position <= 0.0 else -0.1)
        self._hold(desk)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        if event.quantity != 0.0:
            self._hold(desk)

    def _hold(self, desk: Desk) -> None:
        for order in desk.orders:
            if order.reduce_only:
                desk.cancel(order.number)
        if desk.position != 0.0:
            side = 1.0 if desk.position > 0.0 else -1.0
            desk.limit(1.0, desk.price * (1.0 + 0.0003 * side), reduce_only=True)
'''

BREAKOUTS = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Breakouts(EventStrategy):
    """Stop orders that open on both sides of the price behind limits, and close what these have opened."""

    order_kinds = ("limit", "stop_market", "market")
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory["bars"] = 0

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        count = desk.memory["bars"] = desk.memory["bars"] + 1
        if count % 2:
            desk.cancel_all()
            desk.stop_market(0.2, desk.price * 1.0004)
            desk.stop_market(-0.2, desk.price * 0.9996)
            desk.limit(0.1, desk.price * 0.9998)
        if count % 5 == 0:
            desk.cancel_all()
            desk.market(0.1 if desk.position <= 0.0 else -0.1)
            desk.stop_market(0.1, desk.price * 1.0006)
        self._hold(desk)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        if event.quantity != 0.0:
            self._hold(desk)

    def _hold(self, desk: Desk) -> None:
        for order in desk.orders:
            if order.reduce_only:
                desk.cancel(order.number)
        if desk.position != 0.0:
            side = 1.0 if desk.position > 0.0 else -1.0
            desk.stop_market(1.0, desk.price * (1.0 - 0.0004 * side), reduce_only=True)
            desk.limit(1.0, desk.price * (1.0 + 0.0006 * side), reduce_only=True)
'''
RESTING = (RUNGS, BREAKOUTS)

HEDGED = '''
import numpy as np
from quant_pipelines.sdk import Array, Float, Inputs, Panel, Stops, Strategy


class Hedged(Strategy):
    """One side in the first symbol, the other one in the rest; turned and resized by the minute."""

    inputs = Inputs(symbols=0)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Panel) -> Array:
        minute = bars.ts // 60_000 % 7
        side = np.select([minute < 3, minute < 6], [1.0, -1.0], 0.0)
        size = np.where(bars.ts // 60_000 % 2 == 0, 0.9, 0.4)
        legs = np.where(np.arange(bars.close.shape[1]) == 0, 1.0, -1.0)
        target = np.outer(side * size, legs)
        target[~bars.is_complete] = np.nan
        return target
'''
OTHER_SYMBOL = "ETH/USDT:USDT"

Deploy: TypeAlias = Callable[[int, random.Random], Deployment]
"""Makes the deployment of a world: at a time in milliseconds UTC, by chance."""


def deployment_at(now_ms: int, chance: random.Random) -> Deployment:
    """A canary that trades each minute, deployed a little while ago."""
    now, source = from_ms(now_ms), chance.choice((FLIP, PYRAMID))
    times = {"created_at": now - timedelta(minutes=3), "history_start": now - timedelta(hours=2)}
    return replace(DEPLOYMENT, source=source, capital=Decimal(10_000), venue="binanceusdm", **times)


def resting_at(now_ms: int, chance: random.Random) -> Deployment:
    """A canary whose orders rest at the venue: limits, or stops too."""
    deployment = deployment_at(now_ms, chance)
    return replace(deployment, source=RUNGS if deployment.source == FLIP else BREAKOUTS)


def pair_at(now_ms: int, chance: random.Random) -> Deployment:
    """The first leg of a canary that trades two symbols against each other."""
    deployment = deployment_at(now_ms, chance)
    first = replace(deployment, source=HEDGED, set_id=deployment.id - 1, n_legs=2)
    return replace(first, capital=deployment.capital / 2)


def other_leg(first: Deployment) -> Deployment:
    """The second leg of a set."""
    assert first.instrument is not None
    instrument = replace(first.instrument, symbol=OTHER_SYMBOL, tick_size=Decimal("0.01"))
    return replace(first, id=first.id + 1, symbol=OTHER_SYMBOL, instrument=instrument)


def against(now_ms: int, chance: random.Random, number: int) -> Deployment:
    """Another deployment of the same symbol, which may trade against the first one."""
    source, capital = chance.choice((FLIP, FLOP, PYRAMID)), Decimal(chance.choice((4_000, 10_000)))
    return replace(deployment_at(now_ms, chance), id=DEPLOYMENT.id + number, source=source, capital=capital)
