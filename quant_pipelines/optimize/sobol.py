"""Sobol points: an even cover of the space that learns nothing, so success does not bias its statistics."""

from collections.abc import Sequence

from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Key, Parameters, Space

_LARGEST_DRAW = 2**14


class SobolSearcher:
    """One batch of Sobol points.

    Parameters
    ----------
    space
        Where to search.
    trials
        Number of points; fewer when the space has fewer.
    seed
        Seed of the scrambling.

    Examples
    --------
    >>> from quant_pipelines.optimize.sobol import SobolSearcher
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 1, 100, is_integer=True),), is_valid=lambda values: True)
    >>> searcher = SobolSearcher(space, trials=16, seed=1)
    >>> len(searcher.ask()), searcher.ask()
    (16, [])
    """

    version = 1

    def __init__(self, space: Space, *, trials: int, seed: int = 0) -> None:
        self._batch = sobol_points(space, trials, seed=seed)

    def ask(self) -> list[Parameters]:
        """All points at the first call, none after."""
        batch, self._batch = self._batch, []
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Nothing is learned."""


def sobol_points(space: Space, count: int, *, seed: int = 0) -> list[Parameters]:
    """First ``count`` different valid points of a scrambled Sobol sequence.

    Fewer when the space has fewer, as far as 16,384 draws can tell.

    Examples
    --------
    >>> from quant_pipelines.optimize.sobol import sobol_points
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 1, 3, is_integer=True),), is_valid=lambda values: True)
    >>> sorted(point["window"] for point in sobol_points(space, 8))  # the space has no more
    [1, 2, 3]
    """
    if not space.dimensions:
        return [point for point in (space.at([]),) if count and space.is_valid(point)]
    from scipy.stats import qmc  # noqa: PLC0415 - a second that only a search pays

    sequence = qmc.Sobol(len(space.dimensions), scramble=True, rng=seed)
    found: dict[Key, Parameters] = {}
    drawn, size = 0, 1 << max(count - 1, 1).bit_length()
    while len(found) < count and drawn < _LARGEST_DRAW:
        for position in sequence.random(size):
            parameters = space.at([float(value) for value in position])
            if len(found) < count and space.is_valid(parameters):
                found.setdefault(space.key(parameters), parameters)
        drawn += size
        size = drawn  # doubling keeps the sequence balanced
    return list(found.values())
