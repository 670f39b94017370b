"""New parameters of what trades, on real rows: from the verdict to all of the capital, and back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, from_ms
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.lifecycle.challengers import too_small
from quant_pipelines.operations import stages
from quant_pipelines.operations.challenges import take_back_failed
from quant_pipelines.operations.parity import demote
from quant_pipelines.operations.rebalance import drafts
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store.capital_changes import read_capital
from quant_pipelines.store.challenges import orders_since, read_challenge, shortfalls_since
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import open_epoch
from quant_pipelines.store.heartbeats import halt_alert, write_alert
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.research import open_task
from quant_pipelines.store.stages import read_stage
from quant_pipelines.store.tables import (
    deployments,
    equity,
    fills,
    intents,
    orders,
    verdicts,
)
from quant_pipelines.store.verdicts import save_verdict
from quant_pipelines.trading.breaker import Trip
from tests.integration.operations.conftest import BTC, ETH, EXCHANGE, GOOD
from tests.unit.portfolio.allocation.arms import record

pytestmark = pytest.mark.postgres

LADDER = LadderSettings(canary_min_fills=2)
SPACE = {name: {"low": 2, "high": 90} for name in ("fast", "slow")}


def store_verdict(world: Any, parameters: dict[str, Any], *, days: int = 0, text: str = "abc") -> int:
    end = day_start_ms("2025-06-10") + days * DAY_MS
    record = VerdictRecord(
        *("ema_cross", text, EXCHANGE, BTC, "1h", end - 91 * DAY_MS, end),
        parameters=parameters,
        in_sample={"history_bars": 240},
        out_of_sample={"psr": 0.8, "trades": 40, "mean_daily_return": 0.01, "execution_timeframe": "1m"},
        gates=GOOD,
    )
    version = {
        "strategy": "ema_cross",
        "description": "EMA cross.",
        "content_hash": text,
        "kernel_digest": "def",
        "source": "class EmaCross: stops = Stops(hard_stop=0.05)",
        "parameters": SPACE,
    }
    row = {name: getattr(record, name) for name in ("strategy", "exchange", "symbol", "timeframe")} | {
        "task_key": f"{text}{end}",
        "record_key": text,
        "searcher": "ga",
        "objective": "sharpe",
        "seed": 1,
        "window_start": from_ms(record.window_start_ms),
        "window_end": from_ms(end),
        "settings": {"job": {"archive": None}, "rules": {}},
        "trigger": "daily",
    }
    return save_verdict(world.engine, open_task(world.engine, version, row), record)


def incumbent_of(world: Any, stage: str = "live") -> int:
    store_verdict(world, {"fast": 10, "slow": 48})
    (deployment_id,) = screen_candidates(world.engine, world.settings, world.clock).deployments
    since = world.now - timedelta(days=30)
    values = {"stage": stage, "stage_changed_at": since, "created_at": since}
    with world.engine.begin() as connection:
        connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(values))
    return int(deployment_id)


def challenger_of(world: Any, parameters: dict[str, Any] | None = None, **more: Any) -> int:
    store_verdict(world, parameters or {"fast": 12, "slow": 60}, days=1, **more)
    report = screen_candidates(world.engine, world.settings, world.clock)
    assert report.deployments, report.decisions[0].reasons
    return int(report.deployments[0])


def promote(world: Any, by: Signature, deployment_id: int, target: str, ladder: Any = LADDER) -> Any:
    return stages.promote(
        world.engine, ladder, by, deployment_id=deployment_id, target=target, clock=world.clock
    )


def both(world: Any, people: tuple[Signature, Signature], deployment_id: int, target: str) -> Any:
    promote(world, people[0], deployment_id, target)
    return promote(world, people[1], deployment_id, target)


def capital(world: Any, *ids: int) -> list[Decimal | None]:
    with transaction(world.engine) as connection:
        return [read_capital(connection, one) for one in ids]


def canary_of(world: Any, people: tuple[Signature, Signature], shadow: int) -> int:
    both(world, people, shadow, "canary")
    with transaction(world.engine) as connection:
        challenge = read_challenge(connection, shadow)
        assert challenge is not None
        assert challenge.canary_id is not None
        return challenge.canary_id


def fill(world: Any, deployment_id: int, n: int, cost_bps: float = 3.0) -> None:
    """Fills of a deployment that cost so much against their arrival price."""
    epoch = open_epoch(world.engine, "test", world.now)
    with world.engine.begin() as connection:
        for number in range(n):
            name, at = f"c{deployment_id}-{number}", world.now + timedelta(hours=number)
            named = {"deployment_id": deployment_id, "symbol": BTC, "side": "buy", "quantity": 1}
            price = Decimal(100) * (1 + Decimal(str(cost_bps)) / 10_000)
            intent = named | {"client_order_id": name, "purpose": "target", "bar_close": at, "epoch": epoch}
            intent |= {"order_type": "market", "reduce_only": False, "committed_at": at, "arrival_price": 100}
            connection.execute(insert(intents).values(intent))
            order = {"client_order_id": name, "status": "FILLED", "filled_quantity": 1, "reason": ""}
            connection.execute(insert(orders).values(order | {"updated_at": at}))
            booked = named | {"venue": EXCHANGE, "trade_id": name, "client_order_id": name, "price": price}
            booked |= {"fee": 0, "reason": "target", "ts": at, "booked_at": at}
            connection.execute(insert(fills).values(booked))


def worth(world: Any, deployment_id: int, value: float) -> None:
    row = {"deployment_id": deployment_id, "ts": world.now, "cash": value, "position": 0.0, "price": 100.0}
    with world.engine.begin() as connection:
        connection.execute(insert(equity).values(row | {"equity": value}))


def test_refitted_parameters_go_all_the_way_and_the_books_sum_at_each_step(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world)
    shadow = challenger_of(world)
    assert (world.stage(shadow), capital(world, incumbent)) == ("shadow", [Decimal(10_000)])
    week = later(7)
    canary = canary_of(week, (ann, bob), shadow)
    assert [world.stage(one) for one in (incumbent, shadow, canary)] == ["live", "retired", "canary"]
    assert capital(world, incumbent, canary) == [Decimal(9_000), Decimal(1_000)]
    fill(week, canary, 2)
    receipt = both(later(21), (bob, ann), canary, "live")
    assert receipt.summary == (
        f"deployment:{canary} takes the place of deployment:{incumbent} in live with 10000; what "
        f"deployment:{incumbent} holds is closed at its next bar"
    )
    assert [world.stage(one) for one in (incumbent, canary)] == ["retired", "live"]
    assert capital(world, canary) == [Decimal(10_000)]
    with transaction(world.engine) as connection:
        challenge = read_challenge(connection, canary)
    assert challenge is not None
    assert (challenge.outcome, challenge.kind, challenge.numbers["fills"]) == ("replaced", "parameters", 2)
    actions = [row.action for row in world.audit()]
    assert [actions.count(one) for one in ("deployment.challenged", "deployment.replaced")] == [1, 1]
    assert screen_candidates(world.engine, world.settings, world.clock).deployments == ()


def test_what_a_set_executes_are_its_legs_orders_and_its_smallest_order_is_theirs(world: Any) -> None:
    world.market()
    number = incumbent_of(world)
    with world.engine.begin() as connection:
        is_it = deployments.c.id == number
        connection.execute(update(deployments).where(is_it).values(symbol=f"{BTC}+{ETH}"))
        first, _ = add_legs(connection, number)
    fill(world, first, 2)
    with transaction(world.engine) as connection:
        (costs,) = shortfalls_since(connection, {number: world.now}).values()
        (sent,) = orders_since(connection, {number: world.now}).values()
        whole = read_stage(connection, number)
        assert whole is not None
        few, enough = (too_small(connection, whole, Decimal(amount)) for amount in (9, 10))
    assert (costs.round(6).tolist(), sent) == ([3.0, 3.0], (2, 0))
    assert (few, enough) == ("9 is less than 10, the smallest orders of its legs", "")


def test_a_canary_that_loses_is_taken_back_by_itself_and_the_incumbent_is_restored(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world)
    canary = canary_of(later(7), (ann, bob), challenger_of(world))
    assert take_back_failed(world.engine, LADDER, later(8).clock) == []
    worth(later(9), canary, 940.0)
    (receipt,) = take_back_failed(world.engine, LADDER, later(9).clock)
    assert receipt.summary == (
        f"deployment:{canary} went from canary to rolled_back; deployment:{incumbent} has 10000"
    )
    assert (world.stage(canary), world.stage(incumbent)) == ("rolled_back", "live")
    assert capital(world, incumbent) == [Decimal(10_000)]
    with transaction(world.engine) as connection:
        challenge = read_challenge(connection, canary)
    assert challenge is not None
    assert challenge.reason == "it has lost 6.00% of its capital, more than 5.00%"
    assert take_back_failed(world.engine, LADDER, later(9).clock) == []


def test_a_person_takes_a_canary_back(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world)
    canary = canary_of(later(7), (ann, bob), challenger_of(world))
    stages.roll_back(world.engine, ann, deployment_id=canary, clock=later(8).clock)
    assert (world.stage(canary), capital(world, incumbent)) == ("rolled_back", [Decimal(10_000)])


def test_an_incumbent_that_leaves_takes_its_challenger_along_and_a_challenger_is_not_disabled(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent = incumbent_of(world)
    shadow = challenger_of(world)
    with pytest.raises(LifecycleError, match=f"stage: deployment:{shadow} challenges deployment:{incumbent}"):
        stages.disable(world.engine, ann, deployment_id=shadow, clock=world.clock)
    stages.disable(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    (receipt,) = take_back_failed(world.engine, LADDER, later(1).clock)
    assert (receipt.subject, world.stage(shadow)) == (f"deployment:{shadow}", "rolled_back")


def test_beside_an_incumbent_on_paper_the_challenger_is_paper_and_needs_nobody(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent = incumbent_of(world, "paper")
    challenger = challenger_of(world)
    assert world.stage(challenger) == "paper"
    week = later(7)
    (step,) = [
        one
        for one in stages.steps_in_reach(week.engine, LADDER, week.clock)
        if one.deployment_id == challenger
    ]
    assert (step.target, step.people) == ("paper", 0)
    promote(week, ann, challenger, "paper")
    assert (world.stage(incumbent), world.stage(challenger)) == ("retired", "paper")


def test_a_challenger_on_paper_that_is_not_like_its_replay_is_rolled_back(world: Any) -> None:
    """It can't be disabled: its incumbent keeps the place, and the challenge ends."""
    incumbent = incumbent_of(world, "paper")
    challenger = challenger_of(world)
    reason = Signature("replay parity", "second day in a row")
    assert demote(world.engine, world.clock, challenger, reason).action == "deployment.rolled_back"
    assert (world.stage(incumbent), world.stage(challenger)) == ("paper", "rolled_back")
    with transaction(world.engine) as connection:
        challenge = read_challenge(connection, challenger)
    assert challenge is not None
    assert challenge.outcome == "rolled_back"
    assert demote(world.engine, world.clock, incumbent, reason).action == "deployment.disabled"


