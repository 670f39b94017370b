"""The strategy library: a file is tried before it is used; one that fails leaves the older text in force.

Research reads texts from here, never from the folder. Deployments keep the text that they were made with.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.ids import content_hash
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.sandbox.trial import Tried, try_strategy
from quant_pipelines.sdk import StrategySource, compile_strategy
from quant_pipelines.sdk.loading import strategy_files
from quant_pipelines.sdk.trial.contract import Check
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.library import (
    LibraryEntry,
    StoredTrial,
    earlier_passed,
    find_trial,
    read_library,
    read_text,
    save_entries,
    save_trial,
)

Trial = Callable[[str, str], Tried]
GONE = "its file is gone from the folder"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a refresh made of one strategy.

    Parameters
    ----------
    entry
        What is in force now.
    is_news
        Whether the entry differs from the one before.
    is_swapped
        Whether another text is in force now.
    seconds
        What the file's trial took; 0 when it was known already.
    """

    entry: LibraryEntry
    is_news: bool
    is_swapped: bool
    seconds: float


def refresh_library(
    engine: Engine,
    folder: Path,
    *,
    names: Collection[str] = (),
    trial: Trial = try_strategy,
    now: datetime | None = None,
) -> list[Shelf]:
    """Try the files of a folder that are new, and put in force what passes.

    Parameters
    ----------
    engine
        Product database.
    folder
        Where the files stand.
    names
        Only these; empty takes the whole folder, and what is gone from it.
    trial
        Puts a text through the contract.
    now
        UTC; the time of the call if None.

    Returns
    -------
    list of Shelf
        By name. A file that can't be read or fails its trial is named in its entry's fault.
    """
    at = now or utc_now()
    files = {path.stem: path for path in strategy_files(folder)}
    with transaction(engine) as connection:
        known = read_library(connection)
    wanted = sorted(names) if names else sorted({*files, *known})
    shelves = []
    for name in wanted:
        if name not in files and name not in known:
            raise StrategyError(unknown_name("strategy", name, files))
        shelves.append(_Refresh(engine, trial, at).shelf(name, files.get(name), known.get(name)))
    return shelves


def unknown_files(engine: Engine, folder: Path) -> list[tuple[str, str]]:
    """Name and version of the files that the library has not seen; no version where the file is gone."""
    with transaction(engine) as connection:
        known = {name: entry.file_hash for name, entry in read_library(connection).items()}
    standing = {path.stem: _hash_of(path) for path in strategy_files(folder)}
    names = {*known, *standing}
    return sorted((name, standing.get(name) or "") for name in names if known.get(name) != standing.get(name))


class TextVersion(NamedTuple):
    """Text of a strategy, by its name and the hash of its contents."""

    name: str
    content_hash: str


def version_in_force(engine: Engine, name: str, folder: Path) -> TextVersion:
    """Version of a strategy that research uses; one that the library does not know yet is tried first.

    ``name`` may be the path of a file: then that text is what counts, and it must pass.

    Raises
    ------
    StrategyError
        If no text of the strategy has passed its trial, with the reason.
    """
    if name.endswith(".py") or "/" in name:
        tried = _tried(engine, name)
        return TextVersion(tried.name, tried.content_hash)
    with transaction(engine) as connection:
        entry = read_library(connection).get(name)
    if entry is None:
        entry = refresh_library(engine, folder, names=[name])[0].entry
    if entry.content_hash is None:
        why = entry.fault if entry.fault == GONE else f"no version has passed its trial: {entry.fault}"
        raise StrategyError(f"strategy {name}: {why}")
    return TextVersion(name, entry.content_hash)


def version_text(engine: Engine, version: TextVersion) -> StrategySource:
    """Text of a version, from the database alone: its file may stand on another machine.

    Raises
    ------
    StrategyError
        If the database does not hold it, or it does not compile.
    """
    with transaction(engine) as connection:
        source = read_text(connection, *version)
    if source is None:
        raise StrategyError(
            f"strategy {version.name}: version {version.content_hash} is not stored; "
            "expected one that was tried or judged"
        )
    return compile_strategy(version.name, source)


