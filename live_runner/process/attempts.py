"""The work of one deployment at a time: what fails for good is written down, and stops nothing else."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from live_runner.book.announcer import Alarm, unheard
from live_runner.book.plan import NotLoaded
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
from quant_pipelines.trading.breaker import Event, Trip

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
        self.alarm: Alarm = unheard

    async def failure(self, source: str, work: Coroutine[Any, Any, None]) -> str | None:
        """Do the work of one deployment; returns what failed for good, which is a halt by then.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        try:
            await work
        except StoreError:
            raise
        except (ExchangeUnavailable, OutcomeUnknown) as error:
            _log.warning("exchange away", extra={"source": source, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - the one place that trips the breaker
            message, at = with_its_kind(error), from_ms(self._time.now_ms())
            is_foreseen = isinstance(error, QuantError)  # its sentence says all
            _log.error("halted", extra={"source": source, "error": message}, exc_info=not is_foreseen)
            event: Event = "not_loaded" if isinstance(error, NotLoaded) else "failed"
            alert = halt_alert(source, Trip(event, message), at)
            await asyncio.to_thread(self._journal.write_alert, alert)
            self.alarm(source, message)
            return message
        return None
