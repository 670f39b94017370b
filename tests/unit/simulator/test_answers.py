"""What the venue answers and how it refuses, without a socket."""

import orjson
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.book import book_at, changes
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.klines import kline_rows
from quant_pipelines.simulator.listing import BY_NAME
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.market_endpoints import MARKET_ENDPOINTS
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.stream_names import messages_of

ANCHOR_MS = 20_700 * DAY_MS
NOW = ANCHOR_MS + 7 * HOUR_MS + 23 * MINUTE_MS + 17_345
SLOT = NOW // MINUTE_MS * MINUTE_MS


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(Anchor(ANCHOR_MS, seed=3, history_days=120))


def klines(market: SyntheticMarket, **values: object) -> list[list]:  # type: ignore[type-arg]
    query = {"symbol": "BTCUSDT", "interval": "1m"} | {name: str(value) for name, value in values.items()}
    rows: list[list] = orjson.loads(kline_rows(Question(market, Derivatives(market), Query(query), NOW)))  # type: ignore[type-arg]
    return rows


def test_klines_without_a_span_end_in_the_open_bar(market: SyntheticMarket) -> None:
    rows = klines(market, limit=3)
    assert [row[0] for row in rows] == [SLOT - 2 * MINUTE_MS, SLOT - MINUTE_MS, SLOT]


def test_klines_from_a_start_grow_forwards(market: SyntheticMarket) -> None:
    start = ANCHOR_MS - DAY_MS + 1
    rows = klines(market, startTime=start, limit=2)
    assert [row[0] for row in rows] == [ANCHOR_MS - DAY_MS + MINUTE_MS, ANCHOR_MS - DAY_MS + 2 * MINUTE_MS]


def test_klines_to_an_end_grow_backwards_and_include_it(market: SyntheticMarket) -> None:
    rows = klines(market, endTime=ANCHOR_MS, limit=2)
    assert [row[0] for row in rows] == [ANCHOR_MS - MINUTE_MS, ANCHOR_MS]


def test_klines_before_the_listing_begin_with_it(market: SyntheticMarket) -> None:
    assert klines(market, startTime=0, limit=1)[0][0] == market.anchor.first_ms


def test_klines_never_exceed_1500_rows(market: SyntheticMarket) -> None:
    assert len(klines(market, startTime=ANCHOR_MS - 3 * DAY_MS, limit=9999)) == 1500


def test_a_kline_has_the_venues_twelve_fields_in_its_steps(market: SyntheticMarket) -> None:
    row = klines(market, limit=1)[0]
    assert len(row) == 12
    assert [type(value) for value in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert len(row[4].partition(".")[2]) == 1
    assert len(row[5].partition(".")[2]) == 3
    assert row[6] == row[0] + MINUTE_MS - 1


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"symbol": ""}, -1102),
        ({"symbol": "BTXUSDT"}, -1121),
        ({"interval": "7m"}, -1120),
        ({"interval": ""}, -1102),
        ({"limit": "0"}, -1130),
        ({"limit": "ten"}, -1100),
        ({"startTime": "-5"}, -1100),
        ({"startTime": "20", "endTime": "10"}, -1023),
    ],
)
def test_bad_parameters_are_refused_with_the_venues_code(
    market: SyntheticMarket, values: dict[str, str], code: int
) -> None:
    with pytest.raises(VenueError) as refusal:
        klines(market, **values)
    assert refusal.value.code == code


def test_changes_turn_a_book_into_its_successor(market: SyntheticMarket) -> None:
    listing = BY_NAME["SOLUSDT"]
    before, after = (book_at(market, listing, NOW + shift) for shift in (0, 1000))
    for old, new in ((before.bids, after.bids), (before.asks, after.asks)):
        book = dict(old)
        for price, quantity in changes(old, new):
            if quantity == "0":
                del book[price]
            else:
                book[price] = quantity
        assert book == dict(new)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_book_is_ordered_and_encloses_the_last_price(market: SyntheticMarket, name: str) -> None:
    book = book_at(market, BY_NAME[name], NOW)
    bids, asks = ([float(price) for price, _ in side] for side in (book.bids, book.asks))
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] <= market.price(name, NOW) <= asks[0]
    assert bids[0] < asks[0]


def test_the_turn_of_a_minute_closes_one_bar_and_opens_the_next(market: SyntheticMarket) -> None:
    messages = messages_of(
        "btcusdt@kline_1m",
        market,
        Derivatives(market),
        now_ms=SLOT + 60_005,
        before_ms=SLOT + 59_005,
    )
    assert [(message["k"]["t"], message["k"]["x"]) for message in messages] == [
        (SLOT, True),
        (SLOT + MINUTE_MS, False),
    ]


@pytest.mark.parametrize(
    "kind", ["kline_1m", "kline_1d", "trade", "bookTicker", "depth@100ms", "markPrice@1s", "miniTicker"]
)
def test_every_stream_crosses_midnight(market: SyntheticMarket, kind: str) -> None:
    midnight = ANCHOR_MS + DAY_MS
    messages = messages_of(
        f"dogeusdt@{kind}", market, Derivatives(market), now_ms=midnight + 5, before_ms=midnight - 995
    )
    assert {message["s"] for message in messages} == {"DOGEUSDT"}
    assert messages[-1]["E"] == midnight + 5


