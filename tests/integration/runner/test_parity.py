"""Days that the real runner traded, beside their replays."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from live_runner.book.plan import LoadStrategy
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.core.timeline import VersionChange
from quant_pipelines.operations.halts import resume
from quant_pipelines.operations.parity import check_parity
from quant_pipelines.operations.pnl import pnl_report
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.research.parity import ComparedDay, compare_day
from quant_pipelines.sdk import Array, Bars, Strategy
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.capital_changes import set_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.versions import add_change, terms_of
from tests.in_process import in_process
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    LADDER,
    SWITCH,
    SYMBOL,
    execute,
    rows,
    world,
)

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}
FIRST_DAY, SECOND_DAY = date(2026, 1, 1), date(2026, 1, 2)
N_BARS = 280
"""Two hours of history, two to midnight, and forty minutes."""


def played(
    engine: Engine,
    database_url: str,
    timeframe: str = "1m",
    load: LoadStrategy = in_process,
    start: datetime = DEPLOYED,
) -> None:
    """Let the runner trade the recording, whose bars are stored as the ingest would."""
    playing = replace(world(engine, database_url, start=start, n_bars=N_BARS), load=load)
    end_ms = to_ms(HISTORY_START + timedelta(minutes=N_BARS))
    now_ms = playing.time._now_ms
    playing.time._now_ms = end_ms
    for one in {"1m", timeframe}:
        bars = asyncio.run(playing.source.bars(SYMBOL, one, Window(0, end_ms)))
        upsert_bars(engine, Series("binanceusdm", SYMBOL, one), bars)
    playing.time._now_ms = now_ms
    asyncio.run(playing.play(180.0))


def played_on(engine: Engine, database_url: str, changed_at_bar: int) -> None:
    """Let a runner trade some of the recording, then another one the rest with a shorter average."""
    asyncio.run(world(engine, database_url, n_bars=changed_at_bar).play(180.0))
    ((key,),) = rows(engine, "select id from trading.deployments")
    with transaction(engine) as connection:
        before = terms_of(connection, key)
        after = before._replace(parameters={"window": 3})
        at = HISTORY_START + timedelta(minutes=changed_at_bar, seconds=45)
        add_change(connection, VersionChange(key, key, at, "challenge", before, after, "ann", "it won"))
    played(engine, database_url, start=HISTORY_START + timedelta(minutes=changed_at_bar + 1))


def test_a_day_on_which_a_books_parameters_changed_is_replayed_with_both(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    """Two hours of history, eighty minutes, then other parameters to midnight and after it."""
    deploy(SWITCH, **PLACE)
    played_on(engine, database_url, 200)
    decided = rows(engine, "select bar_close, target from trading.signals order by bar_close")
    assert len({target for at, target in decided if at > HISTORY_START + timedelta(minutes=200)}) > 1
    for day in both_days(engine):
        assert day.comparison is not None, day.reason
        assert (day.comparison.another, day.comparison.verdict in ("equal", "explained")) == ((), True)


def both_days(engine: Engine) -> list[ComparedDay]:
    """Comparisons of the day on which the book began, and of the one after it."""
    return [*compare_day(engine, FIRST_DAY), *compare_day(engine, SECOND_DAY)]


@pytest.mark.parametrize(("source", "timeframe"), [(SWITCH, "1m"), (SWITCH, "15m"), (LADDER, "1m")])
def test_a_day_on_paper_is_its_replay_to_the_bit(
    engine: Engine, database_url: str, deploy: Callable[..., int], source: str, timeframe: str
) -> None:
    deploy(source, timeframe=timeframe, **PLACE)
    played(engine, database_url, timeframe)
    days = both_days(engine)
    for day in days:
        assert day.comparison is not None, day.reason
        assert day.comparison.verdict == "equal", day.comparison
        assert day.comparison.is_equal_to_the_bit
    assert days[0].comparison is not None
    assert days[0].comparison.n_fills > 1
    report = pnl_report(engine, lambda: to_ms(HISTORY_START + timedelta(minutes=N_BARS)))
    assert report.is_fine, report.lines
    ((capital, worth),) = rows(
        engine, "select capital, equity from trading.deployments d, trading.equity order by ts desc limit 1"
    )
    change = report.lines[-1].days.total.change
    assert abs(float(change) - (worth - float(capital))) < 1e-6
    assert change


def test_a_withdrawal_makes_the_position_smaller_first_and_its_day_is_its_replay(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deployment_id = deploy(SWITCH.replace("Float(0.004", "Float(0.3"), timeframe="15m", **PLACE)
    with transaction(engine) as connection:
        changed = DEPLOYED + timedelta(minutes=50)
        capital = (connection, deployment_id, Decimal(2_000))
        set_capital(*capital, actor="ann", reason="tried", source="operator", now=changed)
    played(engine, database_url, "15m")
    paid = rows(engine, "select ts, amount from trading.income where kind = 'transfer' order by ts")
    assert sum(amount for _, amount in paid) == Decimal(-8_000)
    before = "select position * price / equity from trading.equity where ts < :at order by ts desc limit 1"
    ((held,),) = rows(engine, before, at=changed)
    assert abs(held) > 0.9, "something is held when the capital changes"
    ((most,),) = rows(engine, "select max(abs(position) * price / equity) from trading.equity")
    assert most < 1.02
    for day in both_days(engine):
        assert day.comparison is not None, day.reason
        assert day.comparison.is_equal_to_the_bit, day.comparison
    stops = "select position, price, stop_price from trading.equity where position <> 0"
    for position, price, stop in rows(engine, stops):
        assert 0.0 < (price - stop) * math.copysign(1.0, position) < 0.6 * price, "each bar has its level"
    assert rows(engine, "select 1 from trading.equity where position = 0 and stop_price is not null") == []


def traded_day(engine: Engine, database_url: str, deploy: Callable[..., int]) -> int:
    """Let a deployment trade until after midnight; returns its id."""
    deployment_id = deploy(SWITCH, **PLACE)
    played(engine, database_url)
    return deployment_id


def test_what_happened_to_a_day_afterwards_is_named(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    """One runner's day, changed piece by piece: it is costly to trade, and cheap to compare."""
    deployment_id = traded_day(engine, database_url, deploy)
    order = (
        "select f.client_order_id, f.ts from trading.fills f join trading.intents i using (client_order_id) "
        "where i.purpose = 'target' and f.ts >= '2026-01-01 23:00+00' order by f.ts limit 1"
    )
    [(name, filled_at)] = rows(engine, order)

    # A bar that the exchange told otherwise later: the runner's fill is that of then.
    revise = (
        "update market.bars set open = open * 1.001, high = high * 1.002 where ts = :ts and timeframe = '1m'"
    )
    execute(engine, revise, ts=filled_at)
    [revised] = compare_day(engine, FIRST_DAY)
    assert revised.comparison is not None
    assert revised.comparison.verdict == "explained"
    assert set(revised.comparison.causes) == {"revised bar"}
    assert revised.comparison.rest == 0
    execute(
        engine, "update market.bars set open = open / 1.001, high = high / 1.002 where ts = :ts", ts=filled_at
    )

    # A bar that the runner had booked too late to decide on.
    decided_at = rows(engine, "select bar_close from trading.intents where client_order_id = :n", n=name)[0][
        0
    ]
    execute(engine, "create table kept as select * from trading.signals where bar_close = :at", at=decided_at)
    execute(engine, "delete from trading.signals where bar_close = :at", at=decided_at)
    execute(
        engine,
        "update trading.equity set booked_at = ts + interval '9 minutes' where ts = :at",
        at=decided_at,
    )
    [late] = compare_day(engine, FIRST_DAY)
    assert late.comparison is not None
    assert late.comparison.another == ()
    execute(engine, "insert into trading.signals select * from kept")

    # A fill that no order explains, and one that is gone.
    execute(engine, "update trading.fills set quantity = quantity * 0.9 where client_order_id = :n", n=name)
    [unlike] = compare_day(engine, FIRST_DAY)
    assert unlike.comparison is not None
    assert unlike.comparison.verdict == "unexplained"
    execute(engine, "update trading.fills set quantity = quantity / 0.9 where client_order_id = :n", n=name)

    # A book whose beginning was not kept, and a strategy whose text is gone.
    execute(engine, "update research.strategy_versions set source = ''")
    [unknown] = compare_day(engine, FIRST_DAY)
    assert (unknown.deployment.id, unknown.comparison) == (deployment_id, None)
    assert "text of strategy" in unknown.reason


