"""The accounts that one writer trades: the books of each, its limits, its alerts and its hard stop."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import Engine

from live_runner.book.account import AccountBooks, AccountTerms, PricesOf
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.settings import RunnerSettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert, write_halt
from quant_pipelines.store.outages import follow_standing
from quant_pipelines.trading.breaker import Trip

RISK = "risk"
"""Scope of alerts about an account's levels; their source names the account and the level behind colons."""


def account_key(account_id: int) -> str:
    """Name of one account in alerts and halts; ``account`` alone is all of them."""
    return f"account:{account_id}"


class Accounts:
    """Books by account.

    Parameters
    ----------
    engine
        Product database.
    settings
        How long a breaker cools down, and what may not be opened.
    prices_of
        Prices of a symbol as they are now.
    """

    def __init__(self, engine: Engine, settings: RunnerSettings, prices_of: PricesOf) -> None:
        self._engine = engine
        self._settings = settings
        self._prices_of = prices_of
        self._accounts: dict[int, AccountBooks] = {}
        self._terms = AccountTerms(restricted=frozenset(settings.restricted_symbols))
        self._told: dict[int, dict[str, str]] = {}
        self._stopped: set[int] = set()

    def of(self, deployment: Deployment) -> AccountBooks:
        """Account of a deployment, which is counted in."""
        account = self._accounts.setdefault(deployment.account_id, AccountBooks(self._prices_of))
        account.follow(self._terms)
        account.expect(deployment.id, float(deployment.capital))
        return account

    def forget(self, deployment_id: int) -> None:
        """Count a deployment out."""
        for account in self._accounts.values():
            account.forget(deployment_id)

    def follow(
        self, limits: Mapping[str, dict[str, float]], halts: Mapping[str, tuple[Trip, ...]], now_ms: int
    ) -> None:
        """Trade within the limits of the scope ``account``, each account on its own; go on once re-armed."""
        in_force = AccountLimits.of(limits.get("account", {}))
        self._terms = AccountTerms(in_force, self._terms.restricted)
        for account in self._accounts.values():
            account.follow(self._terms)
        standing = {
            account_id
            for account_id in self._accounts
            if any(trip.event == "account_loss" for trip in halts.get(account_key(account_id), ()))
        }
        for account_id in self._stopped - standing:
            self._accounts[account_id].rearm(now_ms)
        self._stopped = standing

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
            reason = "" if account_id in self._stopped else account.hard_stop(now_ms)
            if reason:
                cools_until_ms = now_ms + int(self._settings.breaker_cooldown_minutes * MINUTE_MS)
                trip = Trip("account_loss", reason, cools_until_ms)
                key, at = account_key(account_id), from_ms(now_ms)
                await asyncio.to_thread(write_halt, self._engine, key, trip, at)
                self._stopped.add(account_id)
                has_stopped = True
        return has_stopped

    async def _alert(self, account_id: int, levels: dict[str, str], now_ms: int) -> None:
        told = self._told.get(account_id)  # None: an earlier life may have left some standing
        if told is not None and told.keys() == levels.keys():
            return
        scope, at = f"{RISK}:{account_key(account_id)}", from_ms(now_ms)
        found = [Alert("warning", f"{scope}:{name}", words, at) for name, words in levels.items()]
        await asyncio.to_thread(follow_standing, self._engine, scope, found, at)
        self._told[account_id] = levels
