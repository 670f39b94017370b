"""Takes over what was done past the runner: a direct kill halts the account until a person resumes it."""

import logging
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.operations.kill_journal import KillRecord, mark_adopted, unadopted
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import halt_once
from quant_pipelines.trading.breaker import Trip

_SCOPE = "account"
_log = logging.getLogger(__name__)


def adopt_kills(engine: Engine, home: Path) -> bool:
    """Halt the account for every kill that was not taken over yet; whether there was one.

    Its trades come with the venue's, as EXTERNAL.

    Raises
    ------
    StoreError
        If the database does not answer; the kill is taken over later then.
    """
    found = unadopted(home)
    for record in found:
        _adopt(engine, record)
    return bool(found)


def _adopt(engine: Engine, record: KillRecord) -> None:
    message = f"killed directly by {record.operator} at {record.at.isoformat()}: {record.reason}"
    with transaction(engine) as connection:
        # A process that died between this row and the file's new name finds the halt, and adds none.
        halt_once(connection, _SCOPE, Trip("flattened", message), record.at)
        detail = {"reason": record.reason, "journal": record.file.name}
        audit.append(connection, record.operator, "account.killed", _SCOPE, detail)
    mark_adopted(record)
    _log.warning("direct kill taken over", extra={"journal": record.file.name})
