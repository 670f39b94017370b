"""Instrument sets that one writer trades: which trader is a leg of which, and who takes a close together."""

from collections.abc import Iterable, Mapping

from live_runner.book.joint import InstrumentSet
from live_runner.book.leg import LegTrader
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import Journal


class Sets:
    """Sets by their ids.

    Parameters
    ----------
    journal
        Rows of the runner.
    epoch
        Epoch of this writer.
    """

    def __init__(self, journal: Journal, epoch: int) -> None:
        self._journal = journal
        self._epoch = epoch
        self._sets: dict[int, InstrumentSet] = {}

    def of(self, deployment: Deployment) -> InstrumentSet | None:
        """Set that a deployment is a leg of; None for what is traded alone."""
        if deployment.set_id is None:
            return None
        made = InstrumentSet(self._journal, self._epoch, deployment.n_legs)
        return self._sets.setdefault(deployment.set_id, made)

    def join(self, trader: Trader) -> None:
        """Let a leg take part that has its bars by now; any other trader is left alone."""
        if isinstance(trader, LegTrader) and (whole := self.of(trader.plan.deployment)):
            whole.add(trader)

    def leave(self, trader: Trader) -> None:
        """Let a leg take part no more."""
        if isinstance(trader, LegTrader) and (whole := self.of(trader.plan.deployment)):
            whole.remove(trader)


def units_of(traders: Iterable[Trader]) -> list[tuple[Trader, ...]]:
    """Return what takes a close together: each trader alone, and the legs of each set."""
    found: dict[str, list[Trader]] = {}
    for trader in traders:
        found.setdefault(trader.plan.deployment.whole, []).append(trader)
    return [tuple(unit) for unit in found.values()]


def symbols_of(trader: Trader) -> tuple[str, ...]:
    """Symbols whose prices a decision needs: its own, and those of the legs that take part in its set."""
    others = trader.whole.symbols if isinstance(trader, LegTrader) else ()
    return tuple(dict.fromkeys((trader.symbol, *others)))


def advance_together(ticks: Mapping[Trader, Tick]) -> None:
    """Take a close: with one trader, or with the legs of a set.

    Raises
    ------
    StoreError, ReconciliationError, StrategyError
        As `Trader.advance`.
    """
    legs = {trader: tick for trader, tick in ticks.items() if isinstance(trader, LegTrader)}
    if legs:
        next(iter(legs)).whole.advance({leg.id: tick for leg, tick in legs.items()})
        return
    for trader, tick in ticks.items():
        trader.advance(tick)
