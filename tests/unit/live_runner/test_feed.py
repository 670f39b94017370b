import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from live_runner.feed.closings import Closings
from live_runner.feed.feed import PATIENCE_MS, Feed
from live_runner.ports.market_time import ExchangeTime
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, timeframe_ms
from quant_pipelines.exchange import BarRows, LiveBar, OpenInterest
from tests.integration.runner.replay import (
    Recording,
    ReplaySource,
    ReplayTime,
    hourly_funding,
    random_bars,
)

START = 1_767_225_600_000
SYMBOL = "BTC/USDT:USDT"
END = START + 24 * HOUR_MS


class LateSource(ReplaySource):
    """Exchange that has a bar or a rate only some seconds after its time."""

    lag_ms = 5_000

    async def bars(self, symbol: str, timeframe: str, window: Window) -> Any:
        return await super().bars(
            symbol, timeframe, Window(window.start_ms, min(window.end_ms, self._visible_ms()))
        )

    async def funding_rates(self, symbol: str, window: Window) -> Any:
        return await super().funding_rates(
            symbol, Window(window.start_ms, min(window.end_ms, self._visible_ms()))
        )

    async def open_interest(self, symbol: str, window: Window) -> Any:
        return [OpenInterest(window.start_ms, 7.0)] if window.start_ms < self._visible_ms() else []

    def _visible_ms(self) -> int:
        return self._time.now_ms() - self.lag_ms


def feed_at(now_ms: int, kind: type[ReplaySource] = ReplaySource) -> tuple[Feed, ReplaySource, ReplayTime]:
    time = ReplayTime(now_ms, END)
    bars = random_bars(SYMBOL, START, 24 * 60, seed=1)
    source = kind(Recording({SYMBOL: bars}, {SYMBOL: hourly_funding(bars)}), time, is_silent=True)
    return Feed(source, time), source, time


def said(ts: int, *, close: float = 0.0, is_final: bool = False) -> LiveBar:
    return LiveBar(SYMBOL, ts, close, close, close, close, 0.0, ts, is_final)


def test_a_late_bar_is_waited_for() -> None:
    feed, _, time = feed_at(START + MINUTE_MS + 1_000, LateSource)
    rows = asyncio.run(feed.closed_bars(SYMBOL, "1m", Window(START, START + MINUTE_MS)))
    assert rows.ts.tolist() == [START]
    assert time.now_ms() >= START + MINUTE_MS


def test_a_bar_that_never_comes_is_given_up_before_the_next_one_closes() -> None:
    LateSource.lag_ms, before = HOUR_MS, LateSource.lag_ms
    feed, _, time = feed_at(START + MINUTE_MS, LateSource)
    rows = asyncio.run(feed.closed_bars(SYMBOL, "1m", Window(START, START + MINUTE_MS)))
    LateSource.lag_ms = before
    assert len(rows) == 0
    assert PATIENCE_MS <= time.now_ms() - START - MINUTE_MS < MINUTE_MS - 1_000


def test_an_exchange_that_stays_away_is_an_error_after_the_patience() -> None:
    feed, source, _ = feed_at(START + MINUTE_MS)
    source.is_away = True
    with pytest.raises(ExchangeUnavailable):
        asyncio.run(feed.closed_bars(SYMBOL, "1m", Window(START, START + MINUTE_MS)))


def test_funding_is_asked_for_only_where_a_full_hour_lies() -> None:
    feed, _, _ = feed_at(START + 8 * HOUR_MS + 2 * MINUTE_MS)
    slot = START + 8 * HOUR_MS
    before = asyncio.run(
        feed.funding(SYMBOL, Window(slot - MINUTE_MS, slot), interval_hours=8, deadline_ms=slot)
    )
    inside = asyncio.run(feed.funding(SYMBOL, Window(slot, slot + 1), interval_hours=8, deadline_ms=slot))
    assert before == []
    assert [rate.ts for rate in inside] == [slot]


def test_an_expected_funding_slot_is_waited_for() -> None:
    slot = START + 8 * HOUR_MS
    feed, _, _ = feed_at(slot + 1, LateSource)
    deadline_ms = slot + MINUTE_MS
    rates = asyncio.run(
        feed.funding(SYMBOL, Window(slot, slot + 1), interval_hours=8, deadline_ms=deadline_ms)
    )
    assert [rate.ts for rate in rates] == [slot]


def test_data_age_is_infinite_before_the_stream_spoke_and_grows_after() -> None:
    feed, _, time = feed_at(START)
    assert feed.age_seconds(SYMBOL) == math.inf
    feed.heard(said(START))
    asyncio.run(time.sleep_until(START + 7_000))
    assert feed.age_seconds(SYMBOL) == 7.0


def test_exchange_time_follows_the_exchanges_clock() -> None:
    time = ExchangeTime(lambda: 1_000)
    time.synchronize(4_000)
    assert (time.now_ms(), time.error_ms) == (4_000, 0)


@pytest.mark.parametrize(
    ("exchange_ms", "error_ms"),
    [(900, -100), (1_000, 0), (3_000, 0), (3_001, 1), (63_000, 60_000), (-57_000, -58_000)],
)
def test_a_clock_is_off_by_what_the_time_of_the_answer_does_not_explain(
    exchange_ms: int, error_ms: int
) -> None:
    time = ExchangeTime(lambda: 3_000)
    time.synchronize(exchange_ms, asked_ms=1_000)
    assert (time.error_ms, time.now_ms()) == (error_ms, 3_000 + error_ms)
    time.synchronize(time.now_ms(), asked_ms=time.now_ms())
    assert time.error_ms == 0