@pytest.mark.parametrize("name", ["btxusdt@trade", "btcusdt@nonsense", "btcusdt@kline_7m", "", "btcusdt"])
def test_an_unknown_stream_is_silent(market: SyntheticMarket, name: str) -> None:
    assert messages_of(name, market, Derivatives(market), now_ms=NOW, before_ms=NOW - 1000) == []


def test_funding_follows_its_interval_and_stays_within_its_bounds(market: SyntheticMarket) -> None:
    derivatives = Derivatives(market)
    for name, hours in (("BTCUSDT", 8), ("DOGEUSDT", 4)):
        slots = derivatives.slots(BY_NAME[name], ANCHOR_MS - 30 * DAY_MS, ANCHOR_MS - 1)
        assert len(slots) == 30 * 24 // hours
        fundings = [derivatives.funding(BY_NAME[name], slot) for slot in slots]
        assert all(0 <= funding.ts_ms - slot < 15 for funding, slot in zip(fundings, slots, strict=True))
        assert 0 < max(abs(funding.rate) for funding in fundings) <= 0.003


def test_mark_price_meets_the_index_at_the_slot(market: SyntheticMarket) -> None:
    derivatives, listing = Derivatives(market), BY_NAME["ETHUSDT"]
    slot = derivatives.next_slot(listing, NOW)
    mark, index = (price(listing, slot - 1) for price in (derivatives.mark_price, derivatives.index_price))
    assert mark == pytest.approx(index, rel=1e-8)


def test_open_interest_has_no_seam_at_midnight(market: SyntheticMarket) -> None:
    derivatives, listing = Derivatives(market), BY_NAME["BTCUSDT"]
    before, after = (derivatives.open_interest(listing, ANCHOR_MS + shift) for shift in (-1, 0))
    assert after == pytest.approx(before, rel=0.05)
    assert after != before


@pytest.mark.parametrize("path", ["aggTrades", "trades", "historicalTrades"])
def test_newest_trades_are_as_many_as_asked_for(market: SyntheticMarket, path: str) -> None:
    def told(**more: str) -> list[dict[str, object]]:
        query = Query({"symbol": "DOGEUSDT", "limit": "400"} | more)
        rows = MARKET_ENDPOINTS[f"/fapi/v1/{path}"].answer(Question(market, Derivatives(market), query, NOW))
        return list(rows)

    times, key = told(), "T" if path == "aggTrades" else "time"
    assert len(times) == 400
    assert [row[key] for row in times] == sorted(row[key] for row in times)
    number = "a" if path == "aggTrades" else "id"
    since = told(fromId=str(times[0][number]))
    assert path == "trades" or since == times


@pytest.mark.parametrize(
    ("path", "asked", "answer"),
    [
        ("/fapi/v1/constituents", {"symbol": "BTCUSDT"}, ("constituents", 1)),
        ("/fapi/v1/symbolAdlRisk", {"symbol": "BTCUSDT"}, ("adlRisk", "low")),
        ("/fapi/v1/tradingSchedule", {}, ("marketSchedules", {})),
    ],
)
def test_rare_answers(
    market: SyntheticMarket, path: str, asked: dict[str, str], answer: tuple[str, object]
) -> None:
    body = MARKET_ENDPOINTS[path].answer(Question(market, Derivatives(market), Query(asked), NOW))
    found = body[answer[0]]
    assert (len(found) if isinstance(found, list) else found) == answer[1]


@pytest.mark.parametrize(
    "path", ["/fapi/v1/indexInfo", "/fapi/v1/assetIndex", "/futures/data/delivery-price"]
)
def test_what_is_not_listed_is_empty_and_its_name_unknown(market: SyntheticMarket, path: str) -> None:
    asked = {"pair": "BTCUSDT"} if "delivery" in path else {}
    answer = MARKET_ENDPOINTS[path].answer
    assert answer(Question(market, Derivatives(market), Query(asked), NOW)) == []
    unknown = Query({"symbol": "DEFIUSDT", "pair": "DEFIUSDT"})
    with pytest.raises(VenueError, match="Invalid symbol"):
        answer(Question(market, Derivatives(market), unknown, NOW))


@pytest.mark.parametrize("path", MARKET_ENDPOINTS)
@pytest.mark.parametrize("name", ["limit", "startTime", "endTime", "fromId"])
@pytest.mark.parametrize("value", ["9" * 20, "0", "-1", "1e3", "٣", "1\n", "9" * 5000])
def test_every_number_is_answered_or_refused(
    market: SyntheticMarket, path: str, name: str, value: str
) -> None:
    more = {"interval": "1h", "period": "1h", "contractType": "PERPETUAL", name: value}
    query = Query({"symbol": "BTCUSDT", "pair": "BTCUSDT", **more})
    code = 0
    try:
        answer = MARKET_ENDPOINTS[path].answer(Question(market, Derivatives(market), query, NOW))
    except VenueError as refusal:
        code, answer = refusal.code, {}
    assert code in (0, -1100, -1130, -1023, -1127, -4021)
    assert isinstance(answer, bytes | dict | list)
