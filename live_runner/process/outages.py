"""What the runner finds away: one pure function of its vitals."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from quant_pipelines.core.time_away import Needed
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.outages import OUTAGE
from quant_pipelines.trading.trips import clock_fault

Away: TypeAlias = Needed

ANSWER_MS = 8_000
"""How long a venue that is asked every two seconds may stay silent."""
SILENT_MS = 10_000
"""How long the stream may say nothing of any symbol."""
SYMBOL_SILENT_MS = 60_000
"""How long it may say nothing of one symbol while it speaks of others: a thin market trades rarely."""
BAR_MS = 10_000
"""How long the newest closed bar may be asked for in vain; the first time is a second after its close."""


class Outage(NamedTuple):
    """Something that is away: what, since when (milliseconds UTC), and one sentence for a person."""

    what: Away
    since_ms: int
    sentence: str

    @property
    def alert(self) -> Alert:
        """Row of the outage while it stands."""
        return Alert("warning", f"{OUTAGE}:{self.what}", self.sentence, from_ms(self.since_ms))

    @property
    def document(self) -> dict[str, Any]:
        """As the heartbeat shows it."""
        return {"what": self.what, "since": from_ms(self.since_ms).isoformat(), "sentence": self.sentence}


class Vitals(NamedTuple):
    """What the runner knows of its surroundings; times in milliseconds UTC.

    Parameters
    ----------
    now_ms
        When.
    venue
        ccxt id.
    answered_ms
        When the venue last answered a question by REST.
    broken_ms
        Symbols whose talk about orders is broken, and since when.
    heard_ms
        Traded symbols, and when the stream last spoke of them (at first: when it was begun to be followed).
    missing_ms
        Symbols whose newest closed bar is not there, and since when it is asked for.
    clock_error_ms
        How far our idea of the exchange's time was off when it was last asked.
    error
        How the newest question to the venue failed; empty where it was answered, or nobody knows.
    """

    now_ms: int
    venue: str
    answered_ms: int
    broken_ms: Mapping[str, int] = {}
    heard_ms: Mapping[str, int] = {}
    missing_ms: Mapping[str, int] = {}
    clock_error_ms: int = 0
    error: str = ""


def outages(vitals: Vitals) -> tuple[Outage, ...]:
    """Decide what is away; at most one outage of the venue, of the data and of the clock each.

    Examples
    --------
    >>> [found] = outages(Vitals(20_000, "binanceusdm", answered_ms=5_000))
    >>> found.what, found.sentence
    ('venue', 'binanceusdm has not answered since 1970-01-01 00:00:05 UTC')
    """
    return tuple(filter(None, (_venue(vitals), _data(vitals), _clock_off(vitals))))


def database_outage(since_ms: int, error: str) -> Outage:
    """Outage of the database, written once it is back."""
    return Outage("database", since_ms, f"the database was away from {_clock(since_ms)} on: {error}")


def _venue(vitals: Vitals) -> Outage | None:
    name, cause = vitals.venue, f": {vitals.error}" if vitals.error else ""
    if vitals.now_ms - vitals.answered_ms > ANSWER_MS:
        since_ms = min(vitals.answered_ms, *vitals.broken_ms.values(), vitals.now_ms)
        return Outage("venue", since_ms, f"{name} has not answered since {_clock(since_ms)}{cause}")
    if not vitals.broken_ms:
        return None
    since_ms = min(vitals.broken_ms.values())
    if vitals.answered_ms < since_ms and not cause:
        return None  # it is being asked, and the row that says so tells what it answers
    sentence = f"{name} takes no orders of {_named(vitals.broken_ms)} since {_clock(since_ms)}{cause}"
    return Outage("venue", since_ms, sentence)


def _data(vitals: Vitals) -> Outage | None:
    heard, now_ms = vitals.heard_ms, vitals.now_ms
    missing = {symbol: at for symbol, at in vitals.missing_ms.items() if now_ms - at > BAR_MS}
    if missing:
        since_ms = min(missing.values())
        sentence = f"the newest bar of {_named(missing)} is asked for in vain since {_clock(since_ms)}"
        return Outage("data", since_ms, sentence)
    if not heard:
        return None
    allowed_ms = SILENT_MS if now_ms - max(heard.values()) > SILENT_MS else SYMBOL_SILENT_MS
    silent = {symbol: at for symbol, at in heard.items() if now_ms - at > allowed_ms}
    if not silent:
        return None
    since_ms = min(silent.values())
    return Outage("data", since_ms, f"no fresh data of {_named(silent)} since {_clock(since_ms)}")


def _clock_off(vitals: Vitals) -> Outage | None:
    fault = clock_fault(vitals.clock_error_ms)
    return Outage("clock", vitals.now_ms, fault) if fault else None


def _named(symbols: Mapping[str, int]) -> str:
    first = ", ".join(sorted(symbols)[:3])
    return first if len(symbols) <= 3 else f"{first} and {len(symbols) - 3} more"


def _clock(ts_ms: int) -> str:
    return f"{from_ms(ts_ms):%Y-%m-%d %H:%M:%S} UTC"
