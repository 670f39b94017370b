"""One symbol, prepared once: as many sets abreast as the loop has lanes; event strategies one by one."""

import math
from collections.abc import Sequence
from dataclasses import replace

from quant_pipelines.backtest.bar.tally import Tally
from quant_pipelines.backtest.bar.trades import ENTRY_TS as ENTRY
from quant_pipelines.backtest.bar.trades import EXIT_TS, PNL
from quant_pipelines.backtest.batch.brief import (
    BARS_HELD,
    ENTRY_TS,
    EQUITY,
    FINISHED,
    MAX_DRAWDOWN,
    SIDE,
    TRADED_NOTIONAL,
    WIDTH,
)
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.batch.result import Outcome, activity_of, daily_returns_of
from quant_pipelines.backtest.batch.run_pass import Passes, new_record
from quant_pipelines.backtest.book.driver import drive
from quant_pipelines.backtest.book.handled_run import passed_by
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy


class LaneField:
    """Market, tape and records that every pass over one symbol uses again.

    Parameters
    ----------
    strategy_class
        Declares the stops, whose inputs are on the tape.
    bars, settings, feed
        See ``prepare_market``; the specifications are those of the settings.
    """

    width = WIDTH

    def __init__(
        self, strategy_class: type[Strategy], bars: Bars, settings: BacktestSettings, feed: SymbolFeed
    ) -> None:
        self._market, self._settings = prepare_market(bars, settings, feed), settings
        self._tape = self._market.tape(strategy_class.stops)
        self._passes = Passes(self._market, settings, self._tape)
        self._records: list[Record] = []
        self.first_day, self.n_days = self._market.first_day, self._market.n_days
        self._n_bars = len(self._market.execution)

    def run(self, strategies: Sequence[Strategy]) -> list[Outcome]:
        """Outcome of each of these sets, at most ``width``."""
        if isinstance(strategies[0], EventStrategy):
            return [self._driven(one) for one in strategies if isinstance(one, EventStrategy)]
        rows, record = self._passes.brief(strategies, self._record())
        returns = daily_returns_of(record.daily_equity, self._settings.first_value)
        found = [
            self._outcome(row, returns[lane], record.trades[lane]) for lane, row in enumerate(rows.tolist())
        ]
        self._records.append(record)
        return found

    def longest_holding_ms(self, strategy: Strategy) -> int:
        """Longest round trip, that which is open at the end included."""
        if isinstance(strategy, EventStrategy):
            outcome, record = self._driven_through(strategy)
            finished, trade = outcome.log.finished, outcome.log.trade
            side, entry_ts = trade.side, trade.entry_ts
        else:
            rows, record = self._passes.brief([strategy], self._record())
            finished, side, entry_ts = (int(rows[0, at]) for at in (FINISHED, SIDE, ENTRY_TS))
            self._records.append(record)
        ended = record.trades[0, :finished]
        open_ms = int(self._market.execution.close_ts[-1]) - entry_ts if side else 0
        return max(open_ms, int((ended[:, EXIT_TS] - ended[:, ENTRY]).max(initial=0.0)))

    def _record(self) -> Record:
        """Arrays that no other thread writes."""
        try:
            return self._records.pop()
        except IndexError:
            return new_record(self._market, has_bar_equity=False, width=WIDTH)

    def _outcome(self, row: Sequence[float], returns: FloatArray, trades: FloatArray) -> Outcome:
        """Make the outcome of one lane from its row, see ``BRIEF``, and what it has written."""
        finished = int(row[FINISHED])
        tally = Tally(int(row[BARS_HELD]), row[TRADED_NOTIONAL], math.nan, row[MAX_DRAWDOWN])
        return Outcome(
            returns,
            row[EQUITY],
            trades[:finished, PNL].copy(),
            activity_of(tally, self._settings.capital, bars=self._n_bars, days=self.n_days),
        )

    def _driven(self, strategy: EventStrategy) -> Outcome:
        outcome, record = self._driven_through(strategy)
        return Outcome(
            daily_returns_of(record.daily_equity[0], self._settings.first_value),
            outcome.state.curve.equity,
            record.trades[0, : outcome.log.finished, PNL].copy(),
            activity_of(outcome.tally, self._settings.capital, bars=self._n_bars, days=self.n_days),
        )

    def _driven_through(self, strategy: EventStrategy) -> tuple[LoopResult, Record]:
        market, settings = self._market, replace(self._settings, has_bar_equity=False)
        passed = passed_by(strategy, market, settings, self._tape)
        if passed is not None:
            return passed.found.result, passed.record
        scales = scales_of(strategy, market.bars)
        read = ahead(strategy, market.bars, settings.rules, scales=scales)
        outcome, record, _ = drive(strategy, market, settings, read)
        return outcome, record
