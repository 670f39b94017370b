"""Processes that share an address at an exchange share its allowance and its bans."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.rate_budget import Claim
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange.weight import Allowance, Waiting, WeightBudget
from quant_pipelines.store.engine import connect
from quant_pipelines.store.rate_budgets import PostgresLedger, read_rate_budgets

pytestmark = pytest.mark.postgres

MINUTE = 60_000
CLAIM = Claim(weight=10, share=0.8, window_ms=MINUTE, limit=1000)


class Time:
    """A clock that sleeping moves, and that may be set; ``seconds`` never jump."""

    def __init__(self) -> None:
        self.now_ms = 1000 * MINUTE
        self.passed = 0.0
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.passed += seconds
        self.now_ms += round(seconds * 1000)

    def seconds(self) -> float:
        return self.passed


def budget(engine: Engine, time: Time, *, share: float = 0.8) -> WeightBudget:
    made = WeightBudget(
        4,
        time,
        waiting=Waiting(time.seconds, time.sleep),
        ledger=PostgresLedger(engine, "binanceusdm", "here"),
        allowance=Allowance(share),
    )
    made.limit = 1000
    return made


def test_two_processes_together_stay_within_the_allowance(engine: Engine) -> None:
    time = Time()

    async def spend() -> int:
        both = [budget(engine, time), budget(engine, time)]
        sent = 0
        while not time.slept:
            await both[sent % 2].admit(10)
            sent += 1
        return sent - 1

    sent = asyncio.run(spend())
    assert 72 <= sent <= 80  # of 80; what is granted to one is not there for the other


def test_claims_of_many_connections_at_once_are_never_granted_twice(database_url: str) -> None:
    def claim_all(_: int) -> int:
        engine = connect(database_url, pool_size=1)
        ledger = PostgresLedger(engine, "okx", "here")
        granted = sum(ledger.claim_now(CLAIM, 1000 * MINUTE).weight for _ in range(15))
        engine.dispose()
        return granted

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim_all, range(4))) == 800


def test_a_ban_is_honored_by_everybody_and_shown(engine: Engine) -> None:
    time = Time()

    async def run() -> None:
        told, other = budget(engine, time), budget(engine, time, share=1.0)
        await other.admit(1)
        told.observe({"Retry-After": "30"})
        await told.tell()
        time.pass_by(1)  # others look again after a second
        assert time.slept == []
        await other.admit(1)

    asyncio.run(run())
    assert sum(time.slept) == pytest.approx(29)
    with engine.connect() as connection:
        [before] = read_rate_budgets(connection, from_ms(1000 * MINUTE))
        [after] = read_rate_budgets(connection, from_ms(1001 * MINUTE))
    assert (before["exchange"], before["egress"], before["limit"]) == ("binanceusdm", "here", 1000)
    assert before["banned_until"] == from_ms(1000 * MINUTE + 30_000)
    assert after["banned_until"] is None


def test_low_traffic_does_not_use_up_the_allowance_by_grants(engine: Engine) -> None:
    time = Time()

    async def run() -> None:
        one = budget(engine, time)
        for _ in range(25):
            await one.admit(1)
            time.pass_by(2)

    asyncio.run(run())
    assert time.slept == []
    with engine.connect() as connection:
        assert read_rate_budgets(connection, from_ms(time.now_ms))[0]["used"] == 40


def test_without_the_database_a_process_counts_for_itself(engine: Engine) -> None:
    time = Time()
    away = connect("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    alone = budget(away, time)
    asyncio.run(alone.admit(10))
    assert time.slept == []
    away.dispose()
