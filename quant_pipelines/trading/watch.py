"""Levels that the runner itself watches, because the venue's stop is over the net of several books.

The table is that of `trading.cover` without what stands at the venue, which is the net's:

==========================================================  ==============================================
what is so, the first that applies                          what is done
==========================================================  ==============================================
an exit of the book works                                   wait for it
an operator asked to close                                  exit
a stop over the net has triggered within 2 s                wait for its fill
a stop fired at a bar's close                               exit
a price has reached the book's stop, or its take-profit     exit, in the name of that level
==========================================================  ==============================================
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.trading.cover import Action, AskedFor, Holding, Wait, leaving
from quant_pipelines.trading.levels import WantedLevel, wanted_level
from quant_pipelines.trading.tries import Tries

NET_STOP = "net_stop"
"""Reason of the stop over the net of several books."""


class WatchedLevels(NamedTuple):
    """Levels of one book."""

    stop: WantedLevel | None
    take_profit: WantedLevel | None

    def reached(self, prices: Iterable[float]) -> str:
        """Name of the level that one of the prices has reached, the stop first; empty if none has.

        Examples
        --------
        >>> watched = WatchedLevels(WantedLevel("sell", Decimal(95), "hard_stop"), None)
        >>> watched.reached([95.1, float("nan")]), watched.reached([94.9])
        ('', 'hard_stop')
        """
        known = [price for price in prices if price == price]  # noqa: PLR0124 - not a number
        for level, is_stop in ((self.stop, True), (self.take_profit, False)):
            if level is not None and any(_is_at(level, price, is_stop=is_stop) for price in known):
                return level.reason
        return ""


class FarthestLevel(NamedTuple):
    """Position of one book, base, signed, and the level that it leaves to a stop over the net."""

    position: Decimal
    price: float | None


def watched_action(
    held: Holding, asked: AskedFor, tries: Tries, *, prices: Iterable[float], now: float
) -> Action:
    """Decide what is to be done about one of several books.

    Parameters
    ----------
    held
        What it holds, and its own levels.
    asked
        What was asked for.
    tries
        What was tried, and how it ended.
    prices
        Last prices, quote per base; NaN what is not known.
    now
        Seconds of the monotonic clock.
    """
    if asked.is_closing:
        return Wait("closing")
    fired = held.leaves_by or WatchedLevels(held.stop, held.take_profit).reached(prices)
    action = leaving(held._replace(leaves_by=fired), asked)
    if action is not None and tries.exit.is_due(now):
        return action
    if not held.position:
        return Wait("flat")
    return Wait("triggering" if asked.is_triggering else "not due yet" if action else "covered")


def net_level(net: Decimal, levels: Iterable[FarthestLevel], tick_size: Decimal) -> WantedLevel | None:
    """Level of the stop over the net: the farthest of those of the books that are on its side.

    Parameters
    ----------
    net
        Sum of the positions, base, signed.
    levels
        Of each book.
    tick_size
        Price step.

    Examples
    --------
    >>> books = (Decimal(2), 90.0), (Decimal(1), 88.0), (Decimal(-1), 130.0)
    >>> net_level(Decimal(2), [FarthestLevel(*book) for book in books], Decimal(1))
    WantedLevel(side='sell', trigger_price=Decimal('88'), reason='net_stop')
    """
    mine = [level for held, level in levels if held * net > 0 and level is not None]
    if not mine:
        return None
    return wanted_level(net, min(mine) if net > 0 else max(mine), tick_size, NET_STOP)


def _is_at(level: WantedLevel, price: float, *, is_stop: bool) -> bool:
    at = float(level.trigger_price)
    falls = (level.side == "sell") is is_stop
    return price <= at if falls else price >= at
