"""Whether the first start has done its work, read from product rows: they outlive Dagster's history."""

from sqlalchemy import Engine, exists, select

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments, verdicts


def has_results(engine: Engine) -> bool:
    """Whether the paper screen has decided on a candidate, or anything was ever deployed.

    Verdicts that nobody decided on do not count: a start that was interrupted before the screen goes on.
    """
    decided = exists().where(verdicts.c.decision != "candidate")
    with transaction(engine) as connection:
        return bool(connection.execute(select(decided | exists(select(deployments.c.id)))).scalar_one())
