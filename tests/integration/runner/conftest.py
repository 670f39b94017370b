"""Rows that a runner needs: an account, a strategy's source, a specification, a deployment."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from quant_pipelines.core.ids import content_hash
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.risk import RiskLimits
from quant_pipelines.store.tables import (
    accounts,
    deployments,
    instruments,
    strategy_versions,
)
from quant_pipelines.trading import TradingRules
from tests.integration.runner.venue_world import Ledger, Venue, simulator

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = TradingRules(CostSettings(), limits=RiskLimits(1.0, 2.0, 0.5, 90.0))

Deploy = Callable[..., int]


@pytest.fixture
def deploy(engine: Engine) -> Deploy:
    """Insert a deployment and everything it refers to; returns its id."""

    def insert_deployment(source: str, **overrides: Any) -> int:
        return insert_deployment_at(engine, source, overrides)

    return insert_deployment


def insert_deployment_at(engine: Engine, source: str, overrides: dict[str, Any]) -> int:
    """Insert a deployment into any database."""
    with engine.begin() as connection:
        return _insert_deployment(connection, source, overrides)


def _insert_deployment(connection: Connection, source: str, overrides: dict[str, Any]) -> int:
    venue = overrides.pop("venue", "paper")
    steps = {name: overrides.pop(name) for name in ("tick_size", "min_notional") if name in overrides}
    number = connection.execute(select(func.count()).select_from(deployments)).scalar_one()
    values: dict[str, Any] = {
        "strategy": f"strategy_{number}",
        "exchange": "binanceusdm",
        "symbol": "BTC/USDT:USDT",
        "timeframe": "1m",
        "execution_timeframe": "1m",
        "parameters": {},
        "settings": RULES.to_document(),
        "stage": "paper",
        "capital": 10_000,
        "history_start": START,
        "created_at": START,
        "stage_changed_at": START,
        **overrides,
    }
    account = {"name": f"{venue} {number}", "venue": venue, "currency": "USDT", "capital": 100_000}
    account_id = connection.execute(
        insert(accounts).values(**account, created_at=START).returning(accounts.c.id)
    ).scalar_one()
    version_id = connection.execute(
        insert(strategy_versions)
        .values(
            strategy=values["strategy"],
            content_hash=content_hash(source),
            kernel_digest="test",
            source=source,
            parameters={},
            created_at=START,
        )
        .returning(strategy_versions.c.id)
    ).scalar_one()
    ensure_instrument(connection, values["exchange"], values["symbol"], **steps)
    query = insert(deployments).values(account_id=account_id, strategy_version_id=version_id, **values)
    return int(connection.execute(query.returning(deployments.c.id)).scalar_one())


def ensure_instrument(
    connection: Connection, exchange: str, symbol: str, tick_size: str = "0.01", *, min_notional: str = "5"
) -> None:
    """Store the specification of a symbol once."""
    known = select(func.count()).where(instruments.c.symbol == symbol)
    if connection.execute(known).scalar_one():
        return
    connection.execute(
        insert(instruments).values(
            exchange=exchange,
            symbol=symbol,
            valid_from=START,
            tick_size=tick_size,
            lot_size="0.001",
            min_notional=min_notional,
            maker_fee="0.0002",
            taker_fee="0.0005",
            max_leverage=20,
            funding_interval_hours=8,
        )
    )


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with simulator(tmp_path) as venue:
        yield venue


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)
