"""Public REST side of the venue: answers from the table of endpoints, refusals in the venue's own form."""

import logging
from typing import Any

import orjson
from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.market_endpoints import MARKET_ENDPOINTS
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.question import Question

logger = logging.getLogger(__name__)


class RestAnswers:
    """Answers of the venue.

    Parameters
    ----------
    market, derivatives
        What the venue knows.
    clock
        Its time.
    budget
        Counts what is asked.
    """

    def __init__(
        self, market: MarketPort, derivatives: DerivativesPort, clock: Clock, budget: Budget
    ) -> None:
        self._market = market
        self._derivatives = derivatives
        self._clock = clock
        self._budget = budget

    def ask(self, path: str, query: Query) -> Any:
        """Body that answers a path of the table.

        Raises
        ------
        VenueError
            If it is refused.
        """
        endpoint, now = MARKET_ENDPOINTS[path], self._clock()
        self._budget.spend(endpoint.weight, now)
        return endpoint.answer(Question(self._market, self._derivatives, query, now))

    async def answer(self, request: web.Request) -> web.Response:
        """Response to any request; refusals carry the venue's error document."""
        try:
            if request.method != "GET" or request.path not in MARKET_ENDPOINTS:
                logger.warning("%s %s is not served by this venue", request.method, request.rel_url.raw_path)
                raise VenueError(-5000, f"Path {request.path}, Method {request.method} is invalid", 404)
            body, status = self.ask(request.path, Query(request.query)), 200
        except VenueError as error:
            body, status = {"code": error.code, "msg": error.message}, error.status
        payload = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._budget.weight)}
        return web.Response(body=payload, status=status, content_type="application/json", headers=headers)
