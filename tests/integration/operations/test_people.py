"""Who decides is somebody: a user with a role and a one-time code, and a second one is another."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import LifecycleError, SecretError
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations import users
from quant_pipelines.operations.keys import rotate_master_key
from quant_pipelines.operations.people import Claimant, identify
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.verb import carry_out
from quant_pipelines.operations.verbs import DECISIONS
from quant_pipelines.store.tables import audit_logs
from quant_pipelines.store.tables import users as people
from tests.integration.operations.office import Office

pytestmark = pytest.mark.postgres


def test_until_a_first_code_was_accepted_people_are_set_up_without_one(empty: Office) -> None:
    empty.add("root", "admin")
    empty.seeds.clear()  # the seed was lost before it was read
    empty.wait()
    empty.seeds["root"] = pyotp.parse_uri(users.reset(empty.store, empty.claim("root"), "root").uri).secret
    empty.wait()
    identify(empty.store, empty.claim("root"))
    with pytest.raises(LifecycleError, match="root gave no code"):
        users.reset(empty.store, empty.claim("root", code=""), "root")


def test_without_users_a_name_is_what_is_typed(empty: Office) -> None:
    signature = identify(empty.store, empty.claim("Whoever"))
    assert (signature.operator, signature.is_identified) == ("Whoever", False)


def test_the_first_user_is_an_admin(empty: Office) -> None:
    with pytest.raises(
        LifecycleError, match="the first user is operator; expected --role admin: an admin can add the others"
    ):
        empty.add("ann", "operator")


def test_a_right_code_gives_the_name_of_the_row(office: Office) -> None:
    office.wait()
    signature = identify(office.store, office.claim(" ANN ", "approver", code=office.code("ann")))
    assert (signature.operator, signature.is_identified) == ("ann", True)


def test_a_code_counts_once_whatever_became_of_the_decision(office: Office) -> None:
    office.wait()
    code = office.code("ann")
    with pytest.raises(LifecycleError, match="deployment:7 does not exist"):
        carry_out(
            DECISIONS["halt_runner"],
            {"operator": "ann", "reason": "because", "code": code, "scope": "deployment:7"},
            store=office.store,
            settings=Settings(),
        )
    with pytest.raises(LifecycleError, match="that code of ann was used already; expected the next one"):
        identify(office.store, office.claim("ann", "operator", code=code))


def test_an_older_code_does_not_count_after_a_newer_one(office: Office) -> None:
    office.wait(3)
    identify(office.store, office.claim("ann", "operator", code=office.code("ann", 1)))
    for steps in (1, 0, -1):
        with pytest.raises(LifecycleError, match="used already"):
            identify(office.store, office.claim("ann", "operator", code=office.code("ann", steps)))


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_half_a_minute_off(office: Office, steps: int) -> None:
    office.wait(4)
    assert identify(
        office.store, office.claim("ann", "operator", code=office.code("ann", steps))
    ).is_identified


@pytest.mark.parametrize(
    "code", ["000000", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "' or 1=1"]
)
def test_a_wrong_code_is_refused(office: Office, code: str) -> None:
    office.wait(2)
    with pytest.raises(
        LifecycleError, match="the code of ann is not right; expected the one that is shown now"
    ):
        identify(office.store, office.claim("ann", "operator", code=code))


def test_codes_of_two_steps_ago_are_too_old(office: Office) -> None:
    office.wait(5)
    with pytest.raises(LifecycleError, match="is not right"):
        identify(office.store, office.claim("ann", "operator", code=office.code("ann", -2)))


def asked(office: Office, *, minutes_ago: float, code: str) -> Claimant:
    """What a form says that was sent a while ago."""
    at = datetime.fromtimestamp(office.now_ms / 1000, UTC) - timedelta(minutes=minutes_ago)
    return office.claim("ann", "operator", code=code, asked_at=at)


def test_a_code_that_waited_in_a_queue_is_judged_by_when_it_was_given(office: Office) -> None:
    office.wait(5)
    code = office.code("ann")
    office.wait(8)
    with pytest.raises(LifecycleError, match="is not right"):
        identify(office.store, office.claim("ann", "operator", code=code))
    assert identify(office.store, asked(office, minutes_ago=4, code=code)).is_identified
    with pytest.raises(LifecycleError, match="used already"):
        identify(office.store, asked(office, minutes_ago=4, code=code))


@pytest.mark.parametrize("minutes_ago", [16, 3600, -1])
def test_a_time_that_no_queue_explains_counts_as_now(office: Office, minutes_ago: float) -> None:
    office.wait(300)
    old = office.code("ann", int(-2 * minutes_ago))
    with pytest.raises(LifecycleError, match="is not right"):
        identify(office.store, asked(office, minutes_ago=minutes_ago, code=old))
    assert identify(office.store, asked(office, minutes_ago=minutes_ago, code=office.code("ann")))


def test_five_tries_a_minute_and_then_not_even_the_right_one(office: Office) -> None:
    office.wait(10)
    for _ in range(5):
        with pytest.raises(LifecycleError, match="is not right"):
            identify(office.store, office.claim("ann", "operator", code="000000"))
    with pytest.raises(
        LifecycleError, match="5 codes of ann were tried within a minute; expected a pause of 61 s"
    ):
        identify(office.store, office.claim("ann", "operator"))
    assert identify(office.store, office.claim("bob", "operator")).operator == "bob"
    office.wait(2.1)
    assert identify(office.store, office.claim("ann", "operator")).operator == "ann"


@pytest.mark.parametrize(
    ("name", "role", "sentence"),
    [
        ("nobody", "viewer", "operator 'nobody' is no user; expected a name that quant users list shows"),
        ("\u0430nn", "viewer", "is no user"),  # a Cyrillic a
        ("vic", "operator", "vic is a viewer; expected an operator"),
        ("olga", "approver", "olga is an operator; expected an approver"),
        ("ann", "admin", "ann is an approver; expected an admin"),
    ],
)
def test_name_and_role_must_suffice(office: Office, name: str, role: str, sentence: str) -> None:
    office.wait()
    with pytest.raises(LifecycleError, match=sentence):
        identify(office.store, office.claim(name, role))


def test_a_code_is_asked_for(office: Office) -> None:
    with pytest.raises(LifecycleError, match="ann gave no code; expected the 6 digits"):
        identify(office.store, office.claim("ann", "operator", code=" "))


def test_two_threads_with_one_code_are_one(office: Office) -> None:
    office.wait(2)
    claim, passed = office.claim("ann", "operator"), []

    def go() -> None:
        try:
            passed.append(identify(office.store, claim))
        except LifecycleError:
            return

    threads = [threading.Thread(target=go) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 1


def test_two_processes_with_one_code_are_one(office: Office, database_url: str) -> None:
    office.wait(2)
    code = (
        "import sys; from pathlib import Path\n"
        "from quant_pipelines.operations.key_store import KeyStore\n"
        "from quant_pipelines.operations.people import Claimant, identify\n"
        "from quant_pipelines.store.engine import connect\n"
        "url, home, now, code = sys.argv[1:]\n"
        "store = KeyStore(connect(url), Path(home), {}, lambda: int(now))\n"
        "identify(store, Claimant('ann', 'because', code, 'operator'))\n"
    )
    given = (database_url, str(office.home), str(office.now_ms), office.code("ann"))
    command = [sys.executable, "-c", code, *given]
    started = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert sorted(one.wait(120) for one in started) == [0, 1]


def test_the_database_lets_no_step_go_back(office: Office) -> None:
    mine = update(people).where(people.c.name == "ann")
    with office.world.engine.begin() as connection:
        connection.execute(mine.values(last_step=5))
    with (
        pytest.raises(IntegrityError, match="last step of ann goes back"),
        office.world.engine.begin() as other,
    ):
        other.execute(mine.values(last_step=4))


def test_no_row_holds_a_seed(office: Office) -> None:
    with office.world.engine.connect() as connection:
        rows = [*connection.execute(select(people)), *connection.execute(select(audit_logs))]
    stored = "".join(
        str(bytes(cell) if isinstance(cell, memoryview) else cell) for row in rows for cell in row
    )
    assert all(seed not in stored for seed in office.seeds.values())


def test_seeds_outlive_a_new_master_key(office: Office) -> None:
    rotate_master_key(office.store, Signature("root", "yearly"))
    office.wait()
    assert identify(office.store, office.claim("ann", "operator")).is_identified


def test_without_the_master_key_nobody_decides(office: Office, tmp_path: Path) -> None:
    elsewhere = replace(office.store, home=tmp_path / "elsewhere")
    with pytest.raises(SecretError, match="no master key at"):
        identify(elsewhere, office.claim("ann", "operator"))


def test_a_disabled_user_is_shut_out_until_the_next_seed(office: Office) -> None:
    office.wait()
    users.shut_out(office.store, office.claim("root"), "ann")
    with pytest.raises(LifecycleError, match="operator 'ann' is disabled"):
        identify(office.store, office.claim("ann", "viewer"))
    office.wait()
    old = office.seeds["ann"]
    office.seeds["ann"] = pyotp.parse_uri(users.reset(office.store, office.claim("root"), "ann").uri).secret
    office.wait()
    assert identify(office.store, office.claim("ann", "viewer")).operator == "ann"
    office.wait()
    with pytest.raises(LifecycleError, match="is not right"):
        identify(office.store, office.claim("ann", "viewer", code=pyotp.TOTP(old).at(office.now_ms // 1000)))


def test_the_last_admin_stays(office: Office) -> None:
    office.wait()
    with pytest.raises(LifecycleError, match="root is the last admin; expected another one first"):
        users.shut_out(office.store, office.claim("root"), "root")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ann", "ann is a user already"),
        ("Ann", "name 'Ann' is no user's"),
        ("", "is no user's"),
        ("a b", "is no user's"),
    ],
)
def test_a_name_that_can_be_no_new_user(office: Office, name: str, sentence: str) -> None:
    with pytest.raises(LifecycleError, match=sentence):
        office.add(name, "viewer")


def test_only_an_admin_adds_users_once_a_code_was_accepted(office: Office) -> None:
    with pytest.raises(LifecycleError, match="ann is an approver; expected an admin"):
        office.add("eve", "admin", by="ann")
    with pytest.raises(LifecycleError, match="operator 'eve' is no user"):
        office.add("eve", "admin", by="eve")


def test_two_names_of_one_person_are_one(office: Office) -> None:
    deployment = office.world.deployment(stage="shadow")
    office.do("promote_deployment", "ann", deployment_id=deployment, target="canary")
    with pytest.raises(LifecycleError, match=r"ann proposed canary .* expected a different operator"):
        office.do(
            "promote_deployment",
            " ANN",
            code=office.code("ann", 1),
            deployment_id=deployment,
            target="canary",
        )
