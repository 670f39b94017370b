"""Checks of a machine and a home: each passes or fails with what mends it. Nothing is changed."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from quant_pipelines.core.errors import QuantError, StoreError
from quant_pipelines.core.jit import cache_home
from quant_pipelines.core.secret_variables import BOT_VARIABLE, VAULT_VARIABLES
from quant_pipelines.core.settings import Settings
from quant_pipelines.notify.channels import channels_of
from quant_pipelines.notify.courier import faults
from quant_pipelines.operations.status import stack_status
from quant_pipelines.sandbox.proof import ProvenProtection, prove
from quant_pipelines.sdk import BrokenStrategy, list_strategies, strategies_folder
from quant_pipelines.secrets.vault import read_vault
from quant_pipelines.stack.home import Home, is_locked, strategies_in_force
from quant_pipelines.stack.ports import is_free, read_ports
from quant_pipelines.stack.postgres_place import find_binaries
from quant_pipelines.stack.server import database_url_of
from quant_pipelines.store.engine import connected
from quant_pipelines.store.revision import require_current

_LEAST_FREE_GB = 2.0
_LEAST_MEMORY_GB = 2.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Outcome of one check.

    Parameters
    ----------
    name
        What was checked.
    passed
        Whether it is in order.
    detail
        What was found.
    mend
        What to do when it is not in order.
    """

    name: str
    passed: bool
    detail: str
    mend: str = ""


class Fault(Exception):
    """A check failed; carries what was found and what mends it."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.mend = mend


def examine(home: Home, settings: Settings, ui_port: int) -> list[Diagnosis]:
    """Run every check; none of them stops the others."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("memory", _memory),
        ("home", lambda: _home(home)),
        ("disk", lambda: _disk(home)),
        ("port", lambda: _port(home, ui_port)),
        ("postgres", lambda: _postgres(settings)),
        ("database", lambda: _database(home, settings)),
        ("redis", lambda: _redis(settings)),
        ("services", lambda: _services(home)),
        ("outages", lambda: _outages(home, settings)),
        ("alerts", lambda: _alerts(settings)),
        ("telegram", lambda: _telegram(settings, os.environ)),
        ("vault", lambda: _vault(settings)),
        ("strategies", lambda: _strategies(home, settings)),
        ("kernels", _kernels),
    ]
    return [*(_finding(name, check) for name, check in checks), *_sandbox(home, settings)]


