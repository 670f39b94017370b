"""ccxt's errors mapped once, totally, to our tree; the meaning depends on whether something was sent.

A failed *read* can be repeated. A failed *order* may have been accepted: only errors by which the exchange
states that it did nothing are transient, every other failure without an answer is ``OutcomeUnknown``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from quant_pipelines.core.errors import (
    ExchangeDistrusted,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from quant_pipelines.core.redaction import redacted


class Meaning(NamedTuple):
    """What an error of ccxt means after a read and after an order."""

    of_read: type[ExchangeError]
    of_order: type[ExchangeError]


_REFUSED = Meaning(ExchangeRefused, ExchangeRefused)
_TRANSIENT = Meaning(ExchangeUnavailable, ExchangeUnavailable)
_AMBIGUOUS = Meaning(ExchangeUnavailable, OutcomeUnknown)

MEANINGS: dict[str, Meaning] = {
    "BaseError": _AMBIGUOUS,
    "ExchangeError": _REFUSED,
    "AuthenticationError": _REFUSED,
    "PermissionDenied": _REFUSED,
    "AccountNotEnabled": _REFUSED,
    "AccountSuspended": _REFUSED,
    "ArgumentsRequired": _REFUSED,
    "BadRequest": _REFUSED,
    "BadSymbol": _REFUSED,
    "OperationRejected": _REFUSED,
    "NoChange": _REFUSED,
    "MarginModeAlreadySet": _REFUSED,
    "MarketClosed": _REFUSED,
    "ManualInteractionNeeded": _REFUSED,
    "RestrictedLocation": _REFUSED,
    "InsufficientFunds": _REFUSED,
    "InvalidAddress": _REFUSED,
    "AddressPending": _REFUSED,
    "InvalidOrder": _REFUSED,
    "OrderNotFound": _REFUSED,
    "OrderNotCached": _REFUSED,
    "OrderImmediatelyFillable": _REFUSED,
    "OrderNotFillable": _REFUSED,
    "DuplicateOrderId": _REFUSED,
    "ContractUnavailable": _REFUSED,
    "NotSupported": _REFUSED,
    "InvalidProxySettings": _REFUSED,
    "ExchangeClosedByUser": _TRANSIENT,
    "OperationFailed": _AMBIGUOUS,
    "NetworkError": _AMBIGUOUS,
    "DDoSProtection": _TRANSIENT,
    "RateLimitExceeded": _TRANSIENT,
    "ExchangeNotAvailable": _AMBIGUOUS,
    "OnMaintenance": _AMBIGUOUS,
    "InvalidNonce": _TRANSIENT,
    "ChecksumError": _TRANSIENT,
    "RequestTimeout": _AMBIGUOUS,
    "BadResponse": _AMBIGUOUS,
    "NullResponse": _AMBIGUOUS,
    "CancelPending": _AMBIGUOUS,
    "UnsubscribeError": _TRANSIENT,
}
"""Every class of ccxt's tree by name; a test compares it with the installed ccxt."""

# Binance's -1008 says in words that the order was not accepted, though ccxt files it under OperationFailed.
_NOT_ACCEPTED = '"code":-1008'
_MALFORMED = (KeyError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What reading a document of another shape than was expected raises, ours or ccxt's."""
_CODE = re.compile(r'code"\s*:\s*"?(-?\d+)')


def meaning_of(error: Exception) -> Meaning:
    """Meaning of ccxt's error: its own class, else the nearest ancestor that is listed.

    One that another library's error caused tells of the way, not of the exchange: an answer that breaks off
    is a plain ``ExchangeError`` of ccxt's, as if the exchange had refused. So is a message without a code,
    by which nobody can tell what was refused.
    """
    words = str(error)
    is_unnamed = type(error).__name__ == "ExchangeError" and '"msg"' in words and not _CODE.search(words)
    if error.__cause__ is not None or is_unnamed:
        return _AMBIGUOUS
    for ancestor in type(error).__mro__:
        if ancestor.__name__ in MEANINGS:
            return MEANINGS[ancestor.__name__]
    return _AMBIGUOUS


def translate(error: Exception, what: str, *, sends_order: bool = False) -> ExchangeError:
    """Our error for ccxt's, as one sentence.

    Parameters
    ----------
    error
        What ccxt raised.
    what
        The call in words, such as ``"bars of BTC/USDT:USDT"``.
    sends_order
        Whether the call may have changed something at the exchange.
    """
    words = redacted(" ".join(str(error).split()))[:300]
    if reason := _distrusted(error):  # the two never spoke: nothing can have been done
        verb = "sent" if sends_order else "asked"
        return ExchangeDistrusted(f"{what} not {verb}, as the exchange's certificate is refused: {reason}")
    meaning = meaning_of(error)
    kind = meaning.of_order if sends_order else meaning.of_read
    if kind is OutcomeUnknown and _NOT_ACCEPTED in words.replace(" ", ""):
        kind = ExchangeUnavailable
    verb = "refused" if kind is ExchangeRefused else "did not answer"
    if kind is OutcomeUnknown:
        verb = "left open the outcome of"
        return OutcomeUnknown(f"exchange {verb} {what}: {type(error).__name__} {words}")
    return kind(f"exchange {verb} {what}: {type(error).__name__} {words}")


def unreadable(error: Exception, what: str, *, sends_order: bool = False) -> ExchangeError:
    """Our error for a document that can't be read; of what it answers, it proves nothing."""
    words = f"with a document that can't be read: {type(error).__name__} {error}"
    if sends_order:
        return OutcomeUnknown(f"exchange left open the outcome of {what}, answering {words}")
    return ExchangeUnavailable(f"exchange answered {what} {words}")


def _distrusted(error: BaseException) -> str:
    """Why the other side's certificate is refused; empty where it is not."""
    found: BaseException | None = error
    while found is not None:
        found = getattr(found, "certificate_error", None) or found.__cause__
        if reason := getattr(found, "verify_message", ""):  # aiohttp's own is an error of ssl's without it
            return str(reason)
    return ""


def has_code(error: ExchangeError, *codes: str) -> bool:
    """Whether the venue told one of its codes; the digits alone may be of the name that was asked for."""
    return any(code in codes for code in _CODE.findall(str(error)))


def is_too_many(error: ExchangeError) -> bool:
    """Whether the exchange refused because of too many requests: the next one would prolong a ban."""
    from ccxt.base.errors import DDoSProtection, RateLimitExceeded  # noqa: PLC0415 - see `translated`

    return isinstance(error.__cause__, (DDoSProtection, RateLimitExceeded))


@contextmanager
def translated(what: str, *, sends_order: bool = False) -> Iterator[None]:
    """Raise our errors for ccxt's inside the block, and for those of reading what it answers.

    Raises
    ------
    ExchangeError
        Of the class that ``MEANINGS`` states; of a document that can't be read as of a lost answer.
    """
    from ccxt.base.errors import BaseError  # noqa: PLC0415 - ccxt costs more than a second to import

    try:
        yield
    except BaseError as error:
        raise translate(error, what, sends_order=sends_order) from error
    except _MALFORMED as error:
        raise unreadable(error, what, sends_order=sends_order) from error
