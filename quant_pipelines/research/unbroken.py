"""A sweep that goes on where a parameter set breaks its strategy: that set is refused, the others count."""

import logging
from collections.abc import Sequence

import numpy as np

from quant_pipelines.backtest import PreparedSweep
from quant_pipelines.backtest.prepared import SweepResult
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.optimize.space import Parameters

_log = logging.getLogger(__name__)


def swept_unbroken(prepared: PreparedSweep, parameter_sets: Sequence[Parameters]) -> SweepResult:
    """Backtest every set; one whose target can't be used has no outcome, as one that the strategy refuses.

    Raises
    ------
    StrategyError
        If no set is left that can be used: then it is the strategy that is broken.
    """
    try:
        return prepared.run(parameter_sets)
    except StrategyError as error:
        alone = [_alone(prepared, one) for one in parameter_sets]
        usable = [one for one in alone if one is not None]
        if not any(one.outcomes[0] for one in usable):
            raise
        broken = [one for one, found in zip(parameter_sets, alone, strict=True) if found is None]
        _log.warning("%d of %d sets are left out, such as %s: %s", len(broken), len(alone), broken[0], error)
    nothing = np.full(usable[0].daily_returns.shape, np.nan)
    return SweepResult(
        usable[0].first_day,
        np.vstack([nothing if one is None else one.daily_returns for one in alone]),
        np.array([np.nan if one is None else one.final_equity[0] for one in alone]),
        tuple(None if one is None else one.outcomes[0] for one in alone),
    )


def _alone(prepared: PreparedSweep, parameters: Parameters) -> SweepResult | None:
    try:
        return prepared.run([parameters])
    except StrategyError:
        return None
