"""Parameter sets of a space that were not asked for yet."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.space import Key, Parameters, Space

ATTEMPTS = 50
"""Draws for each set that is wanted; where they find none that is new, the space is used up."""


class Filled(NamedTuple):
    """New sets, and the points that they were taken from, in the order of their draws.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.unseen import Unseen
    >>> space = Space((Dimension("window", 1, 3, is_integer=True),), is_valid=lambda values: True)
    >>> draws = iter([np.array([[0.1], [0.2]]), np.array([[0.9], [0.5]])])
    >>> Unseen(space).fill(lambda: next(draws), 2).parameters
    [{'window': 1}, {'window': 3}]
    """

    points: list[FloatArray]
    parameters: list[Parameters]


class Unseen:
    """Takes from points of the unit cube those whose sets are allowed and new.

    Parameters
    ----------
    space
        Where to search.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.unseen import Unseen
    >>> space = Space((Dimension("window", 1, 3, is_integer=True),), is_valid=lambda values: True)
    >>> unseen = Unseen(space)
    >>> unseen.take(np.array([[0.1], [0.2], [0.9]]), 8)  # both of the first are the same window
    [(0, {'window': 1}), (2, {'window': 3})]
    >>> unseen.take(np.array([[0.1], [0.5]]), 8)
    [(1, {'window': 2})]
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._seen: set[Key] = set()

    def take(self, points: FloatArray | Iterable[list[float]], count: int) -> list[tuple[int, Parameters]]:
        """Position and set of the first ``count`` points that are new."""
        taken: list[tuple[int, Parameters]] = []
        space = self._space
        sets: Iterable[Parameters]
        sets = space.all_at(points.tolist()) if isinstance(points, np.ndarray) else map(space.at, points)
        for at, parameters in enumerate(sets):
            if len(taken) == count:
                break
            key = self._space.key(parameters)
            if key in self._seen:
                continue
            self._seen.add(key)
            if self._space.is_valid(parameters):
                taken.append((at, parameters))
        return taken

    def fill(self, draw: Callable[[], FloatArray], count: int) -> Filled:
        """Draw until ``count`` sets are new; fewer where draw after draw finds too few.

        Parameters
        ----------
        draw
            Returns points of the unit cube, shape (n_points, n_dimensions), float64.
        count
            Sets that are wanted.
        """
        filled = Filled([], [])
        for _ in range(ATTEMPTS):
            if len(filled.parameters) == count:
                break
            drawn = draw()
            for at, parameters in self.take(drawn, count - len(filled.parameters)):
                filled.points.append(drawn[at])
                filled.parameters.append(parameters)
        return filled
