"""Reads of one exchange: in turn, counted, repeated while it is away, with errors of our own only."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.dialects import dialect_of
from quant_pipelines.exchange.errors import is_too_many, translated
from quant_pipelines.exchange.retry import Backoff, WeightBudget, with_backoff
from quant_pipelines.exchange.weight import Allowance

Answer = TypeVar("Answer")


class Requests:
    """How a source asks its exchange.

    Parameters
    ----------
    client
        ccxt's client.
    settings
        Exchange id and requests in flight.
    clock
        Milliseconds UTC.
    backoff
        Patience with transient failures.
    ledger
        Request budget shared with other processes; None counts alone.
    """

    def __init__(
        self,
        client: Any,
        settings: ExchangeSettings,
        clock: Clock,
        *,
        backoff: Backoff,
        ledger: RateLedger | None,
    ) -> None:
        dialect = dialect_of(settings.id)
        self._client = client
        self._backoff = backoff
        self._weights = dialect.weights
        self._window_seconds = dialect.limit.window_ms / 1000
        self.budget = WeightBudget(
            settings.max_concurrent_requests,
            clock,
            ledger=ledger,
            allowance=Allowance(window_ms=dialect.limit.window_ms),
        )

    async def __call__(self, what: str, call: Callable[[], Awaitable[Answer]], kind: str) -> Answer:
        """Answer of a read.

        Parameters
        ----------
        what
            The read in words, for errors.
        call
            Starts it from scratch each time.
        kind
            Its name in the table of weights.

        Raises
        ------
        ExchangeUnavailable
            If no attempt was answered with something that can be read.
        ExchangeRefused
            If the exchange refuses.
        """
        return await with_backoff(lambda: self._once(what, call, self._weights.get(kind, 1)), self._backoff)

    async def _once(self, what: str, call: Callable[[], Awaitable[Answer]], weight: int) -> Answer:
        async with self.budget:
            await self.budget.admit(weight)
            try:
                with translated(what):
                    answer = await call()
            except ExchangeError as error:
                await self._heed(error)
                raise
            self._observe()
            return answer

    async def _heed(self, error: ExchangeError) -> None:
        """Be silent when we are told to, for a window at least, and tell everybody."""
        is_told = self._observe()
        if not is_too_many(error):
            return
        if not is_told:
            self.budget.ban(self._window_seconds)
        await self.budget.tell()

    def _observe(self) -> bool:
        headers = self._client.take_headers()
        return bool(headers) and self.budget.observe(headers)
