"""Orders of a paper book count as executed once they are filled, also those of an earlier life."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from live_runner.book.approval import Relations
from live_runner.book.paper import PaperBroker, open_paper
from live_runner.book.plan import plan_of
from live_runner.book.recall import recalled
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.event_desk import Strict
from tests.unit.live_runner.test_races import AT, DEPLOYMENT
from tests.unit.live_runner.test_thinking import DIARY

HOLD = DEPLOYMENT.source


class Paper:
    """A deployment on paper, and bars from 100 down to a price."""

    def __init__(self, source: str) -> None:
        self.deployment = replace(DEPLOYMENT, source=source, venue="paper", stage="paper")
        self.journal, self.gate, self.n_bars = MemoryJournal([self.deployment]), Strict(), 0
        self.open()

    def open(self) -> None:
        rows, stored = self.journal.read_orders(DEPLOYMENT.id), self.journal.read_book(DEPLOYMENT.id)
        now_ms = to_ms(AT) + self.n_bars * MINUTE_MS
        past = recalled(self.deployment, rows, stored.fills, now_ms)
        relations = Relations(gate=self.gate, fills_ms=past.fills_ms, working=past.working)
        trade = partial(Trader, self.journal, plan_of(self.deployment, in_process))
        series, epoch = BarSeries(DEPLOYMENT.symbol, "1m", to_ms(AT)), self.journal.open_epoch("test:1", AT)
        self.trader = trade(series, epoch=epoch, open_broker=open_paper, relations=relations)

    def pass_bar(self, low: float = 100.0) -> None:
        ts = np.array([to_ms(AT) + self.n_bars * MINUTE_MS])
        self.n_bars += 1
        price, nothing = np.full(1, 100.0), np.zeros(1)
        rows = BarRows(ts, price, price, np.full(1, low), price, nothing, nothing, nothing.astype(np.int64))
        self.trader.advance(Tick(rows, (), rows, int(ts[0]) + MINUTE_MS, 0.0))

    def names(self) -> list[str]:
        return [one.intent.client_order_id for one in self.journal.read_orders(DEPLOYMENT.id)]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("source", "low"), [(DIARY, 97.0), (HOLD, 100.0)])
def test_an_order_on_paper_counts_once_it_is_filled(source: str, low: float, *, restarts: bool) -> None:
    paper = Paper(source)
    paper.pass_bar()
    [name] = paper.names()
    if restarts:
        paper.open()
    assert paper.gate.filled == []
    paper.pass_bar(low)
    assert paper.gate.filled == [name]
    paper.pass_bar(low)
    assert paper.gate.filled.count(name) == 1


def test_a_paper_order_that_rests_has_its_name() -> None:
    paper = Paper(DIARY)
    paper.pass_bar()

    def named(broker: object) -> list[str]:
        assert isinstance(broker, PaperBroker)
        return [one.client_order_id for one in broker.open_orders()]

    assert paper.trader.with_broker(named) == paper.names()
