"""Routes that show what is stored: one transaction each, and nothing is computed that is not stored."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, cast

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Connection

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import UnknownRow
from quant_pipelines.gateway import reading_models as models
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.reading_models import Page, Row
from quant_pipelines.gateway.route import Used, guarded_router, problems
from quant_pipelines.gateway.services import Services
from quant_pipelines.gateway.verb_models import RowId, Text
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.store import audit, shown_rows
from quant_pipelines.store.allocation import newest_plans
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import read_heartbeats, standing_halts
from quant_pipelines.store.hot import newest_exclusions, stored_weights
from quant_pipelines.store.market import read_hotlist, read_whitelist
from quant_pipelines.store.research_lists import RowFilter, list_walks
from quant_pipelines.store.versions import standing_pins
from quant_pipelines.store.views import current_deployments, equity_curves, newest_luck

ROUTER = guarded_router("reads", "/api/v1")
Most = Annotated[int, Query(ge=1, le=500, description="most rows")]
Points = Annotated[int, Query(ge=1, le=2000, description="most points")]
Deployment = Annotated[int, Path(ge=0, le=ROW_ID.high, description="id of a deployment")]
OfDeployment = Annotated[int | None, Query(ge=0, le=ROW_ID.high, description="of this deployment only")]
Cursor = Annotated[Text | None, Query(description="`next` of the page before")]


class AuditAsked(BaseModel):
    """Which rows of the audit log are asked for."""

    limit: int = Field(default=100, ge=1, le=500, description="most rows")
    actor: Text = Field(default="", description="of this person or part only")
    action: Text = Field(default="", description="such as runner.halted")
    subject: Text = Field(default="", description="such as deployment:3")
    before: RowId | None = Field(default=None, description="rows below this id")


class RowReading:
    """A transaction that reads, with what every page says of it."""

    def __init__(self, connection: Connection, services: Services) -> None:
        self.connection = connection
        self.as_of = clock_time(services.clock)
        self.row_version = audit.newest_id(connection)  # before the rows: it may not vouch for later ones

    def page(
        self, kind: type[Row], rows: Iterable[Mapping[str, Any]], following: str | None = None
    ) -> Page[Row]:
        """Page of rows of a kind."""
        pages: Any = Page
        told = self.told() | {"rows": list(rows), "next": following}
        return cast(Page[Row], pages[kind].model_validate(told))

    def told(self) -> dict[str, Any]:
        """Say as of when this is."""
        return {"as_of": self.as_of, "row_version": self.row_version}


@contextmanager
def reading(services: Services) -> Iterator[RowReading]:
    """Open a transaction that reads."""
    with transaction(services.engine) as connection:
        yield RowReading(connection, services)


@ROUTER.get("/deployments", summary="Deployments with their books")
def deployments(services: Used) -> Page[models.DeploymentView]:
    """Every deployment, newest first; a set has its legs."""
    with reading(services) as read:
        luck, pinned = newest_luck(read.connection), standing_pins(read.connection)
        rows = [
            row | {"luck": luck.get(row["id"]), "pinned": pinned.get(row["id"], "")}
            for row in current_deployments(read.connection)
        ]
        return read.page(models.DeploymentView, rows)


@ROUTER.get("/positions", summary="What is held")
def positions(services: Used) -> Page[models.PositionView]:
    """Positions of all books that hold something, with the last price that was booked."""
    return _all(services, models.PositionView, shown_rows.positions_held)


@ROUTER.get("/equity", summary="Equity curves of all deployments")
def equity(services: Used, points: Points = 200) -> Page[models.EquityCurve]:
    """Newest equity of each deployment, oldest first; that of a set is the sum of its legs'."""
    with reading(services) as read:
        curves = equity_curves(read.connection, points)
        rows = [{"deployment_id": key, "equity": curve} for key, curve in curves.items()]
        return read.page(models.EquityCurve, rows)


@ROUTER.get("/equity/{deployment_id}", summary="Equity of a deployment", responses=problems(404))
def equity_of(
    services: Used,
    deployment_id: Deployment,
    points: Points = 500,
    before: Annotated[AwareDatetime | None, Query(description="bars that closed before")] = None,
) -> Page[models.EquityBarView]:
    """Book of a deployment at each of its newest bars, oldest first; of a set, its legs' together."""
    with reading(services) as read:
        _require_deployment(read.connection, deployment_id)
        rows = shown_rows.equity_of(read.connection, deployment_id, limit=points, before=before)
        following = rows[0]["ts"].astimezone(UTC).isoformat() if len(rows) == points else None
        return read.page(models.EquityBarView, rows, following)


@ROUTER.get("/fills", summary="Fills")
def fills(
    services: Used, limit: Most = 100, deployment_id: OfDeployment = None, before: Cursor = None
) -> Page[models.FillView]:
    """List fills in the order of their booking, newest first."""
    place = None if before is None else _place_of(before)
    with reading(services) as read:
        rows = shown_rows.newest_fills(
            read.connection, limit=limit, deployment_id=deployment_id, before=place
        )
        return read.page(models.FillView, rows, _cursor_of(rows[-1]) if len(rows) == limit else None)


@ROUTER.get("/limits", summary="Risk limits")
def limits(services: Used) -> Page[models.LimitView]:
    """Limits of account, deployments and strategies, with owner, reason and expiry."""
    return _all(services, models.LimitView, shown_rows.limits_shown)


@ROUTER.get("/breakers", summary="Halts that stand")
def breakers(services: Used) -> Page[models.BreakerView]:
    """Halts of the runner and of people, oldest first."""
    return _all(services, models.BreakerView, standing_halts)


