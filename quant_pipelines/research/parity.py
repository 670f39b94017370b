"""Yesterday again: each book's journaled day through the backtester, and what explains the difference.

What can't be replayed is named with its reason. Nothing is written here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

from sqlalchemy import Connection, Engine

from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.bars import COLUMNS, Bars
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.depth import MAX_AGE_MS, BookSample, DepthSeries, no_depth
from quant_pipelines.core.errors import ConfigurationError, DataError, QuantError, StoreError
from quant_pipelines.core.gaps import missing_ranges
from quant_pipelines.core.series import Window
from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.core.timeframes import DAY_MS, from_ms, timeframe_ms, to_ms
from quant_pipelines.core.timeline import VersionChange, parameters_at
from quant_pipelines.parity import DayComparison, DayJournal, ReadAhead, ReplayedDay, ReplayPlan, replay
from quant_pipelines.parity.comparison import Sources, compare
from quant_pipelines.parity.decisions import Another, decided_otherwise, placed_otherwise
from quant_pipelines.parity.journal import exact
from quant_pipelines.research.book_plan import rules_of
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.parity_inputs import (
    BookFills,
    SpokenText,
    journal_of,
    opening_of,
    overlaid,
    plan_of,
    with_read_inputs,
)
from quant_pipelines.sdk import Strategy, attach_inputs, compile_strategy
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.book_days import (
    BookDay,
    booked_deployments,
    fills_before,
    income_before,
    read_book_day,
)
from quant_pipelines.store.deployments import Deployment, read_deployments
from quant_pipelines.store.engine import snapshot, transaction
from quant_pipelines.store.market_events import read_books
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.store.versions import book_changes_since

_TEXTS_KEPT = 64
_TAKING_UP_MS = 120_000
"""After so long a runner at work trades with parameters that were changed."""
_TAKEN_UP = timedelta(minutes=10)
"""After so long a runner has taken a deployment up, and its first bar has closed."""


class ComparedDay(NamedTuple):
    """A deployment's day: what came of it, or why it was not replayed, and whether it could have been."""

    deployment: Deployment
    comparison: DayComparison | None
    reason: str = ""
    is_replayable: bool = True


def day_before(clock: Clock) -> date:
    """Return the last UTC day that is over."""
    return from_ms(clock() - DAY_MS).date()


def require_past(day: date, clock: Clock) -> None:
    """Refuse a day that is not over.

    Raises
    ------
    ConfigurationError
        If it is today or later.
    """
    last = day_before(clock)
    if day > last:
        raise ConfigurationError(f"day is {day}; expected one that is over, the last is {last}")


def compare_day(engine: Engine, day: date, *, columns: Path | None = None) -> list[ComparedDay]:
    """Replay the day of every deployment that traded or booked on it.

    Parameters
    ----------
    engine
        Product database.
    day
        UTC day that is over.
    columns
        Folder of column files to read bars through; None reads them from the database.

    Raises
    ------
    StoreError
        If the database does not answer.
    """
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    with transaction(engine) as connection:
        booked = booked_deployments(connection, end - timedelta(days=1), end)
    known = read_deployments(engine, get_args(Stage))
    sources: dict[str, DatabaseSource] = {}
    compared = []
    for deployment in sorted(known, key=lambda one: (one.exchange, one.symbol, one.timeframe, one.id)):
        traded = deployment.stage in LADDER and deployment.created_at < end - _TAKEN_UP
        if deployment.id not in booked and not traded:
            continue
        source = sources.setdefault(deployment.exchange, DatabaseSource(engine, deployment.exchange, columns))
        compared.append(_compared(engine, deployment, end, source, is_booked=deployment.id in booked))
    return sorted(compared, key=lambda one: one.deployment.id)


def _compared(
    engine: Engine, deployment: Deployment, end: datetime, source: DatabaseSource, *, is_booked: bool
) -> ComparedDay:
    if not is_booked:
        return ComparedDay(deployment, None, "nothing was booked on that day")
    if deployment.set_id is not None:
        return _beyond(deployment, f"it is a leg of deployment:{deployment.set_id}; sets are not replayed")
    try:
        return _replayed(engine, deployment, end, source)
    except StoreError:
        raise
    except QuantError as error:
        return ComparedDay(deployment, None, str(error))


