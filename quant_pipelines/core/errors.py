"""The one error tree.

::

    QuantError
    ├── ConfigurationError        a setting, an argument or an environment that can't work
    ├── DataError                 market data missing, malformed or blocked by a check: the unit of work stops
    ├── StrategyError             a plugin is broken: it is reported, the other strategies go on
    │   └── StrategyMissed        no answer in time, or its process died: a missed bar, it is asked again
    ├── BacktestError             a backtest was asked for something it can't do
    ├── OptimizationError         a search or a walk-forward can't run
    │   └── OptimizationBusy      another process is at it: try later
    ├── LifecycleError            a stage change that the rules refuse
    │   ├── Unproven              a name or a code that does not prove who decides
    │   │   └── TriedTooOften     too many codes within a minute: a pause is expected
    │   ├── RoleTooLow            who decides may not decide that
    │   ├── UnknownRow            an id or a name of nothing that is stored
    │   └── StaleForm             somebody else has acted since what was shown: read it again
    ├── StoreError                the database refuses or is away
    ├── SecretError               a key is missing, malformed, readable by others, or does not open
    ├── ReconciliationError       our books and the venue's differ: the symbol halts, a person is called
    └── ExchangeError
        ├── ExchangeUnavailable   transient: nothing happened, try again later
        │   └── ExchangeDistrusted  its certificate is refused: not again at once
        ├── OutcomeUnknown        sent, no answer: never resend, look it up by client order id
        └── ExchangeRefused       the venue said no: do not retry the same request

Every message is one sentence that names the field, the value and what was expected.
"""

import difflib
from collections.abc import Iterable


class QuantError(Exception):
    """Root of every error that this system raises on purpose."""


def with_its_kind(error: Exception) -> str:
    """Return what an error says, after the name of its class: for rows that are read without a trace."""
    return f"{type(error).__name__}: {error}"


class ConfigurationError(QuantError):
    """A setting, an argument or an environment that can't work."""


class DataError(QuantError):
    """Market data are missing, malformed or blocked by a check."""


class StrategyError(QuantError):
    """A strategy plugin is broken; the other strategies go on."""


class StrategyMissed(StrategyError):
    """A strategy did not answer in time, or its process died: its bar is missed, and it is asked again."""


class BacktestError(QuantError):
    """A backtest was asked for something that it can't do."""


class OptimizationError(QuantError):
    """A search or a walk-forward can't run."""


class OptimizationBusy(OptimizationError):
    """Another process is at the same search; what it finds is what is asked for."""


class LifecycleError(QuantError):
    """A stage change that the rules refuse."""


class Unproven(LifecycleError):
    """A name or a code does not prove who decides."""


class TriedTooOften(Unproven):
    """Too many codes were tried within a minute."""


class RoleTooLow(LifecycleError):
    """Who decides may not decide that."""


class UnknownRow(LifecycleError):
    """An id or a name of nothing that is stored."""


class StaleForm(LifecycleError):
    """Somebody else has acted since what was shown was read."""


class StoreError(QuantError):
    """The database refuses or is away."""


class DatabaseSilent(StoreError):
    """The database took what was asked and said nothing for so long, seconds; its connection is given up."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class SchemaError(StoreError):
    """The database has other tables than this code expects; waiting does not mend that."""


class SecretError(QuantError):
    """A key is missing, malformed, readable by others, or does not open what is sealed."""


class ReconciliationError(QuantError):
    """Our books and the venue's differ; the symbol halts and a person is called."""


class ExchangeError(QuantError):
    """Root of what can go wrong at the venue."""


class ExchangeUnavailable(ExchangeError):
    """Transient: nothing happened at the venue, try again later."""


class ExchangeDistrusted(ExchangeUnavailable):
    """Whoever answers there has a certificate that is not the exchange's: nothing was said to it."""


class OutcomeUnknown(ExchangeError):
    """Sent, no answer: never resend, look it up by client order id."""


class ExchangeRefused(ExchangeError):
    """The venue said no; the same request will be refused again."""


class StopWouldTrigger(ExchangeRefused):
    """The price is at the stop's trigger or through it already: the position should be closed by now."""


class OrderWouldTake(ExchangeRefused):
    """A post-only order would have traded at once: the venue has not taken it, and never will."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Sentence for a name that does not exist, with the nearest one that does.

    Parameters
    ----------
    kind
        What was looked for, such as ``"strategy"``.
    name
        The name that was given.
    known
        The names that exist.
    """
    names = sorted(known)
    by_lower_case = {candidate.lower(): candidate for candidate in names}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; did you mean {by_lower_case[near[0]]!r}?"
    return f"unknown {kind} {name!r}; known: {', '.join(names[:12]) or 'none'}"
