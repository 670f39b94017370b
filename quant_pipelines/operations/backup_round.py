"""Backups that the stack makes by itself: one more file, old ones thinned out, and a drill of the newest."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.backup_settings import BackupSettings
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.operations.backup import back_up
from quant_pipelines.operations.kept_backups import (
    HALF_WRITTEN,
    KeptBackup,
    backup_name,
    kept_backups,
    superseded,
)
from quant_pipelines.operations.restore import drill
from quant_pipelines.store.databases import stored_bytes
from quant_pipelines.store.heartbeats import Heartbeat, write_heartbeat
from quant_pipelines.store.signs_of_life import BACKUP

_SPARE_BYTES = 1 << 30
_NOBODY_WRITES_SECONDS = 3600.0


class BackupRound(NamedTuple):
    """What a round of backups did.

    Parameters
    ----------
    file
        The new backup.
    size
        Its bytes.
    dropped
        Backups that were removed, newest first.
    manifest
        What the new one holds.
    """

    file: Path
    size: int
    dropped: tuple[Path, ...]
    manifest: dict[str, Any]


def backup_folder(home: Path, settings: BackupSettings) -> Path:
    """Where the stack keeps the backups that it makes by itself."""
    return Path(settings.folder).expanduser() if settings.folder else home / "backups"


def back_up_round(engine: Engine, folder: Path, settings: BackupSettings, now: datetime) -> BackupRound:
    """Make a backup, then remove those that it supersedes: a failure removes nothing.

    Parameters
    ----------
    engine
        Product database; Dagster's is found beside it.
    folder
        Made if it is not there, readable by its owner only.
    settings
        How many are kept.
    now
        Names the file.

    Raises
    ------
    ConfigurationError
        If the folder can't be written, or has too little room for a backup of twice the size of the last one.
    StoreError
        If a database is away or can't be read.
    """
    file = folder / backup_name(now)
    manifest = back_up_with_room(engine, file)
    dropped = []
    if settings.keep_days:
        dropped = superseded(kept_backups(folder), settings.keep_days, settings.keep_weeks)
    for one in dropped:
        one.file.unlink()
    size = file.stat().st_size
    write_heartbeat(engine, Heartbeat(BACKUP, "healthy", now, {"file": str(file), "bytes": size}))
    return BackupRound(file, size, tuple(one.file for one in dropped), manifest)


def back_up_with_room(engine: Engine, file: Path) -> dict[str, Any]:
    """Make a backup where the disk has room for it: a full one would end the stack's own database.

    Raises
    ------
    ConfigurationError
        If the folder can't be written, or has less room than twice the newest backup, or than the databases
        take where there is none.
    StoreError
        If a database is away or can't be read.
    """
    before = _opened(file.parent)
    expected = 2 * before[0].file.stat().st_size if before else stored_bytes(engine)
    _require_room(file.parent, expected, "a backup")
    return back_up(_url(engine), file)


def newest_backup(folder: Path) -> KeptBackup:
    """Newest backup of a folder.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    found = kept_backups(folder)
    if not found:
        raise ConfigurationError(f"folder {str(folder)!r} holds no backup; expected one, or a FILE")
    return found[0]


def drill_newest(engine: Engine, folder: Path, home: Path) -> tuple[KeptBackup, dict[str, Any]]:
    """Restore the newest backup of a folder beside the databases, prove it, and drop it again.

    Parameters
    ----------
    engine
        Product database, on whose server the drill takes place.
    folder
        Where the backups are.
    home
        Folder of the stack: where its own server lies, a drill must leave room on that disk.

    Raises
    ------
    ConfigurationError
        If there is no backup, or no room for a drill.
    StoreError
        If the backup can't be restored.
    """
    newest = newest_backup(folder)
    return newest, drill_with_room(engine, newest.file, home)


def drill_with_room(engine: Engine, file: Path, home: Path) -> dict[str, Any]:
    """Restore a backup beside the databases, prove it and drop it again, where the disk has room for that.

    Parameters
    ----------
    engine
        Product database, on whose server the drill takes place.
    file
        A backup.
    home
        Folder of the stack: where its own server lies, a drill must leave room on that disk.

    Raises
    ------
    ConfigurationError
        If there is no room.
    StoreError
        If the backup can't be restored.
    """
    if (home / "postgres").exists():
        _require_room(home, stored_bytes(engine), "a drill")
    return drill(_url(engine), file)


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _opened(folder: Path) -> list[KeptBackup]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for half in folder.glob(HALF_WRITTEN):
            if utc_now().timestamp() - half.stat().st_mtime > _NOBODY_WRITES_SECONDS:
                half.unlink(missing_ok=True)  # its writer was killed
        return kept_backups(folder)
    except OSError as error:
        raise ConfigurationError(
            f"backup.folder {str(folder)!r} can't be used: {error.strerror or error}; expected one to fill"
        ) from error


def _require_room(place: Path, size: int, purpose: Literal["a backup", "a drill"]) -> None:
    free = shutil.disk_usage(place).free
    if free < size + _SPARE_BYTES:
        needed = (size + _SPARE_BYTES) >> 20
        raise ConfigurationError(
            f"{str(place)!r} has {free >> 20:,} MiB free; expected {needed:,} for {purpose}"
        )
