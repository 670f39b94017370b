"""Names of what can be traded: linear perpetual contracts and spot pairs as ccxt and as venues spell them.

One parser for every place that takes a symbol. A base may be written in any script: ``币安人生/USDT:USDT``.
"""

import difflib
import re
import unicodedata
from typing import NamedTuple

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.exchanges import EXCHANGES

QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "USD")
"""Quote coins that end a venue's name, as ``BTCUSDT``; a longer one stands before its own end."""

_EXPECTED = "a symbol such as BTC/USDT:USDT"
_CCXT = re.compile(r"(?P<base>[^/:\s]+)/(?P<quote>[^/:\s]+)(?::(?P<settle>[^/:\s-]+)(?:-(?P<expiry>\S+))?)?")
_DATED = re.compile(r"(?P<pair>.+?)[-_](?:\d{6}|\d{1,2}[A-Z]{3}\d{2})(?:[-_].+)?")
_PERPETUAL = re.compile(r"[-_]?(?:PERPETUAL|PERP|SWAP)$")
_COIN_MARGINED = re.compile(r".+USD[-_]PERP(?:ETUAL)?|.+[-_]USD[-_]SWAP")


class Unsupported(NamedTuple):
    """Why a name stands for nothing that can be traded.

    Parameters
    ----------
    kind
        Such as ``a dated contract``; it is a noun, so that names of one kind can be counted.
    near
        Symbol that may have been meant; empty without any.
    """

    kind: str
    near: str = ""


MALFORMED, UNKNOWN = "no symbol", "unknown"
_ALIKE = 0.8  # likeness from which on a coin is taken for a misspelled one: USD and USDT, not USDC and USDT


def unsupported(text: str, exchange: str = "") -> Unsupported | None:
    """Why a symbol can't be used; None where it can.

    Parameters
    ----------
    text
        What was given for a symbol, in ccxt's form.
    exchange
        ccxt id: a symbol of its market is expected; empty takes contracts and pairs.

    Examples
    --------
    >>> unsupported("BTC/USDT:USDT")
    >>> unsupported("btc/usdt:usdt")
    Unsupported(kind='no symbol', near='BTC/USDT:USDT')
    >>> unsupported("BTC/USDT:USDT-260626").kind
    'a dated contract'
    """
    match = _CCXT.fullmatch(_plain(text))
    if match is None:
        return _of_venue(text)
    base, quote, settle, expiry = (match[name] for name in ("base", "quote", "settle", "expiry"))
    if not (_is_coin(base) and _is_coin(quote) and (settle is None or _is_coin(settle))):
        return Unsupported(MALFORMED)
    near = f"{base}/{quote}:{quote}"
    if settle and settle != quote:
        if difflib.SequenceMatcher(None, settle, quote).ratio() >= _ALIKE:
            return Unsupported(UNKNOWN, near)
        return Unsupported("a coin-margined (inverse) contract" if settle == base else "a quanto contract")
    if expiry:
        return Unsupported("a dated contract" if expiry.isdigit() else "an option", near)
    return _of_other_market(text, match, exchange)


def _of_other_market(text: str, match: re.Match[str], exchange: str) -> Unsupported | None:
    base, quote, settle = (match[name] for name in ("base", "quote", "settle"))
    expected = EXCHANGES.get(exchange)
    if expected == "swap" and settle is None:
        return Unsupported("a spot pair", f"{base}/{quote}:{quote}")
    if expected == "spot" and settle is not None:
        return Unsupported("a contract", f"{base}/{quote}")
    return None if text == _plain(text) else Unsupported(MALFORMED, _plain(text))


def require_symbol(text: str, exchange: str = "") -> str:
    """Prove that a symbol can be used, and return it.

    Parameters
    ----------
    text
        ccxt form.
    exchange
        ccxt id whose market it must be of; empty takes contracts and pairs.

    Raises
    ------
    ConfigurationError
        If it is an inverse, quanto or dated contract, an option, or malformed; the sentence says which, and
        what may have been meant.

    Examples
    --------
    >>> require_symbol("币安人生/USDT:USDT")
    '币安人生/USDT:USDT'
    """
    fault = unsupported(text, exchange)
    if fault is None:
        return text
    meant = f"did you mean {fault.near!r}?" if fault.near else f"expected {_EXPECTED}"
    if fault.kind == UNKNOWN:
        raise ConfigurationError(f"unknown symbol {text!r}; {meant}")
    if fault.kind == MALFORMED:
        raise ConfigurationError(f"symbol {text!r} is not in ccxt's form; {meant}")
    told = f"; {meant}" if fault.near else f"; expected a linear perpetual contract, {_EXPECTED}"
    raise ConfigurationError(f"symbol {text!r} is {fault.kind}, which is not supported{told}")


def venue_name(symbol: str) -> str:
    """Symbol as the venue spells it.

    Examples
    --------
    >>> venue_name("BTC/USDT:USDT")
    'BTCUSDT'
    """
    return symbol.partition(":")[0].replace("/", "")


def symbol_of_venue(name: str) -> str | Unsupported:
    """Symbol of a linear perpetual contract by its name at the venue, or why there is none.

    Examples
    --------
    >>> symbol_of_venue("1000PEPEUSDT")
    '1000PEPE/USDT:USDT'
    >>> symbol_of_venue("BTCUSD_PERP").kind
    'a coin-margined (inverse) contract'
    """
    quote = next((one for one in QUOTES if name.endswith(one) and len(name) > len(one)), "")
    base = name.removesuffix(quote)
    if quote and _is_coin(base) and name == _plain(name):
        return f"{base}/{quote}:{quote}"
    if _is_coin(name) and name == _plain(name):
        return Unsupported("a pair without a known quote coin")
    return _of_venue(name)


def _of_venue(text: str) -> Unsupported:
    """Why a name that is not in ccxt's form is none, with the symbol that it may stand for."""
    name = _plain(text)
    if _COIN_MARGINED.fullmatch(name):
        return Unsupported("a coin-margined (inverse) contract")
    dated = _DATED.fullmatch(name)
    if dated:
        return Unsupported("a dated contract", _near(dated["pair"]))
    return Unsupported(MALFORMED, _near(_PERPETUAL.sub("", name)))


def _near(name: str) -> str:
    joined = re.sub(r"[-_/:\s]", "", name)
    if not joined or not _is_coin(joined):
        return ""
    if re.search(r"[/:\s]", name.strip()):  # two words or half a symbol: nothing to guess
        return ""
    quote = next((one for one in QUOTES if joined.endswith(one) and len(joined) > len(one)), "")
    return f"{joined.removesuffix(quote)}/{quote or 'USDT'}:{quote or 'USDT'}"


def _plain(text: str) -> str:
    """Text as it is spelled usually: no wide forms, no spaces around, Latin letters in upper case."""
    narrow = unicodedata.normalize("NFKC", text).strip()
    return "".join(letter.upper() if letter.isascii() else letter for letter in narrow)


def _is_coin(text: str) -> bool:
    """Whether a text has letters, marks and digits only, of any script."""
    return bool(text) and all(unicodedata.category(letter)[0] in "LMN" for letter in text)
