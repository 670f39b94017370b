"""Rows of the table of verbs that are about people: who is told, who watches, who may decide, whose keys."""

from dataclasses import replace

from quant_pipelines.operations.verb import Choices, Field, Verb, action_of

_ALERT = Field(
    "alert_id",
    "number",
    "id of the alert, as quant alerts lists it",
    "ack: which alert",
    metavar="ALERT",
    blank=0,
)
_ONLY_OPEN = Field(
    "only_open",
    "switch",
    "list: only those that are neither over nor known",
    default=False,
    flag="--open",
)
ALERTS = (
    Verb(
        "list",
        "what people were told, and what is still to be told",
        "quant_pipelines.operations.alerts:list_alerts",
        (_ONLY_OPEN,),
        route="/api/v1/alerts",
        method="GET",
        role="viewer",
    ),
    Verb(
        "ack",
        "say that an alert is known",
        "quant_pipelines.operations.alerts:acknowledge_alert",
        (_ALERT,),
        job="acknowledge_alert",
        told="Say that an alert is known: nobody else is told of it, and no channel goes on waiting",
        asks="One alert.",
        route="/api/v1/alerts/{alert_id}/ack",
    ),
    Verb(
        "test",
        "send one test alert through every channel",
        "quant_pipelines.operations.alerts:try_channels",
    ),
)
ALERTING = Verb(
    "alerts",
    "what people were told; acknowledge an alert, or test the channels",
    fields=(
        replace(
            action_of("", *(verb.name for verb in ALERTS)),
            help="list, newest first; ack: say that one is known; test: send one through every channel",
            default="list",
            is_optional=True,
        ),
        replace(_ALERT, default=None, is_optional=True, of=("ack",)),
        replace(_ONLY_OPEN, of=("list",)),
    ),
    asker="operator",
    unsigned=("list",),
    gives_reason=("test",),
    kinds=ALERTS,
)
WATCHING = Verb(
    "watchdog",
    "send the alerts, and alert when runner, data or database fall silent; runs until it is stopped",
    asker="home",
)
ASSISTING = Verb(
    "mcp",
    "let an assistant read this stack and run backtests (Model Context Protocol)",
    fields=(
        Field(
            "scopes", "text", "read, backtest or both, with a comma", flag="--scopes", default="read,backtest"
        ),
        Field(
            "gateway", "text", "address of the gateway (default: this home's)", flag="--gateway", default=""
        ),
    ),
    asker="home",
)
TRACING = Verb(
    "traces",
    "send the decision chain to a collector of OpenTelemetry; runs until it is stopped",
    fields=(
        Field("to", "text", "where traces go, such as http://127.0.0.1:4318/v1/traces"),
        Field("minutes", "number", "begin so long ago", flag="--minutes", default=10),
        Field("once", "switch", "send what there is, and end", flag="--once", default=False),
    ),
    asker="home",
)
_USERS = (
    action_of(
        "list: who there is. add: a user, whose seed is shown once; the first one is an admin. reset: a new "
        "seed. disable: shut out",
        "list",
        "add",
        "reset",
        "disable",
    ),
    Field(
        "name",
        "text",
        "add, reset, disable: whom",
        metavar="NAME",
        default=None,
        is_optional=True,
        of=("add", "reset", "disable"),
    ),
    Field(
        "role",
        "text",
        "add: viewer, operator, approver or admin; each may what those before it may",
        choices=Choices("Role", ("viewer", "operator", "approver", "admin")),
        metavar="ROLE",
        default="operator",
        flag="--role",
        of=("add",),
    ),
)
USERS = Verb(
    "users",
    "who may decide, with roles and one-time codes",
    fields=_USERS,
    asker="operator",
    unsigned=("list",),
    role="admin",
)
_KEYS = (
    action_of(
        "add: key and secret are asked for, or are two lines on stdin. list: fingerprints only. "
        "rotate: seal all of them under a new master key",
        "add",
        "list",
        "remove",
        "rotate",
    ),
    Field(
        "account",
        "text",
        "ccxt id of the exchange (default: exchange.id)",
        metavar="ACCOUNT",
        default=None,
        is_optional=True,
        of=("add", "remove"),
    ),
    Field(
        "from_environment",
        "switch",
        "add: take QUANT_API_KEY and QUANT_API_SECRET",
        flag="--from-environment",
        of=("add",),
    ),
    Field("replace", "switch", "add: in place of the keys that are stored", flag="--replace", of=("add",)),
)
KEYS = Verb(
    "keys",
    "API keys of accounts, sealed in the database",
    fields=_KEYS,
    asker="operator",
    unsigned=("list",),
    role="admin",
)
