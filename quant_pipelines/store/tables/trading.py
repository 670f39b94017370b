"""Schema ``trading``: deployments, orders and books of the live runner."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import BYTEA

from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.stages import Rung, Stage
from quant_pipelines.store.tables.base import document, identity, metadata, moment, money, one_of, text

PAPER_VENUE = "paper"
"""Venue of the account whose orders go nowhere."""

accounts = Table(
    "accounts",
    metadata,
    identity(),
    text("name", unique=True),
    text("venue", comment="paper, or the ccxt id of the exchange"),
    text("currency"),
    money("capital"),
    moment("created_at"),
    Column("sealed_keys", BYTEA, comment="API key and secret, encrypted under the master key; null without"),
    text("keys_fingerprint", nullable=True, comment="tells keys apart"),
    moment("keys_changed_at", nullable=True),
    schema="trading",
    comment="Accounts that the runner books to; the paper account needs no keys",
)

balances = Table(
    "balances",
    metadata,
    Column("account_id", BigInteger, ForeignKey("trading.accounts.id"), nullable=False),
    moment("at"),
    money("wallet", comment="quote, as all amounts here: deposits, realized profit, fees and funding"),
    money("unrealized", comment="profit of what is held, at mark prices"),
    money("maintenance", comment="margin below which the venue closes positions"),
    money("available", comment="what new orders may take"),
    money("units", comment="deposits buy units, withdrawals sell them"),
    PrimaryKeyConstraint("account_id", "at"),
    schema="trading",
    comment="Funds of an account at a venue; a unit is worth (wallet + unrealized) / units",
)

transfers = Table(
    "transfers",
    metadata,
    Column("account_id", BigInteger, ForeignKey("trading.accounts.id"), nullable=False),
    text("number", comment="as the venue names it"),
    moment("ts"),
    money("amount", comment="quote; positive when it came"),
    PrimaryKeyConstraint("account_id", "number"),
    schema="trading",
    comment="Money that came to an account or left it: no profit",
)

wallet_days = Table(
    "wallet_days",
    metadata,
    Column("account_id", BigInteger, ForeignKey("trading.accounts.id"), nullable=False),
    Column("day", Date, nullable=False),
    money("booked", comment="change by our fills and payments, quote"),
    money("at_venue", comment="change of the venue's wallet without transfers, quote"),
    document("rest", comment="what the books do not explain, by the venue's kind; empty when equal"),
    moment("compared_at"),
    PrimaryKeyConstraint("account_id", "day"),
    schema="trading",
    comment="Each UTC day of an account, compared with the venue's wallet to the last digit",
)

deployments = Table(
    "deployments",
    metadata,
    identity(),
    Column("account_id", BigInteger, ForeignKey("trading.accounts.id"), nullable=False),
    Column(*("strategy_version_id", BigInteger, ForeignKey("research.strategy_versions.id")), nullable=False),
    Column("verdict_id", BigInteger, ForeignKey("research.verdicts.id"), nullable=True),
    Column(
        *("set_id", BigInteger, ForeignKey("trading.deployments.id")),
        index=True,
        comment="of a leg: the set that it is traded in; null for what is traded alone, and for a set",
    ),
    Column(
        *("challenges", BigInteger, ForeignKey("trading.deployments.id")),
        comment="incumbent whose place it is tried for; null for what trades its unit",
    ),
    text("strategy"),
    text("exchange"),
    text("symbol", comment="ccxt form; of a set: those of its legs in their order, joined by +"),
    text("timeframe", comment="the strategy's bars"),
    text("execution_timeframe", comment="the bars on which fills and stops are decided"),
    document("parameters"),
    document("settings", comment="costs, sizing and limits in force for this deployment"),
    text("stage", nullable=True, comment="null for a leg: it is that of its set"),
    money("capital", comment="quote, at first; see capital_changes"),
    moment(
        "history_start",
        comment="first bar the strategy sees: fixed, so that a restart decides the same",
    ),
    moment("created_at"),
    moment("stage_changed_at"),
    moment("rests_until", nullable=True, comment="when a culled one goes back to paper by itself"),
    CheckConstraint(one_of("stage", Stage), name="stage"),
    CheckConstraint("rests_until is null or stage = 'cooling'", name="rests"),
    CheckConstraint("(set_id is null) = (stage is not null)", name="leg"),
    Index(
        "uq_deployments_traded",
        "strategy",
        "exchange",
        "symbol",
        "timeframe",
        unique=True,
        postgresql_where=sql(f"{one_of('stage', Rung)} and challenges is null"),
    ),
    Index(
        *("uq_deployments_challenger", "challenges"),
        unique=True,
        postgresql_where=sql(f"{one_of('stage', Rung)} and challenges is not null"),
    ),
    schema="trading",
    comment="Strategy version x instrument x capital: what the runner trades",
)


def _limit_columns() -> "tuple[Column[Any] | CheckConstraint, ...]":
    """Columns of every limit, whoever it holds for."""
    return (
        money("value"),
        moment("updated_at"),
        text("updated_by"),
        text("owner", server_default=sql("''"), comment="who answers for it: who set or proposed it"),
        text("reason", server_default=sql("''")),
        text(
            "approved_by",
            nullable=True,
            comment="the second person, of a limit that was loosened; null for one that was tightened",
        ),
        moment("expires_at", nullable=True, comment="from then on the fallback holds; null: never"),
        money("fallback", nullable=True, comment="value before it; null: there was no limit"),
        CheckConstraint(
            "approved_by is null or lower(btrim(approved_by)) <> lower(btrim(owner))", name="four_eyes"
        ),
    )


risk_limits = Table(
    "risk_limits",
    metadata,
    text("scope", comment="account, or deployment:<id>"),
    text("name"),
    *_limit_columns(),
    PrimaryKeyConstraint("scope", "name"),
    schema="trading",
    comment="Limits in force; seeded from the settings once, then changed by operators",
)

strategy_quotas = Table(
    "strategy_quotas",
    metadata,
    text("strategy"),
    text("name", comment="as in risk_limits"),
    *_limit_columns(),
    PrimaryKeyConstraint("strategy", "name"),
    schema="trading",
    comment="Limits of every deployment of a strategy, each on its own; the tightest of all limits wins",
)

epochs = Table(
    "epochs",
    metadata,
    identity(),
    text("writer", comment="host and process of the writer"),
    moment("started_at"),
    schema="trading",
    comment="Writers of the trading books in order; the highest id is the only one allowed to write",
)

signals = Table(
    "signals",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    moment("bar_close", comment="close time of the bar that was decided on"),
    Column("target", Double, nullable=False),
    Column("price", Double, nullable=False),
    document("decision", comment="each step: target, size, risk verdict, order or why none"),
    moment("decided_at"),
    PrimaryKeyConstraint("deployment_id", "bar_close"),
    schema="trading",
    comment="Every decision, also the ones without an order",
)

intents = Table(
    "intents",
    metadata,
    text("client_order_id", primary_key=True),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    Column("epoch", BigInteger, ForeignKey("trading.epochs.id"), nullable=False),
    text("symbol"),
    text("side"),
    money("quantity"),
    text("order_type"),
    text(
        "purpose",
        comment="target, remainder (what a limit order that follows a target has left open), "
        "stop (it stands at the venue), exit (the runner closes for a stop), "
        "flatten (nothing protects it), close (an operator asked), or order and the number that an event "
        "strategy knows it by",
    ),
    moment("bar_close"),
    moment("committed_at", comment="stamped before the order is handed to the broker"),
    text(
        "exit_reason",
        nullable=True,
        comment="which stop or take-profit the order stands for; null for any other order",
    ),
    money("price", nullable=True, comment="limit or trigger, quote per base; null for a market order"),
    Column(
        "reduce_only",
        Boolean,
        nullable=False,
        server_default=sql("false"),
        comment="whether it may only bring the position nearer to flat",
    ),
    money(
        "decision_price",
        nullable=True,
        comment="close that it was decided on, or the trigger of a stop, quote per base; "
        "null where there was none",
    ),
    money(
        "arrival_price",
        nullable=True,
        comment="last price that the stream had told by then, quote per base; null where it had told none",
    ),
    CheckConstraint(one_of("side", Side), name="side"),
    CheckConstraint("quantity > 0", name="quantity"),
    UniqueConstraint("deployment_id", "bar_close", "purpose"),
    schema="trading",
    comment="What the runner meant to do, committed before it was done",
)

orders = Table(
    "orders",
    metadata,
    text("client_order_id", primary_key=True),
    text("venue_order_id", nullable=True),
    text("status"),
    money("filled_quantity", server_default=sql("0")),
    text("reason", server_default=sql("''"), comment="why it was denied, canceled or rejected"),
    moment("updated_at"),
    CheckConstraint(one_of("status", OrderStatus), name="status"),
    schema="trading",
    comment="State of every order; never goes back",
)

fills = Table(
    "fills",
    metadata,
    text("venue"),
    text("symbol"),
    text("trade_id"),
    text(
        "client_order_id",
        nullable=True,
        comment="null for a fill without an intent: a stop of the paper venue, or EXTERNAL",
    ),
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    text("side"),
    money("quantity"),
    money("price"),
    money("fee"),
    text(
        "reason",
        comment="target, the name of the stop or take_profit, flatten, close; "
        "EXTERNAL: liquidation, adl, settlement",
    ),
    moment("ts", comment="time of the bar or trade that filled it"),
    moment("booked_at"),
    money(
        "realized_pnl",
        nullable=True,
        comment="profit before the fee as the venue books it; null for paper",
    ),
    Column(
        "part",
        Integer,
        nullable=False,
        server_default=sql("0"),
        comment="a trade of several books has one row for each, counted from 0",
    ),
    PrimaryKeyConstraint("venue", "symbol", "trade_id", "part"),
    CheckConstraint(one_of("side", Side), name="side"),
    CheckConstraint("quantity > 0", name="quantity"),
    schema="trading",
    comment="Fills, booked once",
)

income = Table(
    "income",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    text("kind", comment="funding; insurance: what a liquidation cost besides; transfer: capital, no profit"),
    moment("ts"),
    money("amount", comment="quote; positive when received"),
    PrimaryKeyConstraint("deployment_id", "kind", "ts"),
    schema="trading",
    comment="Cash changes that are not fills",
)

positions = Table(
    "positions",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    text("symbol"),
    money("quantity", comment="base, signed"),
    money("entry_price"),
    money("realized_pnl", comment="quote, before fees and funding"),
    money("stop_price", nullable=True),
    moment("updated_at"),
    PrimaryKeyConstraint("deployment_id", "symbol"),
    schema="trading",
    comment="Position of each virtual book; always the sum of its fills",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), primary_key=True),
    moment("bar_close", comment="close of the last execution bar that was booked"),
    document("state", comment="the broker's state, floats to the last digit"),
    Column("epoch", BigInteger, ForeignKey("trading.epochs.id"), nullable=False),
    moment("saved_at"),
    schema="trading",
    comment="State from which a restart goes on, written in the transaction that books the bar",
)

performance_metrics = Table(
    "performance_metrics",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    moment("scored_at"),
    Column("days", Integer, nullable=False),
    document("metrics"),
    PrimaryKeyConstraint("deployment_id", "scored_at"),
    schema="trading",
    comment="Scorecards",
)

trigger_states = Table(
    "trigger_states",
    metadata,
    Column("deployment_id", BigInteger, ForeignKey("trading.deployments.id"), nullable=False),
    text("name"),
    Column("value", Double, nullable=True, comment="null while too little is known"),
    Column("threshold", Double, nullable=False),
    Column("is_active", Boolean, nullable=False),
    moment("since", comment="when it became active, or calm"),
    moment("measured_at"),
    PrimaryKeyConstraint("deployment_id", "name"),
    schema="trading",
    comment="Performance triggers of each deployment as of the last look",
)
