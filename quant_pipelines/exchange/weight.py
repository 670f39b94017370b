"""One process's side of the shared request budget: requests in flight, grants, the exchange's own counts."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.rate_budget import Claim, Grant, RateLedger, RateState, decide
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange.server_clock import loop_seconds

logger = logging.getLogger(__name__)
Sleep = Callable[[float], Awaitable[None]]

DATA_SHARE = 0.8
"""Part of the limit that market data may use; the rest is left to orders and exits."""

_USED_WEIGHT = ("x-mbx-used-weight-1m", "x-mbx-used-weight")
_RETRY_AFTER = "retry-after"
_SEEN_SECONDS = 1.0  # others' bans are seen after this at the latest


class LocalLedger:
    """State of a process that shares its allowance with nobody."""

    def __init__(self) -> None:
        self.state = RateState()

    async def claim(self, claim: Claim, now_ms: int) -> Grant:
        """See ``RateLedger``."""
        grant = decide(self.state, claim, now_ms)
        self.state = grant.state
        return grant


class Allowance(NamedTuple):
    """Part of the exchange's limit that traffic may reach, and the length of the limit's window."""

    share: float = DATA_SHARE
    window_ms: int = MINUTE_MS


OF_DATA = Allowance()


class Waiting(NamedTuple):
    """Seconds that never jump, and a sleep that lasts as long by them."""

    seconds: Callable[[], float] = loop_seconds
    sleep: Sleep = asyncio.sleep


BY_LOOP = Waiting()


class WeightBudget:
    """Keeps requests under the exchange's limit, and silent while it bans us.

    Parameters
    ----------
    max_concurrent
        Requests in flight at once.
    clock
        Milliseconds; the exchange counts by its own clock, which ours follows closely enough.
    waiting
        By what a silence is measured.
    ledger
        State shared with other processes; None keeps one of our own. While it is away (``StoreError``) we
        count for ourselves.
    allowance
        Of this traffic.

    Notes
    -----
    Until ``limit`` (weight a window) has been set from what the exchange publishes, only a ban holds
    requests back: a guess would make the first requests of a process wait for another one's.

    A ban lasts for its seconds however the clock is set meanwhile: its time of day is what others are told,
    and each of them turns it into seconds once, when it sees it first. A jump adds no more than itself, and
    only for who had not seen the ban before.
    """

    def __init__(
        self,
        max_concurrent: int,
        clock: Clock,
        *,
        waiting: Waiting = BY_LOOP,
        ledger: RateLedger | None = None,
        allowance: Allowance = OF_DATA,
    ) -> None:
        self._slots = asyncio.Semaphore(max_concurrent)
        self._turn = asyncio.Lock()
        self._clock = clock
        self._seconds, self._sleep = waiting
        self._local = LocalLedger()
        self._ledger: RateLedger = ledger or self._local
        self._share, self._window_ms = allowance
        self._granted = 0
        self._granted_at_ms = -MINUTE_MS
        self._seen_at = -math.inf
        self._counted = (0, 0)  # window, weight by the exchange's own count
        self._banned_until_ms = 0  # as others are told
        self._silent_until = -math.inf
        self.limit = math.inf

    async def __aenter__(self) -> None:
        await self._slots.acquire()

    async def __aexit__(self, *exc_info: object) -> None:
        self._slots.release()

    async def admit(self, weight: int) -> None:
        """Wait until a request of this weight may be sent, and count it."""
        async with self._turn:
            while not self._has(weight):
                wait_ms = await self._claim(weight)
                if wait_ms > 0:
                    logger.info("request weight is used up or banned; waiting %d ms", wait_ms)
                    await self._sleep(wait_ms / 1000)
            self._granted -= weight

    def observe(self, headers: Mapping[str, str]) -> bool:
        """Take the exchange's own count, and its order to be silent, from an answer's headers.

        Returns
        -------
        bool
            Whether it orders silence.
        """
        lower = {name.lower(): str(value) for name, value in headers.items()}
        now = self._clock()
        used = next((lower[name] for name in _USED_WEIGHT if name in lower), "")
        if used.isdecimal():
            window = now // self._window_ms
            known = self._counted[1] if self._counted[0] == window else 0
            self._counted = (window, max(known, int(used)))
        silence = lower.get(_RETRY_AFTER, "")
        if silence.isdecimal():
            self.ban(int(silence))
        return silence.isdecimal()

    def ban(self, seconds: float) -> None:
        """Send nothing for some seconds; the next claim tells the others."""
        until = self._seconds() + seconds
        if until > self._silent_until:
            self._silent_until = until  # told as later than the last one even by a clock that was set back
            self._banned_until_ms = max(self._banned_until_ms + 1, self._clock() + int(seconds * 1000))

    async def tell(self) -> None:
        """Tell the others at once what we know, such as a ban."""
        await self._ask(0)

    async def state(self) -> RateState:
        """Read what everybody together has used, for a heartbeat."""
        return (await self._ask(0)).state

    def _has(self, weight: int) -> bool:
        if self._granted_at_ms // self._window_ms != self._clock() // self._window_ms:
            self._granted = 0
        is_seen = self._seconds() - self._seen_at < _SEEN_SECONDS
        return is_seen and not self._silent_ms() and self._granted >= weight

    def _silent_ms(self) -> int:
        return math.ceil(max(self._silent_until - self._seconds(), 0.0) * 1000)

    async def _claim(self, weight: int) -> int:
        """Look at the shared state, take what we lack, and return how long to wait for it."""
        now, self._seen_at = self._clock(), self._seconds()
        grant = await self._ask(weight if self._granted < weight else 0)
        if grant.weight:
            self._granted, self._granted_at_ms = self._granted + grant.weight, now
        return max(grant.wait_ms, self._silent_ms())

    async def _ask(self, weight: int) -> Grant:
        now = self._clock()
        window, counted = self._counted
        claim = Claim(
            weight,
            self._share,
            self._window_ms,
            None if math.isinf(self.limit) else int(self.limit),
            counted if window == now // self._window_ms else 0,
            self._banned_until_ms,
            self._silent_ms(),
        )
        try:
            grant = await self._ledger.claim(claim, now)
        except StoreError as error:
            logger.warning("shared request budget is away (%s); counting alone", error)
            grant = await self._local.claim(claim, now)
        self._heed(grant.state.banned_until_ms, now)
        return grant

    def _heed(self, banned_until_ms: int, now_ms: int) -> None:
        """Turn a ban that is seen for the first time into seconds from now."""
        if banned_until_ms > self._banned_until_ms:
            self._banned_until_ms = banned_until_ms
            self._silent_until = max(self._silent_until, self._seconds() + (banned_until_ms - now_ms) / 1000)
