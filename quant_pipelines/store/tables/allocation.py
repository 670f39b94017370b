"""Schema ``trading``: plans of the allocation, and what each says of every deployment."""

from typing import Literal, TypeAlias

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    PrimaryKeyConstraint,
    Table,
)

from quant_pipelines.core.allocation_rules import Bound, Rule
from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, one_of, text

PlanKind: TypeAlias = Literal["daily", "asked", "undo"]
PlanOutcome: TypeAlias = Literal["proposed", "applied", "refused"]

allocation_plans = Table(
    "allocation_plans",
    metadata,
    identity(),
    Column("account_id", BigInteger, ForeignKey("trading.accounts.id"), nullable=False),
    Column("day", Date, nullable=False, comment="UTC day that it is for"),
    text("kind", comment="daily, asked (by a person), undo (of another plan)"),
    text("outcome", comment="proposed: a person must ask for it; applied; refused: nothing was changed"),
    text("rule", nullable=True, comment="why it is refused; null where it is not"),
    text("reason", comment="one sentence"),
    money("equity", nullable=True, comment="of the account, quote; null where it is not known"),
    Column("volatility", Double, comment="of all targets together, a fraction a year; null without any"),
    Column("scale", Double, comment="factor on the risk shares"),
    Column("shrinkage", Double, comment="how far correlations were drawn to none; null where none are known"),
    document("settings", comment="bounds in force"),
    text("actor"),
    moment("made_at"),
    Column(
        "undoes",
        BigInteger,
        ForeignKey("trading.allocation_plans.id"),
        unique=True,
        comment="plan that was taken back by it",
    ),
    CheckConstraint(one_of("kind", PlanKind), name="kind"),
    CheckConstraint(one_of("outcome", PlanOutcome), name="outcome"),
    CheckConstraint(one_of("rule", Rule), name="rule"),
    CheckConstraint("(outcome = 'refused') = (rule is not null)", name="refused"),
    CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo"),
    schema="trading",
    comment="Plans of the allocation, one account each; rows stay as they are",
)

allocation_rows = Table(
    "allocation_rows",
    metadata,
    Column("plan_id", BigInteger, ForeignKey("trading.allocation_plans.id"), nullable=False),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    text("stage", comment="when it was planned"),
    Column("actual", Double, nullable=False, comment="notional at full target over the account's equity"),
    Column("target", Double, nullable=False, comment="the same as it should be"),
    Column("weight", Double, nullable=False, comment="the same on the way there: up in steps, down at once"),
    money("capital_before", comment="quote"),
    money("capital", comment="quote, by this plan"),
    text("bound", nullable=True, comment="what decided the target; null of an undo"),
    text("reason", comment="one sentence"),
    document("detail", comment="idea, share of the risk, tilts, and what the record says"),
    CheckConstraint(one_of("bound", Bound), name="bound"),
    CheckConstraint("capital >= 0", name="capital"),
    PrimaryKeyConstraint("plan_id", "deployment_id"),
    schema="trading",
    comment="What a plan says of each deployment: target against actual, with the reason",
)
