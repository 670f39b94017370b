"""The last resort: close an account with nothing but its keys and the venue.

Orders that could open are canceled first, then everything held is closed by orders that can only reduce, at
a collar that widens from reading to reading (`trading.flatten`), and the protective stops go last. What was
done is read back, until nothing is left or the time is over. Neither database nor runner is asked; the runner
takes the kill over when it is back.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from quant_pipelines.core.errors import ExchangeError, OutcomeUnknown, with_its_kind
from quant_pipelines.operations.kill_journal import KillJournal
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.trading.direct import AccountVenue, WorkingOrder
from quant_pipelines.trading.flatten import CloseOrder, ToClose, flatten_step
from quant_pipelines.trading.purposes import KILL_PREFIX
from quant_pipelines.trading.venue import AccountPosition, MarketOrder

_LONGEST_PAUSE_SECONDS = 3.0
_AT_ONCE = 20
"""Requests that wait for the venue at the same time."""
_CLEAN_ROUNDS = 2
"""So many readings in a row must find nothing: an order may be on its way while the first one is answered."""


class Readings(NamedTuple):
    """How often at most the venue is read, seconds between two (after a failure ever longer), and of all."""

    rounds: int = 400
    pause_seconds: float = 0.25
    seconds: float = 120.0


_READINGS = Readings()


@dataclass(slots=True)
class Killed:
    """What a kill has done.

    Attributes
    ----------
    canceled
        Names of the orders whose cancel was sent.
    sent
        Names of the orders that closed.
    holdings, working
        What is left by the last reading; both are None if the venue could not be read.
    faults
        Sentences about what went wrong meanwhile, oldest first.
    unknown
        Orders that were sent or canceled since the last reading, and got no answer.
    """

    canceled: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    holdings: list[AccountPosition] | None = None
    working: list[WorkingOrder] | None = None
    faults: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether the venue has told what is left, and nothing was asked since that it did not answer."""
        return self.holdings is not None and self.working is not None and not self.unknown

    @property
    def is_done(self) -> bool:
        """Whether nothing is held, and nothing works."""
        return self.holdings == [] and self.working == [] and not self.unknown

    @property
    def sentence(self) -> str:
        """What was done or is left, in one sentence."""
        if self.is_done:
            return (
                f"nothing is held and nothing works; {len(self.canceled)} orders canceled, "
                f"{len(self.sent)} sent to close"
            )
        if self.holdings is None or self.working is None:
            return f"what is left is not known: {self.faults[-1] if self.faults else 'nothing was read'}"
        left = [f"{one.quantity.normalize():f} {one.symbol}" for one in self.holdings]
        left += [f"order {one.name} of {one.symbol}" for one in self.working]
        fault = f"; {self.faults[-1]}" if self.faults else ""
        if not self.unknown:
            return f"left at the venue: {', '.join(left)}{fault}"
        missing = f"what became since is not known of order {', '.join(self.unknown)}"
        return f"left at the venue by the last reading: {', '.join(left)}{fault}; {missing}"


