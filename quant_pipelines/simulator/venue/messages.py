"""What the user's stream says: one function for each event."""

from quant_pipelines.simulator.venue.documents import STP_MODE, Document, amount_text, break_even_text
from quant_pipelines.simulator.venue.margin import margins
from quant_pipelines.simulator.venue.records import ONE_WAY, ZERO, AlgoOrder, FillRecord, Order
from quant_pipelines.simulator.venue.state import Venue


def tell_order(venue: Venue, order: Order, execution: str, fill: FillRecord | None = None) -> None:
    """ORDER_TRADE_UPDATE: what happened to an order.

    Parameters
    ----------
    venue
        The venue.
    order
        The order as it is now.
    execution
        ``NEW``, ``TRADE``, ``CALCULATED`` (a liquidation's fill), ``CANCELED``, ``EXPIRED`` or ``AMENDMENT``.
    fill
        The fill, where there is one.
    """
    contract = venue.contracts[order.symbol]
    now = venue.now_ms
    document = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": "LIQUIDATION" if order.is_liquidation else order.kind,
        "f": order.time_in_force,
        "q": contract.quantity_text(order.quantity),
        "p": contract.price_text(order.price),
        "ap": f"{order.average_price:.{contract.price_decimals + 3}f}",
        "sp": contract.price_text(ZERO),
        "x": execution,
        "X": order.status,
        "i": order.number,
        "l": contract.quantity_text(fill.quantity if fill else ZERO),
        "z": contract.quantity_text(order.filled),
        "L": contract.price_text(fill.price if fill else ZERO),
        "n": amount_text(fill.fee if fill else ZERO),
        "N": "USDT",
        "T": order.updated_ms,
        "t": fill.number if fill else 0,
        "b": "0",
        "a": "0",
        "m": bool(fill and fill.is_maker),
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": "LIQUIDATION" if order.is_liquidation else order.kind,
        "ps": ONE_WAY,
        "cp": order.close_position,
        "rp": amount_text(fill.realized_pnl if fill else ZERO),
        "pP": False,
        "si": order.algo,
        "ss": 0,
        "V": order.self_trades,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
    }
    venue.ledger.tell({"e": "ORDER_TRADE_UPDATE", "E": now, "T": order.updated_ms, "o": document})


def tell_algo(venue: Venue, algo: AlgoOrder, *, child: Order | None = None, reason: str = "") -> None:
    """ALGO_UPDATE: what happened to a conditional order."""
    contract = venue.contracts[algo.symbol]
    document = {
        "caid": algo.client_id,
        "aid": algo.number,
        "at": "CONDITIONAL",
        "o": algo.kind,
        "s": algo.symbol,
        "S": algo.side,
        "ps": ONE_WAY,
        "f": algo.time_in_force,
        "q": contract.quantity_text(algo.quantity),
        "X": algo.status,
        "ai": str(algo.child) if algo.child else "",
        "ap": f"{child.average_price if child else 0:.{contract.price_decimals + 3}f}",
        "aq": contract.quantity_text(child.filled if child else ZERO),
        "act": child.kind if child else "0",
        "tp": contract.price_text(algo.trigger_price),
        "p": contract.price_text(algo.price),
        "V": STP_MODE,
        "wt": algo.working_type,
        "pm": algo.price_match,
        "cp": algo.close_position,
        "pP": algo.is_protected,
        "R": algo.reduce_only,
        "tt": algo.triggered_ms,
        "gtd": 0,
        "rm": reason,
    }
    venue.ledger.tell({"e": "ALGO_UPDATE", "E": venue.now_ms, "T": algo.updated_ms, "o": document})


def tell_account(venue: Venue, reason: str, *symbols: str, ts_ms: int) -> None:
    """ACCOUNT_UPDATE: the wallet and the positions that changed; ``reason`` such as ORDER or FUNDING_FEE."""
    ledger = venue.ledger
    wallet = ledger.account.wallet
    isolated = sum((position.isolated_wallet for position in ledger.positions.values()), ZERO)
    balance = {"a": "USDT", "wb": amount_text(wallet), "cw": amount_text(wallet - isolated), "bc": "0"}
    venue.ledger.tell(
        {
            "e": "ACCOUNT_UPDATE",
            "E": venue.now_ms,
            "T": ts_ms,
            "a": {"m": reason, "B": [balance], "P": [_position(venue, symbol) for symbol in symbols]},
        }
    )


def tell_leverage(venue: Venue, symbol: str) -> None:
    """ACCOUNT_CONFIG_UPDATE: a symbol's leverage."""
    now = venue.now_ms
    config = {"s": symbol, "l": venue.ledger.position(symbol).leverage}
    venue.ledger.tell({"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": config})


def tell_asset_mode(venue: Venue) -> None:
    """ACCOUNT_CONFIG_UPDATE: whether other assets count as margin."""
    now = venue.now_ms
    config = {"j": venue.ledger.account.has_multi_assets}
    venue.ledger.tell({"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ai": config})


def tell_margin_call(venue: Venue, symbol: str) -> None:
    """MARGIN_CALL: a position is close to its liquidation."""
    position, of = venue.ledger.position(symbol), margins(venue, symbol)
    document = {
        "s": symbol,
        "ps": ONE_WAY,
        "pa": venue.contracts[symbol].quantity_text(position.quantity),
        "mt": "ISOLATED" if position.is_isolated else "CROSSED",
        "iw": amount_text(position.isolated_wallet),
        "mp": amount_text(venue.quote(symbol).mark),
        "up": amount_text(of.profit),
        "mm": amount_text(of.maintenance),
    }
    isolated = sum((other.isolated_wallet for other in venue.ledger.positions.values()), ZERO)
    wallet = amount_text(venue.ledger.account.wallet - isolated)
    venue.ledger.tell({"e": "MARGIN_CALL", "E": venue.now_ms, "cw": wallet, "p": [document]})


def _position(venue: Venue, symbol: str) -> Document:
    position, contract = venue.ledger.position(symbol), venue.contracts[symbol]
    return {
        "s": symbol,
        "pa": contract.quantity_text(position.quantity),
        "ep": f"{position.entry_price:.{contract.price_decimals + 3}f}",
        "bep": break_even_text(position, contract),
        "cr": amount_text(position.realized_pnl),
        "up": amount_text(margins(venue, symbol).profit),
        "mt": "isolated" if position.is_isolated else "cross",
        "iw": amount_text(position.isolated_wallet),
        "ps": ONE_WAY,
        "ma": "USDT",
    }
