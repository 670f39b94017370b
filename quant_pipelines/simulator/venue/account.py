"""The account as REST answers write it: balances, positions, settings, brackets, fees."""

from typing import Any

from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.brackets import largest_notional
from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.documents import Document, amount_text, break_even_text
from quant_pipelines.simulator.venue.margin import (
    Funds,
    bound_symbols,
    funds,
    liquidation_price_of,
    margins,
)
from quant_pipelines.simulator.venue.records import ONE_WAY, ZERO
from quant_pipelines.simulator.venue.requests import contract_for, contracts_for
from quant_pipelines.simulator.venue.state import Venue


def balance(venue: Venue, _query: Query) -> list[Document]:
    """``GET balance``."""
    of = funds(venue)
    return [
        {
            "accountAlias": "SgsR",
            "asset": "USDT",
            "balance": amount_text(of.wallet),
            "crossWalletBalance": amount_text(of.cross_wallet),
            "crossUnPnl": amount_text(of.cross_profit),
            "availableBalance": amount_text(of.available),
            "maxWithdrawAmount": amount_text(of.available),
            "marginAvailable": True,
            "updateTime": venue.ledger.played_ms,
        }
    ]


def account(venue: Venue, _query: Query) -> Document:
    """``GET v3/account``: symbols with a position or an open order."""
    symbols = [symbol for symbol in venue.contracts if symbol in bound_symbols(venue)]
    return _totals(venue) | {"positions": [_account_position(venue, symbol) for symbol in symbols]}


def account_of_all(venue: Venue, _query: Query) -> Document:
    """``GET v2/account``: every symbol, with its settings."""
    more = {"feeBurn": False, "tradeGroupId": -1}
    return _totals(venue) | more | {"positions": [_full_position(venue, name) for name in venue.contracts]}


def _totals(venue: Venue) -> Document:
    of = funds(venue)
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": venue.ledger.account.has_multi_assets,
        "totalInitialMargin": amount_text(of.position_margin + of.order_margin),
        "totalMaintMargin": amount_text(of.maintenance),
        "totalWalletBalance": amount_text(of.wallet),
        "totalUnrealizedProfit": amount_text(of.profit),
        "totalMarginBalance": amount_text(of.wallet + of.profit),
        "totalPositionInitialMargin": amount_text(of.position_margin),
        "totalOpenOrderInitialMargin": amount_text(of.order_margin),
        "totalCrossWalletBalance": amount_text(of.cross_wallet),
        "totalCrossUnPnl": amount_text(of.cross_profit),
        "availableBalance": amount_text(of.available),
        "maxWithdrawAmount": amount_text(of.available),
        "assets": [_asset(venue, of)],
    }


def position_risk(venue: Venue, query: Query) -> list[Document]:
    """``GET v3/positionRisk``: symbols with a position or an open order."""
    bound = bound_symbols(venue)
    return [_risk(venue, contract) for contract in contracts_for(venue, query) if contract.symbol in bound]


def position_risk_of_all(venue: Venue, query: Query) -> list[Document]:
    """``GET v2/positionRisk``: every symbol, with its settings."""
    rows = []
    for contract in contracts_for(venue, query):
        position = venue.ledger.position(contract.symbol)
        rows.append(
            {
                **_risk(venue, contract),
                "leverage": str(position.leverage),
                "maxNotionalValue": str(largest_notional(contract.brackets, position.leverage)),
                "marginType": "isolated" if position.is_isolated else "cross",
                "isAutoAddMargin": "false",
            }
        )
    return rows


def symbol_config(venue: Venue, query: Query) -> list[Document]:
    """``GET symbolConfig``."""
    rows = []
    for contract in contracts_for(venue, query):
        position = venue.ledger.position(contract.symbol)
        rows.append(
            {
                "symbol": contract.symbol,
                "marginType": "ISOLATED" if position.is_isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": position.leverage,
                "maxNotionalValue": str(largest_notional(contract.brackets, position.leverage)),
            }
        )
    return rows


