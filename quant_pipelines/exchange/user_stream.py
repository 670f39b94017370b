"""The user's stream without losses: raw messages go to our own queue before ccxt sees them.

A listen key that has ended is replaced at once: its connection may stay open and silent for ever.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.exchange.errors import translated
from quant_pipelines.exchange.venue_rows import event_of
from quant_pipelines.telemetry.record import count
from quant_pipelines.trading.venue import VenueEvent

_RECONNECT_SECONDS = (0.5, 15.0)

_log = logging.getLogger(__name__)


async def follow_user_stream(client: Any, symbol: str, market_id: str) -> AsyncIterator[VenueEvent]:
    """Yield everything that is said of a symbol, for ever; None after each reconnection.

    Parameters
    ----------
    client
        ccxt's client with our taps.
    symbol, market_id
        Our name and the venue's.
    """
    queue: asyncio.Queue[VenueEvent] = asyncio.Queue()
    expired = asyncio.Event()

    def tap(message: Any) -> None:
        if isinstance(message, dict) and message.get("e") == "listenKeyExpired":
            expired.set()
        for event in event_of(message, symbol, market_id):
            queue.put_nowait(event)

    client.raw_taps.append(tap)
    connection = asyncio.create_task(_stay_connected(client, queue, expired), name="user stream")
    try:
        while True:
            yield await queue.get()
    finally:
        client.raw_taps.remove(tap)
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)


async def _stay_connected(client: Any, queue: "asyncio.Queue[VenueEvent]", expired: asyncio.Event) -> None:
    """Keep ccxt listening; what it makes of the messages is thrown away."""
    shortest, longest = _RECONNECT_SECONDS
    pause = shortest
    while True:
        queue.put_nowait(None)  # whatever was missed meanwhile is swept
        expired.clear()
        try:
            with translated("user stream"):
                while await _heard(client, expired):
                    pause = shortest
            _log.warning("listen key expired", extra={"retry_seconds": pause})
            await _hang_up(client)
        except ExchangeError as error:
            _log.warning("user stream broke", extra={"error": str(error), "retry_seconds": pause})
        count("quant_stream_reconnects_total", stream="user")
        # A dead listen key would be dialed again without pause.
        with contextlib.suppress(AttributeError, TypeError):
            client.options["linear"] |= {"listenKey": None, "lastAuthenticatedTime": 0}
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


async def _heard(client: Any, expired: asyncio.Event) -> bool:
    """Wait for a word of the stream; False once its key has expired."""
    waits = [asyncio.ensure_future(client.watch_orders()), asyncio.ensure_future(expired.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
        results = await asyncio.gather(*waits, return_exceptions=True)
    if isinstance(results[0], Exception) and not expired.is_set():
        raise results[0]
    return not expired.is_set()


async def _hang_up(client: Any) -> None:
    """End the connection under a key that has expired; the venue may leave it open and silent."""
    for url, connection in list(client.clients.items()):
        if "/private/" in url:
            client.clients.pop(url, None)
            await connection.close()
