"""The table of verbs: command line, Launchpad and gateway offer what stands here, and nothing else."""

from dataclasses import replace

from quant_pipelines.core.account_limits import EVERY_LIMIT
from quant_pipelines.core.limits import QUOTAS
from quant_pipelines.core.stages import LADDER, RESTS
from quant_pipelines.operations.allocation_verbs import REBALANCE
from quant_pipelines.operations.data_verbs import DATA
from quant_pipelines.operations.database_verbs import DB, UPGRADE
from quant_pipelines.operations.hot_verbs import HOT
from quant_pipelines.operations.people_verbs import ALERTING, ASSISTING, KEYS, TRACING, USERS, WATCHING
from quant_pipelines.operations.profit_verbs import PROFIT
from quant_pipelines.operations.research_verbs import RESEARCH
from quant_pipelines.operations.search_verbs import BACKTEST, OPTIMIZE
from quant_pipelines.operations.venue_verbs import KILL, VENUE
from quant_pipelines.operations.verb import Choices, Field, Verb, action_of
from quant_pipelines.operations.version_verbs import PIN, ROLLBACK, UNPIN

SIGNATURE = (
    Field("operator", "text", "your name", "your name (default: %(default)s)"),
    Field("reason", "text", "why, in a sentence", "why, in a sentence"),
    Field(
        "code",
        "text",
        "your one-time code, once there are users; it is used up by this",
        "your one-time code, once there are users (quant users); asked for on a terminal",
        default="",
    ),
)
"""Who decides, why, and what proves it; the first two are audited. Every form asks for them first."""
_VERDICT = Field(
    "verdict_id",
    "number",
    "id of the verdict, as the asset verdicts shows it",
    "id of a candidate",
    metavar="VERDICT",
    blank=0,
)
_COIN = Field(
    "symbol",
    "text",
    "such as BTC/USDT:USDT; it must be in the newest hot-coin scan",
    "such as BTC/USDT:USDT",
)
_DEPLOYMENT = Field(
    "deployment_id",
    "deployment",
    "id of the deployment, as the asset deployments shows it",
    "its id",
    metavar="DEPLOYMENT",
    blank=0,
)
_STEP = Field(
    "target",
    "text",
    "the next stage; canary and live need two different operators",
    "the next stage",
    blank="shadow",
    choices=Choices("Target", LADDER),
)
_REST = Field(
    "target",
    "text",
    "COOLING may come back; RETIRED may not",
    "for good; its book must hold no position",
    default="cooling",
    blank="cooling",
    choices=Choices("Rest", RESTS),
    flag="--retire",
)
SCOPE = Field(
    "scope",
    "scope",
    "account, or deployment:<id>",
    "account, or a deployment",
    metavar="SCOPE",
    default="account",
    blank="account",
    is_optional=True,
)
_STRATEGIES = Field("strategy", "texts", "names or files; none means the whole folder", metavar="STRATEGY")
_LIMIT = (
    Field(
        "scope",
        "limit_scope",
        "account, deployment:<id>, or strategy:<name>",
        "account, a deployment such as 3, or a strategy such as strategy:ema_cross",
        metavar="SCOPE",
        default="account",
        blank="account",
    ),
    Field(
        "limit",
        "text",
        "which limit",
        f"such as max_leverage (see quant settings show); or a quota: {', '.join(QUOTAS)}",
        metavar="NAME",
        blank="max_leverage",
        choices=Choices("Limit", tuple(EVERY_LIMIT)),
    ),
    Field(
        "value",
        "value",
        "fraction, ratio or seconds as the settings under risk say; quote, base or orders a day",
        "fraction, ratio, seconds, quote, base or orders",
        metavar="VALUE",
        blank=-1.0,
    ),
    Field(
        "expires",
        "text",
        "UTC time from which the value before it holds again, such as 2024-01-31T12:00; none: for good",
        metavar="TIME",
        default="",
        flag="--expires",
    ),
)
_APPROVE = (
    Verb(
        "candidate",
        "admit a candidate to paper money",
        "quant_pipelines.operations.candidates:approve_candidate",
        (_VERDICT,),
        job="approve_candidate",
        told="Admit a candidate to paper money; its gates and its data are checked again",
        asks="One verdict.",
        route="/api/v1/candidates/{verdict_id}/approve",
        role="approver",
    ),
    Verb(
        "coin",
        "move a hot coin to the whitelist",
        "quant_pipelines.operations.coins:approve_coin",
        (_COIN,),
        job="approve_hot_coin",
        told="Move a coin from the universe to the whitelist; its history and its first search follow",
        asks="One symbol of the universe.",
        route="/api/v1/hotlist/approve",
        role="approver",
    ),
)
_SWITCHED = "What is halted, flattened or resumed."
RUNNER = (
    Verb(
        "status",
        "how the runner is",
        "quant_pipelines.operations.halts:runner_status",
        route="/api/v1/runner",
        method="GET",
        role="viewer",
    ),
    Verb(
        "halt",
        "stop its decisions",
        "quant_pipelines.operations.halts:halt",
        (SCOPE,),
        job="halt_runner",
        told="Let the runner take no decision until it is resumed; stops go on working",
        asks=_SWITCHED,
        route="/api/v1/runner/halt",
    ),
    Verb(
        "resume",
        "let it decide again",
        "quant_pipelines.operations.halts:resume",
        (SCOPE,),
        job="resume_runner",
        told="Resolve every halt of the account or of a deployment, also the runner's own",
        asks=_SWITCHED,
        route="/api/v1/runner/resume",
        role="approver",
    ),
    Verb(
        "flatten",
        "close what is held",
        "quant_pipelines.operations.halts:flatten",
        # Its form opens without a scope: nobody closes everything by signing only.
        (replace(SCOPE, blank=""),),
        job="flatten_runner",
        told="Close what the account or a deployment holds; it stays halted until it is resumed",
        asks=_SWITCHED,
        route="/api/v1/runner/flatten",
    ),
)
_STRATEGY = (
    Verb("list", "every strategy of the folder", asker="nobody", module="strategy"),
    Verb(
        "new",
        "write a strategy file to begin with",
        fields=(
            Field("strategy", "text", "file to write, such as ./my_idea.py", metavar="FILE"),
            Field("event", "switch", "one that places orders instead of naming a target", flag="--event"),
        ),
        asker="nobody",
        module="strategy",
    ),
    Verb(
        "check",
        "put strategies through the contract: causality, warm-up, range, determinism, speed",
        fields=(_STRATEGIES,),
        asker="nobody",
        module="strategy",
    ),
    Verb(
        "test",
        "check, and trade made-up bars: the batch and the event driver must agree",
        fields=(_STRATEGIES,),
        asker="nobody",
        module="strategy",
    ),
)
_AUDIT = (
    action_of(
        "verify: prove it; export: write it down; accept: say that the log of a restored backup is right",
        "verify",
        "export",
        "accept",
    ),
    Field(
        "file",
        "path",
        "export to a file instead of stdout",
        metavar="F.jsonl",
        default=None,
        flag="--file",
        of=("export",),
    ),
)
_SETTINGS = (
    action_of("show: every setting in force", "show"),
    Field("describe", "switch", "with default, range and meaning", flag="--describe"),
)
_REFERENCE = Field(
    "what",
    "reference",
    "an id as quant shows it, or such as BTC/USDT:USDT@2024-01-31T12:00 (UTC)",
    metavar="ORDER|TRADE|SYMBOL@TIME",
)

