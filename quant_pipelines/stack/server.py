"""The database of a home for a command: a named server, the running stack's, else one started for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import Settings
from quant_pipelines.stack.home import Home, is_locked, locked, open_home
from quant_pipelines.stack.ports import free_port, read_ports
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_server import local_url


def database_url_of(home: Home, settings: Settings) -> str:
    """Database of a stack: the named one, else the home's own server; empty when that was never made."""
    if settings.database_url:
        return settings.database_url
    ports = read_ports(home.ports_file)
    return local_url(home.folder, ports.postgres) if ports else ""


@contextmanager
def database_server(home: Home, settings: Settings, *, may_run: bool, may_make: bool) -> Iterator[str]:
    """URL of the product database; its server answers while the context lasts.

    Parameters
    ----------
    home
        Stack that is meant.
    settings
        May name a server of the user's own.
    may_run
        Whether the stack may be running; otherwise its home is held, so that nothing starts beside.
    may_make
        Whether a home without a database gets an empty server.

    Raises
    ------
    ConfigurationError
        If the stack runs and must not, or there is no database and none may be made.
    """
    if is_locked(home) and not may_run:
        raise ConfigurationError(
            f"home {str(home.folder)!r} is in use by a running stack; stop 'quant up' first"
        )
    if settings.database_url or is_locked(home):
        url = database_url_of(home, settings)
        if not url:
            raise ConfigurationError(f"home {str(home.folder)!r} has no database yet; start 'quant up'")
        yield url
        return
    if not may_make and not (home.folder / "postgres" / "data" / "PG_VERSION").exists():
        raise ConfigurationError(f"home {str(home.folder)!r} has no database yet; start 'quant up'")
    with locked(open_home(home.folder)), EmbeddedPostgres(home.folder, free_port()) as server:
        yield server.url()
