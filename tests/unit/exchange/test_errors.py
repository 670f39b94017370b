"""The error map is total, and an order whose answer is lost is never called refused."""

import ssl
from collections.abc import Iterator

import aiohttp
import ccxt
import pytest

from quant_pipelines.core.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.client import connect, production_url
from quant_pipelines.exchange.errors import MEANINGS, translate, translated

CODES = (
    -1000,
    -1003,
    -1007,
    -1008,
    -1021,
    -1121,
    -2011,
    -2013,
    -2015,
    -2018,
    -2019,
    -2021,
    -2022,
    -2025,
    -2027,
    -4046,
    -4059,
    -4116,
    -4118,
    -4120,
    -4131,
    -4164,
    -5021,
    -5022,
    -5028,
)


def tree(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


EVERY_ERROR = list(dict.fromkeys(tree(ccxt.BaseError)))


def test_every_error_of_ccxt_has_a_meaning() -> None:
    assert {error.__name__ for error in EVERY_ERROR} == set(MEANINGS)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_a_read_is_never_of_unknown_outcome(kind: type[Exception]) -> None:
    assert isinstance(translate(kind("words"), "bars"), (ExchangeUnavailable, ExchangeRefused))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ccxt.RequestTimeout("no answer"), OutcomeUnknown),
        (ccxt.ExchangeNotAvailable("connection reset"), OutcomeUnknown),
        (ccxt.OperationFailed('{"code":-1000,"msg":"Unknown error"}'), OutcomeUnknown),
        (ccxt.OperationFailed('{"code": -1008, "msg": "Server is overloaded"}'), ExchangeUnavailable),
        (ccxt.RateLimitExceeded("429"), ExchangeUnavailable),
        (ccxt.InvalidNonce("-1021"), ExchangeUnavailable),
        (ccxt.InsufficientFunds("-2019"), ExchangeRefused),
        (ccxt.BadResponse("half a body"), OutcomeUnknown),
    ],
)
def test_an_order_without_an_answer_is_of_unknown_outcome(
    error: Exception, expected: type[ExchangeError]
) -> None:
    assert type(translate(error, "order", sends_order=True)) is expected


def test_an_answer_that_breaks_off_leaves_the_outcome_of_an_order_open() -> None:
    with pytest.raises(OutcomeUnknown), translated("order", sends_order=True):
        raise ccxt.ExchangeError("binanceusdm POST /fapi/v1/order") from aiohttp.ClientPayloadError("cut")
    with pytest.raises(ExchangeUnavailable), translated("bars of X"):
        raise ccxt.ExchangeError("binanceusdm GET /fapi/v1/klines") from aiohttp.ClientPayloadError("cut")


def test_a_class_that_ccxt_adds_later_takes_the_meaning_of_its_parent() -> None:
    new = type("BrandNew", (ccxt.InvalidOrder,), {})
    assert type(translate(new("?"), "order", sends_order=True)) is ExchangeRefused


def test_the_original_error_is_kept_as_the_cause() -> None:
    with pytest.raises(ExchangeRefused, match="refused bars of X: BadSymbol no such thing") as caught:  # noqa: SIM117
        with translated("bars of X"):
            raise ccxt.BadSymbol("no\n such   thing")
    assert isinstance(caught.value.__cause__, ccxt.BadSymbol)


def test_an_order_was_not_sent_where_the_certificate_is_refused() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "certificate has expired"
    error = ccxt.ExchangeNotAvailable("binanceusdm POST")
    error.__cause__ = cause
    told = translate(error, "order q1", sends_order=True)
    assert isinstance(told, ExchangeUnavailable)
    assert str(told) == (
        "order q1 not sent, as the exchange's certificate is refused: certificate has expired"
    )


@pytest.mark.parametrize("code", CODES)
def test_redirection_keeps_the_class_of_every_error(code: int) -> None:
    client = connect(ExchangeSettings(base_url="http://127.0.0.1:1"))
    urls = (client.urls["api"]["fapiPrivate"] + "/order", "https://fapi.binance.com/fapi/v1/order")
    body = {"code": code, "msg": "words"}
    kinds = []
    for url in urls:
        with pytest.raises(ccxt.BaseError) as caught:
            client.handle_errors(400, "", url, "POST", {}, f'{{"code":{code},"msg":"words"}}', body, {}, "")
        kinds.append(type(caught.value))
    assert urls[0].startswith("http://127.0.0.1:1/")
    assert kinds[0] is kinds[1]


def test_a_production_url_is_left_alone() -> None:
    assert production_url("https://fapi.binance.com/fapi/v1/time", {}) == (
        "https://fapi.binance.com/fapi/v1/time"
    )
