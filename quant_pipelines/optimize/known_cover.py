"""What of a cover is known: a set that broke its strategy in a test window has no return to be ranked by.

Taken for one that earns nothing, it would be the best of a search whose other sets all lose.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray


class KnownCover(NamedTuple):
    """Daily returns of the sets that never broke, on the days on which not all did.

    Parameters
    ----------
    returns
        ndarray of shape (n_days, n_sets), float64, without NaN.
    broken_sets, broken_days
        How many are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.known_cover import KnownCover
    >>> KnownCover(np.zeros((30, 1)), broken_sets=63, broken_days=0).is_enough
    False
    """

    returns: FloatArray
    broken_sets: int
    broken_days: int

    @property
    def is_enough(self) -> bool:
        """Whether what broke has left a search: two days, and two sets."""
        return len(self.returns) > 1 and (not self.broken_sets or self.returns.shape[1] > 1)


def known_cover(cover: FloatArray) -> KnownCover:
    """Leave out of a cover what is not known.

    Parameters
    ----------
    cover
        ndarray of shape (n_days, n_sets), float64; NaN on the days of a window in which a set broke.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.known_cover import known_cover
    >>> cover = np.array([[0.01, 0.02, np.nan], [np.nan, np.nan, np.nan], [0.03, 0.01, 0.02]])
    >>> known = known_cover(cover)
    >>> known.returns, known.broken_sets, known.broken_days
    (array([[0.01, 0.02],
           [0.03, 0.01]]), 1, 1)
    """
    is_known = ~np.isnan(cover)
    if is_known.all():
        return KnownCover(cover, 0, 0)
    days = is_known.any(axis=1)
    sets = is_known[days].all(axis=0)
    returns = np.ascontiguousarray(cover[days][:, sets])
    return KnownCover(returns, int((~sets).sum()), int((~days).sum()))