async def kill(
    venue: AccountVenue,
    journal: KillJournal,
    signature: Signature,
    *,
    readings: Readings = _READINGS,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Killed:
    """Cancel what could open, close what is held, cancel the rest, and read it back.

    Parameters
    ----------
    venue
        The account.
    journal
        Told before and after each request.
    signature
        Who asks, and why.
    readings
        How often, and how fast, the venue is read.
    tell
        Told of each fault when it is met: trying again may take minutes, and somebody waits.

    Returns
    -------
    Killed
        Never an error of the venue: those are among its faults.
    """
    return await _Kill(venue, journal, tell).run(signature, readings)


class _Kill:
    def __init__(self, venue: AccountVenue, journal: KillJournal, tell: Callable[[str], None]) -> None:
        self._tell_person = tell
        self._venue = venue
        self._journal = journal
        self._done = Killed()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._begun_ms = journal.clock()
        self._number = 0
        self._rounds_of = Counter[str]()

    async def run(self, signature: Signature, readings: Readings) -> Killed:
        self._tell("begun", operator=signature.operator, reason=signature.reason)
        try:
            async with asyncio.timeout(readings.seconds):
                await self._read_until_done(readings)
        except TimeoutError:
            self._fault(f"the time is over after {readings.seconds:g} s")
        self._tell("ended", sentence=self._done.sentence)
        return self._done

    async def _read_until_done(self, readings: Readings) -> None:
        shortest = readings.pause_seconds
        pause, n_clean = shortest, 0
        for _ in range(readings.rounds):
            is_read = await self._try("the account", self._round()) is None
            n_clean = n_clean + 1 if is_read and self._done.is_done else 0
            if n_clean == _CLEAN_ROUNDS:
                break
            if n_clean:
                await asyncio.sleep(4 * shortest)
                continue
            pause = shortest if is_read else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _round(self) -> None:
        """Read the account and act on it once; what stands in the result is from before the acts."""
        done, venue = self._done, self._venue
        done.holdings = done.working = None
        # In this order: what fills between the two readings is held by the second.
        done.working = working = await venue.working()
        done.holdings = holdings = await venue.holdings()
        done.unknown.clear()
        held = {holding.symbol for holding in holdings}
        # A stop stays until there is nothing that it protects.
        canceled = [order for order in working if order.symbol not in held or not order.reduces]
        works = [self._cancel(order) for order in canceled] + [self._close(holding) for holding in holdings]
        if canceled:
            named = [{"symbol": order.symbol, "name": order.name} for order in canceled]
            self._tell("cancel", orders=named)
        await self._together(works)

    async def _cancel(self, order: WorkingOrder) -> None:
        cancel = self._venue.cancel_stop if order.is_conditional else self._venue.cancel_order
        async with self._at_once:
            is_sent = await self._is_taken(order.name, cancel(order.symbol, order.name))
        if is_sent:
            self._note("canceled", name=order.name)
            self._done.canceled.append(order.name)

    async def _close(self, holding: AccountPosition) -> None:
        if holding.is_hedged:
            self._fault(f"{holding.symbol} is held in hedge mode; expected one-way mode: close it by hand")
            return
        terms = await self._venue.closing_terms(holding.symbol)
        n_steps, rest = self._rounds_of[holding.symbol], holding.quantity
        self._rounds_of[holding.symbol] += 1
        while rest:  # parts of one round have one collar; what they leave has the next
            step = flatten_step(ToClose(rest, holding.mark_price), n_steps, terms=terms)
            if not isinstance(step, CloseOrder):
                return
            await self._close_part(holding.symbol, step)
            rest -= step.quantity.copy_sign(rest)

    async def _close_part(self, symbol: str, step: CloseOrder) -> None:
        self._number += 1
        name = f"{KILL_PREFIX}{self._begun_ms:x}-{self._number}"
        self._tell("close", symbol=symbol, name=name, **step._asdict())
        now_ms = await self._venue.now_ms()
        order = MarketOrder(name, symbol, step.side, step.quantity, now_ms, True, step.price)
        # What becomes of it is told by the next reading: one that only reduces may be sent again.
        self._done.sent.append(name)
        if await self._is_taken(name, self._venue.send(order)):
            self._note("accepted", name=name)

    async def _is_taken(self, name: str, request: Awaitable[Any]) -> bool:
        """Ask something about an order, which is not known until that is answered or the account is read."""
        self._done.unknown.append(name)
        failure = await self._try(f"order {name}", request)
        if not isinstance(failure, OutcomeUnknown):
            self._done.unknown.remove(name)
        return failure is None

    async def _together(self, works: Iterable[Awaitable[None]]) -> None:
        for failure in await asyncio.gather(*works, return_exceptions=True):
            if isinstance(failure, Exception):
                self._fault(with_its_kind(failure))
            elif isinstance(failure, BaseException):
                raise failure

    async def _try(self, what: str, work: Awaitable[Any]) -> Exception | None:
        try:
            await work
        except ExchangeError as error:
            self._fault(f"{what}: {error}")
            return error
        except Exception as error:  # noqa: BLE001 - an answer that nobody expected must not end the last resort
            self._fault(f"{what}: {with_its_kind(error)}")
            return error
        return None

    def _fault(self, sentence: str) -> None:
        if sentence not in self._done.faults:
            self._done.faults.append(sentence)
            self._tell_person(sentence)
        self._tell("fault", sentence=sentence)

    def _tell(self, what: str, **told: Any) -> None:
        self._journal.write(what, **told)

    def _note(self, what: str, **told: Any) -> None:
        """Write what was answered; the next line that must be on the disk takes it along."""
        self._journal.write(what, is_urgent=False, **told)
