"""The embedded PostgreSQL server's files and command line; nothing here starts it or talks to it.

It listens on 127.0.0.1 with a password of its own. Who supervises it needs no driver for that.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.stack.postgres_place import Place, open_place
from quant_pipelines.stack.process import Command

USER = "quant"
DATABASE = "quant"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may be at most 107 bytes long; a home's may be longer
    "max_connections": "200",
    "max_wal_size": "2GB",
    "shared_buffers": "256MB",  # a bulk load of bars writes its own pages out otherwise
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """One server on one port.

    Parameters
    ----------
    home
        The stack's home; the data live there, or where root keeps them (see ``postgres_place``).
    port
        Port on 127.0.0.1.
    durable
        False trades safety at a power cut for speed: for tests.
    """

    def __init__(self, home: Path, port: int, *, durable: bool = True) -> None:
        self._home = home
        self._port = port
        self._durable = durable
        self._place: Place | None = None

    @property
    def log(self) -> Path:
        """Log file of the server."""
        return self._home / "logs" / "postgres.log"

    def place(self) -> Place:
        """Folder of the server, made at the first call."""
        if self._place is None:
            self._place = open_place(self._home)
        return self._place

    def url(self, database: str = DATABASE) -> str:
        """URL of a database on this server, password included."""
        return _url(self.place().password_file, self._port, database)

    def command(self) -> Command:
        """Command line of the server; makes the cluster first, and clears what a crash left in its way."""
        place = self.place()
        if not (place.data / "PG_VERSION").exists():
            _initialize(place, durable=self._durable)
        _clear_stale_lock(place.data)
        settings = _SETTINGS if self._durable else _SETTINGS | _NOT_DURABLE
        arguments = [str(place.binaries / "postgres"), "-D", str(place.data), "-p", str(self._port)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        return Command(
            "postgres",
            tuple(arguments),
            self.log,
            environment=_environment(),
            owner=place.owner,
            stop_signal=signal.SIGINT,  # fast shutdown: open sessions are ended, the data are written
        )


def local_url(home: Path, port: int) -> str:
    """URL of the product database of a home's server; empty when there is none, and none is made."""
    password_file = home / "postgres" / "password"
    return _url(password_file, port, DATABASE) if password_file.exists() else ""


def _url(password_file: Path, port: int, database: str) -> str:
    return f"postgresql://{USER}:{password_file.read_text().strip()}@127.0.0.1:{port}/{database}"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _initialize(place: Place, *, durable: bool) -> None:
    """Make the database cluster; an attempt that was interrupted is thrown away."""
    partial = place.folder / "data-partial"
    shutil.rmtree(partial, ignore_errors=True)
    owner = place.owner
    arguments = [str(place.binaries / "initdb"), "-D", str(partial), "-U", USER, "-E", "UTF8"]
    arguments += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={place.password_file}"]
    done = subprocess.run(
        arguments if durable else [*arguments, "--no-sync"],
        env=_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    )
    if done.returncode != 0:
        cause = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ConfigurationError(f"the embedded database can't be made in {place.folder}: {cause}")
    partial.rename(place.data)


def _clear_stale_lock(data: Path, *, timeout_seconds: float = 15) -> None:
    """Wait for a server that is still going down; drop the lock file of one that is gone.

    PostgreSQL trusts any live process with the recorded number, which after a reboot may be a stranger.
    """
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + timeout_seconds
    while lock.exists() and time.monotonic() < deadline:
        name = Path("/proc") / lock.read_text().split("\n", 1)[0].strip() / "comm"
        if Path("/proc/self").exists() and (not name.exists() or name.read_text().strip() != "postgres"):
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.1)
