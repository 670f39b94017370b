"""Sets that no other set beats in everything: fronts, and how alone a set stands in its own.

References
----------
.. [1] Deb, Pratap, Agarwal, Meyarivan (2002), A fast and elitist multiobjective genetic algorithm: NSGA-II,
   IEEE Transactions on Evolutionary Computation 6.
"""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray


def is_beaten(values: FloatArray) -> BoolArray:
    """Whether another row is as high in every column and higher in one.

    Parameters
    ----------
    values
        Higher is better; shape (n_sets, n_objectives), float64, not NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.pareto import is_beaten
    >>> is_beaten(np.array([[2.0, -0.1], [1.0, -0.1], [3.0, -0.2]]))
    array([False,  True, False])
    """
    at_least = (values[:, None] >= values[None]).all(axis=2)
    above = (values[:, None] > values[None]).any(axis=2)
    beaten: BoolArray = np.asarray((at_least & above).any(axis=0), dtype=np.bool_)
    return beaten


def fronts_of(values: FloatArray) -> IntArray:
    """Count the fronts up to that of each row, 0 for those that nothing beats, [1]_ section III.A.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.pareto import fronts_of
    >>> fronts_of(np.array([[2.0, -0.1], [1.0, -0.1], [3.0, -0.2], [0.5, -0.3]]))
    array([0, 1, 0, 2])
    """
    front = np.zeros(len(values), dtype=np.int64)
    left, number = np.arange(len(values)), 0
    while left.size:
        beaten = is_beaten(values[left])
        front[left] = number
        left, number = left[beaten], number + 1
    return front


def crowding_of(values: FloatArray) -> FloatArray:
    """How far the neighbors of each row in its front are apart, infinite at an end, [1]_ section III.B.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.pareto import crowding_of
    >>> crowding_of(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]))
    array([inf,  1., inf])
    """
    distance = np.zeros(len(values))
    if not len(values):
        return distance
    for column in values.T:
        order = np.argsort(column, kind="stable")
        distance[order[[0, -1]]] = np.inf
        span = column[order[-1]] - column[order[0]]
        if span > 0.0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / (values.shape[1] * span)
    return distance


def best_first(values: FloatArray) -> IntArray:
    """Order of rows: front by front, in each those first that stand most alone; ties stay in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.pareto import best_first
    >>> best_first(np.array([[0.5, -0.3], [1.0, -0.1], [1.1, -0.15], [3.0, -0.2]]))
    array([1, 3, 2, 0])
    """
    front, crowding = fronts_of(values), np.zeros(len(values))
    for number in range(int(front.max(initial=-1)) + 1):
        own = front == number
        crowding[own] = crowding_of(values[own])
    return np.lexsort((-crowding, front))
