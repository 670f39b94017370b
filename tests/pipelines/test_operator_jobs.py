"""Operator jobs executed as the Launchpad launches them: config in, one audit row out, or one sentence."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyotp
import pytest
from sqlalchemy import select

from assets.resources import Platform
from jobs.operator import OPERATOR_JOBS
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.operations.people import Claimant
from quant_pipelines.operations.users import enroll
from quant_pipelines.operations.verb import Verb
from quant_pipelines.operations.verbs import VERBS
from quant_pipelines.research.run import optimize_one
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import read_limits
from quant_pipelines.store.heartbeats import read_halts
from quant_pipelines.store.tables import audit_logs
from quant_pipelines.trading.breaker import Trip
from tests.integration.stored_market import JOB, store_market

SIGNED = {"operator": "ann", "reason": "because it looks right"}


def launch(platform: Platform, instance: dg.DagsterInstance, job: str, **config: Any) -> Any:
    """Run a job with the config of the Launchpad; an operator's is signed."""
    signed = SIGNED if job in {one.name for one in OPERATOR_JOBS} else {}
    return (
        build_definitions(platform)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            run_config={"ops": {f"{job}_op": {"config": signed | config}}},
            raise_on_error=False,
        )
    )


def failure(result: Any) -> str:
    """Sentence that a refused job shows."""
    (event,) = result.get_step_failure_events()
    return str(event.step_failure_data.user_failure_data.description)


def actions(platform: Platform) -> list[str]:
    with platform.engine.connect() as connection:
        assert audit.verify(connection).broken_id is None
        return list(connection.execute(select(audit_logs.c.action).order_by(audit_logs.c.id)).scalars())


def test_limit_is_set_and_the_run_says_so(platform: Platform, instance: dg.DagsterInstance) -> None:
    result = launch(platform, instance, "set_risk_limit", limit="MAX_LEVERAGE", value=1.5)
    assert result.success
    assert read_limits(platform.engine) == {"account": {"max_leverage": 1.5}}
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["quant/result"] == "max_leverage of account is 1.5; it was not set"
    assert actions(platform) == ["limit.set"]


@pytest.mark.parametrize("value", [1000.0, -1.0, math.nan, math.inf])
def test_value_out_of_range_fails_without_a_retry(
    platform: Platform, instance: dg.DagsterInstance, value: float
) -> None:
    result = launch(platform, instance, "set_risk_limit", limit="MAX_LEVERAGE", value=value)
    assert failure(result) == f"max_leverage is {value:g}; expected a value in [1e-09, 125]"
    assert actions(platform) == []


def test_unknown_limit_is_refused_before_the_run(platform: Platform, instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="not in enum type Limit got max_everything"):
        launch(platform, instance, "set_risk_limit", limit="max_everything", value=1.0)


