"""Contract specifications as the venue publishes them: ``exchangeInfo`` and ``fundingInfo``."""

from collections.abc import Iterable
from typing import Any

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort

REQUEST_WEIGHT_PER_MINUTE = 240_000
"""A hundred times the exchange's own budget: the simulator is there to be read quickly."""

WEIGHT_LIMIT: dict[str, Any] = {
    "rateLimitType": "REQUEST_WEIGHT",
    "interval": "MINUTE",
    "intervalNum": 1,
    "limit": REQUEST_WEIGHT_PER_MINUTE,
}
ORDER_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]
"""Orders that an account may send."""

NEVER_MS = 4_133_404_800_000
"""Delivery date of a contract that stays."""
_ORDER_TYPES = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]


def exchange_info(market: MarketPort, now_ms: int, *, only_trading: bool = False) -> dict[str, Any]:
    """Body of ``GET /fapi/v1/exchangeInfo``; what is not played at the moment is not trading."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            WEIGHT_LIMIT,
            *ORDER_LIMITS,
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [
            _contract(market, listing, now_ms)
            for listing in market.listings.values()
            if market.is_trading(listing.name, now_ms) or not only_trading
        ],
    }


def funding_info(listings: Iterable[Listing]) -> list[dict[str, Any]]:
    """Body of ``GET /fapi/v1/fundingInfo``: the contracts whose interval or bounds differ from 8 hours."""
    return [
        {
            "symbol": listing.name,
            "adjustedFundingRateCap": "0.00300000",
            "adjustedFundingRateFloor": "-0.00300000",
            "fundingIntervalHours": listing.funding_interval_hours,
            "disclaimer": False,
        }
        for listing in listings
        if listing.funding_interval_hours != 8
    ]


def _contract(market: MarketPort, listing: Listing, now_ms: int) -> dict[str, Any]:
    return {
        "symbol": listing.name,
        "pair": listing.name,
        "contractType": "PERPETUAL",
        "deliveryDate": market.ends_ms(listing.name) or NEVER_MS,
        "onboardDate": market.listed_ms(listing.name),
        "status": _status(market, listing.name, now_ms),
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": listing.price_precision,
        "quantityPrecision": listing.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["Layer-1"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(listing),
        "orderTypes": _ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _status(market: MarketPort, name: str, now_ms: int) -> str:
    if now_ms >= (market.ends_ms(name) or NEVER_MS):
        return "SETTLING"
    return "TRADING" if market.is_trading(name, now_ms) else "PENDING_TRADING"


def _filters(listing: Listing) -> list[dict[str, Any]]:
    largest = f"{10_000_000 / listing.start_price:.{listing.quantity_decimals}f}"
    quantity = {"minQty": listing.lot_size, "maxQty": largest, "stepSize": listing.lot_size}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": listing.tick_size,
            "maxPrice": f"{listing.start_price * 100:.{listing.price_decimals}f}",
            "tickSize": listing.tick_size,
        },
        {"filterType": "LOT_SIZE", **quantity},
        {"filterType": "MARKET_LOT_SIZE", **quantity},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": listing.min_notional},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]
