"""The table of verbs: command line, Launchpad and gateway offer what stands here, and nothing else."""

from dataclasses import replace

from quant_pipelines.operations.verb import Argument, Choices, Field, Form, Route, Verb

LADDER = ("paper", "shadow", "canary", "live")
RESTS = ("cooling", "retired")

OPERATOR = Field("operator", "text", "your name", Argument("your name (default: %(default)s)"), blank="")
REASON = Field("reason", "text", "why, in a sentence", Argument("why, in a sentence"), blank="")
SIGNATURE = (OPERATOR, REASON)
"""Who decides, and why; both stand in the audit log. Every verb with a form asks for them first."""

_VERDICT = Field(
    "verdict_id",
    "number",
    "id of the verdict, as the asset verdicts shows it",
    Argument("id of a candidate", "VERDICT"),
    blank=0,
)
_COIN = Field(
    "symbol",
    "text",
    "such as BTC/USDT:USDT; it must be in the newest hot-coin scan",
    Argument("such as BTC/USDT:USDT", "SYMBOL"),
    blank="",
)
_DEPLOYMENT = Field(
    "deployment_id",
    "deployment",
    "id of the deployment, as the asset deployments shows it",
    Argument("its id", "DEPLOYMENT"),
    blank=0,
)
_STEP = Field(
    "target",
    "text",
    "the next stage; canary and live need two different operators",
    Argument("the next stage"),
    blank="shadow",
    choices=Choices("Target", "quant_pipelines.operations.verbs:LADDER"),
)
_REST = Field(
    "target",
    "text",
    "COOLING may come back; RETIRED may not",
    Argument("for good; its book must hold no position", flag="--retire", value="retired"),
    default="cooling",
    blank="cooling",
    choices=Choices("Rest", "quant_pipelines.operations.verbs:RESTS"),
)
SCOPE = Field(
    "scope",
    "scope",
    "account, or deployment:<id>",
    Argument("account, or a deployment", "SCOPE", is_optional=True),
    default="account",
    blank="account",
)
_LIMIT_SCOPE = Field(
    "scope",
    "limit_scope",
    "account, deployment:<id>, or strategy:<name>",
    Argument("account, a deployment such as 3, or a strategy such as strategy:ema_cross", "SCOPE"),
    default="account",
    blank="account",
)
_LIMIT = Field(
    "limit",
    "text",
    "which limit",
    Argument(
        "such as max_leverage (see quant settings show); or a quota: max_position_notional, "
        "max_position_quantity, max_orders_per_day",
        "NAME",
    ),
    blank="max_leverage",
    choices=Choices("Limit", "quant_pipelines.operations.limits:LIMITS"),
)
_LIMIT_VALUE = Field(
    "value",
    "value",
    "fraction, ratio or seconds as the settings under risk say; quote, base or orders a day",
    Argument("fraction, ratio, seconds, quote, base or orders", "VALUE"),
    blank=-1.0,
)

