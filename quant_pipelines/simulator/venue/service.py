"""The order side over HTTP and WebSocket: it signs people in, plays the market on, answers, and streams."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.booking import Movement, book_income
from quant_pipelines.simulator.venue.contract import contract_of
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS, Credentials
from quant_pipelines.simulator.venue.endpoints import ENDPOINTS, answer
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.player import PlayedMarket, Player
from quant_pipelines.simulator.venue.state import Venue
from quant_pipelines.simulator.venue.user_stream import UserStream

logger = logging.getLogger(__name__)

LEDGER_FILE = Path("simulator") / "ledger.sqlite"
"""Where a home keeps the ledger."""

DEFAULT_WALLET = Decimal(100_000)
_LISTEN_KEY = "/fapi/v1/listenKey"
_KEY_HEADER = "X-MBX-APIKEY"


def open_venue(
    home: Path,
    market: PlayedMarket,
    exchange_info: Mapping[str, Any],
    *,
    wallet: Decimal = DEFAULT_WALLET,
    now_ms: int,
) -> Venue:
    """Open the venue of a home; a new one gives its account play money.

    Parameters
    ----------
    home
        Folder that keeps the ledger.
    market
        What is played.
    exchange_info
        What is listed, as the public endpoint tells it.
    wallet
        Play money of a new account, quote.
    now_ms
        The venue's time.

    Raises
    ------
    ConfigurationError, DataError
        If the ledger file can't be used or does not add up.
    """
    path = home / LEDGER_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    contracts = {row["symbol"]: contract_of(row) for row in exchange_info["symbols"]}
    venue = Venue(Ledger(path), contracts, market.depth)
    if not venue.ledger.account.last_fill and not venue.ledger.account.wallet:
        with venue.ledger.transaction():
            book_income(venue.ledger, Movement("TRANSFER", wallet, now_ms))
    return venue


class Front(NamedTuple):
    """What both sides of the venue share: its time, what was asked of it, who listens to its streams."""

    clock: Clock
    budget: Budget
    connections: Connections


class VenueService:
    """Handlers of the order side.

    Parameters
    ----------
    venue
        The venue.
    market
        What is played to it.
    front
        What it shares with the public side.
    keys
        Secret by API key.

    Attributes
    ----------
    stream
        The user's stream.
    """

    def __init__(
        self,
        venue: Venue,
        market: PlayedMarket,
        front: Front,
        *,
        keys: Mapping[str, str] = DEMO_KEYS,
    ) -> None:
        self._venue = venue
        self._player = Player(venue, market)
        self._clock = front.clock
        self._credentials = Credentials(keys)
        self._budget = front.budget
        self.stream = UserStream(front.clock, front.connections)
        venue.ledger.publish = self.stream.publish

    def attach(self, application: web.Application) -> None:
        """Add the order side's routes; they go before any route that catches all."""
        for method, path in ENDPOINTS:
            application.router.add_route(method, path, self.answer)
        for method in ("POST", "PUT", "DELETE"):
            application.router.add_route(method, _LISTEN_KEY, self.listen_key)
        application.cleanup_ctx.append(self._play)

    async def answer(self, request: web.Request) -> web.Response:
        """Response to a signed request; everything that it changes is on the disk by then."""
        try:
            texts = (request.raw_path.partition("?")[2], await request.text())
            api_key = request.headers.get(_KEY_HEADER)
            query = self._credentials.signed_query(api_key, *texts, now_ms=self._clock())
            return self._response(self.ask(request.method, request.path, query))
        except VenueError as error:
            return self._refused(error)

    def ask(self, method: str, path: str, query: Query) -> Any:
        """Body that answers a row of the table; everything that it changes is on the disk by then.

        Raises
        ------
        VenueError
            If it is refused; nothing has changed then.
        """
        now, endpoint = self._clock(), ENDPOINTS[method, path]
        self._budget.spend(endpoint.weight, now, is_order=endpoint.is_order)
        self._player.advance(now)
        return answer(self._venue, endpoint, query, now)

    def signed(self, params: Mapping[str, str]) -> Query:
        """Return the parameters of a signed request of the WebSocket API.

        Raises
        ------
        VenueError
            If key, signature or time are not accepted.
        """
        return self._credentials.signed_params(params, now_ms=self._clock())

    async def listen_key(self, request: web.Request) -> web.Response:
        """Response to a request about the listen key; it needs an API key but no signature."""
        try:
            return self._response(self.ask_key(request.method, request.headers.get(_KEY_HEADER)))
        except VenueError as error:
            return self._refused(error)

    def ask_key(self, method: str, api_key: str | None) -> dict[str, str]:
        """Body that answers a request about the listen key of an API key.

        Raises
        ------
        VenueError
            If the key is not known, or has no listen key that could be kept.
        """
        api_key = self._credentials.check_key(api_key)
        self._budget.spend(1, self._clock())
        if method == "DELETE":
            self.stream.close_key(api_key)
            return {}
        return {
            "listenKey": self.stream.open_key(api_key) if method == "POST" else self.stream.keep_key(api_key)
        }

    def rate_limits(self) -> list[dict[str, Any]]:
        """Return the limits, each with what has been used of it."""
        return self._budget.limits(self._clock())

    def advance(self) -> None:
        """Play the market up to now; a ledger that can't be written is logged and tried again."""
        try:
            self._player.advance(self._clock())
        except VenueError:
            logger.exception("the market could not be played on; the ledger can't be written")

    async def _play(self, _application: web.Application) -> AsyncIterator[None]:
        self.advance()
        player = asyncio.create_task(self._run(), name="venue clockwork")
        yield
        player.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await player
        with contextlib.suppress(VenueError):
            self._player.note()
        self._venue.ledger.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep((1000 - self._clock() % 1000) / 1000)
            try:
                self.advance()
                self.stream.expire()
            except Exception:
                logger.exception("the venue's clockwork stumbled; it is tried again in a second")

    def _response(self, body: Any, status: int = 200) -> web.Response:
        headers = self._budget.headers(self._clock())
        return web.Response(
            body=orjson.dumps(body), status=status, content_type="application/json", headers=headers
        )

    def _refused(self, error: VenueError) -> web.Response:
        response = self._response({"code": error.code, "msg": error.message}, error.status)
        if error.status == 429:
            response.headers["Retry-After"] = str(60 - self._clock() // 1000 % 60)
        return response
