"""Progress of long runs, told in the run's log: a few lines, however long the run is.

Each line of a log is a row in Dagster's event table, so the rounds of every five minutes tell nothing.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.marketdata.days import days_between, spans

_LINES = 20
_SHORT_DAYS = 7


class Progress:
    """Counts what is done and logs about every twentieth of it; work of a few days is done silently.

    Parameters
    ----------
    context
        The step.
    total_days
        Days of all symbols together.
    days
        Length of the range; a short one is silent.
    """

    def __init__(self, context: dg.AssetExecutionContext, total_days: int, days: int) -> None:
        self._log = context.log
        self._total = max(total_days, 1)
        self._done, self._told = 0, 0
        self._is_silent = days <= _SHORT_DAYS

    def add(self, days: int, sentence: Any) -> None:
        """Count days that are done, and say what the newest of them were when it is time."""
        self._done += days
        step = self._done * _LINES // self._total
        if step > self._told and not self._is_silent:
            self._told = step
            self._log.info(f"{self._done / self._total:.0%} of {self._total} symbol days; {sentence}")


def in_portions(context: dg.AssetExecutionContext, max_days: int, symbols: int) -> Iterator[list[str]]:
    """Group the days of the run, oldest first, in portions without a hole; each is told when done."""
    days = list(context.partition_keys)
    progress = Progress(context, len(days) * symbols, len(days))
    for first, last in spans(days, max_days=max_days):
        portion = days_between(day_start_ms(first), day_start_ms(last))
        yield portion
        progress.add(len(portion) * symbols, f"{first} to {last}")
