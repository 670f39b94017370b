"""The strategy library in PostgreSQL: trials of texts, and which text of each strategy is in force."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.store.tables import strategy_library, strategy_trials, strategy_versions


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """One text that was put through the contract.

    Parameters
    ----------
    name, content_hash, kernel_digest
        Which text, and with which compiled sources.
    source
        The text.
    passed
        Whether it kept every rule.
    symbols
        How many it trades together, 0 for any number from 2 up; None where its text does not load.
    checks
        Documents of ``check`` and ``fault``, in the order in which they were made.
    seconds
        What the trial took.
    tried_at
        When.
    """

    name: str
    content_hash: str
    kernel_digest: str
    source: str
    passed: bool
    symbols: int | None
    checks: tuple[dict[str, str], ...]
    seconds: float
    tried_at: datetime

    @property
    def fault(self) -> str:
        """First rule that is broken, with its sentence; empty when none is."""
        return next((f"{one['check']}: {one['fault']}" for one in self.checks if one["fault"]), "")


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """Which text of a strategy is in force.

    Parameters
    ----------
    name
        Of the strategy.
    content_hash
        Version in force; None when no text has passed.
    file_hash
        Version that stands in the folder; None when the file is gone.
    fault
        Why the file is not in force; empty when it is.
    changed_at
        When one of these changed last.
    """

    name: str
    content_hash: str | None
    file_hash: str | None
    fault: str
    changed_at: datetime

    @property
    def is_current(self) -> bool:
        """Whether the file is what is in force."""
        return self.content_hash is not None and self.content_hash == self.file_hash


def find_trial(
    connection: Connection, name: str, content_hash: str, kernel_digest: str
) -> StoredTrial | None:
    """Trial of a text with these compiled sources; None if it was not tried with them.

    One that passed before trials told how many symbols a strategy trades is none either.
    """
    key = {"name": name, "content_hash": content_hash, "kernel_digest": kernel_digest}
    is_it = (strategy_trials.c[column] == value for column, value in key.items())
    is_told = ~strategy_trials.c.passed | strategy_trials.c.symbols.is_not(None)
    row = connection.execute(select(strategy_trials).where(*is_it, is_told)).one_or_none()
    return None if row is None else _trial(row)


def earlier_passed(connection: Connection, name: str, *, but: str) -> list[StoredTrial]:
    """Other texts of a strategy that passed at some time, newest first, each once."""
    passed = (
        select(strategy_trials)
        .where(
            strategy_trials.c.name == name, strategy_trials.c.passed, strategy_trials.c.content_hash != but
        )
        .order_by(strategy_trials.c.tried_at.desc())
    )
    newest: dict[str, StoredTrial] = {}
    for row in connection.execute(passed):
        newest.setdefault(row.content_hash, _trial(row))
    return list(newest.values())


def save_trial(connection: Connection, trial: StoredTrial) -> None:
    """Store a trial once; a later one of the same text says what the first did not."""
    row = insert(strategy_trials).values(asdict(trial) | {"checks": list(trial.checks)})
    key = ("name", "content_hash", "kernel_digest")
    told = {"symbols": func.coalesce(strategy_trials.c.symbols, row.excluded.symbols)}
    connection.execute(row.on_conflict_do_update(index_elements=key, set_=told))


def read_library(connection: Connection) -> dict[str, LibraryEntry]:
    """Every strategy by name."""
    columns = [strategy_library.c[name] for name in LibraryEntry.__slots__]
    rows = connection.execute(select(*columns).order_by(strategy_library.c.name))
    return {row.name: LibraryEntry(*row) for row in rows}


def symbols_in_force(connection: Connection) -> dict[str, int]:
    """How many symbols each strategy in force trades together, by name; 0 is any number from 2 up."""
    trials, entries = strategy_trials.c, strategy_library.c
    is_it = (trials.name == entries.name) & (trials.content_hash == entries.content_hash)
    query = (
        select(entries.name, func.max(trials.symbols).label("symbols"))
        .join(strategy_trials, is_it)
        .where(trials.passed, trials.symbols.is_not(None))
        .group_by(entries.name)
        .order_by(entries.name)
    )
    return {row.name: row.symbols for row in connection.execute(query)}


def save_entries(connection: Connection, entries: Iterable[LibraryEntry]) -> None:
    """Store what is in force."""
    for entry in entries:
        row = insert(strategy_library).values(asdict(entry))
        changed = {name: row.excluded[name] for name in LibraryEntry.__slots__ if name != "name"}
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=changed))


def read_text(connection: Connection, name: str, content_hash: str) -> str | None:
    """Text of a version that was tried, or judged at any time; None when there is none."""
    for table, names in (
        (strategy_trials, strategy_trials.c.name),
        (strategy_versions, strategy_versions.c.strategy),
    ):
        is_it = (names == name) & (table.c.content_hash == content_hash)
        found = connection.execute(select(table.c.source).where(is_it).limit(1)).scalar_one_or_none()
        if found is not None:
            return str(found)
    return None


def _trial(row: Row[Any]) -> StoredTrial:
    values = {name: getattr(row, name) for name in StoredTrial.__slots__}
    return StoredTrial(**values | {"checks": tuple(row.checks)})
