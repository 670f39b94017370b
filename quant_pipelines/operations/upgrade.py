"""``quant upgrade``: nothing is migrated that was not backed up, and whose backup was not migrated first."""

import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from quant_pipelines.core.backup_settings import BackupSettings
from quant_pipelines.operations.backup_round import back_up_with_room, backup_folder, drill_with_room
from quant_pipelines.operations.kept_backups import name_before
from quant_pipelines.store.engine import connected, transaction
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.revision import known_revisions, newest_revision, require_known_revision


class Upgrade(NamedTuple):
    """What an upgrade did, or would do.

    Parameters
    ----------
    revision
        Of the database before; None when it was empty.
    newest
        That this code expects.
    pending
        Revisions between the two.
    backup
        File of the state before; None where nothing was migrated.
    tried_seconds
        How long restoring and migrating the backup took.
    migrated
        Whether the database itself was migrated.
    """

    revision: str | None
    newest: str
    pending: tuple[str, ...]
    backup: Path | None = None
    tried_seconds: float = 0.0
    migrated: bool = False


def pending_upgrade(url: str) -> Upgrade:
    """Compare a database with this code.

    Raises
    ------
    StoreError
        If the database is away, or newer than this code.
    """
    with connected(url) as engine, transaction(engine) as connection:
        revision = require_known_revision(connection)
    later = tuple(one for one in known_revisions() if revision is None or one > revision)
    return Upgrade(revision, newest_revision(), later)


def upgrade(
    url: str, home: Path, settings: BackupSettings, now: datetime, *, dry_run: bool = False
) -> Upgrade:
    """Back a database up, migrate the backup beside it, and then the database itself.

    Parameters
    ----------
    url
        Product database; Dagster's is found beside it.
    home
        Folder of the stack.
    settings
        Where backups go. This one is none of those that the stack thins out.
    now
        Names the backup.
    dry_run
        Whether the database itself stays as it is; the backup is removed again then.

    Raises
    ------
    ConfigurationError
        If there is no room for a backup.
    StoreError
        If the database is newer than this code, or a step fails; the database is as it was then.
    """
    found = pending_upgrade(url)
    if not found.pending:
        return found
    with connected(url) as engine:
        file = backup_folder(home, settings) / name_before(found.revision or "nothing", now)
        back_up_with_room(engine, file)
        begun = time.perf_counter()
        try:
            drill_with_room(engine, file, home)
        finally:
            if dry_run:
                file.unlink()
        tried = found._replace(tried_seconds=time.perf_counter() - begun)
        if dry_run:
            return tried
        migrate(engine)
    return tried._replace(backup=file, migrated=True)
