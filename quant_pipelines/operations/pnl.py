"""What deployments and accounts earned, day by day: where it comes from, and what holding would have made.

Every line sums to the change of its books' equity, or is refused with a sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import DataError, LifecycleError
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.pnl import (
    BookFill,
    BookHistory,
    BookMark,
    BookPayment,
    PeriodPnl,
    PnlDay,
    PnlDays,
    PnlTerms,
    StoredEquity,
    days_of,
    disagreements,
    together,
    with_rest,
)
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.pnl_rows import (
    BookRow,
    fills_of,
    marks_at,
    payments_of,
    read_books,
    wallet_rests,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_IN_FLIGHT = timedelta(milliseconds=10 * MINUTE_MS)


class DaySpan(NamedTuple):
    """First and last UTC day; None is the first that was traded, and today."""

    first: date | None = None
    last: date | None = None


_ALL = DaySpan()


class PnlLine(NamedTuple):
    """One deployment or account.

    Parameters
    ----------
    scope
        Such as deployment:3, or account:1.
    names
        Account, venue and currency; of a deployment what it trades, too.
    days
        What it earned.
    faults
        Why something of it is missing, in sentences: what does not sum is not shown.
    notes
        What must be known to read it, in sentences.
    """

    scope: str
    names: Mapping[str, Any]
    days: PnlDays
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class PnlReport(NamedTuple):
    """Accounts, each behind its deployments, in the order of their ids; days in UTC."""

    span: DaySpan
    lines: tuple[PnlLine, ...]

    @property
    def is_fine(self) -> bool:
        """Whether every line sums."""
        return not any(line.faults for line in self.lines)

    @property
    def yesterday(self) -> date | None:
        """Last day that is over, where the report ends today."""
        return self.span.last and self.span.last - timedelta(days=1)


def pnl_report(engine: Engine, clock: Clock, *, scope: str = "account", span: DaySpan = _ALL) -> PnlReport:
    """Take what was earned apart.

    Parameters
    ----------
    engine
        Product database.
    clock
        Today is taken as far as it has come.
    scope
        ``account`` (all), ``account:1``, or ``deployment:3``: that one with its legs together.
    span
        Days.

    Raises
    ------
    LifecycleError
        If the deployment or the account is unknown or never traded, or it did not trade in these days.
    """
    now = clock_time(clock)
    kind, _, number = scope.partition(":")
    if number and (fault := ROW_ID.fault(kind, int(number))):
        raise LifecycleError(fault)
    asked = {f"{kind}_id": int(number)} if number else {}
    with transaction(engine) as connection:
        books = read_books(connection, **asked)
        if number and not books:
            raise LifecycleError(f"{scope} does not exist; expected the id of {_a(kind)}")
        whole = _traded(scope, books, span, now)
        traded = [_alone_if(one, scope) for one in books if one.begun_at]
        lines = _lines(connection, traded, whole, now)
    return PnlReport(whole, tuple(one for one in lines if one.scope.startswith(kind) or kind == "account"))


def newest_days(engine: Engine, clock: Clock, *, n_days: int) -> PnlReport:
    """Take apart what every account earned in the last days, today with them."""
    today = clock_time(clock).date()
    return pnl_report(engine, clock, span=DaySpan(today - timedelta(days=n_days), today))


def _alone_if(book: BookRow, scope: str) -> BookRow:
    """Return a leg that was asked for as something of its own."""
    return book._replace(whole_id=book.id) if scope == f"deployment:{book.id}" else book


def _a(kind: str) -> str:
    return f"a{'n' * (kind == 'account')} {kind}"


def _traded(scope: str, books: Iterable[BookRow], span: DaySpan, now: datetime) -> DaySpan:
    """Return the days that are meant, all of them with what was traded."""
    begun = [one.begun_at.date() for one in books if one.begun_at]
    first, last = min(begun, default=None), span.last or now.date()
    if first is None and scope == "account":
        return DaySpan(span.first or now.date(), last)
    if first is None:
        raise LifecycleError(f"{scope} has booked nothing yet; expected one that has traded")
    if last < first or (span.first or first) > now.date():
        asked = f"{span.first or first} to {last}"
        raise LifecycleError(
            f"days are {asked}; expected some of {first} to {now.date()}, when {scope} traded"
        )
    if span.first and span.first > last:
        raise LifecycleError(
            f"days are {span.first} to {last}; expected a first one that is not after the last"
        )
    return DaySpan(max(span.first or first, first), min(last, now.date()))


def _lines(connection: Connection, books: Sequence[BookRow], span: DaySpan, now: datetime) -> list[PnlLine]:
    accounts: dict[int, dict[int, list[BookRow]]] = {}
    for book in books:
        accounts.setdefault(book.account_id, {}).setdefault(book.whole_id, []).append(book)
    lines = list[PnlLine]()
    for account_id, wholes in accounts.items():
        mine = [one for whole in wholes.values() for one in whole]
        found = _books(connection, mine, span, now)
        of_account = [_deployment(key, legs, [found[leg.id] for leg in legs]) for key, legs in wholes.items()]
        lines += of_account
        lines.append(_account(connection, account_id, mine[0], of_account, span))
    return lines


class _Book(NamedTuple):
    days: PnlDays
    faults: tuple[str, ...] = ()


def _books(
    connection: Connection, books: Sequence[BookRow], span: DaySpan, now: datetime
) -> dict[int, _Book]:
    """Take the days of each book apart; what can't be is a fault, and its days are left out."""
    bounds = _bounds(span, now)
    ids, end = [one.id for one in books], from_ms(bounds[-1])
    fills, payments, marks = _by_book(ids), _by_book(ids), _by_book(ids)
    for row in fills_of(connection, ids, _BEGIN, end + _IN_FLIGHT):
        fills[row.deployment_id].append(BookFill(row.at_ms, row.quantity, row.price, row.fee, row.arrival))
    for row in payments_of(connection, ids, _BEGIN, end + _IN_FLIGHT):
        payments[row.deployment_id].append(BookPayment(row.at_ms, row.kind, row.amount))
    for row in marks_at(connection, ids, map(from_ms, bounds)):
        marks[row.deployment_id].append(row)
    found = {}
    for book in books:
        history = BookHistory(
            book.capital,
            fills[book.id],
            payments[book.id],
            {row.moment_ms: BookMark(row.at_ms, _exact(row.price)) for row in marks[book.id]},
            _first(book),
        )
        try:
            stored = [one for one in map(_stored, marks[book.id]) if one.at_ms > bounds[0]]
            is_paper = book.venue == PAPER_VENUE
            told = disagreements(book.capital, history.fills, history.payments, stored, is_paper=is_paper)
            found[book.id] = _Book(PnlDays() if told else days_of(history, bounds), tuple(told))
        except DataError as error:
            found[book.id] = _Book(PnlDays(), (str(error),))
    return found


