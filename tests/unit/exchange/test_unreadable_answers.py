"""JSON that means nothing is no word of the venue: a read is asked again, an order is looked up."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base.errors import AuthenticationError, InsufficientFunds
from ccxt.base.errors import ExchangeError as CcxtError

from quant_pipelines.core.errors import ExchangeError, ExchangeRefused, ExchangeUnavailable, OutcomeUnknown
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders, _taken
from quant_pipelines.trading.venue import LimitOrder, StopOrder

SYMBOL = "BTC/USDT:USDT"
STOP = {"clientAlgoId": "s1", "algoId": 7, "side": "SELL", "closePosition": True, "algoStatus": "NEW"}
ORDER = {"clientOrderId": "q1", "orderId": "1", "status": "NEW", "executedQty": "0", "price": "0"}
HELD = {"positionAmt": "1", "positionSide": "BOTH", "markPrice": "100"}
NOTHING: list[Any] = [{}, [], [{}], [[]], ["told"], {"data": [STOP]}, {"algoId": 7, "orderId": 1}]


class Answering(CcxtOrders):
    """A venue that answers every call of its client with a document, or with what that raises."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(ExchangeSettings(base_url="http://127.0.0.1:9"), "", "")
        self.answers, self.n_asked = list(answers), 0
        for name in ("GetOrder", "GetAlgoOrder", "GetOpenOrders", "GetOpenAlgoOrders", "GetUserTrades"):
            setattr(self._client, f"fapiPrivate{name}", self._answer)
        names = (
            "V3GetPositionRisk",
            "PutOrder",
            "DeleteOrder",
            "V3GetAccount",
            "GetIncome",
            "GetAccountConfig",
        )
        self._client.sapiGetAccountApiRestrictions = self._client.sapiGetPortfolioAccount = self._answer
        for name in (*names, "GetAccountConfig"):
            setattr(self._client, f"fapiPrivate{name}", self._answer)
        self._client.create_order = self._client.cancel_order = self._answer

    async def _load(self) -> None:
        self._client.markets_by_id = {}

    async def _id(self, symbol: str) -> str:
        return symbol

    async def _answer(self, *_: Any) -> Any:
        self.n_asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Call = Callable[[CcxtOrders], Awaitable[Any]]

OF_ONE: dict[str, Call] = {
    "stop": lambda venue: venue.find_stop(SYMBOL, "s1"),
    "order": lambda venue: venue.find_order(SYMBOL, client_order_id="q1"),
    "order of a stop": lambda venue: venue.find_order(SYMBOL, venue_order_id="1"),
    "balance": lambda venue: venue.balance(),
}
OF_MANY: dict[str, Call] = {
    "open orders": lambda venue: venue.open_orders(SYMBOL),
    "open stops": lambda venue: venue.open_stops(SYMBOL),
    "position": lambda venue: venue.position(SYMBOL),
    "trades": lambda venue: venue.trades(SYMBOL, "1"),
    "payments": lambda venue: venue.payments(SYMBOL, 0),
}
CHANGES: dict[str, Call] = {
    "stop": lambda venue: venue.place_stop(StopOrder("s1", SYMBOL, "sell", Decimal(90), 0)),
    "cancel of a stop": lambda venue: venue.cancel_stop(SYMBOL, "s1"),
    "cancel of an order": lambda venue: venue.cancel_order(SYMBOL, "q1"),
    "change": lambda venue: venue.amend(LimitOrder("q1", SYMBOL, "buy", Decimal(1), Decimal(90), 0)),
}


def told(call: Call, *answers: Any) -> Any:
    """What a venue's answers are taken for, and how often it was asked."""

    async def ask() -> Any:
        async with Answering(*answers) as venue:
            try:
                return await call(venue), venue.n_asked
            except ExchangeError as error:
                return type(error), venue.n_asked

    return asyncio.run(ask())


@pytest.mark.parametrize("answer", NOTHING)
@pytest.mark.parametrize("what", OF_ONE)
def test_a_document_that_names_nothing_is_no_proof_that_there_is_none(what: str, answer: Any) -> None:
    assert told(OF_ONE[what], answer) == (ExchangeUnavailable, 3)


