"""The breaker: which event leads to which trading state, and what ends it again. Values in, values out.

Only loss, margin, persons, the end of a contract and a leg that goes close what is held. Data age, clock,
rejects, a venue or a database that is away stop entries; the stops at the venue stand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.held_names import HELD_ACCOUNT_RULES, HELD_RULES

TradingState: TypeAlias = Literal["ACTIVE", "REDUCING", "FROZEN", "HALTED"]
"""All orders; only those that reduce; no decision, as a person asked; none until a person looks."""
TRADING_STATES: tuple[TradingState, ...] = get_args(TradingState)
"""From the best to the worst."""
Event: TypeAlias = Literal[
    "data_age",
    "clock",
    "venue_away",
    "database_away",
    "barred",
    "day_loss",
    "passive_breach",
    "leg_stopped",
    "leg_lost",
    "rejects",
    "repeated_execution",
    "not_its_replay",
    "failed",
    "failed_again",
    "not_loaded",
    "frozen",
    "flattened",
    "account_loss",
    "margin_short",
    "not_tradable",
    "delisting",
    "leg_gone",
]
"""What trips a breaker."""
Ending: TypeAlias = Literal["itself", "person", "exchange", "leg"]
"""A condition ends by itself, or stands until a person re-arms the breaker, or while its exchange says so or
another leg of its set is the cause."""
Finder: TypeAlias = Literal["watch", "order", "told", "legs"]
"""Looked at whenever somebody asks (see ``trips``), met by an order that a rule denies, told once, or read
off the other legs of a set (see ``legs``)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the table.

    Parameters
    ----------
    event
        What happened.
    leads_to
        State that is entered, unless a worse one stands.
    ends_by
        What ends it.
    reason
        Why it does so.
    found_by
        How it is noticed.
    rules
        Risk rules that ask about it at each order, and deny what adds. Without one, and where a person lifts
        it, its state alone denies.
    closes
        Whether what is held is closed.
    books
        Whether closed bars are still booked.
    cools_down
        Whether it can't be re-armed before a time has passed.
    """

    event: Event
    leads_to: TradingState
    ends_by: Ending
    reason: str
    found_by: Finder = "told"
    rules: tuple[str, ...] = ()
    closes: bool = False
    books: bool = True
    cools_down: bool = False


TABLE: Final = (
    Row(
        "data_age",
        "REDUCING",
        "itself",
        "old data don't tell what an order would pay",
        "watch",
        ("stale_data", "stale_prices"),
    ),
    Row("clock", "REDUCING", "itself", "a clock that is off stamps orders wrongly", "watch"),
    Row("venue_away", "REDUCING", "itself", "what is asked of it may never arrive", "watch"),
    Row("database_away", "REDUCING", "itself", "no intent can be committed", "watch"),
    Row("barred", "REDUCING", "itself", "real money asks for a certificate and for safe keys", "watch"),
    Row(
        "day_loss",
        "REDUCING",
        "itself",
        "what has lost so much adds nothing before the next day",
        "order",
        ("daily_loss", "account_daily_loss"),
    ),
    Row(
        "passive_breach",
        "REDUCING",
        "itself",
        "the market took a position past its limit, not an order",
        "watch",
        (*HELD_RULES, *HELD_ACCOUNT_RULES),
    ),
    Row("leg_stopped", "REDUCING", "leg", "half of a set is not opened", "legs"),
    Row("leg_lost", "REDUCING", "leg", "half of a set is not held", "legs", closes=True),
    Row("rejects", "REDUCING", "person", "a venue that refuses so often is misunderstood", cools_down=True),
    Row(
        "repeated_execution",
        "REDUCING",
        "person",
        "the same order, executed again and again, is a fault of the strategy",
        "order",
        ("repeated_execution",),
    ),
    Row("not_its_replay", "REDUCING", "person", "what trades is not what was tested"),
    Row("frozen", "FROZEN", "person", "a person stopped its decisions"),
    Row(
        "not_tradable",
        "HALTED",
        "exchange",
        "its contract takes no orders, or is of no kind that is traded here",
    ),
    Row("failed", "HALTED", "person", "what failed is not understood"),
    Row("failed_again", "HALTED", "person", "it fails without deciding, too", books=False),
    Row("not_loaded", "HALTED", "person", "its strategy can't be loaded, and would fail at each start"),
    Row("flattened", "HALTED", "person", "a person closed it", closes=True),
    Row("account_loss", "HALTED", "person", "the account's hard stop", closes=True, cools_down=True),
    Row("margin_short", "HALTED", "person", "else the venue closes it", closes=True, cools_down=True),
    Row("delisting", "HALTED", "exchange", "else the exchange settles it at its own price", closes=True),
    Row("leg_gone", "HALTED", "leg", "what it was held against goes", "legs", closes=True),
)
"""From events that end by themselves to those that close what is held."""
ROWS: Final = {row.event: row for row in TABLE}
EVENT_OF_DENIAL: Final[dict[str, Event]] = {
    rule: row.event for row in TABLE if row.found_by == "order" for rule in row.rules
}
"""What the breaker is told of an order that a rule denies, by the rule's name."""