def _by_book(ids: Iterable[int]) -> dict[int, list[Any]]:
    return {key: [] for key in ids}


def _bounds(span: DaySpan, now: datetime) -> list[int]:
    """Midnights of the days, and the end of the last one as far as it has come, milliseconds UTC."""
    first, last = (to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in span if day)
    midnights = list(range(first, last + DAY_MS, DAY_MS))
    return [*midnights, min(last + DAY_MS, to_ms(now))]


def _first(book: BookRow) -> BookMark | None:
    if book.first_open is None or book.begun_at is None:
        return None
    return BookMark(to_ms(book.begun_at), _exact(book.first_open))


def _stored(row: Any) -> StoredEquity:
    return StoredEquity(row.at_ms, row.booked_ms, _exact(row.price), _exact(row.equity))


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _deployment(key: int, legs: Sequence[BookRow], found: Sequence[_Book]) -> PnlLine:
    one = legs[0]
    names = {
        **_account_names(one),
        "strategy": one.strategy,
        "symbol": "+".join(leg.symbol for leg in legs),
        "timeframe": one.timeframe,
        "stage": one.stage,
    }
    named = [f"{leg.symbol}: " if len(legs) > 1 else "" for leg in legs]
    faults = [name + told for name, book in zip(named, found, strict=True) for told in book.faults]
    days = PnlDays() if faults else together(book.days for book in found)
    if len(found) == 1 and not faults:
        days = found[0].days
    return PnlLine(f"deployment:{key}", names, days, tuple(faults), _unknown(days.total))


def _account_names(one: BookRow) -> dict[str, Any]:
    return {"account": one.account, "venue": one.venue, "currency": one.currency}


