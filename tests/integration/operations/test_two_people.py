"""What needs a second person: who proposes never approves, by the database too, and a proposal ends."""

from typing import Any

import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import LifecycleError, QuantError
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations import users
from quant_pipelines.operations.verb import carry_out
from quant_pipelines.operations.verbs import DECISIONS
from quant_pipelines.store import approvals
from quant_pipelines.store.deployments import Deployment, has_approval, read_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import approvals as proposals
from tests.integration.operations.office import Office

pytestmark = pytest.mark.postgres


def test_an_operator_proposes_and_an_approver_approves(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    given = {"deployment_id": deployment, "target": "canary"}
    office.do("promote_deployment", "ann", **given)
    with pytest.raises(LifecycleError, match="olga is no approver; expected one, for somebody else proposed"):
        office.do("promote_deployment", "olga", **given)
    receipt = office.do("promote_deployment", "bob", **given)
    assert receipt.action == "deployment.promoted"
    [canary] = [
        one
        for one in read_deployments(office.world.engine, ("canary",))
        if f"deployment:{one.id}" == receipt.subject
    ]
    assert has_approval(office.world.engine, canary)


def test_names_that_nobody_proved_approve_no_real_orders(empty: Office) -> None:
    deployment = empty.world.deployment(stage="shadow")
    given = {"deployment_id": deployment, "target": "canary"}
    empty.do("promote_deployment", "ann", **given)
    receipt = empty.do("promote_deployment", "bob", **given)
    canary: Deployment = next(
        one
        for one in read_deployments(empty.world.engine, ("canary",))
        if f"deployment:{one.id}" == receipt.subject
    )
    assert not has_approval(empty.world.engine, canary)


def test_real_money_asks_for_users(empty: Office) -> None:
    deployment = empty.world.deployment(stage="shadow")
    live = Settings(runner=RunnerSettings(mode="live"))
    with pytest.raises(
        LifecycleError, match="nobody is a user yet, and this lets orders go to a real exchange"
    ):
        empty.do("promote_deployment", "ann", settings=live, deployment_id=deployment, target="canary")


def proposal(engine: Any, office: Office, **values: Any) -> int:
    row = {"subject": "deployment:1", "source": "shadow", "target": "canary", "proposer": "ann"}
    row |= {"reason": "because", "evidence": {}, "proposed_at": office.world.now} | values
    with transaction(engine) as connection:
        return approvals.propose(connection, row)


@pytest.mark.parametrize("name", ["nobody", "vic", "Ann"])
def test_the_database_takes_no_proposal_of_somebody_else(office: Office, name: str) -> None:
    with pytest.raises(IntegrityError, match=f"proposer {name} is no able user"):
        proposal(office.world.engine, office, proposer=name)


@pytest.mark.parametrize(
    ("operator", "fault"),
    [("ann", "four_eyes"), ("olga", "olga is no able approver"), ("nobody", "nobody is no able approver")],
)
def test_the_database_takes_no_approval_of_somebody_else(office: Office, operator: str, fault: str) -> None:
    number = proposal(office.world.engine, office)
    with pytest.raises(IntegrityError, match=fault), transaction(office.world.engine) as connection:
        approvals.approve(connection, number, operator, office.world.now)


def test_the_database_takes_no_approval_that_comes_too_late(office: Office) -> None:
    number = proposal(office.world.engine, office)
    late = office.world.now + approvals.REQUEST_LASTS
    with pytest.raises(IntegrityError, match="in_time"), transaction(office.world.engine) as connection:
        approvals.approve(connection, number, "bob", late)


def test_a_proposal_expires_and_can_be_made_again(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    given = {"deployment_id": deployment, "target": "canary"}
    office.do("promote_deployment", "ann", **given)
    office.wait(3 * 24 * 120)
    assert office.do("promote_deployment", "bob", **given).action == "deployment.proposed"
    assert [row["decision"] for row in office.world.rows(proposals)] == ["void", "open"]
    assert office.do("promote_deployment", "ann", **given).action == "deployment.promoted"


def test_what_names_alone_proposed_ends_with_the_first_user(empty: Office) -> None:
    deployment = empty.world.deployment(stage="shadow")
    empty.do("promote_deployment", "ann", deployment_id=deployment, target="canary")
    empty.add("root", "admin")
    void = f"; void by that: deployment:{deployment} to canary, which ann proposed"
    assert empty.world.audit()[-1].detail["done"] == f"root is admin{void}"
    assert [row["decision"] for row in empty.world.rows(proposals)] == ["void"]


def test_a_step_that_is_taken_back_names_what_waited(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    office.do("promote_deployment", "ann", deployment_id=deployment, target="canary")
    receipt = office.do("roll_back_deployment", "bob", deployment_id=deployment)
    assert receipt.summary.endswith(f"; void by that: deployment:{deployment} to canary, which ann proposed")
    [voided] = office.world.audit()[-1].detail["voided"]
    assert (voided["target"], voided["proposer"]) == ("canary", "ann")


def test_a_leaked_seed_is_replaced_and_what_was_proposed_by_it_is_void(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    office.do("promote_deployment", "ann", deployment_id=deployment, target="canary")  # a thief has her seed
    office.wait()
    renewed = users.reset(office.store, office.claim("root"), "ann")
    assert renewed.receipt.summary == (
        f"ann has a new seed; void by that: deployment:{deployment} to canary, which ann proposed"
    )
    assert [row["decision"] for row in office.world.rows(proposals)] == ["void"]
    with pytest.raises(LifecycleError, match="code"):
        office.do("promote_deployment", "ann", deployment_id=deployment, target="canary")
    office.seeds["ann"] = pyotp.parse_uri(renewed.uri).secret
    office.do("promote_deployment", "ann", deployment_id=deployment, target="canary")
    approved = office.do("promote_deployment", "bob", deployment_id=deployment, target="canary")
    assert approved.action == "deployment.promoted"


def test_what_a_disabled_user_proposed_is_void_and_named(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    given = {"deployment_id": deployment, "target": "canary"}
    office.do("promote_deployment", "ann", **given)
    office.wait()
    receipt = users.shut_out(office.store, office.claim("root"), "ann")
    assert receipt.summary == (
        f"ann is disabled; void by that: deployment:{deployment} to canary, which ann proposed"
    )
    assert office.do("promote_deployment", "bob", **given).action == "deployment.proposed"


def test_every_decision_asks_for_a_code(office: Office) -> None:
    for verb in DECISIONS.values():
        given = {field.name: field.blank for field in verb.fields}
        with pytest.raises(QuantError, match="ann gave no code"):
            carry_out(
                verb,
                {"operator": "ann", "reason": "because"} | given | {"verdict_id": 1, "deployment_id": 1},
                store=office.store,
                settings=Settings(),
            )


def test_the_command_line_shows_a_seed_once_and_asks_for_codes(quant: Any, engine: Any) -> None:
    signed = ("--operator", "ann", "--reason", "people")
    code, document, _ = quant("users", "add", "ann", "--role", "admin", *signed)
    assert code == 0
    totp = pyotp.parse_uri(document["uri"])
    assert quant("users", "list")[1] == {"users": [{"name": "ann", "role": "admin", "state": "new"}]}
    assert "ann gave no code" in quant("runner", "halt", *signed)[2]
    now = totp.now()
    assert quant("runner", "halt", *signed, "--code", now)[0] == 0
    assert "that code of ann was used already" in quant("runner", "resume", *signed, "--code", now)[2]
    assert "ann gave no code" in quant("keys", "remove", *signed)[2]
    assert "gave no code" in quant("users", "add", "bob", *signed)[2]
    with engine.connect() as connection:
        told = str(list(connection.execute(text("select * from ops.audit_logs"))))
    assert totp.secret not in told
    assert now not in told
