"""A trader of one book at a venue, whose orders an account of the test's own is asked about."""

from typing import Any

from live_runner.book.approval import Relations
from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.core.runner_settings import RunnerSettings
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS, SYMBOL


def gated_trader(journal: MemoryJournal, venue: Any, epoch: int, gate: Any) -> Trader:
    """Open it on the rows of the canary, at the moment of its decision."""
    link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))
    return Trader(
        journal,
        plan_of(CANARY, in_process),
        BarSeries(SYMBOL, "1m", 0),
        epoch=epoch,
        open_broker=link.open_broker,
        relations=Relations(gate=gate),
    )
