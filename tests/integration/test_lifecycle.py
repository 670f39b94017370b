"""From stored verdicts to deployments, audit rows and scorecards."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, insert, select

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import PortfolioSettings, Settings
from quant_pipelines.core.timeframes import day_start_ms, from_ms
from quant_pipelines.lifecycle import ScreenReport, score_deployments, screen_candidates
from quant_pipelines.operations.stages import Signature, disable
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.optimize.judge import clean_data_gate
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import read_books, read_counts
from quant_pipelines.store.research import open_task
from quant_pipelines.store.tables import audit_logs, equity, performance_metrics
from quant_pipelines.store.verdict_rows import read_verdicts
from quant_pipelines.store.verdicts import save_verdict
from quant_pipelines.store.views import account_capital, current_deployments, equity_curves

pytestmark = pytest.mark.postgres

NOW = day_start_ms("2025-06-10") + 600_000
RULES = {"costs": {"fee_bps": 5.0, "slippage_bps": 1.0}}
VERSION = {
    "strategy": "ema_cross",
    "description": "EMA cross.",
    "content_hash": "abc",
    "kernel_digest": "def",
    "source": "class EmaCross: ...",
    "parameters": {},
}
VERDICT = VerdictRecord(
    strategy="ema_cross",
    content_hash="abc",
    exchange="binanceusdm",
    symbol="BTC/USDT:USDT",
    timeframe="1h",
    window_start_ms=day_start_ms("2025-03-11"),
    window_end_ms=day_start_ms("2025-06-10"),
    parameters={"fast": 10, "slow": 48},
    in_sample={"history_bars": 240},
    out_of_sample={"psr": 0.8, "trades": 40, "mean_daily_return": 0.01, "execution_timeframe": "1m"},
    gates=(clean_data_gate(()), Gate("trades", 40.0, 30.0, True, PAPER, "closed trades")),
)


def store(engine: Engine, record: VerdictRecord, *, archive: str | None = None) -> int:
    task = open_task(
        engine,
        VERSION,
        {
            "task_key": f"{record.symbol}{record.window_end_ms}",
            "record_key": f"{record.symbol}{record.window_end_ms}",
            "strategy": record.strategy,
            "exchange": record.exchange,
            "symbol": record.symbol,
            "timeframe": record.timeframe,
            "searcher": "ga",
            "objective": "sharpe",
            "seed": 1,
            "window_start": from_ms(record.window_start_ms),
            "window_end": from_ms(record.window_end_ms),
            "settings": {"job": {"archive": archive}, "rules": RULES},
            "trigger": "daily",
        },
    )
    return save_verdict(engine, task, record)


def screen(engine: Engine, settings: Settings | None = None) -> ScreenReport:
    return screen_candidates(engine, settings or Settings(), lambda: NOW)


def audit_rows(engine: Engine) -> Sequence[Any]:
    with engine.connect() as connection:
        assert audit.verify(connection).broken_id is None
        return connection.execute(select(audit_logs).order_by(audit_logs.c.id)).all()


def test_admitted_verdict_becomes_a_deployment_with_an_audit_row(engine: Engine) -> None:
    verdict_id = store(engine, VERDICT)
    report = screen(engine)
    (deployment,) = read_deployments(engine)
    assert report.deployments == (deployment.id,)
    assert (deployment.stage, deployment.timeframe, deployment.execution_timeframe) == ("paper", "1h", "1m")
    assert (deployment.parameters, deployment.settings) == (VERDICT.parameters, RULES)
    assert deployment.source == VERSION["source"]
    assert deployment.capital == 10_000
    assert from_ms(NOW) - deployment.history_start >= timedelta(hours=240)
    with transaction(engine) as connection:
        (verdict,) = read_verdicts(connection)
    assert (verdict.id, verdict.decision) == (verdict_id, "admitted")
    (row,) = audit_rows(engine)
    assert (row.action, row.subject) == ("deployment.admitted", f"deployment:{deployment.id}")
    assert row.detail["verdict"] == verdict_id


def test_rejected_verdict_keeps_its_reasons_and_deploys_nothing(engine: Engine) -> None:
    failed = Gate("trades", 3.0, 30.0, False, PAPER, "closed trades")
    store(engine, replace(VERDICT, gates=(failed,)))
    assert screen(engine).summary == "0 admitted, 1 rejected, 0 waiting for a place"
    with transaction(engine) as connection:
        (verdict,) = read_verdicts(connection)
    assert verdict.decision == "rejected"
    assert verdict.reasons == ("trades is 3, threshold 30: closed trades",)
    assert read_deployments(engine) == []


def test_second_screen_finds_nothing_to_decide(engine: Engine) -> None:
    store(engine, VERDICT)
    screen(engine)
    assert screen(engine) == ScreenReport((), ())
    assert len(read_deployments(engine)) == 1


def test_newer_verdict_that_fails_the_risk_validation_leaves_the_deployment_alone(
    engine: Engine,
) -> None:
    store(engine, VERDICT)
    screen(engine)
    store(
        engine,
        replace(VERDICT, window_end_ms=day_start_ms("2025-06-11"), parameters={"fast": 20, "slow": 60}),
    )
    report = screen(engine)
    assert report.deployments == ()
    (reason,) = report.decisions[0].reasons
    assert reason.startswith("risk_validation: parameters_in_space: fast is not declared")
    (deployment,) = read_deployments(engine)
    assert deployment.parameters == VERDICT.parameters


def test_capacity_admits_the_best_and_keeps_the_rest_waiting(engine: Engine) -> None:
    one_place = Settings(portfolio=PortfolioSettings(max_deployments=1))
    store(engine, VERDICT)
    better = {**VERDICT.out_of_sample, "psr": 0.9}
    store(engine, replace(VERDICT, symbol="ETH/USDT:USDT", out_of_sample=better))
    assert screen(engine, one_place).summary == "1 admitted, 0 rejected, 1 waiting for a place"
    assert [deployment.symbol for deployment in read_deployments(engine)] == ["ETH/USDT:USDT"]
    assert screen(engine).summary == "1 admitted, 0 rejected, 0 waiting for a place"


def test_paper_account_has_what_the_settings_say(engine: Engine) -> None:
    for symbol, money in (("ETH/USDT:USDT", 100_000.0), ("SOL/USDT:USDT", 200_000.0)):
        store(engine, replace(VERDICT, symbol=symbol))
        screen(engine, Settings(portfolio=PortfolioSettings(paper_capital=money)))
        with transaction(engine) as connection:
            assert account_capital(connection) == money


PAIR = "BTC/USDT:USDT+SOL/USDT:USDT"


def test_admitted_verdict_on_a_set_becomes_one_deployment_with_a_leg_for_each_symbol(engine: Engine) -> None:
    store(engine, replace(VERDICT, symbol=PAIR))
    (whole,) = screen(engine).deployments
    legs = read_deployments(engine)
    assert [leg.symbol for leg in legs] == ["BTC/USDT:USDT", "SOL/USDT:USDT"]
    assert {(leg.set_id, leg.n_legs, leg.stage, leg.capital) for leg in legs} == {(whole, 2, "paper", 5_000)}
    assert {leg.whole for leg in legs} == {f"deployment:{whole}"}
    (row,) = audit_rows(engine)
    assert (row.subject, row.detail["legs"]) == (f"deployment:{whole}", [leg.id for leg in legs])
    store(engine, replace(VERDICT, symbol=PAIR, window_end_ms=day_start_ms("2025-06-11")))
    (again,) = screen(engine).decisions
    assert again.reasons == (f"deployment:{whole} trades these parameters already",)


def test_set_is_scored_and_moved_as_one(engine: Engine) -> None:
    store(engine, replace(VERDICT, symbol=PAIR))
    (whole,) = screen(engine).deployments
    first, second = (leg.id for leg in read_deployments(engine))
    end = from_ms(day_start_ms("2025-06-11"))
    day = timedelta(days=1)
    worth = {first: (5_000.0, 5_100.0), second: (5_000.0, 4_950.0)}
    rows = [
        {"deployment_id": leg, "ts": end + day * n, "cash": v, "position": 1.0 * n, "price": 0.0, "equity": v}
        for leg, values in worth.items()
        for n, v in enumerate(values)
    ]
    with transaction(engine) as connection:
        connection.execute(insert(equity), rows)
    (book,) = read_books(engine)
    with transaction(engine) as connection:
        counts = read_counts(connection, [whole])[whole]
    assert (book.deployment_id, book.symbol, counts.bars, counts.bars_held) == (whole, PAIR, 2, 1)
    assert book.day_end_equity.tolist() == [10_000.0, 10_050.0]
    with transaction(engine) as connection:
        (shown,) = current_deployments(connection)
        curves = equity_curves(connection, 5)
    assert (shown["id"], shown["equity"], [leg["id"] for leg in shown["legs"]]) == (
        whole,
        10_050.0,
        [first, second],
    )
    assert curves == {whole: [10_000.0, 10_050.0]}
    people = Signature("ann", "a look")
    with pytest.raises(LifecycleError, match=f"is a leg; expected its set, deployment:{whole}, which moves"):
        disable(engine, people, deployment_id=first, clock=lambda: NOW)
    disable(engine, people, deployment_id=whole, clock=lambda: NOW)
    assert read_deployments(engine) == []
    assert read_deployments(engine, with_leaving=True) == []


def test_verdict_on_an_archive_is_never_deployed(engine: Engine) -> None:
    store(engine, VERDICT, archive="somewhere")
    assert screen(engine).summary == "0 admitted, 1 rejected, 0 waiting for a place"


def test_runner_is_told_when_the_transaction_commits(engine: Engine, database_url: str) -> None:
    store(engine, VERDICT)
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("listen deployments")
        screen(engine)
        assert [one.channel for one in listener.notifies(timeout=5, stop_after=1)] == ["deployments"]


def test_scorecard_is_stored_from_the_book_of_the_runner(engine: Engine) -> None:
    store(engine, VERDICT)
    (deployment_id,) = screen(engine).deployments
    midnight = from_ms(day_start_ms("2025-06-11"))
    rows = [
        {"ts": midnight - timedelta(hours=1), "equity": 10_050.0},
        {"ts": midnight, "equity": 10_100.0},
        {"ts": midnight + timedelta(minutes=1), "equity": 9_999.0},
    ]
    shared = {"deployment_id": deployment_id, "cash": 1.0, "position": 0.5, "price": 100.0}
    with engine.begin() as connection:
        connection.execute(insert(equity), [shared | row for row in rows])
    (card,) = score_deployments(engine, Settings(), lambda: NOW)
    assert card.days == 2  # a bar that closes at midnight belongs to the day before
    assert card.metrics["daily_return"] == pytest.approx((0.01 + 9_999 / 10_100 - 1) / 2)
    assert (card.metrics["bars"], card.metrics["exposure"]) == (3, 1.0)
    with engine.connect() as connection:
        stored = connection.execute(select(performance_metrics)).one()
    assert stored.metrics == card.metrics