def test_an_input_that_is_told_a_moment_late_is_waited_for() -> None:
    feed, source, _ = feed_at(START + 4_000, LateSource)
    assert isinstance(source, LateSource)
    assert asyncio.run(feed.points(SYMBOL, "open_interest", START, "1h")) == [(START, 7.0)]


def test_an_input_that_is_not_told_costs_seconds_and_no_error() -> None:
    feed, _, time = feed_at(START, LateSource)
    assert asyncio.run(feed.points(SYMBOL, "open_interest", START, "1h")) == []
    assert START + 3_000 <= time.now_ms() < START + 5_000


def test_an_exchange_that_refuses_an_input_costs_the_input_only() -> None:
    class Refusing(ReplaySource):
        async def index_prices(self, *_: object) -> Any:
            raise ExchangeRefused("no such price")

    feed, _, _ = feed_at(START, Refusing)
    assert asyncio.run(feed.points(SYMBOL, "index_close", START, "1h")) == []


def test_the_stream_tells_the_last_price_and_nobody_the_mark() -> None:
    feed, _, _ = feed_at(START)
    assert math.isnan(feed.prices(SYMBOL).last)
    feed.heard(said(START, close=101.0))
    told = feed.prices(SYMBOL)
    assert (told.last, told.age_seconds, math.isnan(told.mark)) == (101.0, 0.0, True)


GRACE_MS = 1_000
CLOSE = START + HOUR_MS
MINUTE = CLOSE - MINUTE_MS


def close_of(words: Callable[[BarRows], list[LiveBar]], timeframe: str = "1m") -> int:
    """Milliseconds after its close at which a bar was taken, when the stream spoke so at its close."""

    async def take() -> int:
        time = ReplayTime(CLOSE, END)
        bars = random_bars(SYMBOL, START, 24 * 60, seed=1)
        source = ReplaySource(Recording({SYMBOL: bars}, {}), time, is_silent=True)
        feed = Feed(source, time, grace_ms=GRACE_MS)
        truth = await source.bars(SYMBOL, "1m", Window(MINUTE, CLOSE))
        for word in words(truth):
            feed.heard(word)
        start_ms = CLOSE - timeframe_ms(timeframe)
        rows = await feed.closed_bars(SYMBOL, timeframe, Window(start_ms, CLOSE))
        assert rows.ts.tolist() == [start_ms]
        return time.now_ms() - CLOSE

    return asyncio.run(take())


def final(rows: BarRows, *, is_final: bool = True, volume: float | None = None) -> LiveBar:
    values = (float(getattr(rows, name)[-1]) for name in ("open", "high", "low", "close"))
    traded = float(rows.volume[-1]) if volume is None else volume
    return LiveBar(SYMBOL, int(rows.ts[-1]), *values, traded, CLOSE, is_final)


def test_a_bar_that_stream_and_exchange_agree_on_is_taken_at_once() -> None:
    assert close_of(lambda rows: [final(rows)]) == 0


def test_a_stream_that_speaks_of_the_next_minute_has_closed_the_one_before() -> None:
    assert close_of(lambda rows: [final(rows, is_final=False), said(CLOSE)]) == 0


def test_a_bar_that_the_stream_does_not_confirm_is_asked_for_again_behind_its_grace() -> None:
    assert close_of(lambda rows: [final(rows, volume=7.5)]) == GRACE_MS


def test_the_grace_is_waited_for_where_the_stream_is_silent_or_late() -> None:
    assert close_of(lambda _rows: []) == GRACE_MS
    assert close_of(lambda rows: [final(rows, is_final=False)]) == GRACE_MS
    assert close_of(lambda rows: [replace(final(rows), ts=MINUTE - MINUTE_MS)]) == GRACE_MS


def test_a_longer_bar_closes_with_its_last_minute() -> None:
    assert close_of(lambda rows: [final(rows)], "1h") == 0
    assert close_of(lambda rows: [said(MINUTE, close=1.0, is_final=True)], "1h") == GRACE_MS


def test_a_word_that_comes_late_takes_nothing_back() -> None:
    closings = Closings()
    for bar in (said(CLOSE, close=2.0, is_final=True), said(MINUTE, close=1.0, is_final=True)):
        closings.hear(bar)
    assert closings.closed(SYMBOL, CLOSE + MINUTE_MS) == said(CLOSE, close=2.0, is_final=True)
    assert closings.closed(SYMBOL, CLOSE) is None


@pytest.mark.parametrize(
    ("second", "wait_ms", "is_known"),
    [
        (replace(said(START), volume=2.0), 1_000, True),
        (replace(said(START), volume=1.0), 1_000, False),
        (said(START + MINUTE_MS), 1_000, True),
        (replace(said(START), volume=2.0), 2_000, False),
    ],
)
def test_running_minute_is_known_while_the_stream_tells_something_new(
    second: LiveBar, wait_ms: int, *, is_known: bool
) -> None:
    async def scenario() -> None:
        feed, _, time = feed_at(START)
        assert feed.running_bar(SYMBOL) is None
        feed.heard(replace(said(START), volume=1.0))
        await time.sleep_until(START + 1_000)
        feed.heard(second)
        await time.sleep_until(START + 1_000 + wait_ms)
        assert feed.running_bar(SYMBOL) == (second if is_known else None)

    asyncio.run(scenario())
