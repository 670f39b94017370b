"""The queue of searches: who gets which unit, how long it is theirs, and when nothing is begun any more."""

import time
from typing import Any

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.search_queue import (
    MAX_LEASES,
    Leased,
    QueuedUnit,
    Release,
    RoundTerms,
    answers_of,
    beat,
    close_round,
    finish_unit,
    keep_asking,
    lease_unit,
    open_round,
    progress_of,
    put_back,
    read_terms,
)

pytestmark = pytest.mark.postgres

TERMS = RoundTerms(Release("1", "kernel", "0060", ("python 3.11.7", "numpy 2.4.1")), 4096, 60.0)
FIRST, OTHER = QueuedUnit("first", "first", None, {"job": 1}), QueuedUnit("other", "other", None, {"job": 2})
PARTS = [QueuedUnit(f"part {number}", "first", number, {"part": number}) for number in range(2)]


def opened(engine: Engine, *units: QueuedUnit, minutes: float = 5.0) -> str:
    return open_round(engine, TERMS, units, minutes)


def taken(engine: Engine, round_id: str, worker: str = "me", seconds: float = 30.0) -> Any:
    found = lease_unit(engine, round_id, worker, seconds)
    return found.lease if isinstance(found, Leased) else found


def pass_time(engine: Engine) -> None:
    """Let what was leased expire: half a minute goes by."""
    with transaction(engine) as connection:
        connection.execute(
            text("update research.search_units set leased_until = leased_until - interval '31 seconds'")
        )


def test_units_are_handed_out_once_each_in_their_order(engine: Engine) -> None:
    round_id = opened(engine, FIRST, OTHER)
    found = [lease_unit(engine, round_id, worker, 30.0) for worker in ("me", "you")]
    assert [one.work for one in found if isinstance(one, Leased)] == [{"job": 1}, {"job": 2}]
    assert lease_unit(engine, round_id, "third", 30.0) == "wait", "one of them may come back"
    for one in found:
        assert isinstance(one, Leased)
        assert finish_unit(engine, one.lease, {"value": float("nan")})
    assert lease_unit(engine, round_id, "third", 30.0) == "over"
    assert set(answers_of(engine, round_id)) == {"first", "other"}
    assert progress_of(engine, round_id).is_over


def test_a_whole_job_comes_after_all_of_its_parts(engine: Engine) -> None:
    round_id = opened(engine, FIRST, *PARTS, OTHER)
    leases = [taken(engine, round_id) for _ in range(3)]
    assert [one.unit_key for one in leases] == ["part 0", "part 1", "other"]
    assert progress_of(engine, round_id).begun == {"other"}
    assert finish_unit(engine, leases[0], {})
    assert taken(engine, round_id) == "wait"
    assert finish_unit(engine, leases[1], {"error": "a part that fails holds up nothing"})
    assert taken(engine, round_id).unit_key == "first"


def test_a_lease_that_is_not_beaten_is_anothers_and_its_first_holder_is_told(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    mine = taken(engine, round_id)
    pass_time(engine)
    assert beat(engine, mine, 30.0), "nobody has taken it yet"
    assert taken(engine, round_id, "you") == "wait"
    pass_time(engine)
    yours = taken(engine, round_id, "you")
    assert (yours.unit_key, yours.leases) == ("first", 2)
    assert not beat(engine, mine, 30.0)
    assert not finish_unit(engine, mine, {"error": "too late"})
    assert finish_unit(engine, yours, {"value": 1})
    assert answers_of(engine, round_id) == {"first": {"value": 1}}
    assert not finish_unit(engine, yours, {"value": 2}), "an answer that is delivered twice is one"


def test_a_unit_whose_workers_are_lost_again_and_again_fails(engine: Engine) -> None:
    round_id = opened(engine, FIRST, OTHER)
    for _ in range(MAX_LEASES):
        assert taken(engine, round_id).unit_key == "first"
        pass_time(engine)
    assert taken(engine, round_id).unit_key == "other"
    (answer,) = answers_of(engine, round_id).values()
    assert answer["error"] == "5 workers were lost while they were at it; expected one to finish"


def test_a_unit_that_another_process_is_at_waits_and_has_lost_no_worker(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    assert put_back(engine, taken(engine, round_id), 0.2, 90.0)
    assert taken(engine, round_id) == "wait"
    time.sleep(0.25)
    assert taken(engine, round_id).leases == 1


def go_back(engine: Engine, column: str, seconds: int) -> None:
    """Let a time of every unit lie further back."""
    with transaction(engine) as connection:
        connection.execute(
            text(f"update research.search_units set {column} = {column} - interval '{seconds} seconds'")  # noqa: S608
        )


def test_a_unit_that_is_found_busy_for_too_long_is_given_up(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0)
    go_back(engine, "busy_since", 89)
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0)
    go_back(engine, "busy_since", 2)
    again = taken(engine, round_id)
    assert not put_back(engine, again, 0.0, 90.0)
    assert finish_unit(engine, again, {"error": "busy"}), "the lease is still held"


def test_work_before_a_worker_was_lost_does_not_count_as_busy(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0)
    taken(engine, round_id)
    go_back(engine, "busy_since", 600)
    go_back(engine, "begun_at", 600)
    pass_time(engine)
    assert put_back(engine, taken(engine, round_id, "you"), 0.0, 90.0)


def test_a_unit_whose_work_is_beaten_in_another_round_is_waited_for(engine: Engine) -> None:
    elsewhere, round_id = opened(engine, FIRST), opened(engine, FIRST)
    theirs = taken(engine, elsewhere, "them")
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0)
    go_back(engine, "busy_since", 600)
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0)
    assert finish_unit(engine, theirs, {})
    assert put_back(engine, taken(engine, round_id), 0.0, 90.0), "patience begins with the end of that lease"
    go_back(engine, "busy_since", 91)
    assert not put_back(engine, taken(engine, round_id), 0.0, 90.0)


def test_nothing_is_begun_once_the_time_is_over_and_what_runs_may_end(engine: Engine) -> None:
    round_id = opened(engine, FIRST, OTHER)
    mine = taken(engine, round_id)
    with transaction(engine) as connection:
        connection.execute(text("update research.search_rounds set begin_until = now()"))
    assert taken(engine, round_id, "you") == "over"
    assert not progress_of(engine, round_id).is_over
    assert finish_unit(engine, mine, {})
    assert progress_of(engine, round_id)[:3] == (1, 0, False)
    assert progress_of(engine, round_id).is_over


def test_nothing_is_begun_for_somebody_who_is_gone(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    with transaction(engine) as connection:
        connection.execute(text("update research.search_rounds set asked_until = now()"))
    assert taken(engine, round_id) == "over"
    keep_asking(engine, round_id, 30.0)
    assert taken(engine, round_id).unit_key == "first"


def test_a_round_that_is_closed_takes_its_leases_along(engine: Engine) -> None:
    round_id = opened(engine, FIRST)
    assert read_terms(engine, round_id) == TERMS
    mine = taken(engine, round_id)
    close_round(engine, round_id)
    assert read_terms(engine, round_id) is None
    assert not beat(engine, mine, 30.0)
    assert taken(engine, round_id) == "over"
