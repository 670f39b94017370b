"""A small stored world: verdicts, deployments and what surrounds them, written through the store."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert, select, update

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, from_ms
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.operations.people import identify
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.optimize.judge import clean_data_gate
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import venue_account
from quant_pipelines.store.market import save_hotlist, save_instruments, seed_symbols
from quant_pipelines.store.research import open_task
from quant_pipelines.store.tables import (
    audit_logs,
    data_findings,
    deployments,
    equity,
    optimizer_tasks,
    record_days,
    verdicts,
)
from quant_pipelines.store.verdicts import save_verdict
from tests.integration.operations.office import Office
from tests.stored_looks import FIRST_LOOK, look_at_deployment

NOW = day_start_ms("2025-06-10") + 600_000
EXCHANGE = "binanceusdm"
BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
VERSION = {
    "strategy": "ema_cross",
    "description": "EMA cross.",
    "content_hash": "abc",
    "kernel_digest": "def",
    "source": "class EmaCross: ...",
    "parameters": {},
}
GOOD = (clean_data_gate(()), Gate("trades", 40.0, 30.0, True, PAPER, "closed trades"))

Quant = Callable[..., tuple[int, Any, str]]


@dataclass(frozen=True)
class World:
    """Database, settings and a clock that stands."""

    engine: Engine
    settings: Settings
    now_ms: int = NOW

    def clock(self) -> int:
        return self.now_ms

    @property
    def now(self) -> datetime:
        return from_ms(self.now_ms)

    def verdict(
        self, symbol: str = BTC, gates: tuple[Gate, ...] = GOOD, day: str = "2025-06-10", record_of: str = ""
    ) -> int:
        record = VerdictRecord(
            strategy="ema_cross",
            content_hash="abc",
            exchange=EXCHANGE,
            symbol=symbol,
            timeframe="1h",
            window_start_ms=day_start_ms(day) - 91 * DAY_MS,
            window_end_ms=day_start_ms(day),
            parameters={"fast": 10, "slow": 48},
            in_sample={"history_bars": 240},
            out_of_sample={"psr": 0.8, "trades": 40, "mean_daily_return": 0.01, "execution_timeframe": "1m"},
            gates=gates,
        )
        names = ("strategy", "exchange", "symbol", "timeframe")
        row = {name: getattr(record, name) for name in names} | {
            "task_key": f"{symbol}{day}",
            "record_key": f"{symbol}{record_of or day}",
            "searcher": "ga",
            "objective": "sharpe",
            "seed": 1,
            "window_start": from_ms(record.window_start_ms),
            "window_end": from_ms(record.window_end_ms),
            "settings": {"job": {"archive": None}, "rules": {}},
            "trigger": "daily",
        }
        return save_verdict(self.engine, open_task(self.engine, VERSION, row), record)

    def deployment(
        self,
        symbol: str = BTC,
        stage: str = "paper",
        days_ago: float = 30.0,
        *,
        first_look: date = FIRST_LOOK,
    ) -> int:
        """Deployment that entered its stage some days ago: every gate and the newest look have passed."""
        self.verdict(symbol)
        (deployment_id,) = screen_candidates(self.engine, self.settings, self.clock).deployments
        since = self.now - timedelta(days=days_ago)
        with self.engine.begin() as connection:
            is_it = deployments.c.id == deployment_id
            values = {"stage": stage, "stage_changed_at": since, "created_at": since}
            connection.execute(update(deployments).where(is_it).values(values))
            look_at_deployment(connection, deployment_id, first_look=first_look)
        return deployment_id

    def at_venue(self, deployment_id: int) -> None:
        """Put its book on an account at the exchange."""
        with self.engine.begin() as connection:
            account = venue_account(connection, EXCHANGE, currency="USDT", capital=Decimal(1000), at=self.now)
            moved = update(deployments).where(deployments.c.id == deployment_id)
            connection.execute(moved.values(account_id=account))

    def equity(self, deployment_id: int, returns: np.ndarray) -> None:
        """Equity at the end of each complete day up to yesterday."""
        levels = 10_000.0 * np.cumprod(1.0 + returns)
        midnight = NOW // DAY_MS * DAY_MS
        shared = {"deployment_id": deployment_id, "cash": 1.0, "position": 0.0, "price": 1.0}
        rows = [
            shared | {"ts": from_ms(midnight - (len(levels) - 1 - at) * DAY_MS), "equity": float(level)}
            for at, level in enumerate(levels)
        ]
        with self.engine.begin() as connection:
            connection.execute(insert(equity), rows)

    def promise(self, deployment_id: int, returns: np.ndarray) -> None:
        """Stitched out-of-sample returns of the deployment's verdict."""
        with self.engine.begin() as connection:
            own = connection.execute(
                select(optimizer_tasks.c.record_id)
                .join(verdicts, verdicts.c.task_id == optimizer_tasks.c.id)
                .join(deployments, deployments.c.verdict_id == verdicts.c.id)
                .where(deployments.c.id == deployment_id)
            ).scalar_one()
            first = from_ms(NOW - 100 * DAY_MS).date()
            rows = [
                {"record_id": own, "day": first + timedelta(days=at), "fold": 0, "trades": []}
                | {"daily_return": float(value), "is_warm": True, "cover": [], "computed_at": self.now}
                for at, value in enumerate(returns)
            ]
            connection.execute(insert(record_days), rows)

    def block(self, symbol: str = BTC) -> None:
        """Finding of yesterday that blocks."""
        row = {
            "exchange": EXCHANGE,
            "symbol": symbol,
            "timeframe": "1m",
            "day": (self.now - timedelta(days=1)).date(),
            "check_name": "gaps",
            "severity": "block",
            "count": 3,
            "detail": {},
            "found_at": self.now,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(data_findings), row)

    def market(self) -> None:
        """Universe of three symbols, one of them traded, scored, with specifications."""
        seed_symbols(self.engine, EXCHANGE, [BTC, ETH, SOL], [BTC], self.now)
        step, fee = Decimal("0.001"), Decimal("0.0005")
        found = [Instrument(EXCHANGE, one, step, step, Decimal(5), fee, fee, 20, 8) for one in (BTC, ETH)]
        save_instruments(self.engine, found, self.now)
        shared = {"scored_at": self.now, "exchange": EXCHANGE, "factors": {}, "flags": [], "labels": {}}
        save_hotlist(
            self.engine,
            [shared | {"symbol": one, "score": 1.5, "rank": at + 1} for at, one in enumerate((BTC, ETH))],
        )

    def stage(self, deployment_id: int) -> str:
        with self.engine.connect() as connection:
            query = select(deployments.c.stage).where(deployments.c.id == deployment_id)
            return str(connection.execute(query).scalar_one())

    def audit(self) -> list[Any]:
        """Rows of the audit log, once the chain is proven."""
        with self.engine.connect() as connection:
            assert audit.verify(connection).broken_id is None
            return list(connection.execute(select(audit_logs).order_by(audit_logs.c.id)).all())

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine, Settings())


@pytest.fixture
def ann() -> Signature:
    return Signature("ann", "because it looks right")


@pytest.fixture
def bob() -> Signature:
    return Signature("bob", "seen and agreed")


@pytest.fixture
def later(engine: Engine) -> Callable[[float], World]:
    """The same world some days later."""
    return lambda days: World(engine, Settings(), NOW + int(days * DAY_MS))


@pytest.fixture
def quant(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Quant:
    """Run a command on the test's database: exit code, JSON document, and what stands on stderr."""
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | int) -> tuple[int, Any, str]:
        capfd.readouterr()
        code = main([*map(str, arguments), "--json"])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out else None, err

    return run


@pytest.fixture
def empty(world: Any, tmp_path: Path) -> Office:
    return Office(world, tmp_path / "home", world.now_ms)


@pytest.fixture
def office(empty: Office) -> Office:
    """One admin, two approvers, an operator and a viewer."""
    for name, role in (
        ("root", "admin"),
        ("ann", "approver"),
        ("bob", "approver"),
        ("olga", "operator"),
        ("vic", "viewer"),
    ):
        empty.add(name, role)
    empty.wait()
    identify(empty.store, empty.claim("root"))
    return empty
