"""Whether a deployment that is traded would go on with parameters, a scale or a specification of before."""

import asyncio

from live_runner.book.trader import Trader
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import MarketRows
from quant_pipelines.store.tables.trading import PAPER_VENUE


class Scales:
    """Factors of prices that each deployment's bars were read in."""

    def __init__(self, market: MarketRows) -> None:
        self._market = market
        self._known: dict[int, tuple[PriceFactor, ...]] = {}

    async def note(self, deployment: Deployment) -> None:
        """Note the factors before anything is read in them."""
        self._known[deployment.id] = await self._factors(deployment)

    def forget(self, deployment_id: int) -> None:
        """Forget a deployment that is traded no more."""
        self._known.pop(deployment_id, None)

    async def is_outdated(self, deployment: Deployment, trader: Trader) -> bool:
        """Whether it would go on with parameters, a specification or a scale of its bars of before."""
        if trader.plan.deployment.parameters != deployment.parameters:
            return True
        if await self._factors(deployment) != self._known[deployment.id]:
            return True
        known = trader.plan.deployment
        if deployment.venue == PAPER_VENUE:
            return known.specifications != deployment.specifications
        return known.instrument != deployment.instrument  # a venue's book knows the newest alone

    async def _factors(self, deployment: Deployment) -> tuple[PriceFactor, ...]:
        return await asyncio.to_thread(self._market.factors, deployment.exchange, deployment.symbol)