def test_the_allocation_leaves_a_challenger_with_what_it_began_with(world: Any) -> None:
    """Beside its incumbent it is the same idea twice, and would take half of its weight."""
    world = replace(world, settings=Settings(allocation=AllocationSettings(tilt="none", increase_step=1.0)))
    incumbent = incumbent_of(world, "paper")
    world.promise(incumbent, record(0, n_days=100, sharpe=8.0, volatility=0.5))
    (alone,) = drafts(world.engine, world.settings, world.clock)
    challenger = challenger_of(world)
    (beside,) = drafts(world.engine, world.settings, world.clock)
    assert [row["deployment_id"] for row in beside.rows] == [incumbent]
    assert beside.rows[0]["capital"] == alone.rows[0]["capital"] != Decimal(10_000)
    assert capital(world, challenger) == [Decimal(10_000)]


def test_a_step_that_needs_people_is_in_reach_once_its_evidence_suffices(
    world: Any, later: Callable[[float], Any]
) -> None:
    incumbent_of(world)
    shadow = challenger_of(world)
    for days, expected in ((6, []), (7, [("canary", 2)])):
        then = later(days)
        steps = stages.steps_in_reach(then.engine, LADDER, then.clock)
        assert [(step.target, step.people) for step in steps if step.deployment_id == shadow] == expected


