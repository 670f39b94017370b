"""What every strategy must keep, as checks that any strategy class can be put through.

The checks compare decisions, not trades: a decision that looks ahead may not show in a trade for months.
Factors on stops are decisions too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars, concatenate_bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.sdk.trial.corners import corners
from quant_pipelines.sdk.trial.event_contract import EVENT_RULES
from quant_pipelines.sdk.trial.market import TrialMarket
from quant_pipelines.sdk.trial.pace import pace_fault
from quant_pipelines.sdk.trial.panels import spliced

_BARS, _CUTS, _SEED = 1_200, 40, 7
FACTOR_TOLERANCE = 1e-3
"""A smoothed range never forgets where history began; a factor may depend on it by this fraction."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, and whether the strategy keeps it.

    Parameters
    ----------
    name
        The rule.
    fault
        One sentence; empty when the rule is kept.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.contract import Check
    >>> Check("range").passed, Check("causality", "Peek(): …").passed
    (True, False)
    """

    name: str
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule is kept."""
        return not self.fault


def check_strategy(strategy_class: type[Strategy]) -> list[Check]:
    """Put a strategy through every check; only through the first one if that one fails.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import check_strategy
    >>> class Peek(Strategy):  # knows the next close
    ...     def target(self, bars):
    ...         return np.sign(np.append(bars.close[1:], bars.close[-1:]) - bars.close)
    >>> [check.name for check in check_strategy(Peek) if not check.passed]
    ['causality', 'other_futures']
    """
    rules: dict[str, Callable[[Any], str]] = dict(RULES)
    if issubclass(strategy_class, EventStrategy):
        rules = dict(EVENT_RULES)
    checks = []
    for name, rule in rules.items():
        checks.append(Check(name, _fault(rule, strategy_class)))
        if not checks[0].passed:
            break
    return checks


def decisions_of(strategy: Strategy, bars: Bars | Panel) -> FloatArray:
    """Target of a strategy, a row for each symbol, and below it the factors on its stops; bars in columns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars, Float, Stops, Strategy
    >>> from quant_pipelines.sdk.trial.contract import decisions_of
    >>> class Wide(Strategy):
    ...     stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    ...     def stop_scales(self, bars):
    ...         return {"hard_stop": np.full(len(bars), 2.0)}
    >>> decisions_of(Wide(), Bars.of_closes([100, 101, 102]))
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """
    target, scales = np.atleast_2d(target_of(strategy, bars).T), scales_of(strategy, bars)
    return np.vstack([target, *(scales[name].T for name in sorted(scales))])


def causality(strategy_class: type[Strategy]) -> str:
    """Decisions up to a bar are the same when the future is cut off after it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import causality
    >>> class Centered(Strategy):  # the mean looks at bars that are still to come
    ...     def target(self, bars):
    ...         return np.sign(bars.close - bars.close.mean())
    >>> causality(Centered).split(" changes")[0]
    'Centered(): the decision at bar 0'
    """
    cuts = [1, 2, 3, *np.random.default_rng(_SEED).integers(4, _BARS, _CUTS).tolist()]
    market = TrialMarket(strategy_class)
    tried = market.walk(_BARS, _SEED), market.shocked(_BARS, _SEED)
    for strategy in corners(strategy_class):
        for bars in tried:
            whole = decisions_of(strategy, bars)
            for cut in (cut for cut in cuts if cut < len(bars)):
                at = _first_difference(decisions_of(strategy, bars.rows(0, cut)), whole[..., :cut])
                if at is not None:
                    return (
                        f"{strategy}: the decision at bar {at} changes when bars after {cut - 1} are cut off"
                    )
    return ""