def test_code_of_a_run_counts_once(platform: Platform, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    proven = Platform(platform.settings, clock=platform.clock)
    proven.home = tmp_path
    claimant = Claimant("ann", "our first", "", "admin")
    uri = enroll(proven.key_store, claimant, "ann", "admin").uri
    assert "ann gave no code; expected the 6 digits" in failure(launch(proven, instance, "halt_runner"))
    code = pyotp.parse_uri(uri).at(proven.clock() // 1000)
    assert launch(proven, instance, "halt_runner", code=code).success
    again = failure(launch(proven, instance, "resume_runner", code=code))
    assert again == "that code of ann was used already; expected the next one"
    proven.engine.dispose()


def test_a_code_is_judged_by_when_the_run_was_launched(
    platform: Platform, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    late = Platform(platform.settings, clock=lambda: system_clock_ms() + 180_000)
    late.home = tmp_path
    uri = enroll(late.key_store, Claimant("ann", "our first", "", "admin"), "ann", "admin").uri
    code = pyotp.parse_uri(uri).at(system_clock_ms() // 1000)
    assert launch(late, instance, "halt_runner", code=code).success
    late.engine.dispose()


def test_runner_is_halted_flattened_and_resumed(platform: Platform, instance: dg.DagsterInstance) -> None:
    assert launch(platform, instance, "halt_runner").success
    assert read_halts(platform.engine) == {
        "account": (Trip("frozen", "halted by ann: because it looks right"),)
    }
    assert "is halted already" in failure(launch(platform, instance, "halt_runner"))
    assert launch(platform, instance, "flatten_runner").success
    assert read_halts(platform.engine) == {
        "account": (
            Trip("frozen", "halted by ann: because it looks right"),
            Trip("flattened", "flattened by ann: because it looks right"),
        )
    }
    assert launch(platform, instance, "resume_runner").success
    assert read_halts(platform.engine) == {}


@pytest.mark.parametrize("job", ["halt_runner", "flatten_runner"])
def test_an_emptied_field_is_refused_and_never_means_the_account(
    job: str, platform: Platform, instance: dg.DagsterInstance
) -> None:
    assert "scope is empty; expected a value" in failure(launch(platform, instance, job, scope=None))
    assert read_halts(platform.engine) == {}


RUN_AS_JOBS = [leaf for head in VERBS for leaf in head.leaves() if leaf.runs_as == "job"]
GIVEN: dict[str, dict[str, Any]] = {"backtest": {"strategy": "ema_cross", "symbols": ["BTC/USDT:USDT"]}}
"""Fields that have no value of their own."""


@pytest.mark.parametrize("verb", RUN_AS_JOBS, ids=[verb.job for verb in RUN_AS_JOBS])
def test_verb_that_runs_as_a_job_names_one(verb: Verb, platform: Platform) -> None:
    assert build_definitions(platform).resolve_job_def(verb.job).description


@pytest.mark.parametrize("verb", RUN_AS_JOBS, ids=[verb.job for verb in RUN_AS_JOBS])
def test_what_the_gateway_sends_for_a_verb_is_what_its_job_takes(verb: Verb, platform: Platform) -> None:
    job = build_definitions(platform).resolve_job_def(verb.job)
    words = [{}, *({one.name: word} for one in verb.form if one.choices for word in one.choices.words)]
    for given in words:
        config = {one.name: one.default for one in verb.form} | GIVEN.get(verb.job, {})
        config |= {"reason": "because"} | given
        told = json.loads(json.dumps({"ops": {verb.op: {"config": config}}}))
        assert dg.validate_run_config(job, told)


def test_decision_without_a_reason_is_refused(platform: Platform, instance: dg.DagsterInstance) -> None:
    result = launch(platform, instance, "halt_runner", reason=" ")
    assert failure(result).startswith("reason has 0 characters")


@pytest.mark.parametrize(
    ("job", "config", "sentence"),
    [
        ("approve_candidate", {"verdict_id": 99}, "verdict 99 does not exist"),
        ("reject_candidate", {"verdict_id": 99}, "verdict 99 does not exist"),
        ("approve_hot_coin", {"symbol": "XYZ"}, "unknown symbol of the universe 'XYZ'"),
        ("remove_hot_coin", {"symbol": "XYZ"}, "XYZ is not on the whitelist"),
        ("set_hot_weight", {"factor": "fundng", "weight": 1.0}, "unknown factor of the hot score 'fundng'"),
        ("record_coin_supply", {"symbol": "XYZ", "supply": 1.0}, "unknown symbol of the universe 'XYZ'"),
        ("promote_deployment", {"deployment_id": 99, "target": "LIVE"}, "deployment:99 does not exist"),
        ("roll_back_deployment", {"deployment_id": 99}, "deployment:99 does not exist"),
        ("roll_back_deployment", {"deployment_id": 99, "version": "1"}, "deployment:99 does not exist"),
        ("pin_deployment", {"deployment_id": 99}, "deployment:99 does not exist"),
        ("unpin_deployment", {"deployment_id": 99}, "deployment:99 does not exist"),
        ("disable_deployment", {"deployment_id": 99}, "deployment:99 does not exist"),
        ("halt_runner", {"scope": "deployment:99"}, "deployment:99 does not exist"),
        ("resume_runner", {"scope": "everybody"}, "expected account or deployment:<id>"),
    ],
)
def test_unknown_id_is_refused_in_one_sentence(
    platform: Platform, instance: dg.DagsterInstance, job: str, config: dict[str, Any], sentence: str
) -> None:
    assert sentence in failure(launch(platform, instance, job, **config))
    assert actions(platform) == []


def opened(platform: Platform, job: str) -> dict[str, Any]:
    """Config that the Launchpad opens with."""
    run_config = build_definitions(platform).resolve_job_def(job).run_config
    assert run_config is not None
    return dict(run_config["ops"][f"{job}_op"]["config"])


@pytest.mark.parametrize("job", sorted(job.name for job in OPERATOR_JOBS))
def test_launchpad_opens_with_every_field_and_refuses_it_unsigned(
    platform: Platform, instance: dg.DagsterInstance, job: str
) -> None:
    form = opened(platform, job)
    asked = build_definitions(platform).resolve_job_def(job).graph.node_dict[f"{job}_op"]
    assert set(asked.definition.config_field.config_type.fields) == set(form)
    refusal = failure(launch(platform, instance, job, **form))
    assert refusal.startswith("operator has 0 characters; expected 1 to 80")
    assert actions(platform) == []


@pytest.mark.parametrize("job", sorted({job.name for job in OPERATOR_JOBS} - {"halt_runner"}))
def test_form_that_is_only_signed_decides_nothing(
    platform: Platform, instance: dg.DagsterInstance, job: str
) -> None:
    assert failure(launch(platform, instance, job, **opened(platform, job) | SIGNED))
    assert actions(platform) == []


def test_a_replay_of_what_is_not_stored_is_refused(platform: Platform, instance: dg.DagsterInstance) -> None:
    result = launch(platform, instance, "replay_verdict", verdict_id=7)
    assert not result.success
    assert failure(result).startswith("verdict 7 does not exist; expected an id")


def test_a_replay_that_comes_out_the_same_succeeds_and_says_so(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    store_market(platform.engine)
    record = optimize_one(platform.engine, replace(JOB, trials=4))
    result = launch(platform, instance, "replay_verdict", verdict_id=record.id)
    assert result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    told = f"16 trials of verdict {record.id} were run again: 0 differ; so were 3 test windows: 0 differ"
    assert run.tags["quant/result"] == told


def test_culling_ranks_nobody_on_an_empty_book(platform: Platform, instance: dg.DagsterInstance) -> None:
    job = build_definitions(platform).resolve_job_def("culling")
    assert job.execute_in_process(instance=instance).success
