"""What became of a deployment: its stages, its capital, who challenged it and whom it challenges."""

from typing import Any

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.challenge import PROVES
from quant_pipelines.lifecycle.challengers import judged, standing_of
from quant_pipelines.store import audit
from quant_pipelines.store import challenges as store
from quant_pipelines.store.capital_changes import changes_of
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stages import StoredStage, read_stage


def deployment_history(
    engine: Engine, ladder: LadderSettings, clock: Clock, *, deployment_id: int
) -> dict[str, Any]:
    """Read what became of a deployment.

    Parameters
    ----------
    engine
        Product database.
    ladder
        Bounds that a challenger in flight is judged by.
    clock
        Time of the look.
    deployment_id
        Which one.

    Returns
    -------
    dict
        ``deployment``, ``stage``, ``capital``, ``proves`` (what its stage can prove), ``challenge`` (the one
        that it is, or was, the challenger of; None), ``now`` (numbers of one in flight, and what its next
        step lacks), ``challenged_by`` (every challenge of it), ``capital_changes`` and ``steps``.

    Raises
    ------
    LifecycleError
        If the deployment is unknown.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        stored = read_stage(connection, deployment_id)
        if stored is None:
            raise LifecycleError(
                f"deployment:{deployment_id} does not exist; expected the id of a deployment"
            )
        own = store.read_challenge(connection, deployment_id)
        return {
            "deployment": stored.deployment_id,
            "strategy": stored.strategy,
            "symbol": stored.symbol,
            "timeframe": stored.timeframe,
            "stage": stored.stage,
            "since": stored.since,
            "capital": stored.capital,
            "proves": "" if stored.challenges is None else PROVES.get(stored.stage, ""),
            "challenge": None if own is None else own._asdict(),
            "now": _now(connection, stored, ladder, now),
            "challenged_by": [one._asdict() for one in store.challenges_of(connection, deployment_id)],
            "capital_changes": changes_of(connection, deployment_id),
            "steps": audit.rows_of(connection, stored.key),
        }


def _now(
    connection: Connection, stored: StoredStage, ladder: LadderSettings, now: Any
) -> dict[str, Any] | None:
    """Numbers of a challenger in flight, and what its next step lacks."""
    if (
        stored.challenges is None
        or store.challenger_of(connection, stored.challenges) != stored.deployment_id
    ):
        return None
    known = judged(connection, standing_of(connection, stored), ladder, now)
    return {**known.numbers, "lacks": [*known.evidence.short, *known.evidence.harm]}