def _unknown(total: PeriodPnl) -> tuple[str, ...]:
    if not total.n_unknown:
        return ()
    fills = "1 fill" if total.n_unknown == 1 else f"{total.n_unknown} fills"
    worth = f"{fills} worth {total.unknown_value.normalize():f} told no price at arrival"
    return (f"{worth}: their slippage is not known, and counts as timing",)


def _account(
    connection: Connection, account_id: int, one: BookRow, lines: Sequence[PnlLine], span: DaySpan
) -> PnlLine:
    """Sum the books of an account, and what none of them owns of the venue's wallet."""
    missing = [line.scope for line in lines if line.faults]
    faults = [f"{', '.join(missing)} can't be taken apart, and is not in the sum"] if missing else []
    days, notes = together(line.days for line in lines), list[str]()
    if one.venue != PAPER_VENUE and span.first and span.last:
        rests = wallet_rests(connection, account_id, span.first, span.last)
        known = {_midnight(row.day): sum(map(Decimal, row.rest.values()), Decimal(0)) for row in rests}
        days = with_rest(days, known)
        kinds = sorted({kind for row in rests for kind in row.rest})
        notes += [f"rest is {', '.join(kinds)} of the venue's wallet that no book owns"] if kinds else []
        open_days = [day for day in days.days if day.day_ms not in known]
        if open_days:
            first, n_days = from_ms(open_days[0].day_ms), len(open_days)
            notes.append(
                f"days that were not compared with the venue's wallet: {n_days}, the first {first:%Y-%m-%d}; "
                "their rest is not known, and not in the sum"
            )
    notes += _unknown(days.total)
    return PnlLine(f"account:{account_id}", _account_names(one), days, tuple(faults), tuple(notes))


def _midnight(day: date) -> int:
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


def shown_total(line: PnlLine) -> dict[str, Any]:
    """Return a line as tables show it: its names, terms, change and what holding would have made; floats."""
    total = line.days.total
    amounts = {**_amounts(total), "held_average": line.days.held_average, "held_whole": line.days.held_whole}
    told = {name: float(amount) for name, amount in amounts.items()}
    return {"scope": line.scope, **line.names, "days": len(line.days.days), **told}


DAY_COLUMNS = (
    *("scope", "account", "venue", "currency", "strategy", "symbol", "timeframe", "day"),
    *PnlTerms._fields,
    *("change", "transfers", "mean_notional", "held_average", "held_whole"),
    *("start_price", "start_price_at", "end_price", "end_price_at", "fills_without_arrival"),
)
"""What is told of every day."""


def day_rows(lines: Iterable[PnlLine]) -> list[dict[str, Any]]:
    """Return every day of every line, amounts to the last digit: each row sums to its ``change``."""
    names = ("account", "venue", "currency", "strategy", "symbol", "timeframe")
    return [
        {
            "scope": line.scope,
            **{name: line.names.get(name, "") for name in names},
            "day": from_ms(one.day_ms).date(),
            **_amounts(one.pnl),
            "held_average": one.pnl.terms.beta,
            "held_whole": one.held_whole,
            **_priced("start", one.start),
            **_priced("end", one.end),
            "fills_without_arrival": one.pnl.n_unknown,
        }
        for line in lines
        for one in line.days.days
    ]


def of_day(lines: Iterable[PnlLine], day: date | None) -> list[PnlLine]:
    """Return the lines with one of their days alone; those without it are left out."""
    wanted = _midnight(day) if day else None
    found = ((line, [one for one in line.days.days if one.day_ms == wanted]) for line in lines)
    return [line._replace(days=_only(days[0])) for line, days in found if days]


def _only(day: PnlDay) -> PnlDays:
    return PnlDays((day,), day.pnl.terms.beta)


def _amounts(pnl: PeriodPnl) -> dict[str, Decimal]:
    return {
        **pnl.terms._asdict(),
        "change": pnl.change,
        "transfers": pnl.transfers,
        "mean_notional": pnl.mean_notional,
    }


def _priced(name: str, mark: BookMark | None) -> dict[str, Any]:
    return {
        f"{name}_price": mark and mark.price,
        f"{name}_price_at": mark and from_ms(mark.at_ms),
    }