@pytest.mark.parametrize("answer", [{}, {"data": []}, [[]], ["told"], [None], [{}]])
@pytest.mark.parametrize("what", OF_MANY)
def test_a_document_that_is_no_list_of_rows_is_not_an_empty_one(what: str, answer: Any) -> None:
    assert told(OF_MANY[what], answer) == (ExchangeUnavailable, 3)


@pytest.mark.parametrize("what", ["stop", "order", "order of a stop"])
def test_what_is_told_of_another_order_is_told_of_none(what: str) -> None:
    others = {**STOP, "clientAlgoId": "s2"} | {**ORDER, "clientOrderId": "q2", "orderId": "2"}
    assert told(OF_ONE[what], others) == (ExchangeUnavailable, 3)


def test_an_answer_that_can_not_be_read_is_asked_for_again() -> None:
    found, n_asked = told(OF_ONE["stop"], {}, STOP | {"triggerPrice": "90"})
    assert (found.client_order_id, found.trigger_price, n_asked) == ("s1", 90, 2)


@pytest.mark.parametrize(
    "error", [KeyError("algoId"), TypeError("no number"), AttributeError("get"), ValueError()]
)
@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_and_is_answered_unreadably_is_looked_up(what: str, error: Exception) -> None:
    assert told(CHANGES[what], error) == (OutcomeUnknown, 1)


@pytest.mark.parametrize("told_so", ['{"msg":"what"}', '{"code":"none","msg":"what"}'])
def test_an_error_without_a_code_of_the_venue_is_no_refusal(told_so: str) -> None:
    error = CcxtError(f"binanceusdm {told_so}")
    assert told(CHANGES["stop"], error) == (OutcomeUnknown, 1)
    assert told(OF_ONE["stop"], error) == (ExchangeUnavailable, 3)


MODES = {"dualSidePosition": False, "multiAssetsMargin": False}
ALLOWED = {"enableFutures": True, "enableWithdrawals": False, "ipRestrict": True}


@pytest.mark.parametrize("told_so", [None, "", "no", 0, []])
def test_what_an_account_and_its_key_do_not_say_is_not_taken_for_no(told_so: Any) -> None:
    for name in MODES:
        assert told(lambda venue: venue.modes(), MODES | {name: told_so}) == (ExchangeUnavailable, 3)
    for name in (*ALLOWED, "enableInternalTransfer", "permitsUniversalTransfer"):
        assert told(lambda venue: venue.permissions(), ALLOWED | {name: told_so}) == (ExchangeUnavailable, 3)


def test_what_a_key_may_do_is_read_of_words_too() -> None:
    found, _ = told(lambda venue: venue.permissions(), ALLOWED | {"enableWithdrawals": "true"})
    assert (found.trades, found.withdraws, found.transfers) == (True, True, False)


@pytest.mark.parametrize("deployment", [2011, 2013])
def test_digits_of_an_order_s_name_are_no_word_that_there_is_none(deployment: int) -> None:
    name, error = f"q1-{deployment}-6a-t", AuthenticationError('binanceusdm {"code":-2015,"msg":"Invalid"}')
    assert told(lambda venue: venue.find_order(SYMBOL, client_order_id=name), error) == (ExchangeRefused, 1)
    assert told(lambda venue: venue.find_stop(SYMBOL, name), error) == (ExchangeRefused, 1)


def test_digits_of_a_stop_s_name_are_no_word_that_its_price_has_come() -> None:
    stop = StopOrder("q1-2021-6a-s", SYMBOL, "sell", Decimal(90), 0)
    error = InsufficientFunds('binanceusdm {"code":-2019,"msg":"Margin is insufficient."}')
    assert told(lambda venue: venue.place_stop(stop), error) == (ExchangeRefused, 1)


@pytest.mark.parametrize("status", [[], {}, ["NEW"], None])
def test_an_order_that_was_taken_in_words_that_nobody_knows_is_looked_up(status: Any) -> None:
    with pytest.raises(OutcomeUnknown, match="exchange took order q1, and"):
        _taken("q1", ORDER | {"status": status})
