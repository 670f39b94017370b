"""What a deployment's strategy reads beside its bars: rows of the database, and what the runner heard itself.

A deployment that declares nothing costs nothing. Whatever is missing or too old is NaN for the strategy, and
its age stands in the journal of the decision.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from live_runner.book.asking import StrategyQuestion
from live_runner.book.plan import DeploymentPlan
from live_runner.feed.series import BarSeries
from quant_pipelines.core.asof import (
    OPEN_INTEREST_KNOWN_AFTER_MS,
    KnownPoints,
    joined_points,
    no_points,
    rows_as_of,
)
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.price_factors import adjusted_points
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, floor_ms, from_ms
from quant_pipelines.exchange import BarRows, FundingRate
from quant_pipelines.sdk.attach import as_read, attach_inputs
from quant_pipelines.store.journal import MarketRows

_READ_AGAIN_MS = 2 * DAY_MS
"""Rows younger than this are read again for each decision: they may come late or be revised."""
_KNOWN_AFTER_MS = {"open_interest": OPEN_INTEREST_KNOWN_AFTER_MS, "index_close": 0, "mark_close": 0}
"""Inputs that the exchange is asked for, since they are stored too late for a decision at once."""

Heard = Mapping[str, Iterable[tuple[int, float]]]
"""Times (milliseconds UTC) and values by input, as the exchange told the runner itself."""


class LiveInputs:
    """Inputs of one deployment, see `quant_pipelines.sdk.attach.InputSource`.

    Parameters
    ----------
    market
        What is stored of it.
    plan
        Whose inputs.
    series
        The strategy's own bars.
    """

    def __init__(self, market: MarketRows, plan: DeploymentPlan, series: BarSeries) -> None:
        self._market = market
        self._deployment = plan.deployment
        self._strategy_class = type(plan.strategy)
        self._step_ms = plan.step_ms
        self._series = series
        self._settled: dict[str, KnownPoints] = {}
        self._newest: dict[str, KnownPoints] = {}
        self._heard: dict[str, KnownPoints] = {}
        self._asked_ms: dict[str, int] = {}
        self.higher: dict[str, BarSeries] = {}

    def due(self, close_ms: int, grid_ms: Mapping[str, int]) -> dict[str, int]:
        """List the times of the values that a decision at a close needs and that were not asked for yet.

        Parameters
        ----------
        close_ms
            Close of the strategy's bar, milliseconds UTC.
        grid_ms
            Distance of the values that are stored of each input; others are not asked for, so that the
            runner sees the series that a backtest of the stored data sees.
        """
        wanted = {
            name: floor_ms(close_ms - _KNOWN_AFTER_MS[name], grid_ms[name])
            for name in self._strategy_class.inputs.columns
            if name in _KNOWN_AFTER_MS
        }
        due = {name: ts for name, ts in wanted.items() if ts > self._asked_ms.get(name, 0)}
        self._asked_ms.update(due)
        return due

    def extend(self, higher: Mapping[str, BarRows], funding: Iterable[FundingRate], points: Heard) -> None:
        """Take over new bars of higher timeframes, payments that were seen and values that were asked for."""
        if not self._strategy_class.inputs.has_more:
            return
        for timeframe, rows in higher.items():
            self.higher[timeframe].extend(rows)
        heard = {"funding_rate": [(one.ts, one.rate) for one in funding], **points}
        for name, told in heard.items():
            before = self._heard.get(name, no_points())
            ts = np.array([ts for ts, _ in told], np.int64)
            known_at = ts + _KNOWN_AFTER_MS.get(name, 0)
            new = KnownPoints(ts, known_at, np.array([value for _, value in told], np.float64))
            self._heard[name] = joined_points(before, new.where(~np.isin(ts, before.ts)))

    def bars_alone(self, close_ms: int) -> StrategyQuestion:
        """Return the strategy's bars that have closed by then, without its further inputs."""
        last_ms = floor_ms(close_ms, self._step_ms) - self._step_ms
        return StrategyQuestion(close_ms, self._series.bars.between(0, last_ms + 1), {})

    def question(self, close_ms: int) -> StrategyQuestion:
        """Return all that the strategy reads for a decision at a close.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        return StrategyQuestion(close_ms, *self.attach(self.bars_alone(close_ms).bars))

    def attach(self, bars: Bars) -> tuple[Bars, dict[str, Any]]:
        """Bars with the declared inputs, and what the journal tells of the last one's.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        if not self._strategy_class.inputs.has_more:
            return bars, {}
        attached = attach_inputs(self._strategy_class, bars, self)
        close_ms = int(bars.close_ts[-1])
        told = {name: self._told(name, column, close_ms) for name, column in attached.extras.items()}
        return attached, told | {name: _told_bar(higher.bars) for name, higher in attached.higher.items()}

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """Read stored values, again as far as they may have changed, and add those that were only heard."""
        settled = self._settled.get(name, no_points())
        again_ms = int(settled.ts[-1]) + 1 if len(settled) else start_ms
        stored = self._market.points(self._deployment.exchange, symbol, name, Window(again_ms, end_ms))
        factors = self._market.factors(self._deployment.exchange, symbol)
        points = joined_points(settled, adjusted_points(stored, name, factors))
        self._settled[name] = points.between(start_ms, end_ms - _READ_AGAIN_MS)
        heard = self._heard.get(name, no_points()).between(start_ms, end_ms)
        points = joined_points(heard, points)  # what is stored stands where both tell the same time
        self._newest[name] = points
        return points

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """Bars as the feed told them."""
        series = self._series if timeframe == self._deployment.timeframe else self.higher.get(timeframe)
        return empty_bars(symbol, timeframe) if series is None else series.bars.between(start_ms, end_ms)

    def _told(self, name: str, column: np.ndarray, close_ms: int) -> dict[str, Any]:
        """Value at the close, and the age of the newest one that was known by then, fresh or not."""
        points = as_read(name, self._newest[name])
        row = int(rows_as_of(points, np.array([close_ms]))[0])
        age = (close_ms - int(points.ts[row])) / 1000 if row >= 0 else None
        return {"value": float(column[-1]), "age_seconds": age}


def _told_bar(bars: Bars) -> dict[str, Any]:
    """Open time of the newest closed bar of a higher timeframe."""
    return {"bar": from_ms(int(bars.ts[-1])).isoformat() if len(bars) else None}
