"""A coin leaves the whitelist: what trades it ends by the life cycle first, then its row goes."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, insert

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.operations import coins
from quant_pipelines.operations.candidates import approve_candidate
from quant_pipelines.operations.coin_exit import finish_exits, remove_coin
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.stages import promote
from quant_pipelines.operations.triggers import watch_whitelist
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_whitelist, seed_symbols
from quant_pipelines.store.stages import change_stage
from quant_pipelines.store.tables import alerts, optimization_requests, positions, verdicts, whitelist_exits
from quant_pipelines.store.versions import turned_back
from quant_pipelines.store.whitelist import leaving_coins, read_staying
from tests.integration.operations.conftest import BTC, ETH, EXCHANGE, SOL
from tests.integration.operations.test_challengers import challenger_of, incumbent_of

pytestmark = pytest.mark.postgres


@pytest.fixture
def listed(world: Any) -> Any:
    """World whose whitelist has two coins."""
    seed_symbols(world.engine, EXCHANGE, [BTC, ETH, SOL], [BTC, ETH], world.now)
    return world


def remove(world: Any, symbol: str = BTC, *, operator: str = "ann") -> Any:
    signature = Signature(operator, "delisted soon")
    return remove_coin(world.engine, EXCHANGE, signature, symbol=symbol, clock=world.clock)


def hold(world: Any, deployment_id: int, quantity: str) -> None:
    row = {
        "deployment_id": deployment_id,
        "symbol": BTC,
        "quantity": Decimal(quantity),
        "entry_price": Decimal(100),
        "realized_pnl": Decimal(0),
        "updated_at": world.now,
    }
    with world.engine.begin() as connection:
        connection.execute(delete(positions).where(positions.c.deployment_id == deployment_id))
        connection.execute(insert(positions).values(row))


def actions(world: Any) -> list[tuple[str, str]]:
    return [(row.action, row.subject) for row in world.audit()]


def test_coin_that_nothing_trades_leaves_at_once(listed: Any) -> None:
    receipt = remove(listed)
    assert (receipt.action, receipt.subject) == ("coin.removed", f"symbol:{BTC}")
    assert read_whitelist(listed.engine, EXCHANGE) == [ETH]
    assert actions(listed) == [("coin.leaving", f"symbol:{BTC}"), ("coin.removed", f"symbol:{BTC}")]
    (left,) = listed.rows(whitelist_exits)
    assert (left["symbol"], left["left_by"], left["reason"]) == (BTC, "ann", "delisted soon")


def test_flat_deployment_retires_by_its_own_steps_before_the_row_goes(listed: Any) -> None:
    deployment_id = listed.deployment()
    remove(listed)
    assert listed.stage(deployment_id) == "retired"
    assert actions(listed)[-4:] == [
        ("coin.leaving", f"symbol:{BTC}"),
        ("deployment.disabled", f"deployment:{deployment_id}"),
        ("deployment.disabled", f"deployment:{deployment_id}"),
        ("coin.removed", f"symbol:{BTC}"),
    ]


@pytest.mark.parametrize(
    ("stage", "rest"),
    [("paper", "cooling"), ("shadow", "rolled_back"), ("canary", "rolled_back"), ("live", "cooling")],
)
def test_row_stays_until_what_is_held_is_closed(listed: Any, stage: str, rest: str) -> None:
    deployment_id = listed.deployment(stage=stage)
    hold(listed, deployment_id, "0.5")
    receipt = remove(listed)
    assert receipt.action == "coin.leaving"
    assert f"deployment:{deployment_id} ({rest}) closes 0.5 first" in receipt.summary
    assert (listed.stage(deployment_id), read_whitelist(listed.engine, EXCHANGE)) == (rest, [BTC, ETH])
    assert read_staying(listed.engine, EXCHANGE) == [ETH]  # nothing searches it any more
    assert [one.symbol for one in leaving_coins(listed.engine, EXCHANGE)] == [BTC]
    assert "closes 0.5 first" in finish_exits(listed.engine, EXCHANGE, listed.clock)[0]

    hold(listed, deployment_id, "0")
    (told,) = finish_exits(listed.engine, EXCHANGE, listed.clock)
    assert told == f"{BTC} is off the whitelist; its history stays"
    assert (listed.stage(deployment_id), read_whitelist(listed.engine, EXCHANGE)) == ("retired", [ETH])
    assert listed.audit()[-1].actor == "ann"
    assert finish_exits(listed.engine, EXCHANGE, listed.clock) == []


def test_people_are_told_once_what_a_coin_waits_for_after_a_day(
    listed: Any, later: Callable[[float], Any]
) -> None:
    hold(listed, listed.deployment(), "0.5")
    remove(listed)
    for days in (0.9, 1.0, 1.1, 3.0):
        finish_exits(listed.engine, EXCHANGE, later(days).clock)
    (alert,) = [one for one in listed.rows(alerts) if one["source"] == f"symbol:{BTC}"]
    assert (alert["severity"], alert["at"]) == ("warning", later(1.0).now)
    assert alert["message"].startswith(f"{BTC} can't leave the whitelist yet: deployment:")
    assert alert["message"].endswith("(cooling) closes 0.5 first")


def test_challenger_ends_with_its_incumbent_and_may_come_again(listed: Any) -> None:
    incumbent = incumbent_of(listed)
    shadow = challenger_of(listed)
    remove(listed)
    assert (listed.stage(shadow), listed.stage(incumbent)) == ("retired", "retired")
    done = [subject for action, subject in actions(listed) if action == "deployment.rolled_back"]
    assert done == [f"deployment:{shadow}"]
    with transaction(listed.engine) as connection:
        assert turned_back(connection, incumbent) == []


def test_nothing_of_a_coin_that_leaves_climbs_again(listed: Any, ann: Any) -> None:
    deployment_id = listed.deployment()
    hold(listed, deployment_id, "0.5")
    remove(listed)
    assert listed.stage(deployment_id) == "cooling"
    ladder, clock = listed.settings.ladder, listed.clock
    with pytest.raises(LifecycleError, match="BTC/USDT:USDT left the whitelist, or is leaving it"):
        promote(listed.engine, ladder, ann, deployment_id=deployment_id, target="paper", clock=clock)


def test_row_stays_while_a_book_that_was_replaced_still_holds(listed: Any) -> None:
    replaced = incumbent_of(listed)
    hold(listed, replaced, "0.5")
    with listed.engine.begin() as connection:
        change_stage(connection, replaced, "retired", listed.now)
    told = remove(listed)
    assert told.action == "coin.leaving"
    assert f"deployment:{replaced} (retired) closes 0.5 first" in told.summary
    hold(listed, replaced, "0")
    assert finish_exits(listed.engine, EXCHANGE, listed.clock) == [
        f"{BTC} is off the whitelist; its history stays"
    ]


def test_set_with_the_coin_ends_as_a_whole(listed: Any) -> None:
    together = listed.deployment(f"{BTC}+{ETH}")
    alone = listed.deployment(ETH)
    remove(listed)
    assert (listed.stage(together), listed.stage(alone)) == ("retired", "paper")


def test_deployments_of_other_coins_go_on(listed: Any) -> None:
    other = listed.deployment(ETH)
    remove(listed)
    assert listed.stage(other) == "paper"


@pytest.mark.parametrize(
    ("symbol", "sentence"),
    [
        (SOL, f"{SOL} is not on the whitelist; expected one of {BTC}, {ETH}"),
        ("NOPE", f"NOPE is not on the whitelist; expected one of {BTC}, {ETH}"),
    ],
)
def test_coin_that_is_not_listed_is_refused(listed: Any, symbol: str, sentence: str) -> None:
    with pytest.raises(LifecycleError, match=sentence):
        remove(listed, symbol)
    assert listed.audit() == []


def test_last_coin_stays_for_the_settings_would_stand_for_an_empty_list(listed: Any) -> None:
    remove(listed)
    with pytest.raises(LifecycleError, match=f"{ETH} is the last symbol of the whitelist; expected another"):
        remove(listed, ETH)
    assert read_whitelist(listed.engine, EXCHANGE) == [ETH]


def test_coin_that_is_leaving_is_neither_removed_twice_nor_approved(listed: Any) -> None:
    listed.market()
    hold(listed, listed.deployment(), "0.5")
    remove(listed)
    with pytest.raises(
        LifecycleError, match=r"is leaving the whitelist since 2025-06-10 00:10 \(asked by ann"
    ):
        remove(listed, operator="bob")
    ann = Signature("ann", "back again")
    with pytest.raises(LifecycleError, match="is leaving the whitelist; expected one that is not"):
        coins.approve_coin(listed.engine, EXCHANGE, ann, symbol=BTC, clock=listed.clock)


def test_verdict_on_a_coin_that_left_is_admitted_by_nobody(listed: Any, ann: Signature) -> None:
    remove(listed)
    verdict_id = listed.verdict()
    assert screen_candidates(listed.engine, listed.settings, listed.clock).deployments == ()
    (row,) = listed.rows(verdicts)
    assert (row["decision"], row["reasons"]) == ("rejected", [f"{BTC} left the whitelist"])
    with pytest.raises(LifecycleError, match="left the whitelist"):
        approve_candidate(listed.engine, listed.settings, ann, verdict_id=verdict_id, clock=listed.clock)


def test_coin_comes_back_by_an_approval_and_is_searched_anew(
    listed: Any, ann: Signature, later: Callable[[float], Any]
) -> None:
    listed.market()
    remove(listed)
    world = later(1)
    coins.approve_coin(world.engine, EXCHANGE, ann, symbol=BTC, clock=world.clock)
    assert watch_whitelist(world.engine, EXCHANGE, world.clock) == 1
    world.verdict(day="2025-06-11")
    assert len(screen_candidates(world.engine, world.settings, world.clock).deployments) == 1


def test_open_request_of_a_coin_that_leaves_ends(listed: Any, ann: Signature) -> None:
    listed.market()
    with listed.engine.begin() as connection:
        connection.exec_driver_sql("delete from market.whitelist where symbol = %s", (ETH,))
    coins.approve_coin(listed.engine, EXCHANGE, ann, symbol=ETH, clock=listed.clock)
    watch_whitelist(listed.engine, EXCHANGE, listed.clock)
    remove(listed, ETH)
    (row,) = listed.rows(optimization_requests)
    assert (row["symbol"], row["status"]) == (ETH, "failed")


def test_verb_takes_a_coin_off_and_refuses_in_one_sentence(listed: Any, quant: Any) -> None:
    code, document, _ = quant("hot", "remove", BTC, "--reason", "delisted soon", "--operator", "ann")
    assert (code, document["action"]) == (0, "coin.removed")
    code, _, told = quant("hot", "remove", BTC, "--reason", "again", "--operator", "ann")
    assert (code, told) == (1, f"quant: {BTC} is not on the whitelist; expected one of {ETH}\n")


def test_coin_excluded_by_a_filter_is_not_approved(listed: Any, ann: Signature) -> None:
    listed.market()
    row = {"scored_at": listed.now + timedelta(hours=1), "exchange": EXCHANGE, "symbol": SOL}
    with listed.engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into market.hot_exclusions values (%(scored_at)s, %(exchange)s, %(symbol)s, 'age', "
            "'it is too young')",
            row,
        )
    with pytest.raises(LifecycleError, match="left out of the newest scan: it is too young"):
        coins.approve_coin(listed.engine, EXCHANGE, ann, symbol=SOL, clock=listed.clock)