def _beyond(deployment: Deployment, reason: str) -> ComparedDay:
    """Name what no replay is made of: that is no fault of the day."""
    return ComparedDay(deployment, None, reason, is_replayable=False)


def _replayed(engine: Engine, deployment: Deployment, end: datetime, source: DatabaseSource) -> ComparedDay:
    day = (end - timedelta(days=1)).date()
    with snapshot(engine) as connection:
        rows = read_book_day(connection, deployment, day, end)
        since = rows.opening.bar_close if rows.opening else deployment.created_at
        changes = book_changes_since(connection, deployment.id, since)
        before = _before(connection, deployment, since)
    text = _text_of(deployment, changes, since, end)
    strategy = text.first
    if isinstance(strategy, EventStrategy) and (deployment.venue != PAPER_VENUE or rows.switched):
        where = "over a change of parameters" if rows.switched else "at a venue"
        return _beyond(deployment, f"orders of an event strategy {where} are not replayed")
    opening = opening_of(deployment, rows, before)
    _require_journal(rows)
    window = Window(to_ms(end) - DAY_MS, to_ms(end))
    journal = journal_of(deployment, rows, window, opening, _depth(engine, deployment, rows))
    plan = plan_of(deployment, strategy, journal.decisions)
    stored = _stored_bars(source, deployment, window.end_ms)
    seen = attach_inputs(type(strategy), overlaid(stored, rows, deployment), source)
    seen = with_read_inputs(seen, rows)
    readings = text.readings(seen, rules_of(deployment))
    transfers = {one.ts_ms: float(one.amount) for one in journal.payments if one.kind == "transfer"}

    def play(bars: Sequence[ExecutionBar], said: ReadAhead) -> ReplayedDay:
        return replay(plan, opening, bars, said, transfers=transfers)

    now = stored
    if deployment.timeframe != deployment.execution_timeframe:
        now = source.bars(deployment.symbol, deployment.execution_timeframe, window)
    replays = _sources(journal, now, lambda: _said_again(text, stored, source, journal), readings, play)
    another = _another(journal, plan, readings, replays.seen, rows)
    holes = _holes(stored, deployment, rows.bars[-1].close_ms) if another else 0
    if holes:
        reason = (
            f"{holes} bars of its history are not stored, and {len(another)} decisions came out otherwise"
        )
        return ComparedDay(deployment, None, reason)
    end_price = exact(journal.bars[-1].bar.close)
    return ComparedDay(deployment, compare(journal, replays, another, end_price))


def _text_of(
    deployment: Deployment, changes: Sequence[VersionChange], since: datetime, end: datetime
) -> SpokenText:
    """Strategy of the deployed text as it began, and with the parameters that its book went on with."""
    began, ended = (
        _strategy_of(deployment, parameters_at(deployment.parameters, changes, at)) for at in (since, end)
    )
    switched = [to_ms(one.at) for one in changes if one.at < end]
    return SpokenText(began, ended, switched[0] if switched else None)


def _strategy_of(deployment: Deployment, parameters: Mapping[str, Any]) -> Strategy:
    """Strategy of the deployed text."""
    if not deployment.source.strip():
        raise DataError(
            f"the text of strategy {deployment.strategy} is not stored; expected the deployed one"
        )
    return _class_of(deployment.strategy, deployment.source)(**parameters)


@lru_cache(maxsize=_TEXTS_KEPT)
def _class_of(name: str, source: str) -> type[Strategy]:
    return compile_strategy(name, source).strategy_class


def _before(connection: Connection, deployment: Deployment, since: datetime) -> BookFills:
    """Read what a venue's book was made of; the state of a paper book holds it."""
    if deployment.venue == PAPER_VENUE:
        return BookFills((), ())
    key = deployment.id
    return BookFills(fills_before(connection, key, since), income_before(connection, key, since))


def _require_journal(rows: BookDay) -> None:
    """Prove that the day was journaled as a replay needs it.

    Raises
    ------
    DataError
        Saying what is missing.
    """
    if not rows.bars:
        raise DataError("no bar of it was booked on that day, only fills or payments")
    unseen = sum(row.open is None for row in rows.bars)
    if unseen:
        raise DataError(f"{unseen} of {len(rows.bars)} bars were booked before they were journaled whole")


