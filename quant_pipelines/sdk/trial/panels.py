"""Made-up bars of several symbols that a strategy of panels is tried on; nothing is said about its merit.

They share a common movement, so that spreads and ranks mean something. The last symbol is listed later than
the others, and each one has holes of its own.
"""

import numpy as np

from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.sdk.trial.bars import flat, random_walk, shocks

ANY_NUMBER = 4
"""Symbols of a panel for a strategy that takes any number of them."""

_LISTED_AT = 150
_MISSING = 0.01


def walk_panel(n_symbols: int, n_bars: int, seed: int, *, drift: float = 0.0) -> Panel:
    """Panel of walks around a common one, which each symbol returns to; see ``random_walk``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.trial.panels import walk_panel
    >>> panel = walk_panel(2, 500, seed=7)
    >>> panel.symbols, panel.close.shape
    (('TRIAL0/USDT:USDT', 'TRIAL1/USDT:USDT'), (499, 2))
    >>> np.isnan(panel.close[:140]).all(axis=0)  # the second is listed later
    array([False,  True])
    """
    common = random_walk(n_bars, seed, drift=drift)
    return _panel([_around(common, k, seed) for k in range(n_symbols or ANY_NUMBER)], seed)


def shocks_panel(n_symbols: int, n_bars: int, seed: int) -> Panel:
    """Panel of walks that jump, each at its own times, with silent runs and missing bars.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.panels import shocks_panel
    >>> panel = shocks_panel(2, 500, seed=7)
    >>> [len(bars) < 500 for bars in panel.members]  # each one has holes of its own
    [True, True]
    """
    members = [shocks(n_bars, seed + 10 * k) for k in range(n_symbols or ANY_NUMBER)]
    return _panel(members, seed)


def flat_panel(n_symbols: int, n_bars: int) -> Panel:
    """Panel of prices that never move.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.trial.panels import flat_panel
    >>> np.nanmin(flat_panel(2, 500).close, axis=0), np.nanmax(flat_panel(2, 500).close, axis=0)
    (array([100., 100.]), array([100., 100.]))
    """
    return _panel([flat(n_bars)] * (n_symbols or ANY_NUMBER), seed=0)


def spliced(before: Panel, after: Panel, cut: int) -> Panel:
    """Rows of one panel up to a cut, and of another one after it.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.panels import spliced, walk_panel
    >>> one, other = walk_panel(2, 300, seed=7), walk_panel(2, 300, seed=8)
    >>> joined = spliced(one, other, 200)
    >>> first, last = joined.bars(0).close[[0, -1]]
    >>> bool(first == one.bars(0).close[0]), bool(last == other.bars(0).close[-1])
    (True, True)
    """
    time = int(before.ts[cut])
    pairs = zip(before.members, after.members, strict=True)
    return panel_of([_joined(one.between(0, time), other, time) for one, other in pairs])


def _joined(one: Bars, other: Bars, time: int) -> Bars:
    rest = other.rows(int(np.searchsorted(other.ts, time)), len(other))
    columns = {name: np.concatenate([getattr(one, name), getattr(rest, name)]) for name in ("ts", *COLUMNS)}
    return bars_from_columns(one.symbol, one.timeframe, columns)


def _around(common: Bars, k: int, seed: int) -> Bars:
    """Bars whose log price leaves the common one and comes back, within some hundred bars."""
    own = np.random.default_rng([seed, k]).normal(0.0, 0.004, len(common))
    distance = np.zeros(len(common))
    for i in range(1, len(common)):
        distance[i] = 0.97 * distance[i - 1] + own[i]
    ratio = (1.0 + k) * np.exp(distance)
    columns = {name: getattr(common, name) * ratio for name in ("open", "high", "low", "close")}
    columns["open"][1:] = columns["close"][:-1]
    columns["high"] = np.maximum(columns["high"], np.maximum(columns["open"], columns["close"]))
    columns["low"] = np.minimum(columns["low"], np.minimum(columns["open"], columns["close"]))
    return bars_from_columns(
        _name(k), common.timeframe, {**columns, "ts": common.ts, "volume": common.volume}
    )


def _panel(members: list[Bars], seed: int) -> Panel:
    """Align bars of which the last symbol's begin later; each one lacks some that the others have."""
    found = []
    for k, bars in enumerate(members):
        is_there = np.random.default_rng([seed, 99, k]).random(len(bars)) > _MISSING
        if k == len(members) - 1:
            is_there[:_LISTED_AT] = False
        columns = {name: getattr(bars, name)[is_there] for name in ("ts", *COLUMNS)}
        found.append(bars_from_columns(_name(k), bars.timeframe, columns))
    return panel_of(found)


def _name(k: int) -> str:
    return f"TRIAL{k}/USDT:USDT"
