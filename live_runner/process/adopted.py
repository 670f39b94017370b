"""Takes over what was done past the runner: a direct kill halts the account until a person resumes it."""

import logging
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.core.errors import StoreError
from quant_pipelines.operations.kill_journal import KillRecord, mark_adopted, unadopted
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import halt_once
from quant_pipelines.trading.breaker import Trip

_SCOPE, _ACTION = "account", "account.killed"
_log = logging.getLogger(__name__)


def adopt_kills(engine: Engine, home: Path) -> bool:
    """Halt the account for every kill that was not taken over yet; whether there was one.

    Its trades come with the venue's, as EXTERNAL.

    Raises
    ------
    StoreError
        If the database does not answer; the kill is taken over later then.
    """
    return any([_adopt_any(engine, record) for record in unadopted(home)])  # noqa: C419 - each of them


def _adopt_any(engine: Engine, record: KillRecord) -> bool:
    """Halt whatever the journal holds: a text that no row takes must not end the runner."""
    try:
        return _adopt(engine, record)
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - that somebody killed is known all the same
        _log.exception("journal of a kill can't be taken over as it is", extra={"journal": record.file.name})
        return _adopt(engine, record._replace(operator="somebody", reason="its journal can't be read"))


def _adopt(engine: Engine, record: KillRecord) -> bool:
    """Halt, once for each journal: a file that can't be given another name stays where it is."""
    message = f"killed directly by {record.operator} at {record.at.isoformat()}: {record.reason}"
    detail = {"reason": record.reason, "journal": record.file.name}
    with transaction(engine) as connection:
        is_new = not audit.has_journal(connection, _ACTION, record.file.name)
        if is_new:
            halt_once(connection, _SCOPE, Trip("flattened", message), record.at)
            audit.append(connection, record.operator, _ACTION, _SCOPE, detail)
    try:
        mark_adopted(record)
    except OSError as error:
        if is_new:
            _log.warning("journal of a kill keeps its name", extra={"error": str(error)})
    if is_new:
        _log.warning("direct kill taken over", extra={"journal": record.file.name})
    return is_new