def other_futures(strategy_class: type[Strategy]) -> str:
    """Decisions up to a bar are the same whatever happens after it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import other_futures
    >>> class Centered(Strategy):
    ...     def target(self, bars):
    ...         return np.sign(bars.close - bars.close.mean())
    >>> other_futures(Centered).split(" depends")[0]
    'Centered(): the decision at bar 145'
    """
    strategy, market = strategy_class(), TrialMarket(strategy_class)
    bars, other = (market.walk(_BARS, seed) for seed in (_SEED, _SEED + 1))
    cut = _BARS // 2
    changed = decisions_of(strategy, _spliced(bars, other, cut))
    at = _first_difference(changed[..., :cut], decisions_of(strategy, bars)[..., :cut])
    return "" if at is None else f"{strategy}: the decision at bar {at} depends on bars after {cut - 1}"


def warm_up(strategy_class: type[Strategy]) -> str:
    """Decisions forget where history began, ``history_bars`` after its start; factors on stops nearly do.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import warm_up
    >>> class SinceThen(Strategy):  # the mean of all that was
    ...     def target(self, bars):
    ...         return np.sign(bars.close - np.cumsum(bars.close) / np.arange(1, len(bars) + 1))
    >>> warm_up(SinceThen)
    'SinceThen(): decisions depend on where history begins; history_bars is 5'
    """
    strategy, market = strategy_class(), TrialMarket(strategy_class)
    history, settled = strategy.history_bars, 503
    n_bars = 2 * history + 2 * settled
    late = decisions_of(strategy, market.walk(n_bars, _SEED, skipped=settled))[..., history + settled :]
    early = decisions_of(strategy, market.walk(n_bars, _SEED))[..., history + 2 * settled :]
    if late.shape == early.shape:
        n = market.n_symbols  # targets stand first; they are cut off somewhere, factors are not
        is_near = np.isclose(late[n:], early[n:], rtol=FACTOR_TOLERANCE, atol=0.0)
        late[n:] = np.where(is_near, early[n:], late[n:])
    at = _first_difference(late, early)
    return (
        ""
        if at is None
        else f"{strategy}: decisions depend on where history begins; history_bars is {history}"
    )


