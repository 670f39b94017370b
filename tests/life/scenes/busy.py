"""A better version that trades a hundred times as often, and pays what its record underrates so often."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import challenges, deployments, strategy_versions, verdicts
from tests.life.days import DayClock
from tests.life.scene import Scene, named
from tests.life.truth import BETTER, BETTER_FROM, SYMBOLS

BUSY_TRADES: Final = 6000
"""Trades of a version that trades a hundred times as often."""
SOON: Final = BETTER_FROM + 4


def _offered(connection: Connection) -> list[Any]:
    """Verdicts of the busy version that were decided while its unit was traded by the quiet one."""
    columns = (verdicts.c.id, verdicts.c.symbol, verdicts.c.decision, verdicts.c.reasons)
    query = select(*columns).join(strategy_versions, strategy_versions.c.id == verdicts.c.strategy_version_id)
    is_busy = strategy_versions.c.content_hash.endswith(f" {BETTER}")
    query = query.where(is_busy, verdicts.c.decided_at.is_not(None))
    traded = select(deployments.c.id).where(
        deployments.c.symbol == verdicts.c.symbol,
        deployments.c.strategy == verdicts.c.strategy,
        deployments.c.strategy_version_id != verdicts.c.strategy_version_id,
        deployments.c.created_at < verdicts.c.decided_at,
        deployments.c.stage.in_(("paper", "shadow", "canary", "live")),
    )
    return list(connection.execute(query.where(traded.exists()).order_by(verdicts.c.id)))


def check(engine: Engine, _clock: DayClock) -> Iterator[str]:
    """It never challenges the quiet version, and the refusal names the rule."""
    with transaction(engine) as connection:
        for row in _offered(connection):
            said = " ".join(row.reasons)
            if row.decision != "rejected" or "risk_validation" not in said or "turnover" not in said:
                yield f"verdict:{row.id} of the busy version is {row.decision}: {said or 'without a reason'}"
        tried = (
            select(deployments.c.id)
            .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
            .join(challenges, challenges.c.first_id == deployments.c.id)
            .where(strategy_versions.c.content_hash.endswith(f" {BETTER}"))
        )
        for key in connection.execute(tried).scalars():
            yield f"deployment:{key} challenges, and trades a hundred times as often"


def has_befallen(engine: Engine) -> bool:
    """Whether the busy version was offered beside a quiet one."""
    with transaction(engine) as connection:
        return bool(_offered(connection))


SCENE: Final = Scene(
    named("improved"),
    trades={"a": 60, BETTER: BUSY_TRADES},
    symbols=SYMBOLS[:2],
    begins=BETTER_FROM - 8,
    ends=SOON,
    check=check,
    has_befallen=has_befallen,
)
