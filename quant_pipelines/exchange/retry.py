"""Patience with the exchange: repeats after transient failures, as values that a loop carries out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from quant_pipelines.core.chance import Chance, system_chance
from quant_pipelines.core.errors import ExchangeDistrusted, ExchangeError, ExchangeUnavailable
from quant_pipelines.exchange.weight import WeightBudget

__all__ = ["Backoff", "GiveUp", "WeightBudget", "Wait", "after_failure", "with_backoff"]

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between repeats: doubling from ``first_seconds`` to ``most_seconds``, spread by ``chance``."""

    attempts: int = 6
    first_seconds: float = 0.25
    most_seconds: float = 15.0
    chance: Chance = system_chance

    def delay(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number ``attempt``, counted from 0."""
        return self.longest(attempt) * (0.5 + self.chance() / 2)

    def longest(self, attempt: int) -> float:
        """Seconds to wait without the jitter, which takes off up to half."""
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(attempt, 30))


class Wait(NamedTuple):
    """Ask again after so many seconds."""

    seconds: float


class GiveUp(NamedTuple):
    """Don't ask again; ``reason`` is a word for the log."""

    reason: str


def after_failure(
    attempt: int, error: ExchangeError, backoff: Backoff, *, jitter: float = 0.5
) -> Wait | GiveUp:
    """Decide what to do about a read that failed.

    Parameters
    ----------
    attempt
        Number of the attempt that failed, counted from 0.
    error
        Why it failed.
    backoff
        How often and how patiently.
    jitter
        Uniform in [0, 1): where in the upper half of the delay to wait.
    """
    if not isinstance(error, ExchangeUnavailable):
        return GiveUp("refused")
    if isinstance(error, ExchangeDistrusted):
        return GiveUp("its certificate is refused")
    if attempt + 1 >= backoff.attempts:
        return GiveUp("attempts are used up")
    return Wait(backoff.longest(attempt) * (0.5 + jitter / 2))


async def with_backoff(
    call: Callable[[], Awaitable[Answer]], backoff: Backoff, *, sleep: Sleep = asyncio.sleep
) -> Answer:
    """Answer of a read that is repeated while the exchange is unavailable.

    Parameters
    ----------
    call
        Starts the read from scratch each time; must be safe to repeat.
    backoff
        How often and how patiently.
    sleep
        Waits.

    Raises
    ------
    ExchangeError
        The last failure, when no attempt got an answer, or a refusal at once.
    """
    attempt = 0
    while True:
        try:
            return await call()
        except ExchangeError as error:
            step = after_failure(attempt, error, backoff, jitter=backoff.chance())
            if isinstance(step, GiveUp):
                raise
            logger.warning("%s; attempt %d, again in %.1f s", error, attempt + 1, step.seconds)
            await sleep(step.seconds)
            attempt += 1
