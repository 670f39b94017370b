"""Limits, halts, coins: what an operator sets and the runner follows."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.operations import coins, halts, limits
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.deployments import read_limits
from quant_pipelines.store.heartbeats import Heartbeat, read_halts, write_halt, write_heartbeat
from quant_pipelines.store.market import read_whitelist
from quant_pipelines.store.tables import accounts, risk_limits, strategies, universe
from quant_pipelines.trading.breaker import Trip

pytestmark = pytest.mark.postgres
BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"


def set_limit(world: Any, signature: Signature, scope: str, name: str, value: float) -> Any:
    return limits.set_limit(world.engine, signature, scope, name, value, clock=world.clock)


def test_limit_is_set_with_its_old_value_in_the_audit_log(world: Any, ann: Signature) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.5)
    receipt = set_limit(world, ann, "account", "max_leverage", 1.0)
    assert receipt.summary == "max_leverage of account is 1; it was 1.5"
    assert read_limits(world.engine) == {"account": {"max_leverage": 1.0}}
    assert world.audit()[-1].detail == {
        "reason": ann.reason,
        "name": "max_leverage",
        "before": "1.5",
        "after": "1.0",
    }


def test_quota_of_a_strategy_is_set_beside_the_limits_and_audited(world: Any, ann: Signature) -> None:
    with world.engine.begin() as connection:
        connection.execute(
            insert(strategies).values(name="ema_cross", description="trend", created_at=func.now())
        )
    set_limit(world, ann, "strategy:ema_cross", "max_orders_per_day", 20.0)
    with pytest.raises(LifecycleError, match="unknown strategy 'ema_cros'; did you mean 'ema_cross'"):
        set_limit(world, ann, "strategy:ema_cros", "max_orders_per_day", 10.0)
    receipt = set_limit(world, ann, "strategy:ema_cross", "max_orders_per_day", 10.0)
    assert receipt.summary == "max_orders_per_day of strategy:ema_cross is 10; it was 20"
    assert read_limits(world.engine) == {"strategy:ema_cross": {"max_orders_per_day": 10.0}}
    assert world.audit()[-1].subject == "strategy:ema_cross"


def test_a_limit_is_loosened_by_two_people_and_tightened_by_one(
    world: Any, ann: Signature, bob: Signature
) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    proposed = set_limit(world, ann, "account", "max_leverage", 1.5)
    assert (proposed.action, read_limits(world.engine)) == (
        "limit.proposed",
        {"account": {"max_leverage": 1.0}},
    )
    with pytest.raises(
        LifecycleError, match=r"ann proposed max_leverage 1\.5 for account; expected a different"
    ):
        set_limit(world, ann, "account", "max_leverage", 1.5)
    assert set_limit(world, bob, "account", "max_leverage", 2.0).action == "limit.proposed"
    assert world.audit()[-1].detail["voided"] == [
        {"subject": "limit:account:max_leverage", "target": "1.5", "proposer": "ann"}
    ]
    assert set_limit(world, ann, "account", "max_leverage", 2.0).summary == (
        "max_leverage of account is 2; it was 1"
    )
    assert set_limit(world, ann, "account", "max_leverage", 0.5).action == "limit.set"
    with world.engine.connect() as connection:
        row = connection.execute(select(risk_limits)).one()
    assert (row.value, row.owner, row.approved_by, row.reason) == (Decimal("0.5"), "ann", None, ann.reason)


def test_the_database_refuses_a_limit_that_one_person_loosened(world: Any, ann: Signature) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    changed = update(risk_limits).values(value=2, owner="ann", approved_by=" Ann")
    with pytest.raises(IntegrityError, match="four_eyes"), world.engine.begin() as connection:
        connection.execute(changed)


def test_a_proposal_is_void_once_the_limit_was_set_otherwise(
    world: Any, ann: Signature, bob: Signature
) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    set_limit(world, ann, "account", "max_leverage", 1.5)
    receipt = set_limit(world, bob, "account", "max_leverage", 0.9)
    void = "; void by that: limit:account:max_leverage to 1.5, which ann proposed"
    assert receipt.summary == f"max_leverage of account is 0.9; it was 1{void}"
    assert set_limit(world, bob, "account", "max_leverage", 1.5).action == "limit.proposed"


def test_a_proposal_is_named_when_another_one_takes_its_place(
    world: Any, ann: Signature, bob: Signature
) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    assert "void" not in set_limit(world, ann, "account", "max_leverage", 1.5).summary
    proposed = set_limit(world, bob, "account", "max_leverage", 2.0)
    assert proposed.summary.endswith(
        "it is 1, until a second operator sets it too; "
        "void by that: limit:account:max_leverage to 1.5, which ann proposed"
    )


def test_a_loosening_that_waited_too_long_is_proposed_again(
    world: Any, ann: Signature, bob: Signature
) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    set_limit(world, ann, "account", "max_leverage", 1.5)
    late = world.clock() + 3 * 24 * 3_600_000
    again = limits.set_limit(world.engine, bob, "account", "max_leverage", 1.5, clock=lambda: late)
    assert (again.action, read_limits(world.engine)) == ("limit.proposed", {"account": {"max_leverage": 1.0}})


def test_one_person_can_not_make_a_loosening_for_an_hour_last(
    world: Any, ann: Signature, bob: Signature
) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    for one in (ann, bob):
        limits.set_limit(
            world.engine, one, "account", "max_leverage", 4.0, expires="2999-01-01", clock=world.clock
        )
    assert read_limits(world.engine) == {"account": {"max_leverage": 4.0}}
    assert set_limit(world, ann, "account", "max_leverage", 3.0).action == "limit.proposed"
    assert set_limit(world, ann, "account", "max_leverage", 0.9).action == "limit.set"


def test_what_lasts_outlives_a_second_limit_for_an_hour(world: Any, ann: Signature) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    for value in (0.5, 0.4):
        limits.set_limit(
            world.engine, ann, "account", "max_leverage", value, expires="2999-01-01", clock=world.clock
        )
    with world.engine.begin() as connection:
        connection.execute(update(risk_limits).values(expires_at=func.now()))
    assert read_limits(world.engine) == {"account": {"max_leverage": 1.0}}


def test_an_expired_limit_gives_way_to_the_one_before_it(world: Any, ann: Signature, bob: Signature) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    for name in ("max_leverage", "max_net_notional"):
        limits.set_limit(world.engine, ann, "account", name, 0.5, expires="2999-01-01", clock=world.clock)
    assert read_limits(world.engine) == {"account": {"max_leverage": 0.5, "max_net_notional": 0.5}}
    with world.engine.begin() as connection:
        connection.execute(update(risk_limits).values(expires_at=func.now()))
    assert read_limits(world.engine) == {"account": {"max_leverage": 1.0}}
    assert set_limit(world, bob, "account", "max_leverage", 0.8).summary.endswith("is 0.8; it was 1")


def test_status_lists_what_waits_for_a_second_person_and_what_expires(world: Any, ann: Signature) -> None:
    set_limit(world, ann, "account", "max_leverage", 1.0)
    set_limit(world, ann, "account", "max_leverage", 1.5)
    limits.set_limit(
        world.engine, ann, "account", "max_net_notional", 5.0, expires="2999-01-01", clock=world.clock
    )
    status = halts.runner_status(world.engine, world.clock)
    [waiting] = status["proposals"]
    assert (waiting["subject"], waiting["source"], waiting["target"], waiting["proposer"]) == (
        "limit:account:max_leverage",
        "1",
        "1.5",
        "ann",
    )
    assert waiting["expires_at"] > waiting["proposed_at"]
    assert status["limit_expiries"] == {"account": {"max_net_notional": datetime(2999, 1, 1, tzinfo=UTC)}}
    set_limit(world, ann, "account", "max_leverage", 0.5)
    assert halts.runner_status(world.engine, world.clock)["proposals"] == []


@pytest.mark.parametrize("expires", ["soon", "2000-01-01"])
def test_an_expiry_that_can_not_be_is_refused(world: Any, ann: Signature, expires: str) -> None:
    with pytest.raises(LifecycleError, match=f"expires is '{expires}'; expected a time"):
        limits.set_limit(
            world.engine, ann, "account", "max_leverage", 1.0, expires=expires, clock=world.clock
        )


@pytest.mark.parametrize(
    ("scope", "name", "value", "sentence"),
    [
        ("account", "max_leverage", -1.0, r"max_leverage is -1; expected a value in \[1e-09, 125\]$"),
        (
            "account",
            "max_data_age_seconds",
            0.5,
            r"is 0.5; expected a value in \[1, 10{15}\]$",
        ),
        ("account", "max_leverage", float("nan"), "max_leverage is nan"),
        ("account", "max_leverag", 1.0, "did you mean 'max_leverage'"),
        ("everything", "max_leverage", 1.0, "expected account or deployment:<id>"),
        ("deployment:7", "max_leverage", 1.0, "deployment:7 does not exist"),
        ("strategy:nobody", "max_orders_per_day", 1.0, "unknown strategy 'nobody'; known: none"),
        (
            "account",
            "max_orders_per_day",
            -1.0,
            r"per_day is -1; expected a value in \[1, 10{15}\]$",
        ),
        ("account", "max_position_notional", float("inf"), "max_position_notional is inf"),
        (
            "account",
            "max_leverage",
            0.0,
            r"is 0; expected a value in \[1e-09, 125\]; to let a scope add nothing",
        ),
        (
            "account",
            "max_orders_per_minute",
            float("nan"),
            r"max_orders_per_minute is nan; expected a value in \[1, 10{15}\]$",
        ),
        (
            "account",
            "max_leverage",
            1e-320,
            r"9.99989e-321; expected a value in \[1e-09, 125\]",
        ),
        (
            "account",
            "max_net_notional",
            1e300,
            r"is 1e\+300; expected a value in \[1e-09, 10{15}\]",
        ),
        ("account", "max_orders_per_minute", 2.5, "is 2.5; expected a whole number of orders"),
        ("account", "max_orders_per_day", 1.5, "is 1.5; expected a whole number of orders"),
        ("account", "max_rejects", 1.5, "is 1.5; expected a whole number of orders"),
        ("account:1", "max_leverage", 1.0, "scope is 'account:1'; expected 'account'"),
        ("strategy:any", "max_net_notional", 1.0, "max_net_notional is of a whole account"),
    ],
)
def test_limit_that_cannot_be_is_refused(
    world: Any, ann: Signature, scope: str, name: str, value: float, sentence: str
) -> None:
    with pytest.raises(LifecycleError, match=sentence):
        set_limit(world, ann, scope, name, value)
    assert (read_limits(world.engine), world.audit()) == ({}, [])


def test_halt_stands_until_it_is_resumed(world: Any, ann: Signature, bob: Signature) -> None:
    halts.halt(world.engine, ann, scope="account", clock=world.clock)
    assert read_halts(world.engine) == {"account": (Trip("frozen", f"halted by ann: {ann.reason}"),)}
    with pytest.raises(LifecycleError, match="account is halted already: halted by ann"):
        halts.halt(world.engine, bob, scope="account", clock=world.clock)
    halts.resume(world.engine, bob, scope="account", clock=world.clock)
    assert read_halts(world.engine) == {}
    with pytest.raises(LifecycleError, match="account is not halted"):
        halts.resume(world.engine, bob, scope="account", clock=world.clock)
    assert [row.action for row in world.audit()] == ["runner.halted", "runner.resumed"]


def test_what_is_halted_still_is_named_with_its_commands(world: Any, ann: Signature, bob: Signature) -> None:
    book = f"deployment:{world.deployment()}"
    for scope in ("account", book):
        halts.flatten(world.engine, ann, scope=scope, clock=world.clock)
    write_halt(world.engine, book, Trip("failed", "a fill that nobody asked for"), world.now)
    assert halts.resume(world.engine, bob, scope="account", clock=world.clock).summary == (
        f'account is resumed; halts resolved: 1; still halted: quant runner resume {book} --reason "…"'
    )
    last = halts.resume(world.engine, bob, scope=book, clock=world.clock)
    assert last.summary == f"{book} is resumed; halts resolved: 2"


def test_flattening_also_halts_and_may_follow_a_halt(world: Any, ann: Signature, bob: Signature) -> None:
    halts.halt(world.engine, ann, scope="account", clock=world.clock)
    halts.flatten(world.engine, bob, scope="account", clock=world.clock)
    assert read_halts(world.engine) == {
        "account": (
            Trip("frozen", f"halted by ann: {ann.reason}"),
            Trip("flattened", f"flattened by bob: {bob.reason}"),
        )
    }
    with pytest.raises(LifecycleError, match="account is flattened already: flattened by bob"):
        halts.flatten(world.engine, ann, scope="account", clock=world.clock)
    with pytest.raises(LifecycleError, match="deployment:7 does not exist"):
        halts.flatten(world.engine, ann, scope="deployment:7", clock=world.clock)
    halts.resume(world.engine, bob, scope="account", clock=world.clock)
    assert read_halts(world.engine) == {}
    assert [row.action for row in world.audit()] == ["runner.halted", "runner.flattened", "runner.resumed"]


def test_a_breaker_is_rearmed_only_once_it_has_cooled_down(world: Any, ann: Signature) -> None:
    lost = Trip("account_loss", "the account lost 20 %", world.clock() + 60_000)
    write_halt(world.engine, "account", lost, world.now)
    assert read_halts(world.engine) == {"account": (lost,)}
    with pytest.raises(LifecycleError, match=r"account can't be resumed: it cools down until .* lost 20 %"):
        halts.resume(world.engine, ann, scope="account", clock=world.clock)
    halts.resume(world.engine, ann, scope="account", clock=lambda: world.clock() + 60_000)
    assert read_halts(world.engine) == {}


def test_one_account_is_halted_and_resumed_by_its_number(world: Any, ann: Signature) -> None:
    world.deployment()
    with world.engine.connect() as connection:
        scope = f"account:{connection.execute(select(accounts.c.id)).scalars().first()}"
    halts.halt(world.engine, ann, scope=scope, clock=world.clock)
    assert set(read_halts(world.engine)) == {scope}
    halts.resume(world.engine, ann, scope=scope, clock=world.clock)
    with pytest.raises(LifecycleError, match="account:999 does not exist; expected the id of an account"):
        halts.halt(world.engine, ann, scope="account:999", clock=world.clock)


def test_runner_is_told_of_a_halt_when_it_commits(world: Any, ann: Signature, database_url: str) -> None:
    deployment_id = world.deployment()
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("listen deployments")
        halts.halt(world.engine, ann, scope=f"deployment:{deployment_id}", clock=world.clock)
        assert [one.channel for one in listener.notifies(timeout=5, stop_after=1)] == ["deployments"]


def test_status_of_a_runner_that_is_away_says_so(world: Any, ann: Signature) -> None:
    assert halts.runner_status(world.engine, world.clock)["state"] == "away"
    write_heartbeat(world.engine, Heartbeat("live_runner", "ACTIVE", world.now, {"deployments": []}))
    halts.halt(world.engine, ann, scope="account", clock=world.clock)
    status = halts.runner_status(world.engine, world.clock)
    assert (status["state"], status["halts"][0]["source"]) == ("ACTIVE", "account")


def approve(world: Any, signature: Signature, symbol: str) -> Any:
    return coins.approve_coin(world.engine, "binanceusdm", signature, symbol=symbol, clock=world.clock)


def test_hot_coin_moves_to_the_whitelist(world: Any, ann: Signature) -> None:
    world.market()
    approve(world, ann, ETH)
    assert read_whitelist(world.engine, "binanceusdm") == [BTC, ETH]
    (row,) = world.audit()
    assert (row.action, row.detail["score"], row.detail["rank"]) == ("coin.approved", 1.5, 2)


def test_listed_coin_outside_the_universe_is_refused_with_the_reason(world: Any, ann: Signature) -> None:
    world.market()
    with world.engine.begin() as connection:
        connection.execute(delete(universe).where(universe.c.symbol == ETH))
    with pytest.raises(LifecycleError, match="listed at binanceusdm but was never scored"):
        approve(world, ann, ETH)


@pytest.mark.parametrize(
    ("symbol", "sentence"),
    [
        (BTC, "is on the whitelist already"),
        (SOL, "is not in the newest scan"),
        ("ETH/USDT", "unknown symbol of the universe 'ETH/USDT'; did you mean 'ETH/USDT:USDT'"),
    ],
)
def test_coin_that_cannot_be_traded_is_refused(
    world: Any, ann: Signature, symbol: str, sentence: str
) -> None:
    world.market()
    with pytest.raises(LifecycleError, match=sentence):
        approve(world, ann, symbol)
    assert (read_whitelist(world.engine, "binanceusdm"), world.audit()) == ([BTC], [])
