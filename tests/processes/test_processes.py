"""Real processes beside the live runner, each struck once; `make proofs` strikes them many times."""

from collections.abc import Iterator

import pytest

from tests.integration.redis_server import RedisServer, redis_server
from tests.processes import postgres, redis, two_runners
from tests.processes.authority import Authority
from tests.processes.outcome import Round, broken
from tests.processes.stage import Stage, staged

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("processes")
    authority = Authority(home / "authority")
    with staged(home, tls=authority.sign()) as stage:
        stage.more = {"QUANT_EXCHANGE__CA_FILE": str(authority.file)}
        yield stage


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


def expect_sound(stage: Stage, rounds: list[Round]) -> None:
    """Equal books, one order an intent, and nothing violated on the way."""
    for process in list(stage.running):
        stage.end(process)
    assert [one for one in rounds if one.violations] == []
    assert broken(stage.engine, stage.agreement.ledger) == []


def test_trading_over_tls_goes_on_behind_a_postgres_that_is_killed_and_connections_that_are_reset(
    stage: Stage,
) -> None:
    expect_sound(stage, postgres.play(stage, postgres.SHORT))


def test_a_second_runner_waits_and_takes_over_from_one_that_is_killed(stage: Stage) -> None:
    expect_sound(stage, two_runners.play(stage, 1))


def test_trading_goes_on_while_redis_is_emptied_and_killed(stage: Stage, server: RedisServer) -> None:
    n_lives = stage.n_lives()
    expect_sound(stage, redis.play(stage, server, redis.SHORT))
    assert stage.n_lives() == n_lives + 1


def test_what_was_done_is_known_at_the_end(stage: Stage) -> None:
    """Something was traded: books that are equal because they are empty prove nothing."""
    assert stage.n_fills() >= 5
