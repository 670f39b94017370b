"""Statements that a session has prepared: they outlive whatever is read in it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Connection, Engine, func, select

from quant_pipelines.store.engine import connected, session, snapshot, transaction
from quant_pipelines.store.tables import deployments

pytestmark = pytest.mark.postgres

OFTEN = 10
"""More often than the driver asks before it prepares a statement."""


def n_prepared(engine: Engine) -> int:
    with transaction(engine) as connection:
        return int(connection.exec_driver_sql("select count(*) from pg_prepared_statements").scalar_one())


@pytest.mark.parametrize("opened", [transaction, snapshot, session])
def test_what_was_prepared_outlives_a_read(
    database_url: str, opened: Callable[[Engine], AbstractContextManager[Connection]]
) -> None:
    with connected(database_url) as engine:  # of one connection
        for _ in range(OFTEN):
            with transaction(engine) as connection:
                connection.execute(select(deployments))
        known = n_prepared(engine)
        assert known > 0
        with opened(engine) as connection:
            connection.execute(select(func.count()).select_from(deployments))
        assert n_prepared(engine) >= known