def after(state: TradingState, event: Event) -> TradingState:
    """State that an event leads to; it never gets better by one.

    Examples
    --------
    >>> after("ACTIVE", "day_loss"), after("FROZEN", "day_loss"), after("FROZEN", "account_loss")
    ('REDUCING', 'FROZEN', 'HALTED')
    """
    return max(state, ROWS[event].leads_to, key=TRADING_STATES.index)


def decides(state: TradingState) -> bool:
    """Whether a strategy is asked in that state."""
    return state in ("ACTIVE", "REDUCING")


class Trip(NamedTuple):
    """An event that stands, why in one sentence, and until when it cools down (milliseconds UTC; 0: not)."""

    event: Event
    reason: str = ""
    cools_until_ms: int = 0


class Breaker(NamedTuple):
    """Every event that stands for one deployment or account, oldest first.

    Examples
    --------
    >>> breaker = Breaker().tripped(Trip("day_loss")).tripped(Trip("account_loss", "lost 20 %", 60_000))
    >>> breaker.state, breaker.closes, breaker.reason
    ('HALTED', True, 'lost 20 %')
    >>> breaker.refusal_to_rearm(1_000)
    'it cools down until 1970-01-01 00:01:00 UTC: lost 20 %'
    >>> breaker.rearmed().state
    'REDUCING'
    """

    trips: tuple[Trip, ...] = ()

    @property
    def state(self) -> TradingState:
        """The worst state that any of them leads to."""
        state: TradingState = "ACTIVE"
        for trip in self.trips:
            state = after(state, trip.event)
        return state

    @property
    def reason(self) -> str | None:
        """Why nothing is decided: the newest of the worst; None while something is."""
        state = self.state
        if decides(state):
            return None
        return next(trip.reason for trip in reversed(self.trips) if ROWS[trip.event].leads_to == state)

    @property
    def closes(self) -> bool:
        """Whether what is held is closed."""
        return any(ROWS[trip.event].closes for trip in self.trips)

    @property
    def closes_for(self) -> Event | None:
        """Event that closes what is held; None while nothing does, or a person asked for it."""
        events = (trip.event for trip in self.trips if ROWS[trip.event].closes)
        return next((event for event in events if event != "flattened"), None)

    @property
    def only_reduces(self) -> bool:
        """Whether the state itself denies what adds.

        What ends by itself and has rules is asked about at each order, by them.
        """
        rows = [ROWS[trip.event] for trip in self.trips]
        return any(row.leads_to == "REDUCING" and (row.ends_by == "person" or not row.rules) for row in rows)

    @property
    def reduced_by(self) -> str | None:
        """Why nothing is added, as clauses; None while nothing stops that, or nothing is decided at all."""
        reasons = [trip.reason for trip in self.trips if ROWS[trip.event].leads_to == "REDUCING"]
        return "; ".join(reasons) if reasons and self.state == "REDUCING" else None

    @property
    def events(self) -> frozenset[Event]:
        """What stands."""
        return frozenset(trip.event for trip in self.trips)

    @property
    def books(self) -> bool:
        """Whether closed bars are still booked."""
        return all(ROWS[trip.event].books for trip in self.trips)

    def tripped(self, trip: Trip) -> "Breaker":
        """With one more event; one that stands already keeps its place and takes the newer words."""
        if trip.event not in self.events:
            return Breaker((*self.trips, trip))
        return Breaker(tuple(trip if one.event == trip.event else one for one in self.trips))

    def over(self, event: Event) -> "Breaker":
        """Without an event that has ended by itself; one that a person must lift stays."""
        if ROWS[event].ends_by == "person":
            return self
        return Breaker(tuple(trip for trip in self.trips if trip.event != event))

    def seeing(self, found: Iterable[Trip]) -> "Breaker":
        """With what a look has found now in place of what earlier ones did."""
        others = tuple(trip for trip in self.trips if ROWS[trip.event].found_by != "watch")
        return Breaker((*others, *found))

    def refusal_to_rearm(self, now_ms: int) -> str:
        """Why a person can't re-arm it now, as one clause; empty if one can."""
        cooling = [trip for trip in self.trips if now_ms < trip.cools_until_ms]
        if not cooling:
            return ""
        last = max(cooling, key=lambda trip: trip.cools_until_ms)
        return f"it cools down until {from_ms(last.cools_until_ms):%Y-%m-%d %H:%M:%S} UTC: {last.reason}"

    def rearmed(self) -> "Breaker":
        """With what ends by itself alone."""
        return Breaker(tuple(trip for trip in self.trips if ROWS[trip.event].ends_by == "itself"))

    def following(self, stored: Iterable[Trip]) -> "Breaker":
        """With the events that a person or the exchange lifts in place of those that were known.

        What keeps bars from being booked is known here only: it goes with the last stored event.
        """
        standing = tuple(stored)
        is_held = any(ROWS[trip.event].ends_by == "person" for trip in standing)
        local = tuple(trip for trip in self.trips if is_held and not ROWS[trip.event].books)
        return Breaker((*self.rearmed().trips, *standing, *local))
