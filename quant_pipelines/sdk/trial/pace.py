"""How long a strategy may take for a bar."""

from collections.abc import Callable
from time import thread_time

SLOWEST_MICROSECONDS_PER_BAR = 500.0
"""A strategy that takes longer makes a sweep of a year of minutes take days."""
_TRIES = 5


def pace_fault(strategy: object, decide: Callable[[], object], n_bars: int) -> str:
    """Fault of a strategy that is too slow; the first call, which may compile, isn't counted.

    Measured is its own time on a processor, and the best of five tries counts: the verdict is kept, and must
    not depend on what else the machine does.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.pace import pace_fault
    >>> pace_fault("Quick()", lambda: None, n_bars=1000)
    ''
    >>> pace_fault("Slow()", lambda: sum(range(100_000)), n_bars=1).split(" takes")[0]
    'Slow():'
    """
    decide()
    per_bar = 0.0
    for _ in range(_TRIES):
        begin = thread_time()
        decide()
        per_bar = (thread_time() - begin) / n_bars * 1e6
        if per_bar <= SLOWEST_MICROSECONDS_PER_BAR:
            return ""
    return f"{strategy}: takes {per_bar:.0f} µs a bar; expected at most {SLOWEST_MICROSECONDS_PER_BAR:.0f}"
