"""Watches what accounts have: balances and transfers each half minute, each day beside the venue's wallet."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import NamedTuple

from live_runner.ports.market_time import MarketTime
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.store.funds import FundsRows
from quant_pipelines.trading.funds import (
    MARGIN_ASSET,
    TRANSFERS,
    Balance,
    IncomeRow,
    margin_shortage,
    venue_change,
)
from quant_pipelines.trading.venue import OrderVenue

_SECONDS = 30.0
_NEW_SECONDS = 1.0
"""How often it is looked for accounts that were opened since."""
_TRANSFERS_LATE_MS = HOUR_MS
"""How late a transfer may show up at the venue, after its own time."""
_ZERO, _ROUNDING = Decimal(0), Decimal("0.01")
"""The venue tells wallet and income in eight digits; a cent is none that anybody moves."""
_DAY_SETTLES_MS = 10 * MINUTE_MS
"""How long after midnight a day is compared: its last fills and payments are booked by then."""

Short = Callable[[int, str], Awaitable[None]]
"""Told which account is short of margin, and why."""

Known = Callable[[int, AccountFunds], None]
"""Told what an account has."""

_log = logging.getLogger(__name__)


class _Explained(NamedTuple):
    """A wallet, quote, and the numbers of the income of late that is in it."""

    wallet: Decimal
    told: frozenset[str]


class FundsWatch:
    """Funds of the accounts that are open.

    Parameters
    ----------
    rows
        Where funds are kept.
    venues
        Accounts at venues.
    clock
        The exchange's time.
    short
        Told of an account that must be reduced before the venue does it.
    known
        Told what an account has.
    """

    def __init__(
        self,
        rows: FundsRows,
        venues: OrderVenues,
        clock: MarketTime,
        short: Short,
        known: Known = lambda _account_id, _funds: None,
    ) -> None:
        self._rows = rows
        self._venues = venues
        self._clock = clock
        self._short = short
        self._known = known
        self._explained: dict[int, _Explained] = {}
        self._peaks: dict[int, float] = {}

    async def run(self) -> None:
        """Watch until canceled.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        loop, due = asyncio.get_running_loop(), dict[int, float]()
        while True:
            for account_id, venue in list(self._venues.opened.items()):
                if loop.time() < due.get(account_id, 0.0):
                    continue
                due[account_id] = loop.time() + _SECONDS
                try:
                    if not await self.look(account_id, venue):
                        due[account_id] = loop.time() + _NEW_SECONDS
                except StoreError:
                    raise
                except Exception:  # noqa: BLE001 - an answer that nobody expected must not end what trades
                    _log.exception("funds not read", extra={"account": account_id})
            await asyncio.sleep(_NEW_SECONDS)

    async def look(self, account_id: int, venue: OrderVenue) -> bool:
        """Store the funds of an account, and compare its days that have ended; whether they were explained.

        A wallet that has changed by more than the venue's income tells is not taken over yet: the rest may be
        money on its way, which is neither profit nor loss.

        Raises
        ------
        ExchangeError
            If the venue does not answer.
        StoreError
            If the database does not.
        """
        now_ms = self._clock.now_ms()
        known_at = await asyncio.to_thread(self._rows.newest_at, account_id)
        known_ms = now_ms if known_at is None else min(now_ms, to_ms(known_at))
        recent = await venue.income(known_ms - _TRANSFERS_LATE_MS, now_ms + 1)
        balance = await venue.balance()  # after its transfers: one that is not in it yet comes next time
        if reason := margin_shortage(balance):
            await self._short(account_id, reason)
        if not self._is_explained(account_id, balance, recent):
            return False
        flows = [row for row in recent if row.kind in TRANSFERS and row.asset == MARGIN_ASSET]
        at = from_ms(now_ms)
        units = await asyncio.to_thread(self._rows.save_balance, account_id, balance, flows, at)
        start = await asyncio.to_thread(self._rows.day_start_value, account_id, at)
        peak = await self._peak_before(account_id)
        funds = AccountFunds(float(balance.margin), float(units), float(start), now_ms, peak)
        self._known(account_id, funds)
        await self._compare_days(account_id, venue, now_ms)
        return True

    async def _peak_before(self, account_id: int) -> float:
        """Return what a unit was worth at most before this process; the account goes on from there."""
        if account_id not in self._peaks:
            self._peaks[account_id] = float(await asyncio.to_thread(self._rows.peak_value, account_id))
        return self._peaks[account_id]

    def _is_explained(self, account_id: int, balance: Balance, recent: list[IncomeRow]) -> bool:
        """Whether the wallet has changed by the income that came since the last one that was explained."""
        told = {row.number: row.amount for row in recent if row.asset == MARGIN_ASSET}
        before = self._explained.get(account_id)
        new = sum((amount for number, amount in told.items() if before and number not in before.told), _ZERO)
        if before is not None and abs(balance.wallet - before.wallet - new) > _ROUNDING:
            return False
        self._explained[account_id] = _Explained(balance.wallet, frozenset(told))
        return True

    async def _compare_days(self, account_id: int, venue: OrderVenue, now_ms: int) -> None:
        today, at = from_ms(now_ms - _DAY_SETTLES_MS).date(), from_ms(now_ms)
        for day in await asyncio.to_thread(self._rows.due_days, account_id, today):
            start_ms = to_ms(datetime.combine(day, time(), UTC))
            changes = venue_change(await venue.income(start_ms, start_ms + DAY_MS))
            rest = await asyncio.to_thread(self._rows.compare_day, account_id, day, changes, at)
            _log.info("day compared", extra={"account": account_id, "day": f"{day}", "rest": rest})
