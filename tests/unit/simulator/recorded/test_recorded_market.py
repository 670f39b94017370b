"""The archive is played as it is, moved in time, and never ahead of it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms
from quant_pipelines.simulator.contracts import exchange_info
from quant_pipelines.simulator.klines import kline_rows
from quant_pipelines.simulator.market_endpoints import MARKET_ENDPOINTS
from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.recorded.anchor import RecordedAnchor
from quant_pipelines.simulator.recorded.derivatives import RecordedDerivatives
from quant_pipelines.simulator.recorded.market import RecordedMarket
from quant_pipelines.simulator.recorded.recording import Recording, read_recording
from quant_pipelines.simulator.seconds import CLOSE, HIGH, LOW, OPEN, VOLUME
from quant_pipelines.simulator.stream_names import messages_of, why_silent

SHIFT = 70 * 7 * DAY_MS
PRICES = [OPEN, HIGH, LOW, CLOSE]


@pytest.fixture
def recording(archive_folder: Path) -> Recording:
    return read_recording(archive_folder)


@pytest.fixture
def market(recording: Recording) -> RecordedMarket:
    return RecordedMarket(recording, RecordedAnchor(SHIFT, 7, recording.digest))


@pytest.fixture
def derivatives(recording: Recording, market: RecordedMarket) -> RecordedDerivatives:
    return RecordedDerivatives(recording, market)


@pytest.fixture
def first(recording: Recording) -> int:
    """Wall time of the first recorded minute."""
    return recording.minute_span()[0] + SHIFT


def rows(market: RecordedMarket, name: str, step: int, first: int, now: int) -> tuple[np.ndarray, np.ndarray]:
    return market.bars(name, step, first_ms=first, last_ms=now, now_ms=now)


def test_closed_bars_are_the_files_moved_by_the_shift(
    market: RecordedMarket, archive_folder: Path, first: int
) -> None:
    ts, found = rows(market, "BTCUSDT", MINUTE_MS, first, first + 3 * DAY_MS)
    file = pq.read_table(archive_folder / "klines" / "binance_um" / "BTCUSDT-1m.parquet").slice(0, 3 * 1440)
    assert np.array_equal(ts[:-1], file.column("ts").to_numpy() + SHIFT)
    for name, column in zip(("open", "high", "low", "close", "volume"), (*PRICES, VOLUME), strict=True):
        assert np.array_equal(found[:-1, column], file.column(name).to_numpy())


@pytest.mark.parametrize("step", [MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, DAY_MS])
@pytest.mark.parametrize("name", ["BTCUSDT", "ETHUSDT", "DOGEUSDT"])
def test_the_future_changes_nothing_that_is_told(
    archive_folder: Path, market: RecordedMarket, first: int, name: str, step: int
) -> None:
    now = first + 5 * DAY_MS + 7 * HOUR_MS + 23 * MINUTE_MS + 31_000
    _spoil_after(archive_folder, now - SHIFT)
    spoiled = read_recording(archive_folder)
    other = RecordedMarket(spoiled, RecordedAnchor(SHIFT, 7, spoiled.digest))
    told = [rows(one, name, step, now - 4 * DAY_MS, now) for one in (market, other)]
    closed = [ts + step <= now for ts, _ in told]
    assert np.array_equal(told[0][0][closed[0]], told[1][0][closed[1]])
    assert np.array_equal(told[0][1][closed[0]], told[1][1][closed[1]])
    assert all((ts <= now).all() for ts, _ in told)


def _spoil_after(folder: Path, moment: int) -> None:
    """Double every price of the bars that close after a moment."""
    for path in (folder / "klines" / "binance_um").glob("*.parquet"):
        table = pq.read_table(path)
        columns = {name: table.column(name).to_numpy().copy() for name in table.column_names}
        step = int(np.diff(columns["ts"]).min())
        late = columns["ts"] + step > moment
        for name in ("open", "high", "low", "close"):
            columns[name][late] *= 2
        pq.write_table(type(table).from_pydict(columns), path)


def test_the_open_bar_grows_into_the_recorded_one(market: RecordedMarket, first: int) -> None:
    slot = first + 2 * DAY_MS + 11 * MINUTE_MS
    states = [rows(market, "ETHUSDT", MINUTE_MS, slot, slot + 1000 * at)[1][0] for at in range(60)]
    closed = market.bars("ETHUSDT", MINUTE_MS, first_ms=slot, last_ms=slot, now_ms=slot + MINUTE_MS)[1][0]
    assert np.all(np.diff([state[VOLUME] for state in states]) >= 0)
    assert np.all(np.diff([state[HIGH] for state in states]) >= 0)
    assert np.all(np.diff([state[LOW] for state in states]) <= 0)
    assert states[0][OPEN] == closed[OPEN]
    assert states[-1][[*PRICES, VOLUME]] == pytest.approx(closed[[*PRICES, VOLUME]], rel=1e-12)


def test_seconds_stay_within_their_bar_and_add_up_to_it(market: RecordedMarket, first: int) -> None:
    for minute in range(200):
        slot = first + DAY_MS + minute * MINUTE_MS
        _, found = market.bars("BTCUSDT", MINUTE_MS, first_ms=slot, last_ms=slot, now_ms=slot + MINUTE_MS)
        seconds = [market.second("BTCUSDT", slot + 1000 * at) for at in range(60)]
        prices = [second.price for second in seconds]
        assert (prices[0], max(prices), min(prices), prices[-1]) == tuple(found[0, PRICES])
        assert sum(second.quantity for second in seconds) == pytest.approx(found[0, VOLUME])


def test_a_restarted_market_plays_the_same_seconds(recording: Recording, first: int) -> None:
    anchor = RecordedAnchor(SHIFT, 7, recording.digest)
    one, other = (RecordedMarket(recording, anchor) for _ in range(2))
    moments = [first + 20 * DAY_MS + 17_000 * at for at in range(50)]
    assert [one.second("BTCUSDT", at) for at in moments] == [
        other.second("BTCUSDT", at) for at in reversed(moments)
    ][::-1]


def test_hours_around_the_own_file_are_rolled_up(market: RecordedMarket, first: int) -> None:
    ts, found = rows(market, "ETHUSDT", HOUR_MS, first, first + 2 * DAY_MS)
    _, minutes = rows(market, "ETHUSDT", MINUTE_MS, first, first + HOUR_MS - 1)
    assert len(ts) == 49
    assert found[0, HIGH] == minutes[:60, HIGH].max()
    assert found[0, CLOSE] == found[1, OPEN]


def test_bars_go_on_after_the_end_without_gap_or_jump(market: RecordedMarket, recording: Recording) -> None:
    end = recording.minute_span()[1] + SHIFT
    now = end + 40 * DAY_MS + 5 * HOUR_MS
    ts, found = rows(market, "BTCUSDT", MINUTE_MS, end - DAY_MS, now)
    assert np.all(np.diff(ts) == MINUTE_MS)
    assert np.all(found[:, LOW] <= found[:, [OPEN, CLOSE]].min(axis=1))
    assert np.all(found[:, HIGH] >= found[:, [OPEN, CLOSE]].max(axis=1))
    assert np.abs(np.log(found[1:, OPEN] / found[:-1, CLOSE])).max() < 1e-3
    _, hours = rows(market, "BTCUSDT", HOUR_MS, end - DAY_MS, now)
    assert hours[:-1, HIGH] == pytest.approx(found[: len(hours[:-1]) * 60, HIGH].reshape(-1, 60).max(axis=1))


def test_what_goes_on_are_recorded_returns_drawn_for_all_symbols_at_once(
    market: RecordedMarket, recording: Recording
) -> None:
    first, end = recording.minute_span()
    now = end + SHIFT + 3 * DAY_MS
    block = -(-(end + SHIFT) // (8 * HOUR_MS)) * 8 * HOUR_MS
    sources = []
    for name in ("BTCUSDT", "ETHUSDT"):
        _, after = market.bars(name, MINUTE_MS, first_ms=block, last_ms=block + 8 * HOUR_MS - 1, now_ms=now)
        recorded = recording.symbols[name].base
        starts = range(first, end - 8 * HOUR_MS + 1, 8 * HOUR_MS)
        volumes = [recorded.between(start, start + 8 * HOUR_MS).rows[:, VOLUME] for start in starts]
        sources.append([np.array_equal(volume, after[:, VOLUME]) for volume in volumes].index(True))
    assert sources[0] == sources[1]
    assert (first + sources[0] * 8 * HOUR_MS - block) % DAY_MS == 0


def test_funding_is_the_files_and_ends_with_it(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    listing = market.listings["BTCUSDT"]
    slots = derivatives.slots(listing, first, first + DAY_MS - 1)
    fundings = [derivatives.funding(listing, slot) for slot in slots]
    assert [funding.ts_ms for funding in fundings] == [first + 8 * HOUR_MS * at + 3 for at in range(3)]
    assert fundings[0].rate == pytest.approx(1e-4)
    assert fundings[0].mark_price == pytest.approx(100.1)
    assert derivatives.slots(listing, first + 15 * DAY_MS, first + 40 * DAY_MS) == []


def test_the_announced_rate_is_the_one_that_was_paid_last(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    listing, slot = market.listings["BTCUSDT"], first + 3 * DAY_MS
    paid = [derivatives.expected_rate(listing, slot + late) for late in (-1, 0, 3)]
    assert paid == [
        derivatives.funding(listing, slot - 8 * HOUR_MS).rate,
        derivatives.funding(listing, slot - 8 * HOUR_MS).rate,
        derivatives.funding(listing, slot).rate,
    ]


def test_mark_price_keeps_its_proportion_to_the_price_and_ends_with_the_record(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    listing, now = market.listings["BTCUSDT"], first + 2 * DAY_MS + 90_000
    assert derivatives.mark_price(listing, now) == pytest.approx(
        market.price("BTCUSDT", now) * 1.001, rel=1e-9
    )
    assert derivatives.mark_price(listing, first + 15 * DAY_MS) is None


def test_what_a_symbol_lacks_is_missing(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    listing, now = market.listings["ETHUSDT"], first + 2 * DAY_MS
    assert derivatives.slots(listing, first, now) == []
    assert derivatives.interest_times(listing, first, now, HOUR_MS) == []
    assert derivatives.open_interest(listing, now) is None
    assert derivatives.mark_price(listing, now) is None
    assert derivatives.expected_rate(listing, now) is None
    assert messages_of("ethusdt@markPrice", market, derivatives, now_ms=now, before_ms=now - 1000) == []
    assert len(rows(market, "DOGEUSDT", MINUTE_MS, first, now)[0]) == 0


def test_open_interest_is_told_from_the_hour_on_which_it_was_measured(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    listing, hour = market.listings["BTCUSDT"], first + 10 * HOUR_MS
    assert [derivatives.open_interest(listing, hour + late) for late in (-1, 0)] == [1009.0, 1010.0]
    assert derivatives.interest_times(listing, hour - HOUR_MS, hour, 5 * MINUTE_MS) == [hour - HOUR_MS, hour]


def test_a_symbol_without_minutes_is_listed_and_does_not_trade(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    now = first + 2 * DAY_MS
    status = {row["symbol"]: row["status"] for row in exchange_info(market, now)["symbols"]}
    assert status == {"BTCUSDT": "TRADING", "ETHUSDT": "TRADING", "DOGEUSDT": "PENDING_TRADING"}
    assert [row["symbol"] for row in exchange_info(market, now, only_trading=True)["symbols"]] == [
        "BTCUSDT",
        "ETHUSDT",
    ]
    assert len(rows(market, "DOGEUSDT", HOUR_MS, first, now)[0]) == 48
    assert messages_of("dogeusdt@kline_1h", market, derivatives, now_ms=now, before_ms=now - 1000) == []


def test_steps_are_the_finest_that_were_recorded(market: RecordedMarket) -> None:
    listing = market.listings["BTCUSDT"]
    assert (listing.tick_size, listing.lot_size) == ("0.01", "0.1")


@pytest.mark.parametrize("kind", ["kline_1m", "kline_1h", "trade", "bookTicker", "depth", "miniTicker"])
def test_a_start_two_minutes_before_midnight_plays_across_it(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int, kind: str
) -> None:
    start = first + 4 * DAY_MS - 2 * MINUTE_MS
    assert from_ms(start).strftime("%H:%M") == "23:58"
    times = range(start, start + 4 * MINUTE_MS, 1000)
    for before, now in pairwise(times):
        messages = messages_of(f"btcusdt@{kind}", market, derivatives, now_ms=now, before_ms=before)
        assert messages or kind == "trade"  # a second without a lot has no trade
        assert all(message["E"] == now for message in messages)


@pytest.mark.parametrize("path", MARKET_ENDPOINTS)
@pytest.mark.parametrize("name", ["BTCUSDT", "ETHUSDT"])
def test_every_public_endpoint_answers_from_an_archive(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int, name: str, path: str
) -> None:
    more = {"interval": "1w", "period": "1h", "contractType": "PERPETUAL", "limit": "5"}
    query = Query({"symbol": name, "pair": name, **more})
    answer = MARKET_ENDPOINTS[path].answer(Question(market, derivatives, query, first + 9 * DAY_MS + 90_000))
    assert isinstance(answer, bytes | dict | list)


def test_weeks_of_an_archive_add_up_its_days_and_end_now(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    now = first + 16 * DAY_MS + 90_000

    def told(interval: str) -> list[Any]:
        query = Query({"symbol": "BTCUSDT", "interval": interval})
        return list(orjson.loads(kline_rows(Question(market, derivatives, query, now))))

    weeks, days = told("1w"), told("1d")
    assert weeks[-1][0] <= now <= weeks[-1][6]
    assert sum(float(week[5]) for week in weeks) == pytest.approx(sum(float(day[5]) for day in days))
    assert weeks[-1][4] == days[-1][4]


def test_stream_of_a_symbol_that_does_not_trade_is_refused(
    market: RecordedMarket, derivatives: RecordedDerivatives, first: int
) -> None:
    now = first + 2 * DAY_MS
    assert why_silent("btcusdt@kline_1h", market, derivatives, now) == ""
    assert "not trading" in str(why_silent("dogeusdt@kline_1h", market, derivatives, now))


@pytest.mark.parametrize("name", ["btcusdt@markPrice", "btcusdt@markPrice@1s", "!markPrice@arr@1s"])
def test_marks_are_streamed_where_the_archive_has_them_and_refused_where_not(
    recording: Recording, first: int, name: str
) -> None:
    now = first + 2 * DAY_MS
    bare = {key: replace(one, mark=None) for key, one in recording.symbols.items()}
    for played, reason in ((recording, ""), (replace(recording, symbols=bare), "has no mark prices")):
        market = RecordedMarket(played, RecordedAnchor(SHIFT, 7, played.digest))
        answer = str(why_silent(name, market, RecordedDerivatives(played, market), now))
        assert (reason in answer) if reason else answer == ""
