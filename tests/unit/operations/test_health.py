import pytest

from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.operations.health import assess

NOW = 1_710_000_000_000
FRESH, OLD = NOW - 2 * MINUTE_MS, NOW - HOUR_MS


@pytest.mark.parametrize(
    ("newest", "blocked", "state", "reason"),
    [
        ({}, [], "empty", "no bars are stored yet"),
        ({"A": None, "B": None}, [], "empty", "no bars are stored yet"),
        ({"A": FRESH, "B": OLD}, [], "stale", "1 of 2 symbols have no recent bar: B"),
        ({"A": FRESH, "B": None}, [], "stale", "1 of 2 symbols have no recent bar: B"),
        ({"A": FRESH}, ["A 2024-03-09 ohlc"], "faulty", "1 findings block recent days: A 2024-03-09 ohlc"),
        ({"A": OLD}, ["A 2024-03-09 ohlc"], "stale", "1 of 1 symbols have no recent bar: A"),
        ({"A": FRESH, "B": FRESH}, [], "healthy", "2 symbols are up to date"),
    ],
)
def test_market_data_are(newest: dict[str, int | None], blocked: list[str], state: str, reason: str) -> None:
    health = assess(newest, blocked, NOW)
    assert (health.state, health.reason) == (state, reason)


def test_age_counts_from_the_close_of_the_newest_bar() -> None:
    assert assess({"A": NOW - 3 * MINUTE_MS}, [], NOW).detail["age_seconds"] == {"A": 120}