def range_of_targets(strategy_class: type[Strategy]) -> str:
    """Every decision lies in [-1, 1] or is no opinion, on any bars; the strategy leaves the bars alone.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import range_of_targets
    >>> class Lever(Strategy):
    ...     def target(self, bars):
    ...         return np.full(len(bars), 3.0)
    >>> range_of_targets(Lever)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Lever: target is 3.0 at bar 0; expected -1 to 1 or NaN
    """
    market = TrialMarket(strategy_class)
    tried = market.walk(_BARS, _SEED), market.shocked(_BARS, _SEED), market.still(_BARS // 3)
    for strategy in corners(strategy_class):
        for bars in tried:
            before = [column.copy() for column in _arrays_of(bars)]
            decisions_of(strategy, bars)
            after = _arrays_of(bars)
            if any(_first_difference(*pair) is not None for pair in zip(after, before, strict=True)):
                return f"{strategy}: changes the bars that it is given"
    return ""


def determinism(strategy_class: type[Strategy]) -> str:
    """Decisions are the same for the same bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import determinism
    >>> class Dice(Strategy):
    ...     def target(self, bars):
    ...         return np.random.default_rng().uniform(-1.0, 1.0, len(bars))
    >>> determinism(Dice)
    'Dice(): the decision at bar 0 differs from one call to the next'
    """
    strategy, bars = strategy_class(), TrialMarket(strategy_class).walk(_BARS, _SEED)
    at = _first_difference(decisions_of(strategy, bars), decisions_of(strategy_class(), bars))
    return "" if at is None else f"{strategy}: the decision at bar {at} differs from one call to the next"


def quiet_market(strategy_class: type[Strategy]) -> str:
    """No bars give no decisions, and a price that never moves gives no position.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import quiet_market
    >>> class Long(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> quiet_market(Long)
    'Long(): takes a position at bar 0 of a price that never moves'
    """
    strategy, still = strategy_class(), TrialMarket(strategy_class).still(_BARS // 3)
    if target_of(strategy, still.rows(0, 0)).size:
        return f"{strategy}: decides on no bars"
    target = np.atleast_2d(target_of(strategy, still).T)
    held = np.flatnonzero(np.nan_to_num(target).any(axis=0))
    return f"{strategy}: takes a position at bar {held[0]} of a price that never moves" if held.size else ""


def opinions(strategy_class: type[Strategy]) -> str:
    """Positions are taken at some time, and not always the same: a market that moves changes an opinion.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import opinions
    >>> class Idle(Strategy):
    ...     def target(self, bars):
    ...         return np.zeros(len(bars))
    >>> opinions(Idle)
    'Idle(): takes no position on 4800 bars of a random walk'
    >>> class Convinced(Strategy):
    ...     def target(self, bars):
    ...         return np.where(bars.volume > 0.0, 0.5, np.nan)
    >>> opinions(Convinced)
    'Convinced(): wants the same on all 4800 bars of a random walk; expected it to change'
    """
    strategy, market, n_bars = strategy_class(), TrialMarket(strategy_class), 4 * _BARS
    walks = (market.walk(n_bars, _SEED, drift=drift) for drift in (-0.001, 0.0, 0.001))
    wanted = [np.atleast_2d(target_of(strategy, bars).T) for bars in walks]
    if not any(np.nan_to_num(target).any() for target in wanted):
        return f"{strategy}: takes no position on {n_bars} bars of a random walk"
    if not any(_changes(opinion) for target in wanted for opinion in target):
        return f"{strategy}: wants the same on all {n_bars} bars of a random walk; expected it to change"
    return ""


def speed(strategy_class: type[Strategy]) -> str:
    """Decisions take at most half a millisecond a bar, compilation left out.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.contract import speed
    >>> class Long(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> speed(Long)  # no fault
    ''
    """
    strategy, bars = strategy_class(), TrialMarket(strategy_class).walk(_BARS, _SEED)
    return pace_fault(strategy, lambda: target_of(strategy, bars), _BARS)


RULES: dict[str, Callable[[type[Strategy]], str]] = {
    "range": range_of_targets,
    "causality": causality,
    "other_futures": other_futures,
    "warm_up": warm_up,
    "determinism": determinism,
    "quiet_market": quiet_market,
    "opinions": opinions,
    "speed": speed,
}


def _changes(opinion: FloatArray) -> bool:
    """Whether what is wanted of a symbol is ever something else; no opinion changes nothing."""
    known = opinion[~np.isnan(opinion)]
    return bool(known.size) and bool((known != known[0]).any())


def _fault(rule: Callable[[Any], str], strategy_class: type[Strategy]) -> str:
    try:
        return rule(strategy_class)
    except StrategyError as error:
        return str(error)


def _spliced(before: Bars | Panel, after: Bars | Panel, cut: int) -> Bars | Panel:
    """Bars of one series up to a cut, and of another one after it."""
    if isinstance(before, Panel) and isinstance(after, Panel):
        return spliced(before, after, cut)
    if isinstance(before, Bars) and isinstance(after, Bars):
        return concatenate_bars(before.rows(0, cut), after.rows(cut, len(after)))
    raise TypeError("bars and a panel can't be joined")


def _arrays_of(bars: Bars | Panel) -> list[np.ndarray]:
    """Every array that a strategy can reach."""
    if isinstance(bars, Bars):
        return list(bars.arrays())
    own = [bars.open, bars.high, bars.low, bars.close, bars.volume]
    return [column.T for column in own] + [array for member in bars.members for array in member.arrays()]


def _first_difference(one: FloatArray, other: FloatArray) -> int | None:
    """Bar of the first difference to the bit; no opinion equals no opinion."""
    if one.shape != other.shape:  # a stop is scaled on some bars only
        return 0
    differs = ~((one == other) | (np.isnan(one) & np.isnan(other)))
    differs = differs.any(axis=0) if differs.ndim > 1 else differs
    return int(np.argmax(differs)) if differs.any() else None
