"""Whether a challenge ever made or lost capital: what its steps take from one book they give to another."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import Connection, select

from quant_pipelines.store.tables import capital_changes, challenges, deployments

CENT = Decimal("0.01")


def of_capital(connection: Connection) -> Iterator[str]:
    """Sentences of challenges whose steps did not leave the sum of both books as it was."""
    changes = list(connection.execute(select(capital_changes).order_by(capital_changes.c.id)))
    books = connection.execute(select(deployments.c.id, deployments.c.capital)).all()
    began = {row.id: row.capital for row in books}
    for one in connection.execute(select(challenges).where(challenges.c.canary_id.is_not(None))):
        pair = (one.incumbent_id, one.canary_id)
        own = [row for row in changes if row.deployment_id in pair and row.source == "challenger"]
        opened = [row for row in own if f"deployment:{one.canary_id} beside" in row.reason]
        given = sum(((row.capital_before - row.capital) for row in opened), Decimal(0))
        if abs(given - began[one.canary_id]) > CENT:
            yield f"challenge {one.id}: its canary began with {began[one.canary_id]}, {given} was given"
        if one.ended_at is None:
            continue
        last = {key: began[key] for key in pair}
        for row in changes:
            if row.deployment_id in pair and not (row.source == "challenger" and row.at == one.ended_at):
                last[row.deployment_id] = row.capital if row.at <= one.ended_at else last[row.deployment_id]
        whole = sum(last.values(), Decimal(0))
        heirs = [row.capital for row in own if row.at == one.ended_at]
        if not heirs or abs(heirs[-1] - whole) > CENT:
            yield f"challenge {one.id}: both books had {whole}, {heirs[-1:]} came of it"
