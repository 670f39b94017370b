"""The work of one deployment at a time: what fails for good is written down, and stops nothing else."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from live_runner.book.announcer import Alarm, unheard
from live_runner.book.plan import NotLoaded, NotLoadedYet
from live_runner.ports.market_time import MarketTime
from quant_pipelines.core.errors import (
    ExchangeUnavailable,
    OutcomeUnknown,
    QuantError,
    StoreError,
    with_its_kind,
)
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.telemetry.record import count
from quant_pipelines.trading.breaker import Event, Trip

_MOST_MISSES = 3
"""How often a text may not answer in time before a person looks at it."""

_log = logging.getLogger(__name__)


class Attempts:
    """Does the work of deployments.

    Parameters
    ----------
    journal
        Rows of the runner, for halts.
    time
        The exchange's time.

    Attributes
    ----------
    alarm
        Told of each halt.
    """

    def __init__(self, journal: Journal, time: MarketTime) -> None:
        self._journal = journal
        self._time = time
        self._missed = Counter[str]()
        self.alarm: Alarm = unheard

    def has_missed(self, source: str) -> bool:
        """Whether a text did not answer in time when it was loaded last, and is to be tried again."""
        return self._missed[source] > 0

    async def failure(self, source: str, work: Coroutine[Any, Any, None]) -> str | None:
        """Do the work of one deployment; returns what failed for good, which is a halt by then.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        try:
            await work
            del self._missed[source]
        except StoreError:
            raise
        except (ExchangeUnavailable, OutcomeUnknown) as error:
            _log.warning("exchange away", extra={"source": source, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - the one place that trips the breaker
            if isinstance(error, NotLoadedYet):
                self._missed[source] += 1
                if self._missed[source] < _MOST_MISSES:
                    _log.warning("not loaded in time", extra={"source": source, "error": str(error)})
                    return None
                error = NotLoaded(str(error))
            del self._missed[source]
            count("quant_failures_total", source=source)
            message, at = with_its_kind(error), from_ms(self._time.now_ms())
            is_foreseen = isinstance(error, QuantError)  # its sentence says all
            _log.error("halted", extra={"source": source, "error": message}, exc_info=not is_foreseen)
            event: Event = "not_loaded" if isinstance(error, NotLoaded) else "failed"
            alert = halt_alert(source, Trip(event, message), at)
            await asyncio.to_thread(self._journal.write_alert, alert)
            self.alarm(source, message)
            return message
        return None
