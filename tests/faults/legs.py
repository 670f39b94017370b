"""One leg of a set as an examiner of one symbol sees it: its part of ledger and journal, and nothing else.

So every examiner that was written for one book examines each leg as it is.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from quant_pipelines.core.ids import deployment_of
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import IncomeRecord
from quant_pipelines.store.deployments import Deployment
from tests.faults.evidence import Evidence, Examines, Violation
from tests.faults.requests import Asked
from tests.memory_journal import Committed, MemoryJournal, StandingAlert, Tables

_ZERO = Decimal(0)


def market_id_of(symbol: str) -> str:
    """Name of a symbol at the venue."""
    return symbol.partition(":")[0].replace("/", "")


def of_leg(whole: Evidence, leg: Deployment) -> Evidence:
    """Evidence on one leg."""
    market_id = market_id_of(leg.symbol)
    ledger: Any = LedgerOfLeg(whole.ledger, market_id)
    journal: Any = JournalOfLeg(whole.journal, leg)
    return replace(whole, ledger=ledger, journal=journal, market_id=market_id, _cached={})


class LedgerOfLeg:
    """What the venue has of one symbol; transfers are of every symbol."""

    def __init__(self, ledger: Ledger, market_id: str) -> None:
        self._ledger = ledger
        self._market_id = market_id
        self.store = SimpleNamespace(connection=ledger.store.connection, select=self._select)

    @property
    def positions(self) -> Any:
        return self._ledger.positions

    @property
    def algos(self) -> dict[int, Any]:
        return {key: one for key, one in self._ledger.algos.items() if one.symbol == self._market_id}

    @property
    def account(self) -> Any:
        """The wallet without what other symbols have changed of it."""
        rows = self._ledger.store.select(IncomeRecord)
        others = sum((row.amount for row in rows if not self._is_mine(row)), _ZERO)
        return SimpleNamespace(wallet=self._ledger.account.wallet - others)

    def _select(self, kind: Any) -> list[Any]:
        return [row for row in self._ledger.store.select(kind) if self._is_mine(row)]

    def _is_mine(self, row: Any) -> bool:
        return row.symbol == self._market_id or (isinstance(row, IncomeRecord) and not row.symbol)


class JournalOfLeg:
    """What the runner has of one leg; a halt of the set is one of the leg."""

    def __init__(self, journal: MemoryJournal, leg: Deployment) -> None:
        self._journal = journal
        self._leg = leg
        self._as_of, self._tables = (-1, -1), Tables()
        self._alerts: list[StandingAlert] | None = None
        self.deployments = {leg.id: leg}

    @property
    def tables(self) -> Tables:
        """Rows of the leg; read again only where some were written."""
        whole = self._journal.tables
        as_of = len(whole.log), len(whole.epochs)
        if as_of != self._as_of or whole.alerts is not self._alerts:
            self._as_of, self._alerts = as_of, whole.alerts
            self._tables = self._part(whole)
        return self._tables

    def read_controls(self) -> Any:
        """Limits of all, and the halts that hold for the leg, in its own name."""
        controls = self._journal.read_controls()
        halts = dict[str, Any]()
        for source, trips in controls.halts.items():
            if (name := self._source(source)) is not None:
                halts[name] = (*halts.get(name, ()), *trips)
        return controls._replace(halts=halts)

    def _source(self, source: str) -> str | None:
        """Name of a halt's source as the leg's examiner knows it; None for another leg's."""
        if not source.startswith("deployment:"):
            return source
        return self._leg.key if source in self._leg.names else None

    def _part(self, whole: Tables) -> Tables:
        key = self._leg.id
        return replace(
            whole,
            checkpoints={one: row for one, row in whole.checkpoints.items() if one == key},
            fills={name: row for name, row in whole.fills.items() if row[0] == key},
            income=_mine(whole.income, key),
            equity=self._equity(whole),
            signals=_mine(whole.signals, key),
            positions=_mine(whole.positions, key),
            orders={name: row for name, row in whole.orders.items() if deployment_of(name) == key},
            slots=_mine(whole.slots, key),
            alerts=[self._alert(one) for one in whole.alerts],
            log=[one for one in whole.log if _is_of(one, key)],
        )

    def _alert(self, one: StandingAlert) -> StandingAlert:
        source = self._source(one.alert.source)
        if source is None:
            return one._replace(alert=one.alert._replace(severity="warning"))
        return one._replace(alert=one.alert._replace(source=source))

    def _equity(self, whole: Tables) -> dict[Any, Any]:
        """What the leg is sized on: its share of what the set is worth."""
        legs = [one.id for one in self._journal.deployments.values() if one.set_id == self._leg.set_id]
        found = {}
        for (key, ts), point in whole.equity.items():
            worths = [whole.equity[leg, ts].equity for leg in legs if (leg, ts) in whole.equity]
            if key == self._leg.id:
                found[key, ts] = replace(point, equity=sum(worths) / len(worths))
        return found


class OfLeg:
    """An examiner of a leg, which is told of the leg's orders alone."""

    def __init__(self, examiner: Examines, market_id: str) -> None:
        self._examiner = examiner
        self._market_id = market_id

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._examiner.found

    def look(self) -> None:
        """Check what must hold at every moment."""
        self._examiner.look()

    def look_at_order(self, asked: Asked) -> None:
        """Check an order of the leg."""
        if asked.parameters.get("symbol") == self._market_id:
            self._examiner.look_at_order(asked)

    def look_at_rest(self) -> None:
        """Check what must hold once everybody has had time."""
        self._examiner.look_at_rest()


def legs_of(examiners: Iterable[Examines], market_id: str) -> list[Examines]:
    """Examiners that look at one leg."""
    return [OfLeg(one, market_id) for one in examiners]


def _mine(rows: dict[Any, Any], key: int) -> dict[Any, Any]:
    return {name: row for name, row in rows.items() if name[0] == key}


def _is_of(row: Committed, key: int) -> bool:
    """Whether a row of the log is a leg's, or nobody's."""
    if row.table == "alerts":
        return True
    if row.table in ("orders", "intents"):
        return deployment_of(str(row.key[0])) == key
    if row.table == "fills":
        return bool(row.row[0] == key)
    return bool(row.key[0] == key)
