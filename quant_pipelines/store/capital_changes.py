"""Capital of deployments while they trade: what each is meant to have, who said so, and what was paid.

The runner pays at a bar's close; see ``trading.capital``. Nothing here touches a book.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypedDict, Unpack

from sqlalchemy import ColumnElement, Connection, Numeric, cast, func, insert, select, text

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.store import audit
from quant_pipelines.store.legs import books_of
from quant_pipelines.store.tables import capital_changes, deployments

Source: TypeAlias = Literal["allocation", "challenger", "operator"]
CAPITAL_CHANGED: Final = "deployment.capital_changed"


class BookFlow(NamedTuple):
    """What a book was paid at a bar's close (quote, negative when taken out), and its equity before."""

    at: datetime
    amount: Decimal
    equity: float


def newest_capital() -> ColumnElement[Decimal]:
    """Capital that each row of ``deployments`` in a query is meant to have, quote."""
    changes = capital_changes.alias("changes").c
    newest = select(changes.capital).where(changes.deployment_id == deployments.c.id)
    newest = newest.order_by(changes.id.desc()).limit(1).correlate(deployments)
    return cast(func.coalesce(newest.scalar_subquery(), deployments.c.capital), Numeric)


def read_capital(connection: Connection, deployment_id: int) -> Decimal | None:
    """Capital that a deployment is meant to have, quote; None for an unknown id."""
    query = select(newest_capital()).select_from(deployments).where(deployments.c.id == deployment_id)
    return connection.execute(query).scalar_one_or_none()


class SaidOfCapital(TypedDict):
    """Who changes capital and why, what kind of decision it was, and when."""

    actor: str
    reason: str
    source: Source
    now: datetime


def set_capital(
    connection: Connection, deployment_id: int, capital: Decimal, **said: Unpack[SaidOfCapital]
) -> int:
    """Change the capital of a deployment; its book is paid, or pays, at the first bar that closes later.

    Parameters
    ----------
    connection
        Open transaction, which also stores the audit row; the runner hears of it at its commit.
    deployment_id
        Which one; of a set the whole, whose legs get equal shares.
    capital
        Quote currency, what the book is to have been paid in all: its profit is not part of it.
    **said
        ``actor``, ``reason``, ``source`` and ``now``: the time of the decision.

    Returns
    -------
    int
        Id of the audit row.

    Raises
    ------
    LifecycleError
        If the deployment is unknown or a leg, or the capital is below 0 or not finite.
    """
    wanted = {deployment_id: NewCapital(capital, said["reason"])}
    (audit_id,) = set_capitals(
        connection, wanted, actor=said["actor"], source=said["source"], now=said["now"]
    )
    return audit_id


class NewCapital(NamedTuple):
    """What a deployment is to have been paid in all, quote, and why."""

    capital: Decimal
    reason: str


class CapitalDecider(TypedDict):
    """Who changes capital, what kind of decision it was, and when."""

    actor: str
    source: Source
    now: datetime


def set_capitals(
    connection: Connection, wanted: Mapping[int, NewCapital], **said: Unpack[CapitalDecider]
) -> list[int]:
    """Change the capital of many deployments at once, see ``set_capital``; returns the ids of audit rows."""
    for key, one in wanted.items():
        if not one.capital.is_finite() or one.capital < 0:
            raise LifecycleError(f"capital of deployment:{key} is {one.capital}; expected at least 0")
    books = {key: [one for one in own if one != key] for key, own in books_of(connection, [*wanted]).items()}
    before = _locked_capital(connection, [*wanted, *(leg for legs in books.values() for leg in legs)])
    _require_whole(before, wanted)
    rows: list[dict[str, Any]] = []
    for key, (capital, reason) in wanted.items():
        shared = {"reason": reason, "source": said["source"], "at": said["now"], "actor": said["actor"]}
        legs = books[key]
        share = Decimal(repr(float(capital) * (1.0 / len(legs)))) if legs else capital
        for book, meant in ((key, capital), *((leg, share) for leg in legs)):
            known = {"deployment_id": book, "capital": meant, "capital_before": before[book].capital}
            rows.append(known | shared)
    if not rows:
        return []
    connection.execute(insert(capital_changes).returning(capital_changes.c.id), rows)
    details = {
        f"deployment:{key}": {
            "reason": one.reason,
            "source": said["source"],
            "capital": one.capital,
            "capital_before": before[key].capital,
        }
        for key, one in wanted.items()
    }
    audit_ids = audit.append_each(connection, said["actor"], CAPITAL_CHANGED, details)
    from quant_pipelines.store.deployments import announce_deployments  # noqa: PLC0415 - it compiles

    announce_deployments(connection)
    return audit_ids


