"""Made-up bars with every input that a strategy declares; none of them says anything about its merit."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import DECLARED_AS, Bars
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, timeframe_ms
from quant_pipelines.sdk.attach import attach_inputs
from quant_pipelines.sdk.inputs import Inputs
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.sdk.trial.bars import TIMEFRAME, flat, random_walk, shocks
from quant_pipelines.sdk.trial.panels import ANY_NUMBER, flat_panel, shocks_panel, walk_panel

_FUNDING_HOURS = 8
_HOLE, _HOLES_EVERY = 50, 500


class TrialMarket:
    """Bars as ``bars`` makes them, with the inputs of one strategy.

    Parameters
    ----------
    strategy_class
        Whose inputs. Higher timeframes have all the history that it asks for.

    Examples
    --------
    >>> from quant_pipelines.sdk import Inputs, Strategy
    >>> from quant_pipelines.sdk.trial.market import TrialMarket
    >>> class Basis(Strategy):
    ...     inputs = Inputs(index=True)
    >>> bars = TrialMarket(Basis).still(120)
    >>> bars.close[-2:], bars.index_close[-2:]
    (array([100., 100.]), array([100., 100.]))
    >>> TrialMarket(Basis).walk(120, seed=7).index_close.shape
    (120,)
    """

    def __init__(self, strategy_class: type[Strategy]) -> None:
        self._strategy_class = strategy_class
        self._inputs = strategy_class.inputs
        self._timeframe = _timeframe(strategy_class.inputs)
        self._step_ms = timeframe_ms(self._timeframe)
        history = strategy_class.higher_history_bars()
        spans = (history * timeframe_ms(higher) for higher in strategy_class.inputs.timeframes)
        self._lead = -(-max(spans, default=0) // self._step_ms)

    @property
    def n_symbols(self) -> int:
        """Number of symbols that it has."""
        return self._inputs.symbols or ANY_NUMBER

    def walk(self, n_bars: int, seed: int, *, drift: float = 0.0, skipped: int = 0) -> Bars | Panel:
        """Bars of `random_walk` without the first ``skipped`` ones, which the strategy then never sees."""
        if self._inputs.has_panel:
            panel = walk_panel(self._inputs.symbols, n_bars, seed, drift=drift)
            return self._panel(panel.rows(skipped, len(panel)), seed)
        whole = random_walk(self._lead + n_bars, seed, drift=drift, timeframe=self._timeframe)
        return self._tail(whole, seed, skipped)

    def shocked(self, n_bars: int, seed: int) -> Bars | Panel:
        """Bars of `shocks`."""
        if self._inputs.has_panel:
            return self._panel(shocks_panel(self._inputs.symbols, n_bars, seed), seed)
        return self._tail(shocks(self._lead + n_bars, seed, timeframe=self._timeframe), seed)

    def still(self, n_bars: int) -> Bars | Panel:
        """Bars of `flat`; no funding is paid and nothing else moves either."""
        if self._inputs.has_panel:
            return self._panel(flat_panel(self._inputs.symbols, n_bars), 0)
        return self._tail(flat(self._lead + n_bars, timeframe=self._timeframe), 0)

    def _panel(self, panel: Panel, seed: int) -> Panel:
        if not self._inputs.has_more:
            return panel
        sources = (_TrialSource(member, seed + k) for k, member in enumerate(panel.members))
        pairs = zip(panel.members, sources, strict=True)
        return panel_of([attach_inputs(self._strategy_class, member, source) for member, source in pairs])

    def _tail(self, whole: Bars, seed: int, skipped: int = 0) -> Bars:
        start_ms = (self._lead + skipped) * self._step_ms
        bars = whole.rows(int(np.searchsorted(whole.ts, start_ms)), len(whole))
        return attach_inputs(self._strategy_class, bars, _TrialSource(whole, seed))


class _TrialSource:
    """Inputs that wander as far as the price does, with holes; a price that stands still has still ones."""

    def __init__(self, whole: Bars, seed: int) -> None:
        self._whole = whole
        self._seed = seed

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        whole, order = self._whole, tuple(DECLARED_AS).index(name)
        steps = np.diff(np.log(whole.close))
        scale = float(np.std(steps)) if steps.size else 0.0
        noise = _wander(len(whole), np.random.default_rng([self._seed, order]))
        known_after = 0
        match name:
            case "funding_rate":
                ts, values = whole.close_ts, 1e-4 * (scale > 0) + 0.02 * scale * noise
                is_slot = ts % (_FUNDING_HOURS * HOUR_MS) == 0
                return KnownPoints(ts[is_slot], ts[is_slot], values[is_slot]).between(start_ms, end_ms)
            case "open_interest":
                values, known_after = 1e5 * np.exp(5.0 * scale * noise), 5 * MINUTE_MS
            case "index_close":
                values = whole.close * np.exp(0.05 * scale * noise)
            case "turbulence":
                values = 0.5 + 0.5 * np.tanh((scale > 0) * noise)
            case "trend":
                values = np.tanh((scale > 0) * noise)
            case _:
                values = whole.close * np.exp(0.01 * scale * noise)
        is_there = np.arange(len(whole)) % _HOLES_EVERY >= _HOLE
        ts = whole.close_ts[is_there]
        return KnownPoints(ts, ts + known_after, values[is_there]).between(start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        return roll_up_bars(self._whole, timeframe).between(start_ms, end_ms)


def _timeframe(inputs: Inputs) -> str:
    """Timeframe of trials: hours, or the finest that is declared where that is finer."""
    return min((TIMEFRAME, *inputs.timeframes), key=timeframe_ms)


def _wander(count: int, rng: np.random.Generator) -> FloatArray:
    """Noise around 0 that keeps its sign for a day or so, deviation about 1; shape (count,)."""
    kernel = np.ones(24) / np.sqrt(24)
    return np.convolve(rng.normal(0.0, 1.0, count + kernel.size - 1), kernel, mode="valid")
