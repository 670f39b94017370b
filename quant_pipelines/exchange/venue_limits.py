"""Reads what Binance USDⓈ-M takes of symbols now: its list of contracts, and the account's brackets."""

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.venue_limits import VenueLimits

Told = TypeVar("Told")
_Ask = Callable[..., Awaitable[Any]]


async def read_limits(client: Any, ask: _Ask, symbols: Iterable[str]) -> list[VenueLimits]:
    """Read the limits of symbols that are still listed; what the client rounds to follows them.

    Parameters
    ----------
    client
        Of ccxt.
    ask
        Asks the venue within its weight: what, call, parameters, and ``weight``.
    symbols
        Whose.

    Raises
    ------
    ExchangeUnavailable, ExchangeRefused
        If the venue does not answer or refuses, or answers what can't be read.
    """
    brackets = await ask("brackets", client.fapiPrivateGetLeverageBracket, {}, weight=1)
    await ask("contracts", lambda _: client.load_markets(True), {}, weight=1)
    listed = (client.markets[symbol] for symbol in symbols if symbol in client.markets)
    try:
        rows = {row["symbol"]: row["brackets"] for row in brackets}
        return [_limits_of(market, rows[market["id"]]) for market in listed]
    except (KeyError, TypeError, ArithmeticError, ValueError) as error:
        raise ExchangeUnavailable(f"exchange told limits that can't be read: {error!r}") from error


def brackets_of(answer: list[dict[str, Any]]) -> tuple[Bracket, ...]:
    """Maintenance brackets of the one symbol that was asked for, lowest first.

    Raises
    ------
    ExchangeUnavailable
        If the answer can't be read.
    """
    return _read_of_one(answer, _brackets)


def max_leverage_of(answer: list[dict[str, Any]]) -> int:
    """Highest leverage of the one symbol that was asked for, that of its smallest positions.

    Raises
    ------
    ExchangeUnavailable
        If the answer can't be read.
    """
    return _read_of_one(answer, lambda in_order: int(in_order[0]["initialLeverage"]))


def _read_of_one(answer: list[dict[str, Any]], read: Callable[[list[dict[str, Any]]], Told]) -> Told:
    try:
        [row] = answer
        return read(_in_order(row["brackets"]))
    except (KeyError, IndexError, TypeError, ArithmeticError, ValueError) as error:
        raise ExchangeUnavailable(f"exchange told brackets that can't be read: {error!r}") from error


def _limits_of(market: dict[str, Any], rows: list[dict[str, Any]]) -> VenueLimits:
    precision, limits = market["precision"], market["limits"]
    largest = limits["market"]["max"]
    in_order = _in_order(rows)
    return VenueLimits(
        market["symbol"],
        Decimal(str(precision["price"])),
        Decimal(str(precision["amount"])),
        Decimal(str(limits["cost"]["min"] or 0)),
        Decimal(str(largest)) if largest else None,
        int(in_order[0]["initialLeverage"]),
        _brackets(in_order),
    )


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: float(row["notionalFloor"]))


def _brackets(in_order: list[dict[str, Any]]) -> tuple[Bracket, ...]:
    return tuple(
        Bracket(float(row["notionalFloor"]), float(row["maintMarginRatio"]), float(row["cum"]))
        for row in in_order
    )
