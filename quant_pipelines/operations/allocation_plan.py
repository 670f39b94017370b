"""Drafts plans of the allocation from what is stored; nothing is written here."""

import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import Connection

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.stages import LADDER
from quant_pipelines.operations.allocation_arms import (
    arms_of,
    notional_of_capital,
    touched_stages,
    weight_of,
)
from quant_pipelines.portfolio.allocation import AllocationPlan, NoPlan, Weight, allocate
from quant_pipelines.store.allocation_facts import (
    AllocatedAccount,
    AllocatedBook,
    read_allocated_books,
)
from quant_pipelines.store.heartbeats import standing_halts

_CENT = Decimal("0.01")
_LEAST_CHANGE = Decimal("0.01")
"""Part of its capital below which a change is left alone."""
_NOTHING_LEFT = 1e-9
_LEAST_EQUITY = 1.0
"""What a book keeps, quote: of one that was worth nothing no return could be told afterwards."""


@dataclass(frozen=True, slots=True)
class DraftedPlan:
    """A plan that is not stored yet: what it says of the account, and of each deployment.

    Parameters
    ----------
    account
        Whose.
    plan
        Columns of ``allocation_plans`` that the plan itself decides.
    rows
        Columns of ``allocation_rows`` but for the plan's id.
    """

    account: AllocatedAccount
    plan: dict[str, Any]
    rows: tuple[dict[str, Any], ...] = ()

    @property
    def rule(self) -> str | None:
        """Why nothing may be changed by it; None where it may."""
        rule: str | None = self.plan["rule"]
        return rule

    @property
    def is_refused(self) -> bool:
        """Whether nothing may be changed by it."""
        return self.rule is not None

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Rows whose capital it changes."""
        return [row for row in self.rows if row["capital"] != row["capital_before"]]

    @property
    def sentence(self) -> str:
        """What it says of its account."""
        rule = f" ({self.rule})" if self.is_refused else ""
        return f"{self.account.name}: {self.plan['reason']}{rule}"

    def to_document(self) -> dict[str, Any]:
        """JSON document."""
        return {"account": self.account.name, **self.plan, "rows": list(self.rows)}


def draft_plan(
    connection: Connection, settings: Settings, account: AllocatedAccount, now: datetime
) -> DraftedPlan:
    """Plan an account as of now."""
    books = read_allocated_books(connection, account.id, touched_stages(account))
    refusal = _refusal(connection, account, has_books=bool(books))
    blank = _blank(account, settings, now)
    if refusal is not None:
        return _refused(account, blank, refusal)
    equity = float(account.equity or 0)
    arms = arms_of(connection, books, equity, now, settings.ladder.data_days)
    terms = _beside(connection, settings.allocation, account, equity)
    found = allocate(arms, terms, seed=now.date().toordinal())
    if isinstance(found, NoPlan):
        return _refused(account, blank, found)
    floor = settings.allocation.paper_capital if account.is_paper else _LEAST_EQUITY
    by_key = {one.key: one for one in found.weights}
    rows = tuple(_row(book, by_key[book.id], equity, floor) for book in books)
    told = {"volatility": found.volatility, "scale": found.scale, "shrinkage": _known(found.shrinkage)}
    draft = DraftedPlan(account, blank | told, rows)
    return DraftedPlan(account, draft.plan | {"reason": _told(found, draft)}, rows)


def draft_undo(
    connection: Connection, plan: dict[str, Any], account: AllocatedAccount, now: datetime
) -> DraftedPlan:
    """Draft the way back from a plan: for each deployment that still has what the plan gave it."""
    books = {one.id: one for one in read_allocated_books(connection, account.id, touched_stages(account))}
    changed = [row for row in plan["rows"] if row["capital"] != row["capital_before"]]
    rows = tuple(
        _way_back(books[row["deployment_id"]], row, plan)
        for row in changed
        if row["deployment_id"] in books and books[row["deployment_id"]].capital == row["capital"]
    )
    left = len(changed) - len(rows)
    reason = f"plan {plan['id']} is taken back for {len(rows)} deployments"
    reason += f"; {left} have changed since and keep what they have" if left else ""
    columns = {"settings": plan["settings"], "undoes": plan["id"], "reason": reason, "rule": None}
    shared = {"account_id": account.id, "day": now.date(), "equity": account.equity}
    return DraftedPlan(account, {**shared, **columns}, rows)


def _refusal(connection: Connection, account: AllocatedAccount, *, has_books: bool) -> NoPlan | None:
    for source in ("account", f"account:{account.id}"):
        halts = standing_halts(connection, source)
        if halts:
            return NoPlan("account_halted", f"{source} is halted: {halts[0]['message']}")
    if not has_books:
        return NoPlan("no_deployments", "no deployment of it is in a stage whose capital a plan may move")
    if account.equity is None or account.equity <= 0:
        known = "not known yet" if account.equity is None else f"{account.equity:f}"
        return NoPlan("no_equity", f"its equity is {known}; expected more than 0")
    return None


def _beside(
    connection: Connection, terms: AllocationSettings, account: AllocatedAccount, equity: float
) -> AllocationSettings:
    """Bounds of those that a plan touches, beside what others of the account hold: it counts in the gross."""
    others = [stage for stage in LADDER if stage not in touched_stages(account)]
    held = sum(weight_of(book, equity) for book in read_allocated_books(connection, account.id, others))
    return replace(terms, max_gross=max(terms.max_gross - held, _NOTHING_LEFT))


def _blank(account: AllocatedAccount, settings: Settings, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account.id,
        "day": now.date(),
        "equity": account.equity,
        "settings": asdict(settings.allocation),
        "rule": None,
    }


def _refused(account: AllocatedAccount, blank: dict[str, Any], refusal: NoPlan) -> DraftedPlan:
    return DraftedPlan(account, blank | {"rule": refusal.rule, "reason": refusal.reason})


def _told(found: AllocationPlan, draft: DraftedPlan) -> str:
    gross = sum(one.target for one in found.weights)
    return (
        f"capital of {len(draft.changes)} of {len(draft.rows)} deployments changes; targets are "
        f"{gross:.1%} of the equity at a volatility of {found.volatility:.1%} a year"
    )


def _row(book: AllocatedBook, one: Weight, equity: float, floor: float) -> dict[str, Any]:
    wanted = one.weight * equity / notional_of_capital(book)
    capital = _capital(book, max(wanted, floor))
    is_kept = book.stage == "paper" and wanted < floor
    kept = f"; keeps {floor:,.0f} on paper, to be measured" if is_kept else ""
    own = one.estimate._asdict()
    detail = {
        "idea": one.idea,
        "risk_share": one.risk_share,
        "tilts": one.tilts,
        "estimate": {name: _known(value) for name, value in own.items()},
    }
    return {
        "deployment_id": book.id,
        "stage": book.stage,
        "actual": weight_of(book, equity),
        "target": one.target,
        "weight": one.weight,
        "capital_before": book.capital,
        "capital": capital,
        "bound": one.bound,
        "reason": one.reason + kept,
        "detail": detail,
    }


def _capital(book: AllocatedBook, equity: float) -> Decimal:
    """Say what a book is to have been paid in all so that it is worth so much: its profit is its own.

    Cents are cut off: all books together never get more than the account has.
    """
    capital = Decimal(repr(max(0.0, equity - book.profit))).quantize(_CENT, ROUND_FLOOR)
    return book.capital if abs(capital - book.capital) < _LEAST_CHANGE * book.capital else capital


def _way_back(book: AllocatedBook, row: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("deployment_id", "stage")}
    return same | {
        "actual": row["weight"],
        "target": row["actual"],
        "weight": row["actual"],
        "capital_before": book.capital,
        "capital": row["capital_before"],
        "bound": None,
        "reason": f"as before plan {plan['id']}",
        "detail": {},
    }


def _known(value: Any) -> Any:
    """Value as a document holds it: no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
