"""Rules that every strategy must keep, whether it answers with a target or with orders."""

import numpy as np

from quant_pipelines.core.bars import Bars, concatenate_bars
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.sdk.trial.answers import answers_of
from quant_pipelines.sdk.trial.corners import corners
from quant_pipelines.sdk.trial.market import TrialMarket
from quant_pipelines.sdk.trial.pace import pace_fault
from quant_pipelines.sdk.trial.panels import spliced

SEED = 7


def possible(strategy_class: type[Strategy]) -> str:
    """Every answer can be, on any bars; the strategy leaves the bars alone.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.rules import possible
    >>> class Lever(Strategy):
    ...     def target(self, bars):
    ...         return np.full(len(bars), 3.0)
    >>> possible(Lever)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Lever: target is 3.0 at bar 0; expected -1 to 1 or NaN
    """
    answers, market = answers_of(strategy_class), TrialMarket(strategy_class)
    n_bars = answers.n_bars
    tried = market.walk(n_bars, SEED), market.shocked(n_bars, SEED), market.still(n_bars // 3)
    for strategy in corners(strategy_class):
        for bars in tried:
            before = [column.copy() for column in _arrays_of(bars)]
            answers.ask(strategy, bars)
            pairs = zip(_arrays_of(bars), before, strict=True)
            if not all(np.array_equal(*pair, equal_nan=True) for pair in pairs):
                return f"{strategy}: changes the bars that it is given"
    return ""


def causality(strategy_class: type[Strategy]) -> str:
    """Answers up to a bar are the same when the future is cut off after it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.rules import causality
    >>> class Centered(Strategy):  # the mean looks at bars that are still to come
    ...     def target(self, bars):
    ...         return np.sign(bars.close - bars.close.mean())
    >>> causality(Centered).split(" changes")[0]
    'Centered(): the decision at bar 0'
    """
    answers, market = answers_of(strategy_class), TrialMarket(strategy_class)
    n_bars = answers.n_bars
    cuts = [1, 2, 3, *np.random.default_rng(SEED).integers(4, n_bars, answers.n_cuts).tolist()]
    tried = market.walk(n_bars, SEED), market.shocked(n_bars, SEED)
    for strategy in corners(strategy_class):
        for bars in tried:
            whole = answers.ask(strategy, bars)
            for cut in (cut for cut in cuts if cut < len(bars)):
                part = answers.ask(strategy, bars.rows(0, cut))
                at = answers.first_difference(part, answers.until(whole, cut))
                if at is not None:
                    what = f"the {answers.noun} at bar {at}"
                    return f"{strategy}: {what} changes when bars after {cut - 1} are cut off"
    return ""


def other_futures(strategy_class: type[Strategy]) -> str:
    """Answers up to a bar are the same whatever happens after it.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.rules import other_futures
    >>> class Centered(EventStrategy):
    ...     def features(self, bars):
    ...         return {"mean": 0.0 * bars.close + bars.close.mean()}
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, desk.features["mean"])
    >>> other_futures(Centered).split(" depends")[0]
    'Centered(): the order at bar 0'
    """
    answers, strategy, market = answers_of(strategy_class), strategy_class(), TrialMarket(strategy_class)
    bars, other = (market.walk(answers.n_bars, seed) for seed in (SEED, SEED + 1))
    cut = answers.n_bars // 2
    given = (answers.ask(strategy, one) for one in (_spliced(bars, other, cut), bars))
    at = answers.first_difference(*(answers.until(one, cut) for one in given))
    return "" if at is None else f"{strategy}: the {answers.noun} at bar {at} depends on bars after {cut - 1}"


def determinism(strategy_class: type[Strategy]) -> str:
    """Answers are the same for the same bars: nothing is remembered but what a desk holds.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.rules import determinism
    >>> class Dice(Strategy):
    ...     def target(self, bars):
    ...         return np.random.default_rng().uniform(-1.0, 1.0, len(bars))
    >>> determinism(Dice)
    'Dice(): the decision at bar 0 differs from one call to the next'
    """
    answers, strategy = answers_of(strategy_class), strategy_class()
    bars = TrialMarket(strategy_class).walk(answers.n_bars, SEED)
    first = answers.ask(strategy, bars)
    for other in (strategy, strategy_class()):
        at = answers.first_difference(answers.ask(other, bars), first)
        if at is not None:
            return f"{strategy}: the {answers.noun} at bar {at} differs from one call to the next"
    return ""


def speed(strategy_class: type[Strategy]) -> str:
    """Answers take at most half a millisecond a bar, compilation left out.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.trial.rules import speed
    >>> class Long(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> speed(Long)  # no fault
    ''
    """
    answers, strategy = answers_of(strategy_class), strategy_class()
    bars = TrialMarket(strategy_class).walk(answers.n_bars, SEED)
    return pace_fault(strategy, lambda: answers.ask(strategy, bars), answers.n_bars)


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
    return own + [array for member in bars.members for array in member.arrays()]
