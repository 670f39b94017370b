"""Public REST answers beside those that the ccxt tests read, and of a path that is not served."""

import asyncio
import logging
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.rest import RestAnswers

ANCHOR_MS = 20_700 * DAY_MS
NOW = ANCHOR_MS + 7 * HOUR_MS + 23 * MINUTE_MS + 17_345
MARKET = SyntheticMarket(Anchor(ANCHOR_MS, seed=3, history_days=40))


def ask(path: str, *, method: str = "GET", **params: object) -> tuple[int, Any]:
    async def question() -> tuple[int, Any]:
        application = web.Application()
        rest = RestAnswers(MARKET, Derivatives(MARKET), lambda: NOW, Budget())
        application.router.add_route("*", "/{path:.*}", rest.answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        texts = {name: str(value) for name, value in params.items()}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, url, params=texts) as answer,
            ):
                return answer.status, await answer.json()
        finally:
            await runner.cleanup()

    return asyncio.run(question())


def told(path: str, **params: object) -> Any:
    status, body = ask(path, **params)
    assert status == 200, body
    return body


BTC = {"symbol": "BTCUSDT"}
LONG_SHORT = {"symbol", "longShortRatio", "longAccount", "shortAccount", "timestamp"}
TRADE = {"id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isRPITrade"}


@pytest.mark.parametrize(
    ("path", "params", "fields"),
    [
        ("/fapi/v1/trades", BTC, TRADE),
        ("/fapi/v1/historicalTrades", BTC, TRADE),
        ("/futures/data/globalLongShortAccountRatio", BTC | {"period": "5m"}, LONG_SHORT),
        ("/futures/data/topLongShortAccountRatio", BTC | {"period": "1h"}, LONG_SHORT),
        ("/futures/data/topLongShortPositionRatio", BTC | {"period": "1d"}, LONG_SHORT),
        (
            "/futures/data/takerlongshortRatio",
            BTC | {"period": "15m"},
            {"buySellRatio", "buyVol", "sellVol", "timestamp"},
        ),
        (
            "/futures/data/basis",
            {"pair": "BTCUSDT", "contractType": "PERPETUAL", "period": "4h"},
            {
                "indexPrice",
                "contractType",
                "basisRate",
                "futuresPrice",
                "annualizedBasisRate",
                "basis",
                "pair",
                "timestamp",
            },
        ),
    ],
)
def test_rows_have_the_documented_fields_and_come_oldest_first(
    path: str, params: dict[str, str], fields: set[str]
) -> None:
    rows = told(path, **params, limit=5)
    assert len(rows) == 5
    assert all(set(row) == fields for row in rows)
    times = [row.get("timestamp", row.get("time")) for row in rows]
    assert times == sorted(times)
    assert NOW - 5 * DAY_MS < times[-1] <= NOW


def test_best_prices_are_those_of_the_book_and_enclose_the_last_price() -> None:
    best, book = told("/fapi/v1/ticker/bookTicker", **BTC), told("/fapi/v1/depth", **BTC, limit=5)
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert [best["askPrice"], best["askQty"]] == book["asks"][0]
    last = told("/fapi/v2/ticker/price", **BTC)
    assert last == told("/fapi/v1/ticker/price", **BTC)
    assert float(best["bidPrice"]) <= float(last["price"]) <= float(best["askPrice"])


@pytest.mark.parametrize("name", ["bookTicker", "price"])
def test_tickers_without_a_symbol_tell_all(name: str) -> None:
    assert {row["symbol"] for row in told(f"/fapi/v1/ticker/{name}")} == set(MARKET.listings)


def test_continuous_klines_are_those_of_the_perpetual() -> None:
    pair = {"pair": "BTCUSDT", "contractType": "PERPETUAL"}
    span = {"interval": "1h", "limit": 4}
    assert told("/fapi/v1/continuousKlines", **pair, **span) == told("/fapi/v1/klines", **BTC, **span)
    status, body = ask("/fapi/v1/continuousKlines", **pair | {"contractType": "CURRENT_QUARTER"}, **span)
    assert (status, body["code"]) == (400, -4104)


@pytest.mark.parametrize("interval", ["3d", "1w", "1M"])
@pytest.mark.parametrize("path", ["klines", "markPriceKlines", "premiumIndexKlines"])
def test_long_bars_follow_each_other_without_a_gap(path: str, interval: str) -> None:
    rows = told(f"/fapi/v1/{path}", **BTC, interval=interval)
    assert len(rows) > 0
    assert all(row[6] + 1 == after[0] for row, after in pairwise(rows))
    assert rows[-1][0] <= NOW <= rows[-1][6]


def test_week_bar_adds_up_its_days() -> None:
    week = told("/fapi/v1/klines", **BTC, interval="1w", limit=2)[0]
    days = told("/fapi/v1/klines", **BTC, interval="1d", startTime=week[0], endTime=week[6])
    assert len(days) == 7
    assert (week[1], week[4]) == (days[0][1], days[-1][4])
    assert float(week[2]) == max(float(day[2]) for day in days)
    assert float(week[5]) == pytest.approx(sum(float(day[5]) for day in days))


def test_long_bars_page_forwards_and_backwards_alike() -> None:
    newest = told("/fapi/v1/klines", **BTC, interval="3d", limit=4)
    assert told("/fapi/v1/klines", **BTC, interval="3d", startTime=newest[0][0], limit=4) == newest
    assert told("/fapi/v1/klines", **BTC, interval="1M", startTime=10**19) == []


def test_fundings_without_a_start_are_the_newest_of_all_history() -> None:
    rows = told("/fapi/v1/fundingRate", **BTC)
    assert NOW - 8 * HOUR_MS < rows[-1]["fundingTime"] <= NOW
    assert rows[0]["fundingTime"] < NOW - 39 * DAY_MS
    assert told("/fapi/v1/fundingRate", **BTC, limit=2) == rows[-2:]
    assert told("/fapi/v1/fundingRate", **BTC, endTime=rows[10]["fundingTime"], limit=3) == rows[8:11]
    assert len(told("/fapi/v1/fundingRate")) == 200


def test_path_that_is_not_served_is_refused_in_the_venues_form_and_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        status, body = ask("/fapi/v1/indexInfo", method="DELETE", signature="s3cr3t")
    assert (status, body["code"]) == (404, -5000)
    assert "DELETE /fapi/v1/indexInfo is not served" in caplog.text
    assert "s3cr3t" not in caplog.text
