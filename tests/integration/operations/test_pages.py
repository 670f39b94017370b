"""Pages of verdicts as files: written once, written again when lost, kept within bounds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.pages.publish import PageFolder, publish_verdicts
from quant_pipelines.pages.walk import walk_of
from quant_pipelines.reports.walk_forward import render_walk
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.run import optimize_one
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.verdict_rows import incumbent_returns, read_verdict, read_verdicts
from quant_pipelines.store.views import newest_verdicts
from tests.integration.stored_market import END, JOB, store_market

FRESH = Freshness(from_ms(END).date(), 21)
pytestmark = pytest.mark.postgres


@pytest.fixture(name="stored")
def store(engine: Engine) -> Engine:
    return store_market(engine)


def newest(engine: Engine) -> list[dict[str, Any]]:
    """The newest verdicts, as the asset reads them."""
    with transaction(engine) as connection:
        return newest_verdicts(connection, JOB.exchange, FRESH)


@pytest.fixture
def judged(stored: Engine) -> Engine:
    """A database with one verdict."""
    optimize_one(stored, JOB)
    return stored


def test_page_compares_with_holding(judged: Engine, tmp_path: Path) -> None:
    (row,) = newest(judged)
    assert publish_verdicts(judged, [row], PageFolder(tmp_path, 10), fresh=FRESH) == [
        f"verdict-{row['id']}.html"
    ]
    page = (tmp_path / f"verdict-{row['id']}.html").read_text()
    assert 'data-name="buy and hold"' in page
    assert f'href="verdict-{row["id"]}.html"' in (tmp_path / "index.html").read_text()


def test_page_is_written_once_and_again_when_it_is_lost(judged: Engine, tmp_path: Path) -> None:
    rows = newest(judged)
    publish_verdicts(judged, rows, PageFolder(tmp_path, 10), fresh=FRESH)
    assert publish_verdicts(judged, rows, PageFolder(tmp_path, 10), fresh=FRESH) == []
    (page,) = tmp_path.glob("verdict-*.html")
    before = page.read_text()
    page.unlink()
    assert publish_verdicts(judged, rows, PageFolder(tmp_path, 10), fresh=FRESH) == [page.name]
    assert page.read_text() == before


def test_oldest_pages_go_first(judged: Engine, tmp_path: Path) -> None:
    for number in (1000, 1001, 999):
        (tmp_path / f"verdict-{number}.html").write_text("newer")
    rows = newest(judged)
    publish_verdicts(judged, rows, PageFolder(tmp_path, 2), fresh=FRESH)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.html",
        "verdict-1000.html",
        "verdict-1001.html",
    ]


def test_verdict_whose_rows_are_gone_costs_only_its_page(
    judged: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (row,) = newest(judged)
    gone = row | {"id": 77, "task_id": -1}
    assert publish_verdicts(judged, [gone], PageFolder(tmp_path, 10), fresh=FRESH) == []
    assert "page of verdict 77 is not written" in caplog.text


def test_every_fold_is_told_also_by_a_walk_forward_that_was_finished_before(judged: Engine) -> None:
    days = [END // DAY_MS - before for before in (3, 2, 1, 0)]
    told: list[FoldResult] = []
    optimize_one(judged, JOB, on_fold=told.append)
    assert sorted(result.fold.index for result in told) == days
    fresh: list[FoldResult] = []
    optimize_one(judged, replace(JOB, seed=9), on_fold=fresh.append)
    assert [result.fold.index for result in fresh] == days


def test_incumbent_is_the_record_of_the_verdict_that_is_traded_now(world: Any) -> None:
    deployment = world.deployment()
    world.promise(deployment, np.array([0.01, -0.02]))
    challenger = world.verdict(day="2025-06-11")
    with transaction(world.engine) as connection:
        records = {record.id: record for record in read_verdicts(connection)}
        stored = incumbent_returns(connection, records.pop(challenger))
        (incumbent,) = records.values()
        assert incumbent_returns(connection, incumbent) == {}
    assert list(stored.values()) == [0.01, -0.02]
    assert np.diff(list(stored)).tolist() == [DAY_MS]


def test_resting_deployment_is_no_incumbent(world: Any) -> None:
    world.promise(world.deployment(stage="cooling"), np.array([0.01]))
    challenger = world.verdict(day="2025-06-11")
    with transaction(world.engine) as connection:
        record = read_verdict(connection, challenger)
        assert record is not None
        assert incumbent_returns(connection, record) == {}


def test_page_without_bars_says_nothing_about_holding(
    judged: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone(DatabaseSource):
        def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
            raise DataError(f"{symbol} is gone")

    with transaction(judged) as connection:
        (record,) = read_verdicts(connection)
    walk = walk_of(record, {}, Gone(judged, JOB.exchange), {})
    assert walk.others == ()
    assert "is gone" in caplog.text
    assert "buy and hold" not in render_walk(walk)
