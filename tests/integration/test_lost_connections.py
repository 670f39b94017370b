"""What research does where a connection to the database is lost, or its answer never comes."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.errors import OptimizationBusy, StoreError
from quant_pipelines.store.engine import connected, session, transaction
from quant_pipelines.store.research import sole_worker

pytestmark = pytest.mark.postgres
KEY = "0123456789abcdef"
LOCKED = """select pg_terminate_backend(pid) from pg_locks
where locktype = 'advisory' and classid = :high and objid = :low"""


def cut(engine: Engine) -> None:
    """End the connection that holds the lock, as a gap in the network does."""
    key = int(KEY[:15], 16)
    with session(engine) as connection:
        ended = connection.execute(text(LOCKED), {"high": key >> 32, "low": key & 0xFFFFFFFF}).scalars().all()
    assert ended == [True]


def test_work_that_was_stored_before_its_lock_was_lost_has_not_failed(engine: Engine) -> None:
    with sole_worker(engine, KEY):
        cut(engine)
    with sole_worker(engine, KEY), pytest.raises(OptimizationBusy), sole_worker(engine, KEY):
        pass


def test_what_fails_while_its_lock_is_lost_says_why(engine: Engine) -> None:
    def work() -> None:
        with sole_worker(engine, KEY):
            cut(engine)
            raise ValueError("no bars")

    with pytest.raises(ValueError, match="no bars"):
        work()


@pytest.fixture
def impatient(engine: Engine) -> Iterator[Engine]:
    url = engine.url.render_as_string(hide_password=False)
    with connected(url, pool_size=1, answer_seconds=0.3) as opened:
        yield opened


def test_an_answer_that_does_not_come_in_time_is_a_database_that_is_away(impatient: Engine) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(StoreError, match=r"does not answer: .*it took longer than 0.3 s"),
        transaction(impatient) as connection,
    ):
        connection.execute(text("select pg_sleep(5)"))
    assert time.monotonic() - begun < 4.0
    with transaction(impatient) as connection:
        assert connection.execute(text("select 1")).scalar_one() == 1
