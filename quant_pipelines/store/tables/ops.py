"""Schema ``ops``: who did what, and who is alive."""

from typing import Literal, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import BYTEA

from quant_pipelines.store.tables.base import document, identity, metadata, moment, one_of, text

ApprovalDecision: TypeAlias = Literal["open", "approved", "void"]
Role: TypeAlias = Literal["viewer", "operator", "approver", "admin"]
"""Each may what those before it may."""
LoginKind: TypeAlias = Literal["browser", "program"]
DeliveryState: TypeAlias = Literal["waiting", "sending", "delivered", "duplicate", "over", "failed"]
"""``duplicate``: the same was told within the window; ``over``: nobody has to be told any more."""

audit_logs = Table(
    "audit_logs",
    metadata,
    identity(),
    moment("at"),
    text("actor"),
    text("action"),
    text("subject", comment="what it was done to, such as deployment:3"),
    document("detail"),
    Column("previous_hash", BYTEA, nullable=False),
    Column("hash", BYTEA, nullable=False, unique=True),
    Index("ix_audit_logs_subject_id", "subject", "id"),
    schema="ops",
    comment="Hash chain: each row's hash covers its contents and the hash before it",
)

audit_head = Table(
    "audit_head",
    metadata,
    text("log", primary_key=True),
    Column("rows", BigInteger, nullable=False, comment="rows that were ever written"),
    Column("newest_id", BigInteger, nullable=False),
    Column("hash", BYTEA, nullable=False),
    CheckConstraint("log = 'ops.audit_logs'", name="one"),
    schema="ops",
    comment="How many rows the audit log has and the hash of its newest; only a new row of the log moves it",
)

heartbeats = Table(
    "heartbeats",
    metadata,
    text("service", primary_key=True),
    text("state", comment="ACTIVE, REDUCING, HALTED for the runner; healthy or a complaint elsewhere"),
    moment("at"),
    document("detail"),
    schema="ops",
    comment="Latest sign of life of each service",
)

rate_budgets = Table(
    "rate_budgets",
    metadata,
    text("exchange"),
    text("egress", comment="who shares an address at the exchange; the host's name unless settings say"),
    Column("window_number", BigInteger, nullable=False, comment="clock in ms // length of a window"),
    Column("used", BigInteger, nullable=False, comment="weight granted in it, or counted by the exchange"),
    Column("weight_limit", BigInteger, nullable=True),
    moment("banned_until", nullable=True),
    Column("waits", BigInteger, nullable=False, comment="how often somebody had to wait, ever"),
    PrimaryKeyConstraint("exchange", "egress"),
    schema="ops",
    comment="Request allowance of one address at one exchange, shared by all processes",
)

alerts = Table(
    "alerts",
    metadata,
    identity(),
    moment("at"),
    text("severity"),
    text("source"),
    text("message"),
    document("detail"),
    moment("resolved_at", nullable=True),
    moment("routed_at", nullable=True, comment="when its deliveries were planned; null: not yet"),
    moment("acknowledged_at", nullable=True, comment="when a person said that it is known"),
    text("acknowledged_by", nullable=True),
    CheckConstraint("(acknowledged_at is null) = (acknowledged_by is null)", name="acknowledged"),
    Index("ix_alerts_unrouted", "id", postgresql_where=sql("routed_at is null")),
    Index("ix_alerts_source_at", "source", "at"),
    schema="ops",
    comment="What a person should look at",
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    identity(),
    Column("alert_id", BigInteger, ForeignKey("ops.alerts.id"), nullable=False),
    text("channel"),
    text("state", comment="waiting, sending, delivered, duplicate, over or failed"),
    Column("wait_minutes", BigInteger, nullable=False, comment="above 0: only while nobody acknowledged"),
    Column("tries", BigInteger, nullable=False),
    moment("due_at", comment="when it may be sent; while sending: when it is taken for lost"),
    moment("delivered_at", nullable=True),
    text("error", comment="what went wrong last; empty when nothing did"),
    CheckConstraint(one_of("state", DeliveryState), name="state"),
    CheckConstraint("(state = 'delivered') = (delivered_at is not null)", name="delivered"),
    UniqueConstraint("alert_id", "channel"),
    Index("ix_alert_deliveries_due", "due_at", postgresql_where=sql("state in ('waiting', 'sending')")),
    schema="ops",
    comment="One row for each alert and channel: who was told what, and what is still to be told",
)

