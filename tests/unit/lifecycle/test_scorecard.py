import numpy as np
import pytest

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.lifecycle.scorecard import score
from quant_pipelines.store.lifecycle import BookCounts, ScoredBook

COUNTS = BookCounts(bars=10, bars_held=4, fills=2)


def book(*equity: float, promised: float | None = 0.01) -> ScoredBook:
    return ScoredBook(
        deployment_id=3,
        strategy="ema_cross",
        symbol="BTC/USDT:USDT",
        timeframe="1m",
        capital=100.0,
        verdict={} if promised is None else {"mean_daily_return": promised},
        days=DAY_MS * np.arange(len(equity), dtype=np.int64),
        day_end_equity=np.array(equity),
        equity=equity[-1] if equity else 100.0,
    )


def test_returns_start_from_the_capital() -> None:
    card = score(book(110.0, 99.0), COUNTS, least_efficiency=0.3)
    assert card.days == 2
    assert card.metrics["total_return"] == pytest.approx(-0.01)
    assert card.metrics["max_drawdown"] == pytest.approx(-0.1)
    assert card.metrics["daily_return"] == pytest.approx(0.0)
    assert card.metrics["exposure"] == 0.4


def test_book_behind_its_verdict_is_marked() -> None:
    assert score(book(100.1), COUNTS, least_efficiency=0.3).metrics["is_behind"] is True
    assert score(book(101.0), COUNTS, least_efficiency=0.3).metrics["is_behind"] is False


@pytest.mark.parametrize("empty", [book(), book(promised=None)])
def test_book_without_a_bar_has_no_opinion(empty: ScoredBook) -> None:
    card = score(empty, COUNTS, least_efficiency=0.3)
    assert (card.days, card.metrics["equity"]) == (0, 100.0)
    assert card.metrics["sharpe"] is None
    assert card.metrics["is_behind"] is False
