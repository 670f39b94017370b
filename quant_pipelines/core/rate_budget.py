"""An exchange's allowance for one IP, shared by everybody who talks to it: pure decisions about one state.

Requests are counted in windows of the clock (a minute, at Binance). Who wants to send takes a *grant* of
weight from the shared state and spends it without asking again, so the state moves once for many requests.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

_EDGE_MS = 50  # beyond a window's end, for clocks that differ a little
_GRANTS_PER_WINDOW = 20


@dataclass(frozen=True, slots=True)
class RateState:
    """What everybody together has used.

    Parameters
    ----------
    window
        Number of the window that ``used`` belongs to: milliseconds since the epoch // its length.
    used
        Weight granted in it, or what the exchange counts if that is more.
    limit
        Weight that a window allows; None until the exchange told.
    banned_until_ms
        Nobody sends before this moment, milliseconds UTC; 0 without a ban.
    waits
        How often somebody had to wait, ever.
    """

    window: int = 0
    used: int = 0
    limit: int | None = None
    banned_until_ms: int = 0
    waits: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody asks of the state.

    Parameters
    ----------
    weight
        Needed now.
    share
        Part of the limit that this kind of traffic may reach; orders may reach more than market data.
    window_ms
        Length of the exchange's window.
    limit
        Its limit as far as the asker knows.
    counted
        What the exchange told last as used in this window.
    banned_until_ms
        The latest ban that the asker knows, told by the exchange or seen in the state.
    silent_ms
        What is left of it by a clock that nobody sets, which is the asker's own.
    """

    weight: int
    share: float
    window_ms: int
    limit: int | None = None
    counted: int = 0
    banned_until_ms: int = 0
    silent_ms: int = 0

    def silence_ms(self, state: RateState, now_ms: int) -> int:
        """Return how long the asker is to be silent: by its own clock, or until the time of a new ban."""
        is_new = state.banned_until_ms > self.banned_until_ms
        return max(self.silent_ms, state.banned_until_ms - now_ms if is_new else 0)


class Grant(NamedTuple):
    """Weight to spend in this window, or milliseconds to wait before asking again."""

    weight: int
    wait_ms: int
    state: RateState


class RateLedger(Protocol):
    """Where the shared state is kept."""

    async def claim(self, claim: Claim, now_ms: int) -> Grant:
        """Decide about a claim, atomically among all processes."""


def decide(state: RateState, claim: Claim, now_ms: int) -> Grant:
    """Grant what is left, or say how long to wait.

    A claim for more than the limit is granted when nothing else was used in its window: it could never be
    otherwise. A claim of weight 0 only tells and asks. A clock that is behind the state's window by more than
    one was set back: counting begins anew, so that nobody waits until it has caught up.
    """
    window = now_ms // claim.window_ms
    if state.window > window + 1:
        state = replace(state, window=window, used=0)
    used = state.used if window <= state.window else 0
    state = replace(
        state,
        window=max(window, state.window),
        used=max(used, claim.counted if window >= state.window else 0),
        limit=claim.limit or state.limit,
        banned_until_ms=max(state.banned_until_ms, claim.banned_until_ms),
    )
    if claim.weight == 0:
        return Grant(0, 0, state)
    if silence_ms := claim.silence_ms(state, now_ms):
        return _wait(state, silence_ms)
    if state.limit is None:
        return _spend(state, claim.weight)
    left = int(state.limit * claim.share) - state.used
    if state.used and left < claim.weight:
        return _wait(state, (state.window + 1) * claim.window_ms - now_ms + _EDGE_MS)
    portion = int(state.limit * claim.share) // _GRANTS_PER_WINDOW
    return _spend(state, max(claim.weight, min(left, portion)))


def _spend(state: RateState, weight: int) -> Grant:
    return Grant(weight, 0, replace(state, used=state.used + weight))


def _wait(state: RateState, wait_ms: int) -> Grant:
    return Grant(0, wait_ms, replace(state, waits=state.waits + 1))
