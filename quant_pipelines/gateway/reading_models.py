"""What reads answer with. Every page says as of when it is, and the audit row that a form refers to."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from quant_pipelines.core.orders import Side
from quant_pipelines.core.severities import Severity
from quant_pipelines.core.stages import Stage
from quant_pipelines.store.tables.ops import ApprovalDecision
from quant_pipelines.store.tables.research import TaskStatus

Row = TypeVar("Row", bound=BaseModel)
Document = dict[str, Any]
_MOMENT = "2025-06-10T12:00:00Z"
Amount = Annotated[Decimal, Field(description="exact, as text", examples=["10000.25"])]


class _Shown(BaseModel):
    """A row or a document as it is stored; what is stored besides is left out."""

    model_config = ConfigDict(extra="ignore")


class Page(BaseModel, Generic[Row]):
    """Rows, as of a time."""

    as_of: datetime = Field(description="when they were read", examples=[_MOMENT])
    row_version: int = Field(
        description="newest audit row when they were read; send it with a form that rests on them",
        examples=[57],
    )
    rows: list[Row]
    next: str | None = Field(default=None, description="send it as `before` for the rows below; null: none")


class LegView(_Shown):
    """A leg of a set."""

    id: int
    symbol: str
    equity: float | None
    position: float | None


class DeploymentView(_Shown):
    """A strategy on a symbol, with its book."""

    id: int = Field(examples=[3])
    strategy: str = Field(examples=["ema_cross"])
    content_hash: str = Field(description="version of its text", examples=["4f1c…"])
    symbol: str = Field(description="of a set: those of its legs, joined by +", examples=["BTC/USDT:USDT"])
    timeframe: str = Field(examples=["1h"])
    exchange: str = Field(examples=["binanceusdm"])
    stage: Stage = Field(examples=["paper"])
    stage_changed_at: datetime = Field(examples=[_MOMENT])
    created_at: datetime = Field(examples=[_MOMENT])
    rests_until: datetime | None = None
    capital: Amount
    parameters: Document = Field(examples=[{"fast": 10, "slow": 48}])
    challenges: int | None = Field(description="deployment whose place it is tried for")
    verdict_id: int | None
    equity: float | None = Field(description="quote, at the close of its newest bar")
    equity_at: datetime | None
    position: float | None = Field(description="base, signed; null for a set")
    fills: int
    shortfall_bps: float | None = Field(description="cost of its orders against the arrival prices")
    fee_bps: float | None
    luck: Document | None = Field(default=None, description="how likely its days are luck")
    pinned: str = Field(default="", description="who holds it in place, and why")
    legs: list[LegView] = []


class PositionView(_Shown):
    """What a book holds."""

    deployment_id: int = Field(examples=[3])
    strategy: str
    symbol: str = Field(examples=["BTC/USDT:USDT"])
    timeframe: str
    quantity: Amount
    entry_price: Amount
    realized_pnl: Amount
    stop_price: Amount | None
    updated_at: datetime
    price: float | None = Field(description="last close that was booked, quote per base")
    price_at: datetime | None


class EquityBarView(_Shown):
    """A book at the close of a bar; that of a set has no position, price or stop of its own."""

    ts: datetime = Field(examples=[_MOMENT])
    equity: float = Field(examples=[10_120.5])
    cash: float
    position: float | None
    price: float | None
    stop_price: float | None


class EquityCurve(_Shown):
    """The newest equity of a deployment, oldest first."""

    deployment_id: int
    equity: list[float]


class FillView(_Shown):
    """A fill as it was booked."""

    venue: str
    symbol: str
    trade_id: str
    client_order_id: str | None
    deployment_id: int
    strategy: str
    side: Side
    quantity: Amount
    price: Amount
    fee: Amount
    reason: str
    ts: datetime
    booked_at: datetime
    realized_pnl: Amount | None
    part: int


class LimitView(_Shown):
    """A risk limit with who answers for it."""

    scope: str = Field(examples=["account"])
    name: str = Field(examples=["max_leverage"])
    in_force: Amount | None = Field(description="value now; null: there is none")
    value: Amount
    owner: str
    reason: str
    approved_by: str | None
    updated_at: datetime
    updated_by: str
    expires_at: datetime | None
    fallback: Amount | None = Field(description="value from then on")


class BreakerView(_Shown):
    """A halt that stands."""

    id: int
    source: str = Field(examples=["account"])
    message: str
    at: datetime
    detail: Document


class ApprovalView(_Shown):
    """A step that needs two people."""

    id: int
    subject: str = Field(examples=["deployment:3"])
    source: str
    target: str
    proposer: str
    operator: str | None
    decision: ApprovalDecision
    reason: str
    proposed_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class HotCoinView(_Shown):
    """A coin of the newest scan, with what its score is made of."""

    symbol: str = Field(examples=["SOL/USDT:USDT"])
    rank: int
    score: float
    scored_at: datetime
    factors: Document
    flags: Any
    labels: Document


class ExclusionView(_Shown):
    """A coin that a filter left out."""

    symbol: str
    filter: str
    sentence: str


class WeightView(_Shown):
    """Weight of a factor that is in force."""

    factor: str
    weight: float
    cause: str
    actor: str
    reason: str
    made_at: datetime


class HotListView(Page[HotCoinView]):
    """The newest scan."""

    excluded: list[ExclusionView]
    weights: list[WeightView]
    whitelist: list[str] = Field(description="coins that are traded")


class StrategyView(_Shown):
    """A strategy file."""

    name: str = Field(examples=["ema_cross"])
    description: str | None
    content_hash: str | None = Field(description="version in force; null: none passed")
    file_hash: str | None = Field(description="version in the folder; null: the file is gone")
    fault: str
    changed_at: datetime
    versions: int
    traded: int = Field(description="deployments that trade it now")


class WalkView(_Shown):
    """A walk-forward and its verdict."""

    verdict_id: int | None
    task_id: int
    strategy: str
    version: str
    exchange: str
    symbol: str
    timeframe: str
    searcher: str
    objective: str
    window_start: datetime
    window_end: datetime
    status: TaskStatus = Field(examples=["done"])
    error: str | None
    trigger: str
    created_at: datetime
    paper_passed: bool | None
    capital_passed: bool | None
    decision: str | None
    parameters: Document | None
    trials: int | None
    days: int | None
    sharpe: float | None
    total_return: float | None
    capital: Document | None = None


class VerdictView(_Shown):
    """A verdict with its gates."""

    id: int
    task_id: int
    strategy: str
    content_hash: str
    exchange: str
    symbol: str
    timeframe: str
    parameters: Document
    in_sample: Document
    out_of_sample: Document
    gates: list[Document]
    reasons: list[Any]
    paper_passed: bool
    capital_passed: bool
    decision: str
    created_at: datetime
    decided_at: datetime | None


class ScorecardView(_Shown):
    """How a deployment did, as of a day."""

    scored_at: datetime
    days: int
    metrics: Document = Field(examples=[{"sharpe": 1.2, "max_drawdown": 0.04}])


class AuditView(_Shown):
    """A row of the audit log."""

    id: int = Field(examples=[57])
    at: datetime
    actor: str = Field(examples=["ann"])
    action: str = Field(examples=["runner.halted"])
    subject: str = Field(examples=["account"])
    detail: Document


class ServiceView(_Shown):
    """Sign of life of a process."""

    service: str = Field(examples=["runner"])
    state: str
    at: datetime
    age_seconds: float
    detail: Document


class PlanView(_Shown):
    """What the newest allocation says of a deployment."""

    plan_id: int
    deployment_id: int
    stage: Stage
    actual: float
    target: float
    weight: float
    capital_before: Amount
    capital: Amount
    bound: str | None
    reason: str
    detail: Document


class RunnerView(_Shown):
    """The live runner."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "example": {
                "state": "ACTIVE",
                "outages": [],
                "last_sign_of_life": _MOMENT,
                "epoch": 4,
                "writer": "desk:4711",
                "halts": [],
                "limits": {"account": {"max_leverage": 2.0}},
                "limit_expiries": {},
                "proposals": [],
                "deployments": [],
                "data_age_seconds": {},
            }
        },
    )
    state: str = Field(description="ACTIVE, REDUCING, HALTED, WAITING or away")
    outages: list[Document]
    last_sign_of_life: datetime | None
    epoch: int | None
    writer: str | None
    halts: list[Document]
    limits: dict[str, dict[str, float]]
    limit_expiries: dict[str, dict[str, datetime]]
    proposals: list[Document]
    deployments: Any
    data_age_seconds: Any


class DeliveryView(_Shown):
    """Where an alert went."""

    channel: str
    state: str
    tries: int
    due_at: datetime
    delivered_at: datetime | None
    error: str


class AlertView(_Shown):
    """What people were told."""

    id: int = Field(examples=[12])
    at: datetime
    severity: Severity
    source: str
    message: str
    detail: Document
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    deliveries: list[DeliveryView] = []


class AlertsView(BaseModel):
    """The newest alerts, newest first."""

    rows: list[AlertView]
