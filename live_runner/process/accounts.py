"""The accounts that one writer trades: the books of each, its limits, its alerts and its hard stop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from live_runner.book.account import AccountBooks, AccountTerms, PricesOf
from live_runner.book.trader import Trader
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert, halt_alert
from quant_pipelines.store.journal import Controls, Journal
from quant_pipelines.trading.breaker import Event, Trip

RISK = "risk"
"""Scope of alerts about an account's levels; their source names the account and the level behind colons."""

_OF_ACCOUNTS: tuple[Event, ...] = ("account_loss", "margin_short", "rejects")
"""Events that the runner itself finds of a whole account."""

Restricted = Callable[[], frozenset[str]]


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
        How long a breaker cools down, and what may not be opened unless somebody else tells.
    prices_of
        Prices of a symbol as they are now.
    clock
        The exchange's time, milliseconds UTC.

    Attributes
    ----------
    restricted
        Tells in which symbols nothing may be opened now.
    is_known
        Whether the rows have told what accounts were worth.
    """

    def __init__(self, journal: Journal, settings: RunnerSettings, prices_of: PricesOf, clock: Clock) -> None:
        self._journal = journal
        self._settings = settings
        self._prices_of = prices_of
        self._clock = clock
        self._accounts: dict[int, AccountBooks] = {}
        self.restricted: Restricted = lambda: frozenset(settings.restricted_symbols)
        self._terms = AccountTerms(restricted=self.restricted())
        self._controls = Controls({}, {})
        self._gains: dict[int, float] = {}
        self.is_known = False
        self._told: dict[int, dict[str, str]] = {}
        self._standing: dict[Event, set[int]] = {event: set() for event in _OF_ACCOUNTS}

    def of(self, deployment: Deployment) -> AccountBooks:
        """Account of a deployment, which is counted in."""
        account_id = deployment.account_id
        if account_id not in self._accounts:
            account = self._accounts[account_id] = AccountBooks(self._prices_of, self._clock)
            account.recall_gain(self._gains.get(account_id, 0.0))
        account = self._accounts[account_id]
        account.follow(self._terms)
        account.expect(deployment.id, float(deployment.capital))
        self._rearm(account_key(account_id), account)
        return account

    @property
    def halts(self) -> tuple[Trip, ...]:
        """What stands of all accounts, whether anything trades or not."""
        return self._controls.halts.get("account", ())

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
        if stored.holds_nothing:
            self.forget(deployment_id)

    def follow(self, controls: Controls) -> None:
        """Trade within the limits of the scope ``account``, each account on its own; go on once re-armed."""
        in_force = AccountLimits.of(controls.limits.get("account", {}))
        self._terms = AccountTerms(in_force, self.restricted())
        self._controls = controls
        if not self.is_known:
            self._gains, self.is_known = dict(controls.gains), True
        for account in self._accounts.values():
            account.follow(self._terms)
        self._standing = {event: self._stands_for(event, controls.halts) for event in _OF_ACCOUNTS}
        for account_id, account in self._accounts.items():
            self._rearm(account_key(account_id), account)

    def _rearm(self, key: str, account: AccountBooks) -> None:
        """Count anew what people let go on; the rows know it, whatever has restarted since."""
        for source, event, at, equity, value in self._controls.rearmed:
            if event == "repeated_execution":
                for deployment_id in account.deployment_ids & {_deployment_of(source)}:
                    account.lift(deployment_id, to_ms(at))
            elif source == key and event == "account_loss":
                account.rearm(at, equity, value)
            elif source == key and event == "rejects":
                account.trust(to_ms(at))

    @property
    def documents(self) -> list[dict[str, Any]]:
        """What each account is worth, for the sign of life; a restart goes on from there."""
        waiting = {key: gain for key, gain in self._gains.items() if key not in self._accounts}
        nothing = {"nav": None, "capital": 0.0}
        return [
            *({"id": key, **account.worth()} for key, account in sorted(self._accounts.items())),
            *({"id": key, "peak_nav": gain, **nothing} for key, gain in sorted(waiting.items())),
        ]

    def _stands_for(self, event: Event, halts: Mapping[str, tuple[Trip, ...]]) -> set[int]:
        """Accounts for which an event stands."""
        return {
            account_id
            for account_id in self._accounts
            if any(trip.event == event for trip in halts.get(account_key(account_id), ()))
        }

    async def watch(self, now_ms: int) -> bool:
        """Write alerts that begin or end, and what trips the breakers of accounts; whether one was tripped.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        tripped = list[bool]()
        for account_id, account in list(self._accounts.items()):  # one may come meanwhile
            await self._alert(account_id, account.alerts(), now_ms)
            tripped.append(await self._trip(account_id, "account_loss", account.hard_stop(), now_ms))
            tripped.append(await self._trip(account_id, "rejects", account.rejects(now_ms), now_ms))
        return any(tripped)

    async def margin_short(self, account_id: int, reason: str, now_ms: int) -> None:
        """Close and halt an account before the venue closes it, once until a person re-arms it.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        await self._trip(account_id, "margin_short", reason, now_ms)

    async def _trip(self, account_id: int, event: Event, reason: str, now_ms: int) -> bool:
        """Trip an account's breaker if there is a reason and it does not stand; whether it was tripped."""
        if not reason or account_id in self._standing[event]:
            return False
        cools_until_ms = now_ms + int(self._settings.breaker_cooldown_minutes * MINUTE_MS)
        alert = halt_alert(account_key(account_id), Trip(event, reason, cools_until_ms), from_ms(now_ms))
        await asyncio.to_thread(self._journal.write_alert, alert)
        self._standing[event].add(account_id)
        return True

    async def _alert(self, account_id: int, levels: dict[str, str], now_ms: int) -> None:
        told = self._told.get(account_id)  # None: an earlier life may have left some standing
        if told is not None and told.keys() == levels.keys():
            return
        scope, at = f"{RISK}:{account_key(account_id)}", from_ms(now_ms)
        found = [Alert("warning", f"{scope}:{name}", words, at) for name, words in levels.items()]
        await asyncio.to_thread(self._journal.follow_standing, scope, found, at)
        self._told[account_id] = levels


def _deployment_of(source: str) -> int:
    """Id of the deployment that a source names; 0 for another source."""
    kind, _, number = source.partition(":")
    return int(number) if kind == "deployment" and number.isdecimal() else 0


def follow_halts(trader: Trader, halts: Mapping[str, tuple[Trip, ...]], of_contract: Trip | None) -> None:
    """Let a trader follow the halts of its deployment and its set, of the account and of its contract."""
    deployment = trader.plan.deployment
    sources = ("account", account_key(deployment.account_id), *deployment.names)
    standing = [trip for source in sources for trip in halts.get(source, ())]
    trader.follow(standing if of_contract is None else [*standing, of_contract])
