"""What a strategy reads beside its bars comes from the database while nobody holds its book."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from quant_pipelines.core.asof import KnownPoints
from tests.nothing_stored import NothingStored
from tests.unit.live_runner.event_desk import SOURCE as EVENT
from tests.unit.live_runner.event_desk import Desk

TARGET = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Stops, Strategy


class Funded(Strategy):
    """Always long."""

    inputs = Inputs(funding=True)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
'''
FUNDED_EVENT = EVENT.replace("Float, OrderEvent", "Float, Inputs, OrderEvent").replace(
    "    order_kinds", "    inputs = Inputs(funding=True)\n    order_kinds"
)


class Looked(NothingStored):
    """Rows that note whether another thread could have the book while they were read."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.was_free = desk, list[bool]()

    def points(self, *_: Any) -> KnownPoints:
        def is_free() -> bool:
            with self.desk.trader.at_once() as broker:
                return broker is not None

        with ThreadPoolExecutor(1) as other:
            self.was_free.append(other.submit(is_free).result())
        return super().points(*_)


@pytest.mark.parametrize("source", [TARGET, FUNDED_EVENT])
def test_a_database_that_is_slow_keeps_nobody_from_the_book(source: str) -> None:
    desk = Desk(source=source)
    rows = Looked(desk)
    desk.journal.market = rows
    desk.open()
    desk.pass_bar()
    assert rows.was_free == [True]
