"""An objective of one's own: a file with one function, compiled from its text as a strategy is."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError, StrategyError, with_its_kind
from quant_pipelines.core.ids import content_hash
from quant_pipelines.sdk.loading import execute_text

Ranking: TypeAlias = Callable[[FloatArray], FloatArray]
"""Daily returns of shape (n_days, n_trials) to one number a trial: higher is better, NaN can't be judged."""
_FUNCTION = "objective"


def compile_objective(name: str, text: str) -> Ranking:
    r"""Ranking of a text that defines ``objective(returns)``.

    Parameters
    ----------
    name
        Of the file, for errors.
    text
        May import what a strategy may: arrays and what only computes.

    Returns
    -------
    Ranking
        It gets a copy of the returns. What is not finite can't be judged.

    Raises
    ------
    OptimizationError
        If the text breaks or lacks the function; when called, if that raises or does not give a number for
        each trial.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.objective_file import compile_objective
    >>> worst_day = compile_objective("worst.py", "def objective(returns):\n    return returns.min(axis=0)")
    >>> worst_day(np.array([[0.02, 0.01], [-0.01, -0.03]]))
    array([-0.01, -0.03])
    """
    module = ModuleType(f"quant_objective_{content_hash(text)}")
    module.__file__ = f"<{name}>"
    try:
        execute_text(name, text, module)
    except StrategyError as error:
        raise OptimizationError(f"objective {str(error).removeprefix('strategy ')}") from error
    found = getattr(module, _FUNCTION, None)
    if not callable(found):
        raise OptimizationError(f"objective {name}: defines no function {_FUNCTION}(returns); expected one")

    def ranking(returns: FloatArray) -> FloatArray:
        return _ranked(name, found, returns)

    return ranking


def _ranked(name: str, found: Callable[[FloatArray], Any], returns: FloatArray) -> FloatArray:
    try:
        values = np.asarray(found(returns.copy()), dtype=np.float64)
    except Exception as error:
        raise OptimizationError(f"objective {name}: {with_its_kind(error)}") from error
    if values.shape != (returns.shape[1],):
        raise OptimizationError(
            f"objective {name}: gives shape {values.shape} for {returns.shape[1]} trials; expected "
            f"({returns.shape[1]},)"
        )
    return np.where(np.isfinite(values), values, np.nan)
