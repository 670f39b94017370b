"""Request weight and order counts: told in every answer's headers, enforced at the published limits."""

from collections import deque
from typing import Any

from quant_pipelines.simulator.contracts import ORDER_LIMITS, REQUEST_WEIGHT_PER_MINUTE, WEIGHT_LIMIT
from quant_pipelines.simulator.queries import VenueError

_MINUTE_MS, _TEN_SECONDS_MS = 60_000, 10_000
_ORDERS_PER_MINUTE, _ORDERS_PER_TEN_SECONDS = 1200, 300


class Budget:
    """What has been used of the limits; weight counts by clock minute, orders by sliding window.

    Attributes
    ----------
    weight
        Request weight used in the minute of the last request.
    """

    def __init__(self) -> None:
        self._minute = 0
        self.weight = 0
        self._orders: deque[int] = deque()

    def spend(self, weight: int, now_ms: int, *, is_order: bool = False) -> None:
        """Count one request.

        Raises
        ------
        VenueError
            -1003 or -1015, with HTTP status 429, if it goes beyond a limit; it is not answered then.
        """
        if now_ms // _MINUTE_MS != self._minute:
            self._minute, self.weight = now_ms // _MINUTE_MS, 0
        self.weight += weight
        if self.weight > REQUEST_WEIGHT_PER_MINUTE:
            limit = f"current limit is {REQUEST_WEIGHT_PER_MINUTE} requests per minute"
            raise VenueError(-1003, f"Too many requests; {limit}.", 429)
        if is_order:
            self._spend_order(now_ms)

    def headers(self, now_ms: int) -> dict[str, str]:
        """Return the headers that tell what has been used."""
        return {
            "X-MBX-USED-WEIGHT-1M": str(self.weight),
            "X-MBX-ORDER-COUNT-10S": str(self._orders_since(now_ms - _TEN_SECONDS_MS)),
            "X-MBX-ORDER-COUNT-1M": str(self._orders_since(now_ms - _MINUTE_MS)),
        }

    def limits(self, now_ms: int) -> list[dict[str, Any]]:
        """Return the published limits, each with what has been used of it."""
        orders = {"MINUTE": now_ms - _MINUTE_MS, "SECOND": now_ms - _TEN_SECONDS_MS}
        return [{**WEIGHT_LIMIT, "count": self.weight}] + [
            {**limit, "count": self._orders_since(orders[limit["interval"]])} for limit in ORDER_LIMITS
        ]

    def _spend_order(self, now_ms: int) -> None:
        while self._orders and self._orders[0] <= now_ms - _MINUTE_MS:
            self._orders.popleft()
        for limit, since, name in (
            (_ORDERS_PER_TEN_SECONDS, now_ms - _TEN_SECONDS_MS, "TEN_SECONDS"),
            (_ORDERS_PER_MINUTE, now_ms - _MINUTE_MS, "MINUTE"),
        ):
            if self._orders_since(since) >= limit:
                message = f"Too many new orders; current limit is {limit} orders per {name}."
                raise VenueError(-1015, message, 429)
        self._orders.append(now_ms)

    def _orders_since(self, since_ms: int) -> int:
        return sum(1 for at_ms in self._orders if at_ms > since_ms)
