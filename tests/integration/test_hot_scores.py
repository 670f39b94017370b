"""Hot scores are stored as of each scan, of what the filters leave, with the weights in force."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.marketdata.scan import label_top, scan_universe
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.fetched import save_fetched
from quant_pipelines.store.hot import StoredWeight, add_weight, newest_exclusions, record_supply
from quant_pipelines.store.market import read_hotlist, save_instruments, seed_symbols

pytestmark = pytest.mark.postgres
EXCHANGE = "binanceusdm"
SYMBOLS = tuple(f"{name}/USDT:USDT" for name in ("AAA", "BBB", "CCC", "DDD"))
AT = day_start_ms("2024-03-15")
SETTINGS = HotListSettings()


def store_bars(engine: Engine, symbol: str, volume: float = 1_000.0, days: int = 9) -> None:
    """Fifteen-minute and hourly bars up to the scan, each symbol with moves of its own size."""
    for timeframe, step in (("15m", 15 * MINUTE_MS), ("1h", HOUR_MS)):
        ts = np.arange(AT - days * DAY_MS, AT, step, dtype=np.int64)
        size = 0.001 * (1 + SYMBOLS.index(symbol)) * (1.0 + (ts >= AT - DAY_MS) * SYMBOLS.index(symbol))
        close = 100.0 * np.exp(np.cumsum(np.where(np.arange(ts.size) % 2, 1.0, -1.0) * size))
        flow = np.full(ts.size, volume)
        rows = BarRows(ts, close, close, close, close, flow, flow * close, np.ones(ts.size, dtype=np.int64))
        upsert_bars(engine, Series(EXCHANGE, symbol, timeframe), rows)


@pytest.fixture
def market(engine: Engine) -> Engine:
    seed_symbols(engine, EXCHANGE, SYMBOLS, SYMBOLS[:1], from_ms(AT))
    step, fee = Decimal("0.001"), Decimal("0.0005")
    found = [Instrument(EXCHANGE, one, step, step, Decimal(5), fee, fee, 20, 8) for one in SYMBOLS]
    save_instruments(engine, found, from_ms(AT))
    for symbol in SYMBOLS:
        store_bars(engine, symbol)
    return engine


def stored_scores(engine: Engine) -> list[tuple[str, float, int]]:
    return [(row["symbol"], row["score"], row["rank"]) for row in read_hotlist(engine, EXCHANGE)]


def test_scan_of_an_hour_stays_whatever_is_known_later(market: Engine) -> None:
    scan_universe(market, EXCHANGE, SETTINGS, AT)
    before = stored_scores(market)
    with market.begin() as connection:
        connection.execute(
            text("update market.bars set close = close * 2 where symbol like 'AAA%' and ts > :late"),
            {"late": from_ms(AT - HOUR_MS)},
        )
    again = scan_universe(market, EXCHANGE, SETTINGS, AT).scores
    assert [(one.symbol, one.score, one.rank) for one in again] != before
    assert stored_scores(market) == before


def test_database_refuses_another_score_of_an_hour_and_keeps_labels(market: Engine) -> None:
    scan_universe(market, EXCHANGE, SETTINGS, AT)
    label_top(market, EXCHANGE, 2)
    for change in ("score = 9", "rank = 9", "flags = '[1]'", 'labels = \'{"mood": "calm"}\''):
        with pytest.raises(IntegrityError, match="a hot score stays as it was told"), market.begin() as one:
            one.execute(text(f"update market.hotlist set {change} where labels <> '{{}}'"))  # noqa: S608


def test_symbols_that_a_filter_leaves_out_are_stored_with_its_sentence(market: Engine) -> None:
    store_bars(market, SYMBOLS[0], volume=1.0)
    scan = scan_universe(market, EXCHANGE, SETTINGS, AT)
    assert SYMBOLS[0] not in {symbol for symbol, *_ in stored_scores(market)}
    (told,) = newest_exclusions(market, EXCHANGE)
    assert [told] == scan.excluded
    assert (told.symbol, told.filter) == (SYMBOLS[0], "liquidity")


def test_scan_that_leaves_nobody_is_the_newest_one(market: Engine) -> None:
    scan_universe(market, EXCHANGE, SETTINGS, AT)
    scan_universe(market, EXCHANGE, HotListSettings(least_volume=1e12), AT + HOUR_MS)
    assert stored_scores(market) == []
    assert len(newest_exclusions(market, EXCHANGE)) == len(SYMBOLS)


def test_age_counts_from_the_first_hour_after_a_day_that_the_exchange_had_not(market: Engine) -> None:
    with market.begin() as connection:
        young = {"symbol": SYMBOLS[1], "since": from_ms(AT - 3 * DAY_MS)}
        connection.execute(text("delete from market.bars where symbol = :symbol and ts < :since"), young)
    assert scan_universe(market, EXCHANGE, SETTINGS, AT).excluded == []  # older than anything stored, perhaps
    save_fetched(market, Series(EXCHANGE, SYMBOLS[1], "1m"), ["2024-03-05"], from_ms(AT))
    (told,) = scan_universe(market, EXCHANGE, SETTINGS, AT + MINUTE_MS).excluded
    assert (told.symbol, told.filter) == (SYMBOLS[1], "age")
    assert "listed for 3.0 days" in told.sentence


def test_market_cap_counts_supplies_that_were_recorded_by_then(market: Engine) -> None:
    shared = {"exchange": EXCHANGE, "source": "its explorer", "recorded_by": "ann"}
    with transaction(market) as connection:
        for symbol, supply in zip(SYMBOLS[:3], (1e6, 2e6, 3e6), strict=True):
            row = {"symbol": symbol, "supply": supply, "recorded_at": from_ms(AT)}
            record_supply(connection, shared | row)
        late = {"symbol": SYMBOLS[3], "supply": 1.0, "recorded_at": from_ms(AT) + timedelta(hours=1)}
        record_supply(connection, shared | late)
    scan_universe(market, EXCHANGE, SETTINGS, AT)
    caps = {row["symbol"]: row["factors"]["market_cap"]["raw"] for row in read_hotlist(market, EXCHANGE)}
    assert caps[SYMBOLS[3]] is None
    assert caps[SYMBOLS[1]] == pytest.approx(np.log(2e6 * 100.0), abs=0.01)


def test_scan_counts_with_the_weights_in_force(market: Engine) -> None:
    before = {one.symbol: one.score for one in scan_universe(market, EXCHANGE, SETTINGS, AT).scores}
    with transaction(market) as connection:
        for name, weight in (("volatility_jump", 2.0), ("regime_shift", 0.0)):
            made_at = datetime(2024, 3, 15, tzinfo=UTC)
            add_weight(connection, EXCHANGE, StoredWeight(name, weight, "person", "ann", "tried", made_at))
    scores = scan_universe(market, EXCHANGE, SETTINGS, AT + HOUR_MS).scores
    assert {one.symbol: one.score for one in scores} != before
    assert scores[0].factors["regime_shift"].weight == 0.0
