"""Which account a deployment may trade, and the one client that each account has."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.rate_budget import RateLedger
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.venue import OrderVenue

_log = logging.getLogger(__name__)

Connect = Callable[[Settings], Any]
"""Opens a client of the configured exchange; an async context manager that yields an ``OrderVenue``."""


class KeyPair(NamedTuple):
    """Key and secret of an account, empty where there are none."""

    key: str = ""
    secret: str = ""


def refusal(deployment: Deployment, settings: Settings, *, is_approved: bool) -> str:
    """Why the deployment may not trade its account, in one sentence; empty when it may.

    Parameters
    ----------
    deployment
        Row with its stage and its account's venue.
    settings
        Exchange, and the runner's mode.
    is_approved
        Whether the audit log holds an approval of real orders.
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
    return "" if exchange.base_url is not None else _real_refusal(deployment, settings, is_approved)


def _real_refusal(deployment: Deployment, settings: Settings, is_approved: bool) -> str:
    would = f"{deployment.key} would send real orders to {deployment.venue}"
    if settings.runner.mode != "live":
        return f"{would}, and runner.mode is {settings.runner.mode!r}"
    return "" if is_approved else f"{would}, and no operator has approved that"


class OrderVenues:
    """Clients by account, opened when the first deployment needs one.

    Parameters
    ----------
    settings
        Settings of the process.
    connect
        Opens a client.
    """

    def __init__(self, settings: Settings, connect: Connect) -> None:
        self._settings = settings
        self._connect = connect
        self._open: dict[int, OrderVenue] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._open.clear()
        await self._stack.aclose()

    async def of(self, deployment: Deployment, *, is_approved: bool) -> OrderVenue | None:
        """Client of a deployment's account; None for paper.

        Raises
        ------
        ConfigurationError
            If it may not trade.
        """
        if reason := refusal(deployment, self._settings, is_approved=is_approved):
            raise ConfigurationError(reason)
        if deployment.venue == PAPER_VENUE:
            return None
        if deployment.account_id not in self._open:
            client = self._connect(self._settings)
            self._open[deployment.account_id] = await self._stack.enter_async_context(client)
            _log.info("account opened", extra={"account": deployment.account_id, "venue": deployment.venue})
        return self._open[deployment.account_id]


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
