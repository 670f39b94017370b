"""Usefulness and weights as a job: what it shows, what its check says, and what it does not claim."""

from typing import Any

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import insert

from assets.resources import Platform
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import HOUR_MS, floor_ms, from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.store import audit
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.tables import hot_weights, hotlist

pytestmark = pytest.mark.postgres
SYMBOLS = [f"{letter * 3}/USDT:USDT" for letter in "ABCDEF"]
N_HOURS = 24 * 24


def measured(platform: Platform, instance: dg.DagsterInstance) -> tuple[dict[str, dict[str, Any]], Any]:
    """Metadata by asset, and the check, of one run."""
    resolved = build_definitions(platform).resolve_job_def("hot_coin_usefulness")
    result = resolved.execute_in_process(instance=instance)
    assert result.success
    shown = {
        event.asset_key.to_user_string(): {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
    }
    (check,) = result.get_asset_check_evaluations()
    return shown, check


def store(platform: Platform, *, sign: float) -> None:
    """Twenty-four days of scores and funding that know the day after, or its reverse."""
    generator = np.random.default_rng(6)
    last = floor_ms(platform.clock(), HOUR_MS)
    opens = last - HOUR_MS * np.arange(N_HOURS + 24, 0, -1, dtype=np.int64)
    moves = 0.01 * generator.standard_normal((opens.size, len(SYMBOLS)))
    prices = np.cumsum(moves, axis=0)
    term = {"raw": 1.0, "weight": 0.1, "contribution": 0.0}
    rows = []
    for hour in range(N_HOURS):
        after = sign * (prices[hour + 24] - prices[hour])
        rows += [
            {"scored_at": from_ms(int(opens[hour])), "exchange": platform.exchange, "symbol": symbol}
            | {"score": float(one), "rank": 1, "flags": [], "labels": {}}
            | {"factors": {"funding": {"z": float(one), **term}}}
            for symbol, one in zip(SYMBOLS, after, strict=True)
        ]
    with platform.engine.begin() as connection:
        connection.execute(insert(hotlist), rows)
    for column, symbol in enumerate(SYMBOLS):
        close, ones = 100.0 * np.exp(prices[:, column]), np.ones(opens.size)
        bars = BarRows(opens, close, close, close, close, ones, ones, np.ones(opens.size, dtype=np.int64))
        upsert_bars(platform.engine, Series(platform.exchange, symbol, "1h"), bars)


def audited(platform: Platform) -> list[tuple[str, str]]:
    with platform.engine.connect() as connection:
        assert audit.verify(connection).broken_id is None
        return [
            (row.action, row.subject)
            for row in connection.exec_driver_sql("select action, subject from ops.audit_logs order by id")
        ]


def test_without_scores_nothing_is_claimed_and_nothing_moves(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    shown, check = measured(platform, instance)
    assert check.passed
    assert check.description == (
        "score against the return of 24 hours: no claim, 0 of 10 stretches of time that it needs"
    )
    assert shown["hot_usefulness"]["told"] == check.description
    assert "too_few" in shown["hot_usefulness"]["score"]
    assert shown["hot_weights"]["run_moved"] == 0


def test_useful_ranking_moves_its_weight_with_an_audit_row(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    store(platform, sign=1.0)
    shown, check = measured(platform, instance)
    assert check.passed
    assert "useful" in check.description
    assert "| score | return | 24 |" in shown["hot_usefulness"]["score"]
    assert "data:image/svg+xml" in shown["hot_usefulness"]["decay"]
    assert shown["hot_weights"]["run_moved"] == 1
    assert audited(platform) == [("hot.weight_moved", "factor:funding")]
    assert measured(platform, instance)[0]["hot_weights"]["run_moved"] == 0  # once a day


def test_misleading_ranking_is_told_by_the_check(platform: Platform, instance: dg.DagsterInstance) -> None:
    store(platform, sign=-1.0)
    _, check = measured(platform, instance)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "misleading" in check.description
    with platform.engine.connect() as connection:
        (row,) = connection.execute(hot_weights.select()).all()
    assert (row.factor, row.weight) == ("funding", pytest.approx(0.09))