def _finding(name: str, check: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(name, True, check())
    except Fault as fault:
        return Diagnosis(name, False, fault.detail, fault.mend)
    except QuantError as error:
        return Diagnosis(name, False, str(error), "correct what the sentence names")


def _python() -> str:
    version = platform.python_version()
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        raise Fault(f"Python {version}", "install Python 3.11 to 3.14")
    return f"Python {version} at {sys.executable}"


def _memory() -> str:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (ValueError, OSError):
        return "not known on this system"
    if total < _LEAST_MEMORY_GB:
        raise Fault(f"{total:.1f} GB", f"run on a machine with at least {_LEAST_MEMORY_GB:.0f} GB")
    return f"{total:.1f} GB, {os.cpu_count()} cores"


def _home(home: Home) -> str:
    folder = _existing_part(home.folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Fault(f"{folder} can't be written", "choose another folder with QUANT_HOME or --home")
    return f"{home.folder}{'' if home.folder.exists() else ' (made at the first start)'}"


def _disk(home: Home) -> str:
    free = shutil.disk_usage(_existing_part(home.folder)).free / 1e9
    if free < _LEAST_FREE_GB:
        raise Fault(f"{free:.1f} GB free", f"free at least {_LEAST_FREE_GB:.0f} GB, or move QUANT_HOME")
    return f"{free:.1f} GB free"


def _port(home: Home, ui_port: int) -> str:
    if is_free(ui_port):
        return f"{ui_port} is free for the UI"
    ports = read_ports(home.ports_file)
    if is_locked(home) and ports is not None and ports.webserver == ui_port:
        return f"{ui_port} serves this home's UI"
    raise Fault(f"{ui_port} is taken by another program", "stop that program, or start with another --port")


def _postgres(settings: Settings) -> str:
    if settings.database_url:
        return "a server of your own is used"
    binaries = find_binaries()
    done = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Fault(f"{binaries}: {' '.join(done.stderr.split())}", "install again with 'make install'")
    return done.stdout.strip()


def _database(home: Home, settings: Settings) -> str:
    if not settings.database_url and not is_locked(home):
        return "embedded; starts with 'quant up'"
    try:
        with connected(database_url_of(home, settings)) as engine:
            require_current(engine)
    except QuantError as error:
        raise Fault(str(error), "start 'quant up', or correct QUANT_DATABASE_URL") from error
    return f"{engine.url.render_as_string(hide_password=True)} has the schema of this code"


def _redis(settings: Settings) -> str:
    if not settings.redis_url:
        return "not configured; optional: memory and PostgreSQL stand in"
    from quant_pipelines.cache.redis_link import redis_version  # noqa: PLC0415 - for who has one

    try:
        return f"Redis {redis_version(settings.redis_url)} answers"
    except StoreError as error:
        mend = "start Redis, or unset QUANT_REDIS_URL; memory and PostgreSQL stand in meanwhile"
        raise Fault(str(error), mend) from error


def _services(home: Home) -> str:
    if not is_locked(home):
        return "nothing runs; start with 'quant up'"
    services = (home.read_services() or {}).get("services", [])
    bad = [service["name"] for service in services if service["state"] not in ("running", "done")]
    if bad:
        raise Fault(f"not running: {', '.join(bad)}", f"read their logs in {home.logs}")
    return f"{len(services)} run or are done"


def _outages(home: Home, settings: Settings) -> str:
    away = stack_status(home, settings)["outages"] if is_locked(home) else []
    if away:
        mend = "it is waited for; see 'quant runner status', and the logs of what is away"
        raise Fault("; ".join(outage["sentence"] for outage in away), mend)
    return "nothing is away" if is_locked(home) else "nothing runs"


def _alerts(settings: Settings) -> str:
    channels = channels_of(settings.alerts.channels)
    if not channels:
        return "no channel; alerts are in 'quant alerts' only"
    bad = {name: fault for name, fault in faults(channels).items() if fault}
    if bad:
        told = "; ".join(f"channel {name}: {fault}" for name, fault in bad.items())
        raise Fault(told, "correct alerts.channels, and try them with 'quant alerts test'")
    return ", ".join(channel.shown for channel in channels)


def _telegram(settings: Settings, variables: Mapping[str, str]) -> str:
    heard = len(settings.telegram.operators)
    if not variables.get(BOT_VARIABLE):
        return f"no commands are taken: {BOT_VARIABLE} is not set"
    if not heard:
        raise Fault("there is a bot, and nobody may command it", "name them in telegram.operators")
    return f"commands of {heard} {'account' if heard == 1 else 'accounts'} are taken"


def _vault(settings: Settings) -> str:
    if not settings.vault.address:
        return "not configured; secrets come from the environment and from files"
    found = sorted(read_vault(settings.vault, VAULT_VARIABLES))
    return f"{settings.vault.address} gives {', '.join(found) or 'none of our secrets'}"


def _strategies(home: Home, settings: Settings) -> str:
    folder = strategies_folder(strategies_in_force(home, settings.strategies_folder))
    found = list_strategies(folder)
    broken = [item.error for item in found if isinstance(item, BrokenStrategy)]
    if broken:
        raise Fault("; ".join(broken), "correct the file; the others go on meanwhile")
    return f"{len(found)} in {folder}"


def _kernels() -> str:
    cache = cache_home()
    folder = _existing_part(cache)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return f"compiled code is kept under {cache}"
    except OSError as error:
        raise Fault(
            f"{folder} can't be written: {error.strerror}", "set XDG_CACHE_HOME to a folder of your own"
        ) from error


def _sandbox(home: Home, settings: Settings) -> list[Diagnosis]:
    """Return a line for each protection of the process in which strategies decide."""
    with tempfile.NamedTemporaryFile(dir=_existing_part(home.folder)) as secret:
        try:
            proven = prove(Path(secret.name), settings.runner.sandbox_megabytes)
        except QuantError as error:
            return [Diagnosis("sandbox", False, str(error), "raise runner.sandbox_megabytes")]
    return [_protection(one) for one in proven]


def _protection(one: ProvenProtection) -> Diagnosis:
    if not one.found:
        return Diagnosis("sandbox", True, f"{one.name}: holds")
    told = f"{one.name}: does not hold here: it {one.found}"
    if one.lacking:
        return Diagnosis("sandbox", True, f"{told}; {one.lacking}")
    return Diagnosis("sandbox", False, told, "keep the home apart from Python's folders")


def _existing_part(folder: Path) -> Path:
    """Deepest folder of a path that exists: what a new folder would be made in."""
    while not folder.exists():
        folder = folder.parent
    return folder
