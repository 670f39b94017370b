"""Grid: evenly spaced values of every parameter, as fine as the number of trials allows."""

import itertools
from collections.abc import Sequence

from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Parameters, Space, Value

_LARGEST_PRODUCT = 200_000


class GridSearcher:
    """One batch of grid points.

    Parameters
    ----------
    space
        Where to search.
    trials
        Most points; each parameter's number of levels grows in turn as long as the valid points fit.
    seed
        Not used: a grid has no chance in it.

    Examples
    --------
    >>> from quant_pipelines.optimize.grid import GridSearcher
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 10, 30, is_integer=True),), is_valid=lambda values: True)
    >>> searcher = GridSearcher(space, trials=3)
    >>> searcher.ask(), searcher.ask()  # one batch, and no more
    ([{'window': 10}, {'window': 20}, {'window': 30}], [])
    """

    version = 1

    def __init__(self, space: Space, *, trials: int, seed: int = 0) -> None:
        self._batch = grid_points(space, trials)

    def ask(self) -> list[Parameters]:
        """All points at the first call, none after."""
        batch, self._batch = self._batch, []
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn nothing: the points are fixed."""


def grid_points(space: Space, limit: int) -> list[Parameters]:
    """All valid points of the finest grid that has at most ``limit`` of them.

    Examples
    --------
    >>> from quant_pipelines.optimize.grid import grid_points
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> dimensions = Dimension("fast", 1, 3, is_integer=True), Dimension("slow", 1, 3, is_integer=True)
    >>> space = Space(dimensions, is_valid=lambda values: values["fast"] < values["slow"])
    >>> grid_points(space, 8)  # all three pairs in order; the strategy refuses the others
    [{'fast': 1, 'slow': 2}, {'fast': 1, 'slow': 3}, {'fast': 2, 'slow': 3}]
    """
    counts = [1] * len(space.dimensions)
    points = _points(space, counts)
    growing = set(range(len(counts)))
    while growing:
        for position in sorted(growing):
            wider = [*counts]
            wider[position] += 1
            candidate = _points(space, wider) if _size(space, wider) <= _LARGEST_PRODUCT else None
            exhausted = _size(space, wider) == _size(space, counts)
            if candidate is None or len(candidate) > limit or exhausted:
                growing.discard(position)
            else:
                counts, points = wider, candidate
    return points


def _levels(space: Space, counts: Sequence[int]) -> list[list[Value]]:
    return [dimension.levels(count) for dimension, count in zip(space.dimensions, counts, strict=True)]


def _size(space: Space, counts: Sequence[int]) -> int:
    size = 1
    for levels in _levels(space, counts):
        size *= len(levels)
    return size


def _points(space: Space, counts: Sequence[int]) -> list[Parameters]:
    names = [dimension.name for dimension in space.dimensions]
    combinations = itertools.product(*_levels(space, counts))
    points = [space.whole(dict(zip(names, values, strict=True))) for values in combinations]
    return [point for point in points if space.is_valid(point)]
