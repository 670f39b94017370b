"""How long a strategy may take for a bar."""

from collections.abc import Callable
from time import perf_counter

SLOWEST_MICROSECONDS_PER_BAR = 500.0
"""A strategy that takes longer makes a sweep of a year of minutes take days."""


def pace_fault(strategy: object, decide: Callable[[], object], n_bars: int) -> str:
    """Fault of a strategy that is too slow; the first call, which may compile, isn't counted.

    Examples
    --------
    >>> from time import sleep
    >>> from quant_pipelines.sdk.trial.pace import pace_fault
    >>> pace_fault("Quick()", lambda: None, n_bars=1000)
    ''
    >>> pace_fault("Slow()", lambda: sleep(0.01), n_bars=1).split(" takes")[0]
    'Slow():'
    """
    decide()
    begin = perf_counter()
    decide()
    per_bar = (perf_counter() - begin) / n_bars * 1e6
    if per_bar <= SLOWEST_MICROSECONDS_PER_BAR:
        return ""
    return f"{strategy}: takes {per_bar:.0f} µs a bar; expected at most {SLOWEST_MICROSECONDS_PER_BAR:.0f}"