def refused(world: Any, by: Signature, deployment_id: int, target: str) -> str:
    before = len(world.audit()), world.stage(deployment_id)
    with pytest.raises(LifecycleError) as error:
        promote(world, by, deployment_id, target)
    assert (len(world.audit()), world.stage(deployment_id)) == before
    return str(error.value)


def test_bad_steps_are_refused_by_the_name_of_the_rule_and_change_nothing(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent_of(world)
    shadow, week = challenger_of(world), later(7)
    assert "stage_complete: it has been in shadow for 6 days" in refused(later(6), ann, shadow, "canary")
    assert "a challenger in 'shadow' can't go to 'full'" in refused(week, ann, shadow, "live")
    assert "expected canary, or live for its place" in refused(week, ann, shadow, "paper")
    week.block()
    assert "blocked_data: " in refused(week, ann, shadow, "canary")
    write_alert(world.engine, halt_alert("account", Trip("failed", "tried"), world.now))
    assert "halted: account: tried" in refused(week, ann, shadow, "canary")


def test_one_person_is_not_two(world: Any, later: Callable[[float], Any], ann: Signature) -> None:
    incumbent_of(world)
    shadow, week = challenger_of(world), later(7)
    promote(week, ann, shadow, "canary")
    assert "ann proposed canary" in refused(week, ann, shadow, "canary")


def test_a_canary_below_one_lot_is_refused(world: Any, later: Callable[[float], Any], ann: Signature) -> None:
    world.market()
    incumbent = incumbent_of(world)
    shadow, week = challenger_of(world), later(7)
    row = {"deployment_id": incumbent, "ts": week.now, "cash": 1.0, "position": 0.0, "equity": 10_000.0}
    with world.engine.begin() as connection:
        connection.execute(insert(equity).values(row | {"price": 2e6}))
    assert "one_lot: 1000 is less than 2000" in refused(week, ann, shadow, "canary")


def test_a_new_version_needs_its_own_record_and_the_paired_test(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent_of(world)
    shadow = challenger_of(world, text="new text")
    sentence = refused(later(7), ann, shadow, "canary")
    assert "capital_decision: " in sentence
    assert "paired_test: no weekly look has seen days of both records yet" in sentence


def test_an_approval_is_void_once_what_it_was_of_has_changed(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent_of(world)
    shadow, week = challenger_of(world), later(7)
    promote(week, ann, shadow, "canary")
    other = replace(LADDER, canary_loss_fraction=0.2)
    receipt = promote(week, bob, shadow, "canary", other)
    assert receipt.action == "deployment.proposed"
    assert (world.stage(shadow), world.audit()[-2].action) == ("shadow", "deployment.proposal_void")


def test_one_challenger_is_in_flight_and_the_next_waits(world: Any) -> None:
    incumbent = incumbent_of(world)
    first = challenger_of(world)
    second = store_verdict(world, {"fast": 14, "slow": 70}, days=2)
    (decision,) = screen_candidates(world.engine, world.settings, world.clock).decisions
    assert decision.decision == "candidate"
    assert decision.reasons == (
        f"one_in_flight: deployment:{first} challenges deployment:{incumbent} already",
    )
    with world.engine.connect() as connection:
        query = select(verdicts.c.decision).where(verdicts.c.id == second)
        assert connection.execute(query).scalar_one() == "candidate"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"fast": 10, "slow": 48}, "trades these parameters already"),
        ({"fast": 10, "slow": 91}, "risk_validation: parameters_in_space: slow is 91; expected 2 to 90"),
    ],
)
def test_what_is_not_new_or_not_valid_is_rejected(world: Any, parameters: Any, reason: str) -> None:
    incumbent_of(world)
    store_verdict(world, parameters, days=1)
    report = screen_candidates(world.engine, world.settings, world.clock)
    assert report.deployments == ()
    assert reason in report.decisions[0].reasons[0]


def test_history_tells_challenger_and_incumbent(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature, quant: Any
) -> None:
    incumbent = incumbent_of(world)
    shadow = challenger_of(world)
    code, told, _ = quant("history", shadow, "--json")
    assert (code, told["stage"], told["challenge"]["incumbent_id"]) == (0, "shadow", incumbent)
    assert "without orders" in told["proves"]
    assert told["now"]["rests_on"].startswith("refitted on the calendar")
    canary = canary_of(later(7), (ann, bob), shadow)
    _, told, _ = quant("history", incumbent, "--json")
    assert told["proves"] == ""  # nobody is beside it whom its own stage is compared with
    (challenge,) = told["challenged_by"]
    assert (challenge["canary_id"], challenge["outcome"]) == (canary, None)
    assert [change["reason"] for change in told["capital_changes"]] == [
        f"canary deployment:{canary} beside it"
    ]
    code, _, error = quant("history", 99)
    assert (code, "deployment:99 does not exist" in error) == (1, True)