def source_in_force(engine: Engine, name: str, folder: Path) -> StrategySource:
    """Text of the version in force; errors as in `version_in_force`."""
    return version_text(engine, version_in_force(engine, name, folder))


def _tried(engine: Engine, name: str) -> StoredTrial:
    path = Path(name).expanduser()
    if not path.is_file():
        raise StrategyError(f"strategy file {name!r} doesn't exist")
    outcome, _ = _Refresh(engine, try_strategy, utc_now()).outcome(path.stem, _text_of(path))
    if not outcome.passed:
        raise StrategyError(f"strategy {path.stem}: it has not passed its trial: {outcome.fault}")
    return outcome


class _Refresh:
    """One look at files, with the database behind it."""

    def __init__(self, engine: Engine, trial: Trial, at: datetime) -> None:
        self._engine = engine
        self._trial = trial
        self._at = at

    def shelf(self, name: str, path: Path | None, before: LibraryEntry | None) -> Shelf:
        """Decide what is in force, and store it if that changed."""
        entry, seconds = self._entry(name, path)
        same = before is not None and replace(entry, changed_at=before.changed_at) == before
        if same and before is not None:
            return Shelf(before, is_news=False, is_swapped=False, seconds=seconds)
        with transaction(self._engine) as connection:
            save_entries(connection, [entry])
        is_swapped = before is None or before.content_hash != entry.content_hash
        return Shelf(entry, is_news=True, is_swapped=is_swapped, seconds=seconds)

    def outcome(self, name: str, source: str) -> tuple[StoredTrial, float]:
        """Trial of a text, and the seconds that were spent now; a text is tried once for each kernel."""
        version, digest = content_hash(source), kernel_digest()
        with transaction(self._engine) as connection:
            known = find_trial(connection, name, version, digest)
        if known is not None:
            return known, 0.0
        started = time.perf_counter()
        try:
            checks, symbols = self._trial(name, source)
        except StrategyError as error:
            checks, symbols = [Check("trial", str(error))], None
        seconds = time.perf_counter() - started
        rows = tuple({"check": check.name, "fault": check.fault} for check in checks)
        passed = all(check.passed for check in checks)
        tried = StoredTrial(name, version, digest, source, passed, symbols, rows, seconds, self._at)
        with transaction(self._engine) as connection:
            save_trial(connection, tried)
        return tried, seconds

    def _entry(self, name: str, path: Path | None) -> tuple[LibraryEntry, float]:
        if path is None:
            return LibraryEntry(name, None, None, GONE, self._at), 0.0
        try:
            source = _text_of(path)
        except StrategyError as error:
            kept = self._kept(name, but="")
            return LibraryEntry(name, kept, _hash_of(path), str(error), self._at), 0.0
        tried, seconds = self.outcome(name, source)
        if tried.passed:
            return LibraryEntry(name, tried.content_hash, tried.content_hash, "", self._at), seconds
        kept = self._kept(name, but=tried.content_hash)
        return LibraryEntry(name, kept, tried.content_hash, tried.fault, self._at), seconds

    def _kept(self, name: str, *, but: str) -> str | None:
        """Newest older text that passes with today's kernel."""
        with transaction(self._engine) as connection:
            earlier = earlier_passed(connection, name, but=but)
        for trial in earlier:
            again, _ = self.outcome(name, trial.source)
            if again.passed:
                return again.content_hash
        return None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyError(f"strategy {path.name}: can't be read: {error}") from error


def _hash_of(path: Path) -> str:
    """Hash of a file's text; of its raw bytes, as Latin-1, where that is no text."""
    try:
        return content_hash(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return content_hash(path.read_bytes().decode("latin-1"))
    except OSError:
        return ""