def account_config(venue: Venue, _query: Query) -> Document:
    """``GET accountConfig``."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": venue.ledger.account.is_hedged,
        "updateTime": 0,
        "multiAssetsMargin": venue.ledger.account.has_multi_assets,
        "tradeGroupId": -1,
    }


def leverage_brackets(venue: Venue, query: Query) -> list[Document]:
    """``GET leverageBracket``."""
    return [
        {
            "symbol": contract.symbol,
            "notionalCoef": 1.0,
            "brackets": [
                {
                    "bracket": bracket.number,
                    "initialLeverage": bracket.leverage,
                    "notionalCap": int(bracket.cap),
                    "notionalFloor": int(bracket.floor),
                    "maintMarginRatio": float(bracket.ratio),
                    "cum": float(bracket.amount),
                }
                for bracket in contract.brackets
            ],
        }
        for contract in contracts_for(venue, query)
    ]


def commission_rate(venue: Venue, query: Query) -> Document:
    """``GET commissionRate``."""
    contract = contract_for(venue, query)
    return {
        "symbol": contract.symbol,
        "makerCommissionRate": f"{contract.maker_fee:.6f}",
        "takerCommissionRate": f"{contract.taker_fee:.6f}",
    }


def adl_quantiles(venue: Venue, query: Query) -> list[Document]:
    """``GET adlQuantile``: of what is held; nobody is ever deleveraged here."""
    return [
        {"symbol": contract.symbol, "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0}}
        for contract in contracts_for(venue, query)
        if venue.ledger.position(contract.symbol).quantity
    ]


def position_mode(venue: Venue, _query: Query) -> Document:
    """``GET positionSide/dual``."""
    return {"dualSidePosition": venue.ledger.account.is_hedged}


def key_permissions(_venue: Venue, _query: Query) -> Document:
    """``GET sapi/v1/account/apiRestrictions``: the demo key trades, and moves no money."""
    forbidden = (
        "enableReading",
        "enableWithdrawals",
        "enableInternalTransfer",
        "enableMargin",
        "permitsUniversalTransfer",
        "enableVanillaOptions",
        "enableFixApiTrade",
        "enableFixReadOnly",
        "enableSpotAndMarginTrading",
        "enablePortfolioMarginTrading",
    )
    return {
        **dict.fromkeys(forbidden, False),
        "ipRestrict": True,
        "createTime": 0,
        "enableReading": True,
        "enableFutures": True,
    }


def _asset(venue: Venue, of: Funds) -> Document:
    return {
        "asset": "USDT",
        "walletBalance": amount_text(of.wallet),
        "unrealizedProfit": amount_text(of.profit),
        "marginBalance": amount_text(of.wallet + of.profit),
        "maintMargin": amount_text(of.maintenance),
        "initialMargin": amount_text(of.position_margin + of.order_margin),
        "positionInitialMargin": amount_text(of.position_margin),
        "openOrderInitialMargin": amount_text(of.order_margin),
        "crossWalletBalance": amount_text(of.cross_wallet),
        "crossUnPnl": amount_text(of.cross_profit),
        "availableBalance": amount_text(of.available),
        "maxWithdrawAmount": amount_text(of.available),
        "marginAvailable": True,
        "updateTime": venue.ledger.played_ms,
    }


def _account_position(venue: Venue, symbol: str) -> Document:
    row = _risk(venue, venue.contracts[symbol])
    names = ("symbol", "positionSide", "positionAmt", "isolatedMargin", "notional", "isolatedWallet")
    also = ("initialMargin", "maintMargin", "updateTime")
    return {name: row[name] for name in (*names, *also)} | {"unrealizedProfit": row["unRealizedProfit"]}


def _full_position(venue: Venue, symbol: str) -> Document:
    contract, position = venue.contracts[symbol], venue.ledger.position(symbol)
    row = _risk(venue, contract)
    names = ("entryPrice", "breakEvenPrice", "positionInitialMargin", "openOrderInitialMargin")
    return {
        **_account_position(venue, symbol),
        **{name: row[name] for name in (*names, "bidNotional", "askNotional")},
        "leverage": str(position.leverage),
        "isolated": position.is_isolated,
        "maxNotional": str(largest_notional(contract.brackets, position.leverage)),
    }


def _risk(venue: Venue, contract: Contract) -> dict[str, Any]:
    position, of = venue.ledger.position(contract.symbol), margins(venue, contract.symbol)
    mark = venue.quotes[contract.symbol].mark if contract.symbol in venue.quotes else position.entry_price
    entry = f"{position.entry_price:.{contract.price_decimals + 3}f}"
    isolated_margin = position.isolated_wallet + of.profit if position.is_isolated else ZERO
    liquidation = liquidation_price_of(venue, position)
    return {
        "symbol": contract.symbol,
        "positionSide": ONE_WAY,
        "positionAmt": contract.quantity_text(position.quantity),
        "entryPrice": entry,
        "breakEvenPrice": break_even_text(position, contract),
        "markPrice": amount_text(mark),
        "unRealizedProfit": amount_text(of.profit),
        "liquidationPrice": amount_text(liquidation) if liquidation else "0",
        "isolatedMargin": amount_text(isolated_margin) if position.is_isolated else "0",
        "notional": amount_text(of.notional),
        "marginAsset": "USDT",
        "isolatedWallet": amount_text(position.isolated_wallet) if position.is_isolated else "0",
        "initialMargin": amount_text(of.position_margin + of.order_margin),
        "maintMargin": amount_text(of.maintenance),
        "positionInitialMargin": amount_text(of.position_margin),
        "openOrderInitialMargin": amount_text(of.order_margin),
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.updated_ms,
    }
