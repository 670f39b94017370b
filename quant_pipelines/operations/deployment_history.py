"""What became of a deployment: its stages, its capital, who challenged it and whom it challenges."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, UnknownRow
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.timeline import Stint, parameter_changes, text_changes, told_changes
from quant_pipelines.lifecycle.challenge import PROVES
from quant_pipelines.lifecycle.challengers import judged, pinned_of
from quant_pipelines.lifecycle.rivals import standing_of
from quant_pipelines.operations.controlled import limits_shown
from quant_pipelines.operations.versions import stints_beside
from quant_pipelines.optimize.evidence import Freshness, fresh_evidence, told_outcome
from quant_pipelines.store import audit
from quant_pipelines.store import challenges as store
from quant_pipelines.store.capital_changes import changes_of
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stages import StoredStage, read_stage
from quant_pipelines.store.versions import sources_of, terms_of
from quant_pipelines.store.views import newest_luck


def deployment_history(
    engine: Engine, ladder: LadderSettings, clock: Clock, *, deployment_id: int, diff: str = ""
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
    diff
        Two numbers of its versions, such as ``1:2``; empty compares none.

    Returns
    -------
    dict
        ``deployment``, ``stage``, ``capital``, ``limits`` (what it may do at most), ``pinned``, ``luck`` (how
        likely its days are luck, and when more is known; None before its first scorecard), ``record`` (what
        the newest look says of its record), ``versions`` (what traded its unit, one after another, and what
        changed each time), ``diff`` (None unless it was asked for), ``proves`` (what its stage can prove),
        ``challenge`` (the one that it is, or was, the challenger of), ``now`` (numbers of one in flight,
        and what its next step lacks), ``challenged_by`` (every challenge of it), ``capital_changes`` and
        ``steps``.

    Raises
    ------
    LifecycleError
        If the deployment is unknown, or the versions that are to be compared are.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        stored = read_stage(connection, deployment_id)
        if stored is None:
            raise UnknownRow(f"deployment:{deployment_id} does not exist; expected the id of a deployment")
        own = store.read_challenge(connection, deployment_id)
        look = fresh_evidence(stored.look, Freshness(now.date(), ladder.evidence_max_days))
        return {
            "deployment": stored.deployment_id,
            "strategy": stored.strategy,
            "symbol": stored.symbol,
            "timeframe": stored.timeframe,
            "stage": stored.stage,
            "since": stored.since,
            "capital": stored.capital,
            "limits": limits_shown(connection, deployment_id, stored.symbol, stored.exchange),
            "pinned": pinned_of(connection, stored),
            "luck": newest_luck(connection).get(deployment_id),
            "record": told_outcome(look),
            **_versions(connection, deployment_id, diff),
            "proves": "" if stored.challenges is None else PROVES.get(stored.stage, ""),
            "challenge": None if own is None else own._asdict(),
            "now": _now(connection, stored, ladder, now),
            "challenged_by": [one._asdict() for one in store.challenges_of(connection, deployment_id)],
            "capital_changes": changes_of(connection, deployment_id),
            "steps": audit.rows_of(connection, stored.key),
        }


def _versions(connection: Connection, deployment_id: int, diff: str) -> dict[str, Any]:
    """List what traded its unit and what changed each time, and compare two of them."""
    stints = stints_beside(connection, deployment_id)
    texts = sources_of(connection, {one.terms.version_id for one in stints})
    own = terms_of(connection, deployment_id).digest
    shown = list[dict[str, Any]]()
    for before, stint in zip((None, *stints), stints, strict=False):
        changed = None if before is None else _difference(before, stint, texts)
        told = stint._asdict() | {"terms": None, "version": stint.terms.content_hash}
        del told["terms"]
        told |= {"parameters": dict(stint.terms.parameters), "verdict": stint.terms.verdict_id}
        told |= {"is_own": stint.terms.digest == own, "changed": changed["sentence"] if changed else ""}
        shown.append(told)
    return {"versions": shown, "diff": _asked_difference(stints, texts, diff) if diff else None}


def _difference(before: Stint, after: Stint, texts: Mapping[int, str]) -> dict[str, Any]:
    values = parameter_changes(before.terms.parameters, after.terms.parameters)
    lines = text_changes(*(texts.get(one.terms.version_id, "") for one in (before, after)))
    n_lines = sum(line[:1] in "+-" for line in lines)
    return {
        "from": before.number,
        "to": after.number,
        "parameters": {name: list(pair) for name, pair in values.items()},
        "text": lines,
        "sentence": told_changes(values, n_lines),
    }


def _asked_difference(stints: tuple[Stint, ...], texts: Mapping[int, str], diff: str) -> dict[str, Any]:
    by_number = {str(one.number): one for one in stints}
    found = [by_number.get(part.strip()) for part in diff.split(":")]
    before, after = (*found, None, None)[:2]
    if len(found) != 2 or before is None or after is None:
        raise LifecycleError(
            f"diff is {diff!r}; expected two of {', '.join(by_number) or 'no versions'}, such as 1:2"
        )
    return _difference(before, after, texts)


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
