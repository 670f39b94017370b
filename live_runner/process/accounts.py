"""The accounts that one writer trades: the books of each, its limits, its alerts and its hard stop."""

import asyncio
from collections.abc import Mapping

from live_runner.book.account import AccountBooks, AccountTerms, PricesOf
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.settings import RunnerSettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert, halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.breaker import Event, Trip

RISK = "risk"
"""Scope of alerts about an account's levels; their source names the account and the level behind colons."""


def account_key(account_id: int) -> str:
    """Name of one account in alerts and halts; ``account`` alone is all of them."""
    return f"account:{account_id}"


class Accounts:
    """Books by account.

    Parameters
    ----------
    journal
        Rows of the runner.
    settings
        How long a breaker cools down, and what may not be opened.
    prices_of
        Prices of a symbol as they are now.
    clock
        The exchange's time, milliseconds UTC.
    """

    def __init__(self, journal: Journal, settings: RunnerSettings, prices_of: PricesOf, clock: Clock) -> None:
        self._journal = journal
        self._settings = settings
        self._prices_of = prices_of
        self._clock = clock
        self._accounts: dict[int, AccountBooks] = {}
        self._terms = AccountTerms(restricted=frozenset(settings.restricted_symbols))
        self._told: dict[int, dict[str, str]] = {}
        self._stopped: set[int] = set()
        self._short: set[int] = set()

    def of(self, deployment: Deployment) -> AccountBooks:
        """Account of a deployment, which is counted in."""
        account = self._accounts.setdefault(deployment.account_id, AccountBooks(self._prices_of, self._clock))
        account.follow(self._terms)
        account.expect(deployment.id, float(deployment.capital))
        return account

    def know(self, account_id: int, funds: AccountFunds) -> None:
        """Take over what the venue says that an account has."""
        if account_id in self._accounts:
            self._accounts[account_id].know(funds)

    def forget(self, deployment_id: int) -> None:
        """Count a deployment out."""
        for account in self._accounts.values():
            account.forget(deployment_id)

    async def lose(self, deployment_id: int) -> None:
        """Note that a deployment could not be opened or taken up; only one without exposure is counted out.

        Raises
        ------
        StoreError
            If the database does not answer; it is expected all the same.
        """
        for account in self._accounts.values():
            if deployment_id in account.deployment_ids:
                account.lose(deployment_id)
        stored = await asyncio.to_thread(self._journal.read_book, deployment_id)
        if not stored.open_intents and not sum(fill.signed_quantity for fill in stored.fills):
            self.forget(deployment_id)

    def follow(
        self, limits: Mapping[str, dict[str, float]], halts: Mapping[str, tuple[Trip, ...]], now_ms: int
    ) -> None:
        """Trade within the limits of the scope ``account``, each account on its own; go on once re-armed."""
        in_force = AccountLimits.of(limits.get("account", {}))
        self._terms = AccountTerms(in_force, self._terms.restricted)
        for account in self._accounts.values():
            account.follow(self._terms)
        standing = self._standing("account_loss", halts)
        for account_id in self._stopped - standing:
            self._accounts[account_id].rearm(now_ms)
        self._stopped = standing
        self._short = self._standing("margin_short", halts)

    def _standing(self, event: Event, halts: Mapping[str, tuple[Trip, ...]]) -> set[int]:
        """Accounts for which an event stands."""
        return {
            account_id
            for account_id in self._accounts
            if any(trip.event == event for trip in halts.get(account_key(account_id), ()))
        }

    async def watch(self, now_ms: int) -> bool:
        """Write alerts that begin or end, and the hard stops of accounts; whether one was written.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        has_stopped = False
        for account_id, account in list(self._accounts.items()):  # one may come meanwhile
            await self._alert(account_id, account.alerts(), now_ms)
            reason = "" if account_id in self._stopped else account.hard_stop()
            if reason:
                await self._stop(account_id, "account_loss", reason, now_ms)
                self._stopped.add(account_id)
                has_stopped = True
        return has_stopped

    async def margin_short(self, account_id: int, reason: str, now_ms: int) -> None:
        """Close and halt an account before the venue closes it, once until a person re-arms it.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        if account_id not in self._short:
            await self._stop(account_id, "margin_short", reason, now_ms)
            self._short.add(account_id)

    async def _stop(self, account_id: int, event: Event, reason: str, now_ms: int) -> None:
        cools_until_ms = now_ms + int(self._settings.breaker_cooldown_minutes * MINUTE_MS)
        alert = halt_alert(account_key(account_id), Trip(event, reason, cools_until_ms), from_ms(now_ms))
        await asyncio.to_thread(self._journal.write_alert, alert)

    async def _alert(self, account_id: int, levels: dict[str, str], now_ms: int) -> None:
        told = self._told.get(account_id)  # None: an earlier life may have left some standing
        if told is not None and told.keys() == levels.keys():
            return
        scope, at = f"{RISK}:{account_key(account_id)}", from_ms(now_ms)
        found = [Alert("warning", f"{scope}:{name}", words, at) for name, words in levels.items()]
        await asyncio.to_thread(self._journal.follow_standing, scope, found, at)
        self._told[account_id] = levels
