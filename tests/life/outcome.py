"""What became of a world, read from its rows alone."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import numpy as np
from sqlalchemy import Connection, Engine, Row, select

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS, to_ms
from quant_pipelines.lifecycle.challenge import PROVES, STEPS
from quant_pipelines.lifecycle.scorecard import daily_returns
from quant_pipelines.lifecycle.transitions import TRANSITIONS
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import REAL_ORDERS_APPROVED
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import read_book
from quant_pipelines.store.stages import promised_returns
from quant_pipelines.store.tables import accounts, audit_logs, challenges, deployments, verdicts
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.store.versions import book_changes_at
from tests.life.ledger import of_capital

_STEPS = {(row.source, row.target) for row in TRANSITIONS} | {(row.source, row.move) for row in STEPS}
PROPOSED: Final = "deployment.proposed"
"""What a first person asks for, which is no step yet."""
_NUMBERED = re.compile(r"\b(deployment|verdict|request):(\d+)")


class Outcome(NamedTuple):
    """What became of a world.

    Parameters
    ----------
    violations
        Sentences that name what must never be.
    digest
        Of all decisions, the same however often they were broken off.
    """

    violations: tuple[str, ...]
    digest: str


def outcome_of(engine: Engine) -> Outcome:
    """Judge a world by its rows."""
    with transaction(engine) as connection:
        books = connection.execute(select(deployments).order_by(deployments.c.id)).all()
        steps = connection.execute(select(audit_logs).order_by(audit_logs.c.id)).all()
        violations = (
            *_of_audit(connection, steps),
            *_of_orders(books, steps),
            *_of_losses(connection),
            *_of_budgets(connection),
            *of_capital(connection),
        )
        return Outcome(violations, _digest(connection, books, steps))


def _of_audit(connection: Connection, steps: list[Row[Any]]) -> Iterator[str]:
    broken = audit.verify(connection).broken_id
    if broken is not None:
        yield f"the audit log is broken at row {broken}"
    for row in steps:
        taken = (row.detail.get("from"), row.detail.get("to"))
        if row.action != PROPOSED and all(taken) and taken not in _STEPS:
            yield f"{row.subject} went from {taken[0]} to {taken[1]}, which is no step of a table"


def _of_orders(books: list[Row[Any]], steps: list[Row[Any]]) -> Iterator[str]:
    """Real orders only by two people's word, and only what the newest look had passed."""
    approved = {row.subject: row.detail["operators"] for row in steps if row.action == REAL_ORDERS_APPROVED}
    for book in books:
        if book.stage in ORDER_STAGES and len(set(approved.get(f"deployment:{book.id}", ()))) < 2:
            yield f"deployment:{book.id} trades as {book.stage} and two people have not approved it"
    for row in steps:
        if row.detail.get("to") not in ORDER_STAGES or row.action == PROPOSED:
            continue
        look, numbers = row.detail.get("look") or {}, row.detail.get("numbers")
        if numbers is None and look.get("decision") != "passed":
            yield f"{row.subject} went to {row.detail['to']} and its look had not passed"
        is_new = numbers is not None and numbers["rests_on"] == PROVES["version"]
        if is_new and not (numbers["paired"] or {}).get("passed"):
            yield f"{row.subject} went to {row.detail['to']} and no paired test had passed"


def _of_losses(connection: Connection) -> Iterator[str]:
    """No challenger goes on after the day that took it beyond its budget: that and one day are lost at most.

    Capital that came or went is neither profit nor loss, so days are held against the level that they began
    with.
    """
    budget = LadderSettings().canary_loss_fraction
    for challenge in connection.execute(select(challenges)).all():
        for key in filter(None, (challenge.first_id, challenge.canary_id)):
            book = read_book(connection, key)
            until = _left_at(connection, challenge, key)
            level = 1.0
            returns = daily_returns(book.day_end_equity, book.capital).tolist()
            for day, value in zip(book.days.tolist(), returns, strict=True):
                if until is not None and day > to_ms(until):
                    break
                level *= 1.0 + value
                cycle = day + DAY_MS + DAY_MS // 2
                if level < 1.0 - budget - 1e-9 and (until is None or to_ms(until) > cycle):
                    yield f"deployment:{key} has lost {1.0 - level:.1%} and goes on, beyond {budget:.0%}"
                    break


def _of_budgets(connection: Connection) -> Iterator[str]:
    """No book at a venue trades on after the day that took it beyond its own loss budget.

    The budget is said again here: deviations of its record, and a largest fall whatever that was.
    """
    ladder = LadderSettings()
    at_venue = select(deployments.c.id).join(accounts, accounts.c.id == deployments.c.account_id)
    at_venue = at_venue.where(accounts.c.venue != PAPER_VENUE).order_by(deployments.c.id)
    keys = list(connection.execute(at_venue).scalars())
    changed = book_changes_at(connection)
    for key, promised in promised_returns(connection, keys).items():
        deviation = float(promised.std(ddof=1)) * YEAR_DAYS**0.5 if promised.size > 1 else np.inf
        budget = min(ladder.live_loss_fraction, ladder.live_loss_deviations * deviation)
        book = read_book(connection, key)
        levels = np.concatenate([[book.capital], book.day_end_equity])
        if key in changed:  # a book that went on with other parameters began anew
            levels = levels[np.searchsorted(book.days + DAY_MS, to_ms(changed[key]), side="right") :]
        falls = 1.0 - levels / np.maximum.accumulate(levels)
        beyond = np.flatnonzero(falls > budget + 1e-9)
        if beyond.size and beyond[0] < levels.size - 1:
            fall = f"{falls[beyond[0]]:.1%}"
            yield f"deployment:{key} has fallen by {fall} and trades on, beyond its budget of {budget:.1%}"


def _left_at(connection: Connection, challenge: Row[Any], key: int) -> datetime | None:
    """When a book stopped being a challenger's: its stage changed, or the challenge ended."""
    if key == challenge.first_id and challenge.canary_id is not None:
        query = select(deployments.c.created_at).where(deployments.c.id == challenge.canary_id)
        return cast("datetime", connection.execute(query).scalar_one())
    return cast("datetime | None", challenge.ended_at)


def _digest(connection: Connection, books: list[Row[Any]], steps: list[Row[Any]]) -> str:
    """Hash of what was decided; rows go by their order, for a broken transaction takes numbers."""
    decided = connection.execute(
        select(verdicts.c.strategy, verdicts.c.symbol, verdicts.c.decision).order_by(verdicts.c.id)
    )
    rows = [
        *(
            [book.strategy, book.symbol, book.stage, str(book.capital), str(book.stage_changed_at)]
            for book in books
        ),
        *(
            [row.actor, row.action, row.subject, row.detail.get("to"), row.detail.get("reason")]
            for row in steps
        ),
        *(list(row) for row in decided),
    ]
    order: dict[str, str] = {}

    def by_order(found: re.Match[str]) -> str:
        return order.setdefault(found.group(), f"{found.group(1)}#{len(order)}")

    return hashlib.sha256(_NUMBERED.sub(by_order, json.dumps(rows)).encode()).hexdigest()[:16]
