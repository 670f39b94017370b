"""Settings of an account at Binance USDⓈ-M: its modes, and margin type and leverage of a symbol."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.exchange.errors import has_code
from quant_pipelines.exchange.venue_limits import max_leverage_of
from quant_pipelines.exchange.venue_rows import flag_of
from quant_pipelines.trading.modes import AccountModes

_ALREADY_SO = ("-4046",)
_OF_MODES = ("-4061", "-4531")
"""Refusals of orders that mean that the account is in another mode than it was."""
_NO_PORTFOLIO_MARGIN = ("-21001", "-9000")
_CONFIG = "ACCOUNT_CONFIG_UPDATE"


class SymbolConfig(NamedTuple):
    """Margin type and leverage of a symbol."""

    margin_type: str
    leverage: int

    def __str__(self) -> str:
        return f"margin {self.margin_type}, leverage {self.leverage}"


class Ask(Protocol):
    """Who asks the exchange within its budget."""

    async def __call__(
        self,
        what: str,
        call: Any,
        parameters: dict[str, Any],
        *,
        weight: int,
        read: Callable[[Any], Any] = ...,
    ) -> Any:
        """Return what is read of a call's answer; its errors are of our tree."""


class AccountSettings:
    """Reads and sets them.

    Parameters
    ----------
    client
        ccxt's client with our taps.
    ask
        Who asks.
    market_id
        The venue's name of a symbol.
    """

    def __init__(self, client: Any, ask: Ask, market_id: Callable[[str], Awaitable[str]]) -> None:
        self._client = client
        self._ask = ask
        self._market_id = market_id
        self._changed = asyncio.Event()
        client.raw_taps.append(self._hear)

    async def modes(self) -> AccountModes:
        """Modes that the account is in.

        Raises
        ------
        ExchangeUnavailable, ExchangeRefused
            If they can't be read.
        """
        what = "modes of the account"
        flags = await self._ask(what, self._client.fapiPrivateGetAccountConfig, {}, weight=5, read=_flags_of)
        has_hedge, has_multi_assets = flags
        return AccountModes(has_hedge, has_multi_assets, await self._has_portfolio_margin())

    async def _has_portfolio_margin(self) -> bool:
        if "sapi" not in self._client.urls["api"]:
            return False  # a demo venue has no wallet
        try:
            await self._ask("portfolio margin", self._client.sapiGetPortfolioAccount, {}, weight=1)
        except ExchangeRefused as error:
            if has_code(error, *_NO_PORTFOLIO_MARGIN):
                return False
            raise
        return True

    async def prepare(self, symbol: str, leverage: int) -> str:
        """Set and verify cross margin and leverage of a symbol; returns what was otherwise, in one clause.

        Raises
        ------
        ExchangeRefused
            If the venue does not take them, keeps others, or has lowered what it allows since it took them.
        """
        market_id, wanted = await self._market_id(symbol), SymbolConfig("CROSSED", leverage)
        if leverage > (highest := await self._max_leverage(market_id)):
            raise ExchangeRefused(
                f"{symbol} takes leverage {highest} at most; expected {leverage}, as is set"
            )
        found = await self._of_symbol(market_id)
        if found == wanted:
            return ""
        if found.margin_type != wanted.margin_type:
            await self._set(
                f"cross margin of {symbol}", "MarginType", {"symbol": market_id, "marginType": "CROSSED"}
            )
        if found.leverage != leverage:
            await self._set(
                f"leverage of {symbol}", "Leverage", {"symbol": market_id, "leverage": str(leverage)}
            )
        now = await self._of_symbol(market_id)
        if now != wanted:
            raise ExchangeRefused(f"{symbol} has {now}; expected {wanted}")
        return f"{symbol} has {found}"

    async def changed(self) -> None:
        """Return once the venue has told of changed settings, or refused an order because of them."""
        await self._changed.wait()
        self._changed.clear()

    def note_refusal(self, refusal: ExchangeRefused) -> None:
        """Know why an order was refused."""
        if has_code(refusal, *_OF_MODES):
            self._changed.set()

    def _hear(self, message: Any) -> None:
        if isinstance(message, dict) and message.get("e") == _CONFIG:
            self._changed.set()

    async def _max_leverage(self, market_id: str) -> int:
        call, wanted = self._client.fapiPrivateGetLeverageBracket, {"symbol": market_id}
        highest = await self._ask(f"brackets of {market_id}", call, wanted, weight=1, read=max_leverage_of)
        return int(highest)

    async def _of_symbol(self, market_id: str) -> SymbolConfig:
        call = self._client.fapiPrivateGetSymbolConfig
        what, wanted = f"settings of {market_id}", {"symbol": market_id}
        return SymbolConfig(*await self._ask(what, call, wanted, weight=5, read=_config_of))

    async def _set(self, what: str, name: str, parameters: dict[str, str]) -> None:
        try:
            await self._ask(what, getattr(self._client, f"fapiPrivatePost{name}"), parameters, weight=1)
        except ExchangeRefused as error:
            if not has_code(error, *_ALREADY_SO):
                raise


def _flags_of(told: dict[str, Any]) -> tuple[bool, bool]:
    return flag_of(told, "dualSidePosition"), flag_of(told, "multiAssetsMargin")


def _config_of(rows: list[dict[str, Any]]) -> SymbolConfig:
    return SymbolConfig(str(rows[0]["marginType"]), int(rows[0]["leverage"]))
