"""What every strategy must keep, as checks that any strategy class can be put through.

The checks compare decisions, not trades: a decision that looks ahead may not show in a trade for months.
Factors on stops are decisions too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.sdk.trial.answers import DECISIONS, decisions_of
from quant_pipelines.sdk.trial.event_contract import EVENT_RULES
from quant_pipelines.sdk.trial.market import TrialMarket
from quant_pipelines.sdk.trial.rules import SEED, causality, determinism, other_futures, possible, speed

N_BARS = DECISIONS.n_bars
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
    late = decisions_of(strategy, market.walk(n_bars, SEED, skipped=settled))[..., history + settled :]
    early = decisions_of(strategy, market.walk(n_bars, SEED))[..., history + 2 * settled :]
    if late.shape == early.shape:
        n = market.n_symbols  # targets stand first; they are cut off somewhere, factors are not
        is_near = np.isclose(late[n:], early[n:], rtol=FACTOR_TOLERANCE, atol=0.0)
        late[n:] = np.where(is_near, early[n:], late[n:])
    at = DECISIONS.first_difference(late, early)
    return (
        ""
        if at is None
        else f"{strategy}: decisions depend on where history begins; history_bars is {history}"
    )


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
    strategy, still = strategy_class(), TrialMarket(strategy_class).still(N_BARS // 3)
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
    strategy, market, n_bars = strategy_class(), TrialMarket(strategy_class), 4 * N_BARS
    walks = (market.walk(n_bars, SEED, drift=drift) for drift in (-0.001, 0.0, 0.001))
    wanted = [np.atleast_2d(target_of(strategy, bars).T) for bars in walks]
    if not any(np.nan_to_num(target).any() for target in wanted):
        return f"{strategy}: takes no position on {n_bars} bars of a random walk"
    if not any(_changes(opinion) for target in wanted for opinion in target):
        return f"{strategy}: wants the same on all {n_bars} bars of a random walk; expected it to change"
    return ""


RULES: dict[str, Callable[[type[Strategy]], str]] = {
    "range": possible,
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
