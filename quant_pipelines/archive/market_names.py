"""What names of markets and steps in vendors' files mean: ``BTC-USDT-SWAP``, ``XBTUSD``, ``1-HOUR``."""

import re
from typing import Literal, NamedTuple

from quant_pipelines.core.exchanges import MarketType
from quant_pipelines.core.settings import DEFAULT_SYMBOLS
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS

_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USD")
_DOLLARS = frozenset(_QUOTES)
_SAME_COIN = {"XBT": "BTC", "XDG": "DOGE"}
_DATED = re.compile(r"[-_:](\d{6,8}|\d{1,2}[A-Z]{3}\d{2})\b")
_PERPETUAL = re.compile(r"[-_ ](PERPETUAL|PERP|SWAP)$")
_PAIR_FIRST = re.compile(rf"([A-Z0-9]{{2,15}}?(?:{'|'.join(_QUOTES)}))(?=[-_. ]|$)")
_COIN_FIRST = re.compile(r"([A-Z0-9]{2,10})(?:-(?:PERP|SWAP))?(?=[-_]\d+[mhd]?[-_.])")
_COINS = frozenset(symbol.partition("/")[0] for symbol in DEFAULT_SYMBOLS)
_STEP = re.compile(r"(\d+)[-_ ]?(MINUTE|MIN|M|HOUR|H|DAY|D|WEEK|W|SECOND|S)?(UTC)?", re.IGNORECASE)
_STEPS_MS = {"S": 1000, "M": MINUTE_MS, "H": HOUR_MS, "D": DAY_MS, "W": 7 * DAY_MS}


class MarketName(NamedTuple):
    """What a market's name says.

    Parameters
    ----------
    base
        Coin; names of one coin are one.
    quote
        Coin of its prices; empty where the name has none.
    kind
        ``linear`` also where the name does not tell a contract from a pair.
    """

    base: str
    quote: str
    kind: Literal["linear", "coin-margined", "dated"]

    def symbol(self, market: MarketType) -> str:
        """Symbol of its linear perpetual contract or its pair; empty where the name has no dollar coin."""
        if self.kind != "linear" or self.quote in ("", "USD"):
            return ""
        if market == "swap" and self.quote not in _DOLLARS:
            return ""
        pair = f"{self.base}/{self.quote}"
        return f"{pair}:{self.quote}" if market == "swap" else pair

    def is_of(self, symbol: str) -> bool:
        """Whether this can be a symbol in ccxt's form; dollars of a bank stand for every dollar coin."""
        pair = symbol.partition(":")[0]
        base, _, quote = pair.partition("/")
        if _SAME_COIN.get(base, base) != self.base:
            return False
        dollars = "USD" in (quote, self.quote) and {quote, self.quote} <= _DOLLARS
        return self.quote in ("", quote) or dollars


def named_market(text: str) -> MarketName:
    """Read a market's name in a file.

    Parameters
    ----------
    text
        As an exchange or a vendor spells it.
    """
    name = text.strip().upper().partition(".")[0].removeprefix("PF_")
    if _DATED.search(name):
        return MarketName(*_coins(_DATED.split(name)[0]), "dated")
    is_perpetual = _PERPETUAL.search(name) is not None
    pair, _, settled = _PERPETUAL.sub("", name).partition(":")
    base, quote = _coins(pair)
    if base in (settled, *re.split(r"[-_/]", pair)[2:3]):  # ETH_USD_ETH
        return MarketName(base, quote, "coin-margined")
    # Contracts in dollars of a bank are margined in their coin.
    return MarketName(base, quote, "coin-margined" if is_perpetual and quote == "USD" else "linear")


def market_in(file_name: str) -> str:
    """Market that a file's name begins with: a pair in dollars, or a well-known coin; empty for none.

    Examples
    --------
    >>> [market_in(name) for name in ("ETHUSDT-60.csv", "BTC-1h.csv", "DATA-1h.csv", "my_ETHUSDT.csv")]
    ['ETHUSDT', 'BTC', '', '']
    """
    pair, coin = _PAIR_FIRST.match(file_name), _COIN_FIRST.match(file_name)
    if pair:
        return pair[1]
    return coin[1] if coin and coin[1] in _COINS else ""


def named_step_ms(text: str) -> int:
    """Milliseconds of a vendor's step, such as ``60`` (minutes), ``1H`` or ``1-DAY``; 0 for none."""
    match = _STEP.fullmatch(text.strip())
    if match is None or (text.strip()[-1:] == "M" and match[2] == "M"):  # 1M is a month
        return 0
    return int(match[1]) * _STEPS_MS[(match[2] or "M")[0].upper()]


def _coins(name: str) -> tuple[str, str]:
    parts = [part for part in re.split(r"[-_/]", name) if part]
    if len(parts) > 1:
        return _SAME_COIN.get(parts[0], parts[0]), parts[1]
    joined = parts[0] if parts else ""
    quote = next((coin for coin in _QUOTES if joined.endswith(coin) and len(joined) > len(coin)), "")
    base = joined.removesuffix(quote) if quote else joined
    return _SAME_COIN.get(base, base), quote
