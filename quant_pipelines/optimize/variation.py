"""Children of a generation, all at once: tournament, simulated binary crossover, polynomial mutation.

Points of the unit cube; DEAP's operators, which go gene by gene, are the oracle in the contract suite.

References
----------
.. [1] Deb, Agrawal (1995), Simulated binary crossover for continuous search space, Complex Systems 9.
.. [2] Deb, Goyal (1996), A combined genetic adaptive search for engineering design, Computer Science and
   Informatics 26.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray

ETA = 10.0
CROSSOVER_PROBABILITY = 0.9
TOURNAMENT = 3
_ALIKE = 1e-14


class GeneDraws(NamedTuple):
    """Uniform draws for every gene: whether it varies, how far, and with whom it changes places.

    Each of shape (n_children, n_dimensions).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import GeneDraws
    >>> GeneDraws(*np.random.default_rng(1).random((3, 8, 2))).gate.shape
    (8, 2)
    """

    gate: FloatArray
    spread: FloatArray
    swap: FloatArray


def children(
    parents: FloatArray, count: int, rng: np.random.Generator, named: BoolArray | None = None
) -> FloatArray:
    """Children of parents that are sorted, best first.

    Parameters
    ----------
    parents
        ndarray of shape (n_parents, n_dimensions), float64, in [0, 1]; two or more.
    count
        How many.
    rng
        Of the searcher's own.
    named
        Which dimensions are choices among names, shape (n_dimensions,); none by default. No name is nearer to
        one than another: such a gene is one of the parents', or drawn anew where it mutates.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import children
    >>> parents = np.array([[0.2, 0.4], [0.3, 0.5]])
    >>> children(parents, 8, np.random.default_rng(1)).shape
    (8, 2)
    """
    first, second = (parents[winners(len(parents), count, rng)] for _ in range(2))
    pairs, own = (GeneDraws(*draws) for draws in rng.random((2, 3, count, parents.shape[1])))
    mates = rng.random((count, 1)) < CROSSOVER_PROBABILITY
    if named is None or not named.any():
        return mutated(np.where(mates, crossed(first, second, pairs), first), own)
    mixed = np.where(named, exchanged(first, second, pairs), crossed(first, second, pairs))
    grown = np.where(mates, mixed, first)
    return np.where(named, redrawn(grown, own), mutated(grown, own))


def winners(n_parents: int, count: int, rng: np.random.Generator) -> IntArray:
    """Best of three parents drawn at random, for each child; parents are sorted, best first.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import winners
    >>> winners(1, 4, np.random.default_rng(1))
    array([0, 0, 0, 0])
    """
    best: IntArray = rng.integers(0, n_parents, (count, TOURNAMENT)).min(axis=1)
    return best


def crossed(first: FloatArray, second: FloatArray, draws: GeneDraws) -> FloatArray:
    """First of both children of each pair, [1]_: half of the genes cross, within [0, 1].

    Shapes (n_children, n_dimensions).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import GeneDraws, crossed
    >>> first, second = np.array([[0.2, 0.4]]), np.array([[0.3, 0.4]])
    >>> crossed(first, second, GeneDraws(*np.full((3, 1, 2), 0.9)))  # no gene crosses
    array([[0.2, 0.4]])
    """
    lower, upper = np.minimum(first, second), np.maximum(first, second)
    gap = upper - lower
    crosses = (draws.gate <= 0.5) & (gap > _ALIKE)
    gap = np.where(crosses, gap, 1.0)
    is_far = draws.swap <= 0.5
    room = np.where(is_far, 1.0 - upper, lower)
    away = _stretch(1.0 + 2.0 * room / gap, draws.spread) * gap
    child = 0.5 * (lower + upper + np.where(is_far, away, -away))
    return np.where(crosses, _within(child), first)


def _stretch(beta: FloatArray, spread: FloatArray) -> FloatArray:
    """By how many gaps of its parents a child lies away from their middle, twice over."""
    alpha = 2.0 - beta ** -(ETA + 1.0)
    inside = spread <= 1.0 / alpha
    base = np.where(inside, spread * alpha, 1.0 / np.where(inside, 1.0, 2.0 - spread * alpha))
    return base ** (1.0 / (ETA + 1.0))


def _within(points: FloatArray) -> FloatArray:
    """Points in the unit cube; ``np.clip`` takes several times as long for as few."""
    inside: FloatArray = np.minimum(np.maximum(points, 0.0), 1.0)
    return inside


def mutated(points: FloatArray, draws: GeneDraws) -> FloatArray:
    """Points of which on average one gene each has moved, [2]_, within [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import GeneDraws, mutated
    >>> mutated(np.array([[0.2, 0.4]]), GeneDraws(*np.full((3, 1, 2), 0.9)))  # no gene moves
    array([[0.2, 0.4]])
    """
    moves = draws.gate <= 1.0 / points.shape[1]
    falls = draws.spread < 0.5
    room = np.where(falls, 1.0 - points, points) ** (ETA + 1.0)
    twice = 2.0 * draws.spread
    base = np.where(falls, twice + (1.0 - twice) * room, 2.0 * (1.0 - draws.spread) + (twice - 1.0) * room)
    size = np.maximum(base, 0.0) ** (1.0 / (ETA + 1.0))
    step = np.where(falls, size - 1.0, 1.0 - size)
    return np.where(moves, _within(points + step), points)


def exchanged(first: FloatArray, second: FloatArray, draws: GeneDraws) -> FloatArray:
    """Genes of one parent or the other, as often from each.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import GeneDraws, exchanged
    >>> draws = GeneDraws(*np.array([[[0.0, 0.0]], [[0.0, 0.0]], [[0.2, 0.9]]]))
    >>> exchanged(np.array([[0.1, 0.1]]), np.array([[0.8, 0.8]]), draws)
    array([[0.1, 0.8]])
    """
    return np.where(draws.swap <= 0.5, first, second)


def redrawn(points: FloatArray, draws: GeneDraws) -> FloatArray:
    """Points of which on average one gene each is drawn anew.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.variation import GeneDraws, redrawn
    >>> draws = GeneDraws(*np.array([[[0.1, 0.9]], [[0.7, 0.7]], [[0.0, 0.0]]]))
    >>> redrawn(np.array([[0.2, 0.4]]), draws)
    array([[0.7, 0.4]])
    """
    return np.where(draws.gate <= 1.0 / points.shape[1], draws.spread, points)