class _LockedCapital(NamedTuple):
    capital: Decimal
    set_id: int | None


def _locked_capital(connection: Connection, keys: Collection[int]) -> dict[int, _LockedCapital]:
    """Read what deployments are meant to have; nobody else changes them until the transaction ends."""
    own = deployments.c.id.in_(keys)
    connection.execute(select(deployments.c.id).where(own).order_by(deployments.c.id).with_for_update())
    # A statement that waits for a lock sees what was there before it waited: the capital is another one's.
    query = select(deployments.c.id, deployments.c.set_id, newest_capital().label("capital")).where(own)
    return {row.id: _LockedCapital(row.capital, row.set_id) for row in connection.execute(query)}


def _require_whole(before: Mapping[int, _LockedCapital], wanted: Collection[int]) -> None:
    for key in wanted:
        if key not in before:
            raise LifecycleError(f"deployment:{key} does not exist; expected the id of a deployment")
        if before[key].set_id is not None:
            raise LifecycleError(
                f"deployment:{key} is a leg; expected its set, deployment:{before[key].set_id}, which is "
                "paid as a whole"
            )


def read_flows(connection: Connection, books: Collection[int]) -> dict[int, list[BookFlow]]:
    """Read what deployments were paid by now, oldest first; the equity before is that of all their books.

    Parameters
    ----------
    connection
        Open transaction.
    books
        Ids of books: of sets, those of their legs.

    Returns
    -------
    dict
        By deployment; those that were never paid are left out.
    """
    asked = {"books": list(books), "kind": TRANSFER}
    found: dict[int, list[BookFlow]] = {}
    for row in connection.execute(_FLOWS, asked):
        found.setdefault(row.owner, []).append(BookFlow(row.ts, row.amount, float(row.equity)))
    return found


# Text, for it is asked for every book at every look: to build it of parts takes longer than to answer it.
_FLOWS = text(
    "with flows as ("
    "select coalesce(d.set_id, d.id) as owner, i.ts, sum(i.amount) as amount "
    "from trading.income i join trading.deployments d on d.id = i.deployment_id "
    "where i.deployment_id = any(:books) and i.kind = :kind group by 1, 2) "
    "select flows.owner, flows.ts, flows.amount, coalesce(sum(known.equity), 0) as equity "
    "from flows join trading.deployments d on d.id = any(:books) and coalesce(d.set_id, d.id) = flows.owner "
    "left join lateral (select equity from trading.equity where deployment_id = d.id and ts <= flows.ts "
    "order by ts desc limit 1) as known on true "
    "group by flows.owner, flows.ts, flows.amount order by flows.owner, flows.ts"
)


def changes_of(connection: Connection, deployment_id: int) -> list[dict[str, Any]]:
    """Read what the capital of a deployment became, and who said so, oldest first."""
    changes = capital_changes.c
    query = select(changes.at, changes.capital, changes.actor, changes.reason, changes.source)
    query = query.where(changes.deployment_id == deployment_id).order_by(changes.id)
    return [dict(row) for row in connection.execute(query).mappings()]