_APPROVE_CANDIDATE = Verb(
    "candidate",
    "admit a candidate to paper money",
    "quant_pipelines.operations.candidates:approve_candidate",
    (_VERDICT,),
    Form(
        "approve_candidate",
        "Admit a candidate to paper money; its gates and its data are checked again",
        "One verdict.",
    ),
    Route("POST", "/api/v1/candidates/{verdict_id}/approve", "operator"),
)
_APPROVE_COIN = Verb(
    "coin",
    "move a hot coin to the whitelist",
    "quant_pipelines.operations.coins:approve_coin",
    (_COIN,),
    Form(
        "approve_hot_coin",
        "Move a coin from the universe to the whitelist; its history and its first search follow",
        "One symbol of the universe.",
    ),
    Route("POST", "/api/v1/hotlist/approve", "operator"),
)
_REJECT = Verb(
    "reject",
    "turn down a candidate",
    "quant_pipelines.operations.candidates:reject_candidate",
    (_VERDICT,),
    Form("reject_candidate", "Turn down a candidate that waits", "One verdict."),
    Route("POST", "/api/v1/candidates/{verdict_id}/reject", "operator"),
)
_PROMOTE = Verb(
    "promote",
    "take a deployment one stage up",
    "quant_pipelines.operations.stages:promote",
    (_DEPLOYMENT, _STEP),
    Form(
        "promote_deployment",
        "Take a deployment one stage up; every guard is asked again, canary and live need two people",
        "One step up the ladder.",
    ),
    Route("POST", "/api/v1/strategy/{deployment_id}/promote", "approver"),
)
_ROLL_BACK = Verb(
    "rollback",
    "take a shadow, canary or live deployment out again",
    "quant_pipelines.operations.stages:roll_back",
    (_DEPLOYMENT,),
    Form(
        "roll_back_deployment",
        "Take a shadow, canary or live deployment out again",
        "One deployment.",
    ),
    Route("POST", "/api/v1/strategy/{deployment_id}/rollback", "operator"),
)
_DISABLE = Verb(
    "disable",
    "stop a deployment",
    "quant_pipelines.operations.stages:disable",
    (_DEPLOYMENT, _REST),
    Form(
        "disable_deployment",
        "Stop a deployment: it cools and may come back, or it is retired",
        "The way out.",
    ),
    Route("POST", "/api/v1/strategy/{deployment_id}/disable", "operator"),
)
_SET_LIMIT = Verb(
    "limit",
    "set a risk limit",
    "quant_pipelines.operations.limits:set_limit",
    (_LIMIT_SCOPE, _LIMIT, _LIMIT_VALUE),
    Form(
        "set_risk_limit",
        "Set a risk limit; of all that apply, the tightest wins, and the runner follows in seconds",
        "One limit.",
    ),
    Route("POST", "/api/v1/risk/limits", "operator"),
)
_HALTED = "What is halted, flattened or resumed."
RUNNER = (
    Verb(
        "status",
        "how the runner is",
        "quant_pipelines.operations.halts:runner_status",
        route=Route("GET", "/api/v1/runner", "viewer"),
    ),
    Verb(
        "halt",
        "stop its decisions",
        "quant_pipelines.operations.halts:halt",
        (SCOPE,),
        Form(
            "halt_runner",
            "Let the runner take no decision until it is resumed; stops go on working",
            _HALTED,
        ),
        Route("POST", "/api/v1/runner/halt", "operator"),
    ),
    Verb(
        "resume",
        "let it decide again",
        "quant_pipelines.operations.halts:resume",
        (SCOPE,),
        Form(
            "resume_runner",
            "Resolve every halt of the account or of a deployment, also the runner's own",
            _HALTED,
        ),
        Route("POST", "/api/v1/runner/resume", "operator"),
    ),
    Verb(
        "flatten",
        "close what is held",
        "quant_pipelines.operations.halts:flatten",
        # The form opens without a scope: nobody closes everything by one click.
        (replace(SCOPE, blank=""),),
        Form(
            "flatten_runner",
            "Close what the account or a deployment holds; it stays halted until it is resumed",
            _HALTED,
        ),
        Route("POST", "/api/v1/runner/flatten", "operator"),
    ),
)
_DATA = (
    Verb("check", "look for faults in what is stored, in an archive or in a file"),
    Verb("repair", "ask the exchange again about what the checks found"),
    Verb("import", "bring Parquet and CSV files into the store"),
    Verb("coverage", "what is stored, and what is missing"),
    Verb("costs", "what own fills say that trading costs"),
)

VERBS: tuple[Verb, ...] = (
    Verb("up", "start everything on this machine and supervise it"),
    Verb("status", "what runs, what is deployed, what it earned"),
    Verb("doctor", "check this machine and this home, with a mend for each fault"),
    Verb("backtest", "one backtest"),
    Verb(
        "optimize",
        "a walk-forward and its verdict",
        form=Form("focused_optimization"),
        route=Route("POST", "/api/v1/optimizer/run", "operator"),
        runs_as="job",
    ),
    Verb("strategy", "list, begin, check and test strategies"),
    Verb("data", "what market data are stored, and what is wrong with them", verbs=_DATA),
    Verb(
        "approve",
        "admit a candidate to paper money, or a hot coin to the whitelist",
        verbs=(_APPROVE_CANDIDATE, _APPROVE_COIN),
    ),
    _REJECT,
    _PROMOTE,
    _ROLL_BACK,
    _DISABLE,
    _SET_LIMIT,
    Verb("runner", "show, halt or resume the live runner", verbs=RUNNER),
    Verb("explain", "the decision chain of an order, or why there was none"),
    Verb("audit", "prove that the audit log is whole, or write it down"),
    Verb("settings", "every setting in force"),
    Verb("keys", "API keys of accounts, sealed in the database"),
    Verb("db", "the stack's database: its schema, backups"),
)
"""In the order of ``quant --help``."""
DECISIONS = {
    verb.form.job: verb
    for head in VERBS
    for verb in head.leaves()
    if verb.form is not None and verb.runs_as == "function"
}
"""Verbs that an operator signs, by the name of their job; in the order of the command line."""
