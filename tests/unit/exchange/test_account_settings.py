"""A leverage that the venue allows no more is a fault, also where the venue still shows it."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.exchange.account_settings import AccountSettings


class Asked:
    """A venue whose symbol has a leverage of 5, and allows so much."""

    def __init__(self, highest: int) -> None:
        bracket = {"notionalFloor": 0, "maintMarginRatio": 0.01, "cum": 0.0, "initialLeverage": highest}
        self._answers = {
            "config": [{"marginType": "CROSSED", "leverage": 5}],
            "brackets": [{"symbol": "X", "brackets": [bracket]}],
        }

    async def ask(
        self,
        _what: str,
        call: str,
        _parameters: Any,
        *,
        weight: int,
        read: Callable[[Any], Any] = lambda told: told,
    ) -> Any:
        assert weight
        return read(self._answers[call])


async def market_id(_symbol: str) -> str:
    return "X"


def prepared(highest: int) -> str:
    calls = {"fapiPrivateGetSymbolConfig": "config", "fapiPrivateGetLeverageBracket": "brackets"}
    settings = AccountSettings(SimpleNamespace(raw_taps=[], **calls), Asked(highest).ask, market_id)
    return asyncio.run(settings.prepare("X/USDT:USDT", 5))


@pytest.mark.parametrize("highest", [5, 125])
def test_a_leverage_that_is_allowed_and_set_is_as_it_should_be(highest: int) -> None:
    assert prepared(highest) == ""


def test_a_leverage_above_what_the_venue_allows_is_refused_although_it_is_still_set() -> None:
    with pytest.raises(ExchangeRefused, match="X/USDT:USDT takes leverage 4 at most; expected 5"):
        prepared(4)
