"""Which account a deployment may trade, and the one client that each account has."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.certificate import key_fault, key_warnings
from quant_pipelines.trading.venue import OrderVenue

_log = logging.getLogger(__name__)

Connect = Callable[[Settings], Any]
"""Opens a client of the configured exchange; an async context manager that yields an ``OrderVenue``."""


Warn = Callable[[str], Awaitable[None]]


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
    if not permits.is_approved:
        return f"{would}, and no operator has approved that"
    if permits.is_certified:
        return ""
    return f"{would}, and this code has no certificate there; expected 'quant venue certify' with demo keys"


class OrderVenues:
    """Clients by account, opened when the first deployment needs one.

    Parameters
    ----------
    settings
        Settings of the process.
    connect
        Opens a client.
    warn
        Told what a person should mend about a key.
    """

    def __init__(self, settings: Settings, connect: Connect, warn: Warn) -> None:
        self._settings = settings
        self._connect = connect
        self._warn = warn
        self._open: dict[int, OrderVenue] = {}
        self._stack = AsyncExitStack()

    @property
    def opened(self) -> Mapping[int, OrderVenue]:
        """Clients by account."""
        return self._open

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._open.clear()
        await self._stack.aclose()

    async def of(self, deployment: Deployment, permits: Permits) -> OrderVenue | None:
        """Client of a deployment's account; None for paper.

        Raises
        ------
        ConfigurationError
            If it may not trade, or its key may do more than that.
        ExchangeError
            If the venue does not tell what the key may do.
        """
        if reason := refusal(deployment, self._settings, permits):
            raise ConfigurationError(reason)
        if deployment.venue == PAPER_VENUE:
            return None
        if deployment.account_id not in self._open:
            self._open[deployment.account_id] = await self._opened()
            _log.info("account opened", extra={"account": deployment.account_id, "venue": deployment.venue})
        return self._open[deployment.account_id]

    async def _opened(self) -> OrderVenue:
        """Open a client whose key may trade and nothing else; a refused one is closed again."""
        async with AsyncExitStack() as stack:
            venue: OrderVenue = await stack.enter_async_context(self._connect(self._settings))
            permissions = await venue.permissions()
            if fault := key_fault(permissions):
                raise ConfigurationError(f"{self._settings.exchange.id}: {fault}")
            for sentence in key_warnings(permissions, from_ms(await venue.now_ms())):
                await self._warn(f"{self._settings.exchange.id}: {sentence}")
            self._stack.push_async_callback(stack.pop_all().aclose)
        return venue


def orders_with(find_keys: Callable[[str], KeyPair], ledger: RateLedger | None = None) -> Connect:
    """Connect through ccxt with the keys that are found when an account is opened.

    Parameters
    ----------
    find_keys
        Finds them by ccxt id; not asked for a simulated venue, which must never see real ones.
    ledger
        Request budget shared with other processes.
    """

    def connect(settings: Settings) -> CcxtOrders:
        is_real = settings.exchange.base_url is None
        key, secret = find_keys(settings.exchange.id) if is_real else KeyPair()
        return CcxtOrders(settings.exchange, key, secret, ledger=ledger)

    return connect


def ccxt_orders(key: str, secret: str) -> Connect:
    """Connect through ccxt with these keys."""
    return lambda settings: CcxtOrders(settings.exchange, key, secret)