approvals = Table(
    "approvals",
    metadata,
    identity(),
    text("subject", comment="what is to be changed, such as deployment:3"),
    text("source", comment="stage when the step was proposed"),
    text("target", comment="stage that the step leads to"),
    text("proposer", comment="the first pair of eyes"),
    text("operator", nullable=True, comment="the second one; null while it is missing"),
    text("decision", comment="open, approved or void (the stage changed in another way)"),
    text("reason"),
    document("evidence"),
    moment("proposed_at"),
    moment("expires_at", comment="until when a second person may answer"),
    moment("decided_at", nullable=True),
    CheckConstraint("operator is null or lower(btrim(operator)) <> lower(btrim(proposer))", name="four_eyes"),
    CheckConstraint(one_of("decision", ApprovalDecision), name="decision"),
    CheckConstraint("decision <> 'approved' or operator is not null", name="approved_by"),
    CheckConstraint("decision <> 'approved' or decided_at < expires_at", name="in_time"),
    Index("uq_approvals_open", "subject", "target", unique=True, postgresql_where=sql("decision = 'open'")),
    schema="ops",
    comment="Steps that need two different people",
)

users = Table(
    "users",
    metadata,
    text("name", primary_key=True),
    text("role", comment="viewer, operator, approver or admin: each may what those before it may"),
    Column("sealed_seed", LargeBinary, nullable=False, comment="seed of one-time codes, encrypted"),
    Column("last_step", BigInteger, nullable=False, comment="time step of the last code that was accepted"),
    Column("tried_at", ARRAY(DateTime(timezone=True)), nullable=False, comment="when codes were tried last"),
    moment("added_at"),
    text("added_by"),
    moment("disabled_at", nullable=True),
    CheckConstraint("name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'", name="name"),
    CheckConstraint(one_of("role", Role), name="role"),
    schema="ops",
    comment="People who decide; once there is one, names are proven by codes",
)

logins = Table(
    "logins",
    metadata,
    identity(),
    text("kind", comment="browser: an opaque token in a cookie; program: the number of a signed token"),
    Column("token_hash", BYTEA, nullable=False, unique=True),
    text("operator"),
    text("role", comment="most that it may do; the role of its user holds as well"),
    Column(
        "is_identified",
        Boolean,
        nullable=False,
        comment="whether a one-time code proved the name; else it counts while nobody is a user",
    ),
    text("label", comment="what a program is called by whoever let it in; empty for a browser"),
    moment("opened_at"),
    moment("seen_at"),
    moment("ends_at"),
    moment(
        "ended_at", nullable=True, comment="when somebody logged out or took it back; null while it counts"
    ),
    CheckConstraint(one_of("kind", LoginKind), name="kind"),
    CheckConstraint(one_of("role", Role), name="role"),
    schema="ops",
    comment="Who is logged in at the gateway; no token is stored, only its hash",
)

live_state = Table(
    "live_state",
    metadata,
    text("key", primary_key=True),
    moment("at", comment="when it was true by the writer's clock"),
    document("value"),
    schema="ops",
    prefixes=["UNLOGGED"],
    comment="Latest values by key while Redis is away",
)

bus_events = Table(
    "bus_events",
    metadata,
    identity(),
    text("event_id", unique=True, comment="the publisher's own: a repeated event has the same"),
    text("topic"),
    text("kind"),
    document("body"),
    Index("ix_bus_events_topic_id", "topic", "id"),
    schema="ops",
    comment="Events that Redis could not take; the newest of each topic are kept",
)
