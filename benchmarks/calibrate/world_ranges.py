"""Worlds of a row that are still to be measured, as ranges of their seeds."""

from collections.abc import Collection


def missing_ranges(wanted: range, known: Collection[int]) -> list[range]:
    """Cut a range into the longest runs of seeds that are not known yet, in order.

    Examples
    --------
    >>> from benchmarks.calibrate.world_ranges import missing_ranges
    >>> missing_ranges(range(0, 10), {0, 1, 5})
    [range(2, 5), range(6, 10)]
    """
    runs: list[range] = []
    for seed in (one for one in wanted if one not in known):
        if runs and runs[-1].stop == seed:
            runs[-1] = range(runs[-1].start, seed + 1)
        else:
            runs.append(range(seed, seed + 1))
    return runs
