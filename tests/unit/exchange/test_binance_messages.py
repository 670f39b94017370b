"""Binance's raw stream messages become values, or nothing; none of them breaks a stream."""

from typing import Any

import pytest

from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.binance_messages import DECODERS, event_of
from quant_pipelines.exchange.client import connect
from quant_pipelines.exchange.dialects import dialect_of
from quant_pipelines.exchange.mailbox import Mailbox
from quant_pipelines.exchange.market_source import BookTop, LiveBar, MarkPrice, PublicTrade
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.exchange.streams import ExchangeStreams

BTC = "BTC/USDT:USDT"
KLINE = {"t": 60_000, "i": "1m", "o": "1", "h": "3", "l": "1", "c": "2", "v": "5"}
TRADE = {"e": "aggTrade", "s": "BTCUSDT", "a": 7, "p": "100.5", "q": "0.25", "T": 61_000, "m": True}


def decoded(kind: str, message: dict[str, Any]) -> Any:
    return DECODERS[kind][1](message, BTC, 61_234)


def test_kline_is_an_open_bar() -> None:
    told = decoded("bars", {"e": "kline", "s": "BTCUSDT", "k": KLINE})
    assert told == LiveBar(BTC, 60_000, 1.0, 3.0, 1.0, 2.0, 5.0, 61_234)
    assert decoded("bars", {"e": "kline", "s": "BTCUSDT", "k": {**KLINE, "i": "5m"}}) is None


def test_trade_names_itself_by_the_id_that_history_tells() -> None:
    assert decoded("trades", TRADE) == PublicTrade(BTC, 61_000, "7", 100.5, 0.25, True, 61_234)


def test_trade_of_the_insurance_fund_is_not_the_markets() -> None:
    single = {**TRADE, "e": "trade", "t": 9}
    assert decoded("trades", {**single, "X": "MARKET"}).trade_id == "9"
    assert decoded("trades", {**single, "X": "INSURANCE_FUND"}) is None


def test_book_ticker_of_the_spot_market_has_neither_kind_nor_time() -> None:
    message = {"u": 1, "s": "BTCUSDT", "b": "99", "B": "1", "a": "100", "A": "2"}
    assert event_of(message) == "bookTicker"
    assert decoded("book_tops", message) == BookTop(BTC, 61_234, 99.0, 1.0, 100.0, 2.0, 61_234)


def test_mark_price_without_index_or_rate_tells_none() -> None:
    message = {"e": "markPriceUpdate", "E": 61_000, "s": "BTCUSDT", "p": "100", "i": "", "r": "", "T": 0}
    assert decoded("marks", message) == MarkPrice(BTC, 61_000, 100.0, None, None, None, 61_234)


@pytest.mark.parametrize("message", [{"result": None, "id": 1}, [1, 2], "text", None, {"e": None}])
def test_other_messages_have_no_kind(message: Any) -> None:
    assert event_of(message) == ""


@pytest.fixture
def streams() -> ExchangeStreams:
    client = connect(ExchangeSettings(base_url="http://127.0.0.1:9"))
    client.markets = {BTC: {"id": "BTCUSDT"}}
    return ExchangeStreams(client, dialect_of("binanceusdm"), lambda: 61_234, Backoff())


@pytest.mark.parametrize(
    ("message", "is_taken", "n_values"),
    [
        (TRADE, True, 1),
        ({**TRADE, "p": "?"}, True, 0),
        ({**TRADE, "s": "ETHUSDT"}, False, 0),
        ({"e": "kline", "s": "BTCUSDT", "k": KLINE}, False, 0),
    ],
)
def test_tap_takes_what_is_its_own_and_survives_what_can_not_be_read(
    streams: ExchangeStreams, message: dict[str, Any], is_taken: bool, n_values: int
) -> None:
    mailbox = Mailbox()
    tap = streams.tap("trades", [BTC], mailbox)
    assert tap(message) is is_taken
    assert len(mailbox) == n_values


@pytest.mark.parametrize("strange", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none_reaches_nobody(streams: ExchangeStreams, strange: str) -> None:
    mark = {"e": "markPriceUpdate", "E": 61_000, "s": "BTCUSDT", "p": "100", "i": "", "r": "", "T": 0}
    for kind, message in (
        ("trades", {**TRADE, "p": strange}),
        ("bars", {"e": "kline", "s": "BTCUSDT", "k": {**KLINE, "c": strange}}),
        ("bars", {"e": "kline", "s": "BTCUSDT", "k": {**KLINE, "l": strange}}),
        ("marks", {**mark, "p": strange}),
    ):
        mailbox = Mailbox()
        assert streams.tap(kind, [BTC], mailbox)(message)
        assert len(mailbox) == 0


def test_what_ccxt_parsed_of_a_price_that_is_none_reaches_nobody() -> None:
    client = connect(ExchangeSettings(id="okx", base_url="http://127.0.0.1:9"))
    client.markets = {BTC: {"id": "BTC-USDT-SWAP", "contractSize": 1.0}}
    parsed, mailbox = ExchangeStreams(client, dialect_of("okx"), lambda: 61_234, Backoff()), Mailbox()
    bars = [[60_000, 1.0, 3.0, 1.0, 2.0, 5.0], [60_000, 1.0, 3.0, 0.0, 0.0, 5.0]]
    parsed._deliver("bars", {BTC: {"1m": bars}}, mailbox)
    assert len(mailbox) == 1
