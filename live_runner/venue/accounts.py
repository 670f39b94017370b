"""Which account a deployment may trade, and the one client that each account has."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple, Self

from live_runner.venue.account_check import AccountCheck, Warn
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.venue import OrderVenue

_CHECK_SECONDS = 0.5

_log = logging.getLogger(__name__)

Connect = Callable[[Settings], Any]
"""Opens a client of the configured exchange; an async context manager that yields an ``OrderVenue``."""


class KeyPair(NamedTuple):
    """Key and secret of an account, empty where there are none."""

    key: str = ""
    secret: str = ""


def refusal(deployment: Deployment, settings: Settings, permits: Permits) -> str:
    """Why the deployment may not trade its account, in one sentence; empty when it may.

    Parameters
    ----------
    deployment
        Row with its stage and its account's venue.
    settings
        Exchange, and the runner's mode.
    permits
        What the database holds in favour of real orders.
    """
    exchange, stage, venue = settings.exchange, deployment.stage, deployment.venue
    is_of_venue = venue != PAPER_VENUE
    if not deployment.is_leaving and is_of_venue != (stage in ORDER_STAGES):
        wanted = "the paper account" if is_of_venue else f"the account at {exchange.id}"
        return f"{deployment.key} is in stage {stage} on an account at {venue}; expected {wanted}"
    if not is_of_venue:
        return ""
    if venue != exchange.id:
        return f"{deployment.key} trades an account at {venue}; expected one at exchange.id = {exchange.id}"
    return "" if exchange.base_url is not None else _real_refusal(deployment, settings, permits)


def _real_refusal(deployment: Deployment, settings: Settings, permits: Permits) -> str:
    would = f"{deployment.key} would send real orders to {deployment.venue}"
    if settings.runner.mode != "live":
        return f"{would}, and runner.mode is {settings.runner.mode!r}"
    return "" if permits.is_approved else f"{would}, and no operator has approved that"


def bar(exchange: str, settings: Settings, permits: Permits) -> str:
    """Why a deployment at an exchange may send nothing that opens, in one sentence; empty when it may.

    What it holds is covered and closed all the same: another version of the code must not abandon a position.
    """
    if settings.exchange.base_url is not None or permits.is_certified:
        return ""
    return (
        f"this code has no certificate at {exchange}; expected 'quant venue certify' with keys of its "
        "demo account"
    )


class OrderVenues:
    """Clients by account, opened when the first deployment needs one.

    Parameters
    ----------
    settings
        Settings of the process.
    connect
        Opens a client.
    warn
        Told what a person should mend about a key or an account.

    Notes
    -----
    What a key may do, and which modes an account is in, is read beside the talk with the venue: until that is
    known, and where it is not as it should be, nothing is opened, and what is held is covered.
    """

    def __init__(self, settings: Settings, connect: Connect, warn: Warn) -> None:
        self._settings = settings
        self._connect = connect
        self._warn = warn
        self._open: dict[int, OrderVenue] = {}
        self._checks: dict[int, AccountCheck] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    @property
    def opened(self) -> Mapping[int, OrderVenue]:
        """Clients by account."""
        return self._open

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._open.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def of(self, deployment: Deployment, permits: Permits) -> OrderVenue | None:
        """Client of a deployment's account; None for paper.

        Raises
        ------
        ConfigurationError
            If it may not trade.
        """
        if reason := refusal(deployment, self._settings, permits):
            raise ConfigurationError(reason)
        if deployment.venue == PAPER_VENUE:
            return None
        if deployment.account_id not in self._open:
            client = self._connect(self._settings)
            venue: OrderVenue = await self._stack.enter_async_context(client)
            self._open[deployment.account_id] = venue
            await self._begin_check(deployment.account_id, venue)
            _log.info("account opened", extra={"account": deployment.account_id, "venue": deployment.venue})
        return self._open[deployment.account_id]

    def fault(self, account_id: int) -> str:
        """Why nothing may be opened with an account, in one sentence; empty when it may."""
        check = self._checks.get(account_id)
        return check.fault if check is not None else ""

    async def _begin_check(self, account_id: int, venue: OrderVenue) -> None:
        """Have the account checked, and wait a moment: as a rule it is known before the first decision."""
        check = AccountCheck(self._settings.exchange.id, venue, self._warn)
        self._checks[account_id] = check
        self._tasks.append(asyncio.create_task(check.run(), name=f"check of account {account_id}"))
        with suppress(TimeoutError):
            async with asyncio.timeout(_CHECK_SECONDS):
                await check.known.wait()


def orders_with(
    find_keys: Callable[[str], KeyPair], clock: Clock, ledger: RateLedger | None = None
) -> Connect:
    """Connect through ccxt with the keys that are found when an account is opened.

    Parameters
    ----------
    find_keys
        Finds them by ccxt id; not asked for a simulated venue, which must never see real ones.
    clock
        Milliseconds UTC.
    ledger
        Request budget shared with other processes.
    """

    def connect(settings: Settings) -> CcxtOrders:
        is_real = settings.exchange.base_url is None
        key, secret = find_keys(settings.exchange.id) if is_real else KeyPair()
        return CcxtOrders(settings.exchange, key, secret, clock=clock, ledger=ledger)

    return connect


def ccxt_orders(key: str, secret: str) -> Connect:
    """Connect through ccxt with these keys."""
    return lambda settings: CcxtOrders(settings.exchange, key, secret)