def _depth(engine: Engine, deployment: Deployment, rows: BookDay) -> DepthSeries:
    """Order books that its fills walked."""
    if deployment.venue != PAPER_VENUE:
        return no_depth()
    window = Window(rows.bars[0].close_ms - MAX_AGE_MS - DAY_MS // 24, rows.bars[-1].close_ms)
    books = read_books(engine, deployment.exchange, deployment.symbol, window)
    return DepthSeries.of_samples(BookSample(*book) for book in books) if books else no_depth()


def _stored_bars(source: DatabaseSource, deployment: Deployment, end_ms: int) -> Bars:
    step_ms = timeframe_ms(deployment.timeframe)
    first_ms = -(-to_ms(deployment.history_start) // step_ms) * step_ms
    return source.bars(deployment.symbol, deployment.timeframe, Window(first_ms, end_ms))


def _holes(stored: Bars, deployment: Deployment, end_ms: int) -> int:
    """Count the bars of its history that are not stored."""
    step_ms = timeframe_ms(deployment.timeframe)
    first_ms = -(-to_ms(deployment.history_start) // step_ms) * step_ms
    gaps = missing_ranges(stored, Window(first_ms, end_ms))
    return sum((gap.end_ms - gap.start_ms) // step_ms for gap in gaps)


def _sources(
    journal: DayJournal,
    stored: Bars,
    say_again: Callable[[], ReadAhead | None],
    readings: ReadAhead,
    play: Callable[[Sequence[ExecutionBar], ReadAhead], ReplayedDay],
) -> Sources:
    """Replay the day by the bars that were seen, and again where other ones are stored."""
    seen = {one.bar.ts: one.bar for one in journal.bars}
    last_ms = journal.bars[-1].bar.ts
    now = dict(_as_bars(stored.between(journal.bars[0].bar.ts, last_ms + 1)))
    lacking = {ts: bar for ts, bar in now.items() if ts not in seen}
    revised = {
        ts: _beside(bar, seen[ts]) for ts, bar in now.items() if ts in seen and bar[:6] != seen[ts][:6]
    }
    first = play(_in_order(seen), readings)
    second = play(_in_order(seen | lacking), readings) if lacking else first
    if not revised:
        return Sources(first, second, second)
    return Sources(first, second, play(_in_order(seen | lacking | revised), say_again() or readings))


def _said_again(
    text: SpokenText, stored: Bars, source: DatabaseSource, journal: DayJournal
) -> ReadAhead | None:
    """Return what the strategy says of the bars as they are stored by now; None where it decided nothing."""
    if not journal.decisions or not len(stored):
        return None
    bars = attach_inputs(type(text.first), stored, source)
    return text.readings(bars, journal.decisions[0].rules)


def _as_bars(bars: Bars) -> Iterator[tuple[int, ExecutionBar]]:
    columns = [getattr(bars, name).tolist() for name in COLUMNS]
    for row in zip(bars.ts.tolist(), *columns, strict=True):
        yield row[0], ExecutionBar(*row)


def _beside(bar: ExecutionBar, seen: ExecutionBar) -> ExecutionBar:
    """Return a bar with the funding, mark and book that were known then: its prices alone were revised."""
    return bar._replace(funding=seen.funding, mark=seen.mark, ladder=seen.ladder)


def _in_order(bars: dict[int, ExecutionBar]) -> list[ExecutionBar]:
    return [bars[ts] for ts in sorted(bars)]


def _another(
    journal: DayJournal, plan: ReplayPlan, readings: ReadAhead, seen: ReplayedDay, rows: BookDay
) -> list[Another]:
    """Find what was decided otherwise, but for closes whose history was revised afterwards."""
    if isinstance(plan.strategy, EventStrategy):
        return placed_otherwise(journal, seen.made)
    times = {row.close_ms: row.decided_ms for row in rows.decisions}
    newest = max((row.revised_ms for row in rows.revised), default=0)
    excused = [close_ms for close_ms, decided_ms in times.items() if decided_ms < newest]
    for switched_ms in map(
        to_ms, rows.switched
    ):  # which parameters decided is not known until it is taken up
        taken_up_ms = switched_ms + _TAKING_UP_MS
        excused += [at for at, decided_ms in times.items() if switched_ms <= decided_ms <= taken_up_ms]
    return decided_otherwise(journal, plan, readings, excused=excused)
