"""Combinatorial purged cross-validation: many out-of-sample paths through one history, none of them a record.

A split trains on days after those that it tests, so nothing here was ever known in time: the paths tell how
much a result hangs on which days were which, and prove nothing about the next ones.

References
----------
.. [1] López de Prado (2018), Advances in Financial Machine Learning, chapter 12 (paths), 7.4
   (purge, embargo).
"""

import itertools
from collections import Counter
from typing import NamedTuple

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS


class Gaps(NamedTuple):
    """Whole days that are trained on nowhere: on both sides of a test, and after it besides.

    Examples
    --------
    >>> from quant_pipelines.optimize.combinatorial import Gaps
    >>> Gaps(purge_days=2)
    Gaps(purge_days=2, embargo_days=0)
    """

    purge_days: int
    embargo_days: int = 0


class TrainPart(NamedTuple):
    """Days in a row on which a split trains.

    Parameters
    ----------
    window
        Without the least purge and the embargo.
    before_test, after_test
        Whether a tested group follows it, or lies before it.

    Examples
    --------
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.optimize.combinatorial import TrainPart
    >>> TrainPart(Window(0, 86_400_000), before_test=True, after_test=False).window.end_ms
    86400000
    """

    window: Window
    before_test: bool
    after_test: bool


class Split(NamedTuple):
    """One way to part the groups of days.

    Parameters
    ----------
    groups
        Numbers of those that are tested.
    train
        Days that are trained on, in order; a part that the purge leaves nothing of is not there.
    test
        Windows of the tested groups, in order.
    paths
        Number of the path that each tested group belongs to.

    Examples
    --------
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.combinatorial import Gaps, combinatorial_splits
    >>> [one.groups for one in combinatorial_splits(Window(0, 9 * DAY_MS), 3, 2, Gaps(0))]
    [(0, 1), (0, 2), (1, 2)]
    """

    groups: tuple[int, ...]
    train: tuple[TrainPart, ...]
    test: tuple[Window, ...]
    paths: tuple[int, ...]


def group_windows(window: Window, n_groups: int) -> tuple[Window, ...]:
    """Equal groups of whole days; the last one takes what is left over.

    Examples
    --------
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.combinatorial import group_windows
    >>> [(one.start_ms // DAY_MS, one.end_ms // DAY_MS) for one in group_windows(Window(0, 8 * DAY_MS), 3)]
    [(0, 2), (2, 4), (4, 8)]
    """
    size_ms = (window.end_ms - window.start_ms) // DAY_MS // n_groups * DAY_MS
    starts = [window.start_ms + size_ms * number for number in range(n_groups)]
    return tuple(itertools.starmap(Window, zip(starts, [*starts[1:], window.end_ms], strict=True)))


def combinatorial_splits(window: Window, n_groups: int, n_test: int, gaps: Gaps) -> tuple[Split, ...]:
    """All ways to test so many groups and train on the others; every group is tested equally often.

    ``n_groups`` over ``n_test`` splits make ``n_groups - 1`` over ``n_test - 1`` paths, [1]_: the k-th time
    that a group is tested belongs to path k.

    Parameters
    ----------
    window
        Whole UTC days.
    n_groups, n_test
        Groups in all, and those that a split tests.
    gaps
        What is left out of the train days.

    Raises
    ------
    OptimizationError
        If the groups can't be parted, or the gaps leave a group or a split without days.

    Examples
    --------
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.combinatorial import Gaps, combinatorial_splits
    >>> splits = combinatorial_splits(Window(0, 30 * DAY_MS), 6, 2, Gaps(purge_days=2, embargo_days=1))
    >>> len(splits), splits[1].groups, splits[1].paths
    (15, (0, 2), (1, 0))
    >>> [(one.window.start_ms // DAY_MS, one.window.end_ms // DAY_MS) for one in splits[1].train]
    [(18, 30)]
    """
    n_days = (window.end_ms - window.start_ms) // DAY_MS
    if not 1 <= n_test < n_groups:
        raise OptimizationError(f"test_groups is {n_test}; expected 1 to {n_groups - 1} of {n_groups} groups")
    if n_days // n_groups <= gaps.purge_days + gaps.embargo_days:
        raise OptimizationError(
            f"a group has {n_days // n_groups} days; expected more than the {gaps.purge_days} of the purge "
            f"and the {gaps.embargo_days} of the embargo"
        )
    groups = group_windows(window, n_groups)
    tested: Counter[int] = Counter()
    splits = []
    for chosen in itertools.combinations(range(n_groups), n_test):
        paths = tuple(tested[group] for group in chosen)
        tested.update(chosen)
        train = _train_parts(groups, chosen, gaps)
        if not train:
            told = ", ".join(str(group + 1) for group in chosen)
            raise OptimizationError(
                f"between the tested groups {told} of {n_groups} the "
                "purge and the embargo leave no train day; expected fewer groups, or a longer history"
            )
        splits.append(Split(chosen, train, tuple(groups[group] for group in chosen), paths))
    return tuple(splits)


def _train_parts(groups: tuple[Window, ...], chosen: tuple[int, ...], gaps: Gaps) -> tuple[TrainPart, ...]:
    parts = []
    runs = itertools.groupby(range(len(groups)), key=lambda group: group in chosen)
    for _, run in ((is_test, [*members]) for is_test, members in runs if not is_test):
        before_test, after_test = run[-1] + 1 < len(groups), run[0] > 0
        start_ms = groups[run[0]].start_ms + after_test * (gaps.purge_days + gaps.embargo_days) * DAY_MS
        end_ms = groups[run[-1]].end_ms - before_test * gaps.purge_days * DAY_MS
        if start_ms < end_ms:
            parts.append(TrainPart(Window(start_ms, end_ms), before_test, after_test))
    return tuple(parts)