@ROUTER.get("/approvals", summary="Steps that need two people")
def approvals(services: Used, limit: Most = 100) -> Page[models.ApprovalView]:
    """List steps that wait for a second person first, then those that were decided."""
    read_rows = partial(shown_rows.newest_approvals, limit=limit)
    return _all(services, models.ApprovalView, read_rows)


@ROUTER.get("/hotlist", summary="Hot coins, with their scores explained")
def hotlist(services: Used) -> models.HotListView:
    """Coins of the newest scan, best first, whom filters left out, and the weights in force."""
    exchange = services.settings.exchange.id
    coins = read_hotlist(services.engine, exchange)
    excluded = [one._asdict() for one in newest_exclusions(services.engine, exchange)]
    traded = read_whitelist(services.engine, exchange)
    with reading(services) as read:
        weights = [one._asdict() for one in stored_weights(read.connection, exchange)]
        told = read.told() | {"rows": coins, "excluded": excluded, "weights": weights, "whitelist": traded}
        return models.HotListView.model_validate(told)


@ROUTER.get("/strategies", summary="Strategies")
def strategies(services: Used) -> Page[models.StrategyView]:
    """Every strategy file, with its text in force and what is wrong with it."""
    return _all(services, models.StrategyView, shown_rows.strategies_known)


@ROUTER.get("/verdicts", summary="Walk-forwards and their verdicts")
def verdicts(
    services: Used,
    strategy: Annotated[Text | None, Query(description="of this strategy only")] = None,
    symbol: Annotated[Text | None, Query(description="of this symbol only")] = None,
    limit: Most = 50,
) -> Page[models.WalkView]:
    """Newest first, with what the capital decision says of each as of today."""
    fresh = Freshness(clock_time(services.clock).date(), services.settings.ladder.evidence_max_days)
    wanted = RowFilter(strategy=strategy, symbol=symbol, limit=limit)
    return _all(services, models.WalkView, lambda connection: list_walks(connection, wanted, fresh))


@ROUTER.get("/verdicts/{verdict_id}", summary="A verdict with its gates", responses=problems(404))
def verdict(
    services: Used, verdict_id: Annotated[int, Path(ge=0, le=ROW_ID.high)]
) -> Page[models.VerdictView]:
    """One verdict, with each gate's value and threshold."""
    with reading(services) as read:
        row = shown_rows.verdict_of(read.connection, verdict_id)
        if row is None:
            raise UnknownRow(f"verdict {verdict_id} does not exist; expected the id of a stored verdict")
        return read.page(models.VerdictView, [row])


@ROUTER.get("/metrics/strategy/{deployment_id}", summary="Scorecards", responses=problems(404))
def metrics(services: Used, deployment_id: Deployment, limit: Most = 30) -> Page[models.ScorecardView]:
    """Scorecards of a deployment, newest first."""
    with reading(services) as read:
        _require_deployment(read.connection, deployment_id)
        rows = shown_rows.scorecards_of(read.connection, deployment_id, limit=limit)
        return read.page(models.ScorecardView, rows)


@ROUTER.get("/audit/logs", summary="The audit log")
def audit_logs(services: Used, asked: Annotated[AuditAsked, Query()]) -> Page[models.AuditView]:
    """Rows of the audit log, newest first."""
    wanted = shown_rows.AuditFilter(asked.actor, asked.action, asked.subject, asked.before)
    with reading(services) as read:
        rows = shown_rows.newest_audit(read.connection, wanted, limit=asked.limit)
        following = str(rows[-1]["id"]) if len(rows) == asked.limit else None
        return read.page(models.AuditView, rows, following)


@ROUTER.get("/services", summary="Signs of life")
def services_alive(services: Used) -> Page[models.ServiceView]:
    """Last sign of life of each process, with its age."""
    with reading(services) as read:
        beats = read_heartbeats(read.connection)
        rows = [
            {
                "service": name,
                "state": beat.state,
                "at": beat.at,
                "age_seconds": (read.as_of - beat.at).total_seconds(),
                "detail": beat.detail,
            }
            for name, beat in sorted(beats.items())
        ]
        return read.page(models.ServiceView, rows)


@ROUTER.get("/portfolio/plan", summary="The newest allocation")
def plan(services: Used) -> Page[models.PlanView]:
    """Target against actual of each deployment in the newest plan of each account."""
    with reading(services) as read:
        rows = [row for one in newest_plans(read.connection) for row in one["rows"]]
        return read.page(models.PlanView, rows)


def _all(
    services: Services,
    kind: type[Row],
    read_rows: Callable[[Connection], Iterable[Mapping[str, Any]]],
) -> Page[Row]:
    with reading(services) as read:
        return read.page(kind, read_rows(read.connection))


def _require_deployment(connection: Connection, deployment_id: int) -> None:
    if not shown_rows.has_deployment(connection, deployment_id):
        raise UnknownRow(f"deployment:{deployment_id} does not exist; expected the id of a deployment")


def _cursor_of(row: dict[str, Any]) -> str:
    key = [row[name] for name in shown_rows.FillKey._fields]
    key[0] = key[0].astimezone(UTC).isoformat()
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _place_of(cursor: str) -> shown_rows.FillKey:
    try:
        at, venue, symbol, trade_id, part = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        booked_at = datetime.fromisoformat(at)
        if booked_at.tzinfo is None or not all(isinstance(one, str) for one in (venue, symbol, trade_id)):
            raise ValueError
        return shown_rows.FillKey(booked_at, venue, symbol, trade_id, int(part))
    except (ValueError, TypeError) as error:
        raise Refused(
            422, f"before {cursor!r:.80} is no place; expected `next` of the page before"
        ) from error
