"""Hash of what happened in a world: the same in every process, whatever names and numbers were given."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import AlgoOrder, FillRecord, IncomeRecord, Order
from tests.memory_journal import MemoryJournal

_HASHED = ("intents", "orders", "fills", "alerts")
_NAMES = {"client_id", "client_order_id", "number", "order_number", "algo", "child", "trade", "trade_id"}


def digest_of(ledger: Ledger, journal: MemoryJournal) -> str:
    """Hash of ledger and journal, in the order of their commits, ids by their first appearance."""
    kinds = (Order, AlgoOrder, FillRecord, IncomeRecord)
    rows = [[kind.TABLE, asdict(row)] for kind in kinds for row in ledger.store.select(kind)]
    log = (one for one in journal.tables.log if one.table in _HASHED)
    rows += [[one.table, one.key, _plain(one.row)] for one in log]
    text = json.dumps(_numbered(rows, {}), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(row: Any) -> Any:
    """A row as a document."""
    if isinstance(row, tuple):
        return [_plain(one) for one in row]
    return asdict(row) if hasattr(row, "__dataclass_fields__") else row


def _numbered(value: Any, seen: dict[str, str]) -> Any:
    """A document whose ids are counted by their first appearance."""
    if isinstance(value, dict):
        known = _NAMES & value.keys()
        return {
            name: _counted(one, seen) if name in known else _numbered(one, seen)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_numbered(one, seen) for one in value]
    return seen.get(value, value) if isinstance(value, str) else value


def _counted(name: Any, seen: dict[str, str]) -> str:
    """An id as the number of its first appearance; 0 and nothing stand for none."""
    return seen.setdefault(str(name), f"#{len(seen)}") if name else ""
