"""Step of every start: waits for the server, creates both databases, migrates ours.

``python -P -m quant_pipelines.stack.prepare_database`` reads QUANT_DATABASE_URL; a failure is one sentence on
stderr and exit code 1.
"""

import sys
import time

from sqlalchemy import Engine

from quant_pipelines.core.errors import ConfigurationError, QuantError, StoreError
from quant_pipelines.settings import load_settings
from quant_pipelines.store.database_url import dagster_url
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connected, parse_database_url, require_reachable
from quant_pipelines.store.migrate import migrate

# Enough for a recovery after a crash; a server that refuses for another reason is not waited for.
_DEADLINE_SECONDS = 120.0
_STARTING_UP = ("starting up", "recovery", "shutting down")


def prepare_database(url: str) -> None:
    """Bring the product database to this code's schema, and create Dagster's beside it.

    Raises
    ------
    StoreError
        If the server is away, refuses, or holds a newer schema.
    """
    ours = parse_database_url(url)
    maintenance = ours.set(database="postgres").render_as_string(hide_password=False)
    with connected(url) as engine:
        if not _exists_after_waiting(engine):
            create_database(maintenance, str(ours.database))
        migrate(engine)
        create_database(maintenance, str(parse_database_url(dagster_url(url)).database))


def _exists_after_waiting(engine: Engine) -> bool:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        try:
            require_reachable(engine)
        except StoreError as error:
            message = str(error)
            if "does not exist" in message:
                return False
            if not any(words in message for words in _STARTING_UP) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return True


def main() -> int:
    """Run the step; the exit code says whether it is done."""
    try:
        settings = load_settings()
        if not settings.database_url:
            raise ConfigurationError("QUANT_DATABASE_URL is empty; expected the URL of a PostgreSQL database")
        prepare_database(settings.database_url)
    except QuantError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