def contrary(name: str, source: str) -> type[Strategy]:
    """Load a strategy that wants the other side of what its text says."""
    told = in_process(name, source)

    class Contrary(told):  # type: ignore[misc, valid-type]
        def target(self, bars: Bars) -> Array:
            return -super().target(bars)

    return Contrary


def test_a_runner_that_decides_otherwise_is_caught_stopped_and_taken_back(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deployment_id = deploy(SWITCH, **PLACE)
    played(engine, database_url, load=contrary)
    first = check_parity(engine, lambda: to_ms(HISTORY_START) + DAY_MS, day=FIRST_DAY)
    [row] = first.rows
    assert row["verdict"] == "decided otherwise"
    assert "decisions came out otherwise" in row["reason"]
    scope = f"deployment:{deployment_id}"
    assert [one.action for one in first.receipts] == ["deployment.entries_stopped"]
    halts = rows(engine, "select source, detail ->> 'event' from ops.alerts where severity = 'halt'")
    assert halts == [(scope, "not_its_replay")]
    again = check_parity(engine, lambda: to_ms(HISTORY_START) + DAY_MS, day=FIRST_DAY)
    assert (again.receipts, again.rows[0]["id"]) == ((), row["id"])
    second = check_parity(engine, lambda: to_ms(HISTORY_START) + 2 * DAY_MS)
    assert [one.action for one in second.receipts] == ["deployment.disabled"]
    assert rows(engine, "select stage from trading.deployments") == [("cooling",)]
    actions = rows(engine, "select action, actor from ops.audit_logs order by id")
    assert actions == [
        ("deployment.entries_stopped", "replay parity"),
        ("deployment.disabled", "replay parity"),
    ]
    resumed = resume(engine, Signature("ann", "looked at it"), scope=scope, clock=lambda: 0)
    assert "resumed" in resumed.summary


def test_a_day_that_is_not_over_and_a_day_without_deployments(engine: Engine) -> None:
    now_ms = to_ms(HISTORY_START)
    with pytest.raises(ConfigurationError, match="day is 2026-01-01; expected one that is over"):
        check_parity(engine, lambda: now_ms, day=FIRST_DAY)
    with pytest.raises(ConfigurationError, match="the last is 2025-12-31"):
        check_parity(engine, lambda: now_ms, day=date(2030, 1, 1))
    report = check_parity(engine, lambda: now_ms)
    assert (report.rows, report.is_fine) == ([], True)
    assert report.told == "2025-12-31: nothing was traded"


def test_a_deployment_that_booked_nothing_is_named(engine: Engine, deploy: Callable[..., int]) -> None:
    deploy(SWITCH, **PLACE)
    report = check_parity(engine, lambda: to_ms(HISTORY_START) + DAY_MS)
    assert not report.is_fine
    assert [(row["verdict"], row["reason"]) for row in report.rows] == [
        ("not replayed", "nothing was booked on that day")
    ]
    with pytest.raises(IntegrityError, match="compared days never change"):
        execute(engine, "delete from trading.parity_days")