VERBS: tuple[Verb, ...] = (
    Verb("up", "start everything on this machine and supervise it", has_own_arguments=True),
    Verb("status", "what runs, what is deployed, what it earned", asker="home"),
    Verb("doctor", "check this machine and this home, with a mend for each fault", has_own_arguments=True),
    BACKTEST,
    OPTIMIZE,
    Verb(
        "research",
        "what is stored of optimizations: list, show, compare, replay, roll back, acknowledge",
        kinds=RESEARCH,
    ),
    Verb(
        "import-trials",
        "judge the search of another tool: every trial of its file counts",
        module="import_trials",
        has_own_arguments=True,
    ),
    Verb(
        "capital",
        "what has proved enough for capital, and what is about to",
        fields=(Field("look", "switch", "take the week's look first, if it is due", flag="--look"),),
        asker="home",
    ),
    *PROFIT,
    Verb("strategy", "list, begin, check and test strategies", kinds=_STRATEGY),
    Verb("data", "what market data are stored, and what is wrong with them", kinds=DATA),
    Verb(
        "approve",
        "admit a candidate to paper money, or a hot coin to the whitelist",
        fields=(
            Field("what", "text", "id of a candidate, or such as BTC/USDT:USDT", metavar="VERDICT|SYMBOL"),
        ),
        kinds=_APPROVE,
    ),
    Verb(
        "reject",
        "turn down a candidate",
        "quant_pipelines.operations.candidates:reject_candidate",
        (_VERDICT,),
        job="reject_candidate",
        told="Turn down a candidate that waits",
        asks="One verdict.",
        route="/api/v1/candidates/{verdict_id}/reject",
    ),
    Verb(
        "promote",
        "take a deployment one stage up",
        "quant_pipelines.operations.stages:promote",
        (_DEPLOYMENT, _STEP),
        job="promote_deployment",
        told="Take a deployment one stage up; every guard is asked again, canary and live need two people",
        asks="One step up the ladder.",
        route="/api/v1/strategy/{deployment_id}/promote",
        role="operator",
        money=("canary", "live"),
    ),
    ROLLBACK,
    PIN,
    UNPIN,
    Verb(
        "disable",
        "stop a deployment",
        "quant_pipelines.operations.stages:disable",
        (_DEPLOYMENT, _REST),
        job="disable_deployment",
        told="Stop a deployment: it cools and may come back, or it is retired",
        asks="The way out.",
        route="/api/v1/strategy/{deployment_id}/disable",
    ),
    Verb(
        "limit",
        "set a risk limit",
        "quant_pipelines.operations.limits:set_limit",
        _LIMIT,
        job="set_risk_limit",
        told="Set a risk limit; of all that apply the tightest wins, and to loosen one takes two people",
        asks="One limit.",
        route="/api/v1/risk/limits",
        role="approver",
    ),
    HOT,
    REBALANCE,
    Verb(
        "runner",
        "show, halt or resume the live runner",
        fields=(
            action_of("", *(verb.name for verb in RUNNER)),
            replace(SCOPE, of=tuple(verb.name for verb in RUNNER if verb.method == "POST")),
        ),
        asker="operator",
        unsigned=tuple(verb.name for verb in RUNNER if verb.method == "GET"),
        kinds=RUNNER,
    ),
    KILL,
    VENUE,
    Verb(
        "explain",
        "the decision chain of an order, or why there was none",
        fields=(_REFERENCE,),
        asker="home",
    ),
    Verb(
        "history",
        "what became of a deployment: versions, luck, stages, capital, challengers",
        fields=(
            _DEPLOYMENT,
            Field(
                "diff",
                "text",
                "two versions by their numbers, such as 1:2: what differs in parameters and text",
                metavar="A:B",
                default="",
                flag="--diff",
            ),
        ),
        asker="home",
        module="deployment_history",
    ),
    ALERTING,
    WATCHING,
    Verb(
        "audit",
        "prove that the audit log is whole, or write it down",
        fields=_AUDIT,
        asker="operator",
        unsigned=("verify", "export"),
        role="admin",
    ),
    Verb("settings", "every setting in force", fields=_SETTINGS, asker="nobody"),
    KEYS,
    USERS,
    DB,
    UPGRADE,
    ASSISTING,
    TRACING,
)
"""In the order of ``quant --help``."""
DECISIONS = {verb.job: verb for head in VERBS for verb in head.leaves() if verb.function and verb.job}
"""Verbs that an operator signs, by the name of their job."""
