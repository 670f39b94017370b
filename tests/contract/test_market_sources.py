"""What every exchange of the table must do: the real ccxt client against venues that answer in its words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import numpy as np
import pytest

from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable
from quant_pipelines.core.rate_budget import Claim, Grant, RateLedger, RateState
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.dialects import DIALECTS
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.exchange.weight import LocalLedger
from tests.contract.venues import truth
from tests.contract.venues.binance_spot import BinanceSpot
from tests.contract.venues.bitget import Bitget
from tests.contract.venues.bybit import Bybit
from tests.contract.venues.gate import Gate
from tests.contract.venues.okx import Okx
from tests.contract.venues.venue import Venue

Answer = TypeVar("Answer")
Question = Callable[[CcxtSource], Awaitable[Answer]]
PERPETUAL: list[type[Venue]] = [Okx, Bybit, Gate, Bitget]
VENUES: list[type[Venue]] = [*PERPETUAL, BinanceSpot]
PATIENCE = Backoff(attempts=3, first_seconds=0.01, most_seconds=0.05)

# Too many requests, a temporary failure and a refusal in each exchange's own words.
TOO_MANY = {
    "okx": (429, '{"msg":"Too Many Requests","code":"50011"}'),
    "bybit": (200, '{"retCode":10006,"retMsg":"Too many visits!","result":{}}'),
    "gate": (429, '{"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded"}'),
    "bitget": (429, '{"code":"429","msg":"Too Many Requests","requestTime":1,"data":null}'),
    "binance": (429, '{"code":-1003,"msg":"Too many requests."}'),
}
REFUSED = {
    "okx": (200, '{"msg":"Parameter instId error","code":"51000","data":[]}'),
    "bybit": (200, '{"retCode":10001,"retMsg":"params error: symbol invalid","result":{}}'),
    "gate": (400, '{"label":"INVALID_PARAM_VALUE","message":"invalid argument"}'),
    "bitget": (400, '{"code":"40034","msg":"Parameter does not exist","requestTime":1,"data":null}'),
    "binance": (400, '{"code":-1121,"msg":"Invalid symbol."}'),
}


class Unlimited:
    """A request budget that is never used up: what limits do is tested elsewhere."""

    async def claim(self, claim: Claim, now_ms: int) -> Grant:
        return Grant(max(claim.weight, 1000), 0, RateState(window=now_ms // claim.window_ms))


@pytest.fixture(params=VENUES, ids=lambda kind: kind.id)
def venue(request: pytest.FixtureRequest) -> Venue:
    made: Venue = request.param()
    return made


@pytest.fixture(params=PERPETUAL, ids=lambda kind: kind.id)
def perpetual(request: pytest.FixtureRequest) -> Venue:
    made: Venue = request.param()
    return made


def ask(venue: Venue, question: Question[Answer], ledger: RateLedger | None = None) -> Answer:
    ledger = ledger or Unlimited()

    async def run() -> Answer:
        async with asyncio.timeout(90), venue.served() as url:
            settings = ExchangeSettings(id=venue.id, base_url=url)
            async with CcxtSource(settings, backoff=PATIENCE, ledger=ledger) as source:
                await source.connect()
                return await question(source)

    return asyncio.run(run())


def test_every_exchange_of_the_table_is_tested_here_or_against_the_simulator() -> None:
    assert {kind.id for kind in VENUES} | {"binanceusdm"} == set(DIALECTS)


def test_instruments_are_what_trades_in_base_units(venue: Venue) -> None:
    [one] = ask(venue, lambda source: source.instruments())
    lots = {"okx": "0.0001", "gate": "0.0001"}
    assert (one.exchange, one.symbol) == (venue.id, venue.symbol)
    assert (str(one.tick_size), str(one.lot_size)) == ("0.1", lots.get(venue.id, "0.001"))
    assert one.funding_interval_hours == (0 if venue.id == "binance" else 4)
    assert one.max_leverage == {"binance": 1, "bitget": 125}.get(venue.id, 100)


@pytest.mark.parametrize(("timeframe", "step", "days"), [("1m", MINUTE_MS, 2), ("1h", HOUR_MS, 20)])
def test_bars_of_many_pages_are_whole_exact_and_closed(
    venue: Venue, timeframe: str, step: int, days: int
) -> None:
    async def question(source: CcxtSource) -> tuple[Any, int, int]:
        before = await source.server_time()
        rows = await source.bars(venue.symbol, timeframe, Window(before - days * DAY_MS, before + DAY_MS))
        return rows, before, await source.server_time()

    rows, before, after = ask(venue, question)
    first = -(-(before - days * DAY_MS) // step) * step
    assert rows.ts[-1] + step <= after
    assert np.array_equal(rows.ts, np.arange(first, rows.ts[-1] + 1, step))
    assert len(rows) >= days * DAY_MS // step - 1
    told = [truth.bar(int(ts)) for ts in rows.ts]
    for at, name in enumerate(("open", "high", "low", "close", "volume", "quote_volume"), start=1):
        assert np.allclose(getattr(rows, name), [one[at] for one in told], rtol=1e-9), name


@pytest.mark.parametrize("fault", ["short", "duplicated and unordered", "both"])
def test_bad_pages_make_the_same_bars(venue: Venue, fault: str) -> None:
    if fault in ("short", "both"):
        venue.faults.most_rows = 67
    venue.faults.mix = fault != "short"
    end = floor_ms(truth.NOW, HOUR_MS)
    rows = ask(venue, lambda source: source.bars(venue.symbol, "1m", Window(end - 7 * HOUR_MS, end)))
    assert np.array_equal(rows.ts, np.arange(end - 7 * HOUR_MS, end, MINUTE_MS))
    assert rows.open.tolist() == [truth.bar(int(ts)).open for ts in rows.ts]


def test_bars_before_the_listing_are_not_there(venue: Venue) -> None:
    span = Window(truth.LISTED - 2 * DAY_MS, truth.LISTED + 2 * HOUR_MS)
    rows = ask(venue, lambda source: source.bars(venue.symbol, "1h", span))
    assert rows.ts.tolist() == [truth.LISTED, truth.LISTED + HOUR_MS]


@pytest.mark.parametrize("skew_ms", [-90_000, 90_000])
def test_a_bar_is_closed_by_the_exchanges_clock_not_by_ours(venue: Venue, skew_ms: int) -> None:
    venue.faults.skew_ms = skew_ms

    async def question(source: CcxtSource) -> tuple[int, int]:
        now = await source.server_time()
        rows = await source.bars(venue.symbol, "1m", Window(now - HOUR_MS, now + HOUR_MS))
        return int(rows.ts[-1]) + MINUTE_MS, now

    closed, now = ask(venue, question)
    assert now - MINUTE_MS < closed <= venue.now()


def test_funding_with_changing_intervals_lies_on_its_slots(perpetual: Venue) -> None:
    span = Window(truth.TODAY - 14 * DAY_MS, truth.TODAY)
    found = ask(perpetual, lambda source: source.funding_rates(perpetual.symbol, span))
    assert [one.ts for one in found] == truth.funding_slots()
    assert [one.rate for one in found] == [truth.rate(one.ts) for one in found]


def test_spot_has_no_funding_no_mark_and_no_open_interest() -> None:
    venue = BinanceSpot()
    span = Window(truth.TODAY - DAY_MS, truth.TODAY)

    async def question(source: CcxtSource) -> list[Any]:
        return [
            await source.funding_rates(venue.symbol, span),
            await source.open_interest(venue.symbol, span),
            await source.mark_prices(venue.symbol, "1h", span),
            await source.index_prices(venue.symbol, "1h", span),
        ]

    assert ask(venue, question) == [[], [], [], []]


def test_open_interest_is_in_base_units_on_its_grid(perpetual: Venue) -> None:
    step = truth.INTEREST_STEP_MS
    end = floor_ms(truth.NOW, step)
    start = end - 20 * HOUR_MS
    stop = truth.NOW + HOUR_MS if perpetual.id == "bitget" else end  # which tells this moment's only
    found = ask(perpetual, lambda source: source.open_interest(perpetual.symbol, Window(start, stop)))
    assert [one.open_interest for one in found] == pytest.approx([truth.interest(one.ts) for one in found])
    expected = list(range(start, end, step))
    assert perpetual.id == "bitget" or [one.ts for one in found] == expected
    assert len(found) == (1 if perpetual.id == "bitget" else len(expected))


@pytest.mark.parametrize("kind", ["mark", "index"])
def test_mark_and_index_prices_are_the_opens_of_closed_bars(perpetual: Venue, kind: str) -> None:
    end = floor_ms(truth.NOW, HOUR_MS)

    async def question(source: CcxtSource) -> Any:
        fetch = source.mark_prices if kind == "mark" else source.index_prices
        return await fetch(perpetual.symbol, "1h", Window(end - 10 * DAY_MS, end))

    points = ask(perpetual, question)
    told = truth.mark if kind == "mark" else truth.index
    assert [one.ts for one in points] == list(range(end - 10 * DAY_MS, end, HOUR_MS))
    assert [one.price for one in points] == [told(one.ts) for one in points]


def test_trades_are_whole_and_in_base_units(venue: Venue) -> None:
    # 180 trades an hour: several pages where they are small, several windows where those are short.
    hours = 4 if venue.id == "bybit" else 9  # bybit tells its newest thousand only
    end = floor_ms(truth.NOW, MINUTE_MS)
    found = ask(venue, lambda source: source.trades(venue.symbol, Window(end - hours * HOUR_MS, end)))
    told = truth.prints(end - hours * HOUR_MS, end - 1, end)
    assert [one.trade_id for one in found] == [str(one.id) for one in told]
    assert [(one.ts, one.price) for one in found] == [(one.ts, one.price) for one in told]
    assert [one.quantity for one in found] == pytest.approx([one.quantity for one in told])
    assert [one.is_buyer_maker for one in found] == [one.side == "sell" for one in told]


def test_the_book_is_in_base_units_best_first(venue: Venue) -> None:
    book = ask(venue, lambda source: source.book(venue.symbol, 5))
    bids, asks = truth.book()
    assert np.allclose(book.bids, bids[:5])
    assert np.allclose(book.asks, asks[:5])
    assert abs(book.ts - book.received_ms) < 60_000


async def first_of(stream: AsyncIterator[Any], count: int = 1) -> list[Any]:
    found: list[Any] = []
    async for value in stream:
        found.append(value)
        if len(found) == count:
            return found
    raise AssertionError("streams never end")


def test_streams_tell_bars_trades_and_book_tops_in_base_units(venue: Venue) -> None:
    async def question(source: CcxtSource) -> list[Any]:
        watches = (source.watch_bars, source.watch_trades, source.watch_book_tops)
        return await asyncio.gather(*(first_of(watch([venue.symbol])) for watch in watches))

    [bar], [trade], [top] = ask(venue, question)
    told = truth.bar(bar.ts)
    assert (bar.symbol, bar.open, bar.close) == (venue.symbol, told.open, told.close)
    assert bar.volume == pytest.approx(told.volume)
    print_ = truth.print_of(int(trade.trade_id))
    assert (trade.symbol, trade.price) == (venue.symbol, print_.price)
    assert trade.quantity == pytest.approx(print_.quantity)
    assert trade.is_buyer_maker == (print_.side == "sell")
    bids, asks = truth.book()
    assert (top.symbol, top.bid, top.ask) == (venue.symbol, bids[0][0], asks[0][0])
    assert (top.bid_quantity, top.ask_quantity) == pytest.approx((bids[0][1], asks[0][1]))


def test_streams_tell_mark_prices(perpetual: Venue) -> None:
    [one] = ask(perpetual, lambda source: first_of(source.watch_marks([perpetual.symbol])))
    minutes = [truth.mark(one.received_ms), truth.mark(one.received_ms - MINUTE_MS)]
    assert (one.symbol, one.mark_price in minutes) == (perpetual.symbol, True)
    tells_more = perpetual.id != "okx"  # whose channel of mark prices holds nothing else
    assert (one.index_price is not None, one.funding_rate is not None) == (tells_more, tells_more)


def test_streamed_trades_are_all_delivered_in_order(venue: Venue) -> None:
    trades = ask(venue, lambda source: first_of(source.watch_trades([venue.symbol]), count=20))
    assert [int(one.trade_id) for one in trades] == list(range(1, 21))


def test_a_stream_that_is_cut_connects_again_by_itself(venue: Venue) -> None:
    async def question(source: CcxtSource) -> int:
        stream = source.watch_trades([venue.symbol])
        async for _ in stream:
            if venue.dials >= 2:
                return venue.dials
            await venue.drop_streams()
        raise AssertionError("streams never end")

    assert ask(venue, question) >= 2


def test_too_many_requests_means_silence_and_then_the_answer(venue: Venue) -> None:
    status, body = TOO_MANY[venue.id]

    async def question(source: CcxtSource) -> tuple[int, float]:
        venue.faults.failures = [(status, body, {"Retry-After": "1"})]
        started = asyncio.get_running_loop().time()
        await source.server_time()
        return len(venue.asked), asyncio.get_running_loop().time() - started

    _, seconds = ask(venue, question, LocalLedger())
    assert seconds >= 0.9


def test_a_refusal_is_not_repeated(venue: Venue) -> None:
    status, body = REFUSED[venue.id]

    async def question(source: CcxtSource) -> int:
        venue.faults.failures = [(status, body, {})] * 9
        with pytest.raises(ExchangeRefused, match="exchange refused server time"):
            await source.server_time()
        return 9 - len(venue.faults.failures)

    assert ask(venue, question) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(502, "<html>bad gateway</html>"), (200, '{"serverTime": 17'), (200, "")]
)
def test_a_broken_answer_is_asked_for_again(venue: Venue, status: int, body: str) -> None:
    async def question(source: CcxtSource) -> int:
        venue.faults.failures = [(status, body, {})] * 2
        return await source.server_time()

    assert abs(ask(venue, question) - venue.now()) < 60_000


def test_a_malformed_document_is_an_error_that_names_the_series(venue: Venue) -> None:
    def mangle(path: str, document: Any) -> Any:
        is_bars = any(word in path for word in ("candle", "kline"))
        return _with_text_for_numbers(document) if is_bars else document

    venue.faults.mangle = mangle
    end = floor_ms(truth.NOW, HOUR_MS)
    with pytest.raises(ExchangeUnavailable, match="exchange answered 1h bars of BTC/USDT"):
        ask(venue, lambda source: source.bars(venue.symbol, "1h", Window(end - DAY_MS, end)))


def _with_text_for_numbers(value: Any) -> Any:
    """Document whose rows have words where numbers belong."""
    if isinstance(value, dict):
        return {key: "?" if key in ("t", "o") else _with_text_for_numbers(one) for key, one in value.items()}
    if isinstance(value, list) and value and not isinstance(value[0], (dict, list)):
        return ["?"] * len(value)
    return [_with_text_for_numbers(one) for one in value] if isinstance(value, list) else value


def test_an_absent_exchange_is_unavailable(venue: Venue) -> None:
    async def run() -> None:
        settings = ExchangeSettings(id=venue.id, base_url="http://127.0.0.1:9")
        async with CcxtSource(settings, backoff=PATIENCE) as source:
            await source.bars(venue.symbol, "1m", Window(0, 1))

    with pytest.raises(ExchangeUnavailable, match="did not answer instruments"):
        asyncio.run(run())


def test_an_unknown_symbol_is_named_with_its_neighbor(venue: Venue) -> None:
    wrong = venue.symbol.replace("BTC", "BTX")
    with pytest.raises(ExchangeRefused, match=f"unknown symbol '{wrong}'; did you mean '{venue.symbol}'"):
        ask(venue, lambda source: source.trades(wrong, Window(0, 1)))
