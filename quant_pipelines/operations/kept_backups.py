"""Which backups a folder holds, and which of them are no longer needed."""

from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HALF_WRITTEN = ".*.quant.partial"
"""Names of files that :func:`~quant_pipelines.operations.backup.back_up` has not finished."""
_PREFIX, _SUFFIX, _MOMENT = "backup-", ".quant", "%Y%m%dT%H%M%SZ"


class KeptBackup(NamedTuple):
    """A backup that the stack made by itself.

    Parameters
    ----------
    at
        When it was begun, UTC.
    file
        Where it is.
    """

    at: datetime
    file: Path


def backup_name(at: datetime) -> str:
    """Name of the file of a backup.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from quant_pipelines.operations.kept_backups import backup_name
    >>> backup_name(datetime(2026, 3, 4, 3, 15, tzinfo=UTC))
    'backup-20260304T031500Z.quant'
    """
    return f"{_PREFIX}{at.astimezone(UTC).strftime(_MOMENT)}{_SUFFIX}"


def name_before(revision: str, at: datetime) -> str:
    """Name of the backup of a state that an upgrade leaves: no round removes it, for nothing else leads back.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from quant_pipelines.operations.kept_backups import name_before
    >>> name_before("0062", datetime(2026, 3, 4, 3, 15, tzinfo=UTC))
    'before-upgrade-of-0062-20260304T031500Z.quant'
    """
    return f"before-upgrade-of-{revision}-{at.astimezone(UTC).strftime(_MOMENT)}{_SUFFIX}"


def kept_backups(folder: Path) -> list[KeptBackup]:
    """Backups of a folder by the names that :func:`backup_name` gives, newest first; others don't count."""
    if not folder.is_dir():
        return []
    found = (_read_name(file) for file in folder.iterdir())
    return sorted((one for one in found if one is not None), reverse=True)


def _read_name(file: Path) -> KeptBackup | None:
    if not (file.name.startswith(_PREFIX) and file.name.endswith(_SUFFIX)):
        return None
    try:
        at = datetime.strptime(file.name[len(_PREFIX) : -len(_SUFFIX)], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return KeptBackup(at, file)


def superseded(backups: Iterable[KeptBackup], keep_days: int, keep_weeks: int) -> list[KeptBackup]:
    """Backups that may go: not the newest of one of the last days or weeks that have one.

    Days and ISO weeks without a backup don't count, so a stack that stood still for a month loses nothing.

    Parameters
    ----------
    backups
        All there are, in any order.
    keep_days
        Days (UTC) whose newest backup stays; at least 1.
    keep_weeks
        ISO weeks whose newest backup stays; 0 keeps none beside the days.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> from quant_pipelines.operations.kept_backups import KeptBackup, superseded
    >>> of = lambda day: KeptBackup(datetime(2026, 3, day, 3, tzinfo=UTC), Path(str(day)))
    >>> [str(one.file) for one in superseded(map(of, range(7, 17)), 2, 3)]
    ['14', '13', '12', '11', '10', '9', '7']
    """
    newest_first = sorted(backups, reverse=True)
    days = _newest_of_each({one: one.at.date() for one in newest_first}, keep_days)
    weeks = _newest_of_each({one: one.at.isocalendar()[:2] for one in newest_first}, keep_weeks)
    return [one for one in newest_first if one not in days | weeks]


def _newest_of_each(periods: dict[KeptBackup, Hashable], most: int) -> set[KeptBackup]:
    """Newest backup of each of the last periods; the backups come newest first."""
    newest: dict[Hashable, KeptBackup] = {}
    for one, period in periods.items():
        newest.setdefault(period, one)
    return set(list(newest.values())[:most])
