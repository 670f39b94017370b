"""Sends what was committed, span of time by span of time; what a collector did not take is sent again."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.traced_rows import read_traced
from quant_pipelines.tracing.spans import ChainSpan, decision_span, fill_span, order_span

LAG = timedelta(seconds=5)
"""A row is stamped before its transaction commits; one that took longer is not traced."""
_LOOK_SECONDS = 2.0
_PART = timedelta(hours=1)
"""Read at once; what was taken of a long past is not sent again with what was not."""
_MOST_SPANS = 1000
"""Sent at once: exporters and collectors refuse requests of some tens of megabytes, each time anew."""

_log = logging.getLogger(__name__)


class TakesSpans(Protocol):
    """What takes spans, or raises StoreError."""

    def send(self, spans: Sequence[ChainSpan]) -> None:
        """Take them."""


def send_between(engine: Engine, collector: TakesSpans, after: datetime, until: datetime) -> int:
    """Send the steps of ``(after, until]``, part by part; return how many there were.

    Raises
    ------
    StoreError
        If the database or the collector is away.
    """
    count = 0
    while after < until:
        end = min(after + _PART, until)
        count += _send_part(engine, collector, after, end)
        after = end
    return count


def _send_part(engine: Engine, collector: TakesSpans, after: datetime, until: datetime) -> int:
    with transaction(engine) as connection:
        rows = read_traced(connection, after, until)
    spans = [
        *map(decision_span, rows.decisions),
        *map(order_span, rows.orders),
        *map(fill_span, rows.fills),
    ]
    for first in range(0, len(spans), _MOST_SPANS):
        collector.send(spans[first : first + _MOST_SPANS])
    return len(spans)


def follow(
    engine: Engine,
    collector: TakesSpans,
    after: datetime,
    *,
    clock: Callable[[], datetime],
    stopping: threading.Event,
) -> None:
    """Send what is committed from a time on, until it is stopped; whoever is away is waited for."""
    is_away = False
    while not stopping.is_set():
        now, pause = clock() - LAG, _LOOK_SECONDS
        until = min(now, after + _PART)
        if until > after:
            try:
                _send_part(engine, collector, after, until)
            except StoreError as error:
                if not is_away:
                    _log.warning("traces wait", extra={"error": str(error)})
                is_away = True
            else:
                after, is_away = until, False
                pause = 0.0 if until < now else pause
        stopping.wait(pause)
