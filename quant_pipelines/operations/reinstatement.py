"""A person goes back to an earlier verdict: its parameters are a candidate again.

Nothing is traded by that. The paper screen decides on it as on any other, and the next night's verdict on the
same unit stands before it again.
"""

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, UnknownRow
from quant_pipelines.lifecycle.screen import unit_of
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store import lifecycle as store
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.verdict_rows import read_verdict
from quant_pipelines.store.verdicts import newest_verdict_id, reinstate_verdict


def roll_back_verdict(engine: Engine, signature: Signature, *, verdict_id: int, clock: Clock) -> Receipt:
    """Make an earlier verdict a candidate again, and reject those of its unit that wait.

    Raises
    ------
    LifecycleError
        If the verdict is unknown, has no parameters, is the newest one, or its unit is traded: a deployment
        keeps its parameters.
    """
    with transaction(engine) as connection:
        store.lock_screen(connection)
        verdict = read_verdict(connection, verdict_id)
        if verdict is None:
            raise UnknownRow(f"verdict {verdict_id} does not exist; expected the id of a stored verdict")
        newest = newest_verdict_id(connection, verdict)
        _require_earlier(verdict, newest)
        traded = store.traded_units(connection).get(unit_of(verdict))
        if traded is not None:
            raise LifecycleError(
                f"deployment:{traded} trades what verdict {verdict_id} is on and keeps its parameters; "
                f"expected none, so disable it first (quant disable {traded})"
            )
        reason = f"rolled back to verdict {verdict_id} by {signature.operator}: {signature.reason}"
        ended = reinstate_verdict(connection, verdict, reason, clock_time(clock))
        detail = {
            "reason": signature.reason,
            "unit": list(unit_of(verdict)),
            "from": newest,
            "rejected": ended,
        }
        subject = f"verdict:{verdict_id}"
        audit_id = audit.append(connection, signature.operator, "verdict.rolled_back", subject, detail)
    summary = (
        f"verdict {verdict_id} is a candidate again, in place of verdict {newest}; the paper screen decides "
        "on it, and the next verdict on the same unit takes its place"
    )
    return Receipt("verdict.rolled_back", subject, summary, audit_id)


def _require_earlier(verdict: VerdictRecord, newest: int) -> None:
    if verdict.id == newest:
        raise LifecycleError(f"verdict {verdict.id} is the newest one of its unit; expected an earlier one")
    if not verdict.parameters:
        raise LifecycleError(f"verdict {verdict.id} found no parameters; expected one that did")
