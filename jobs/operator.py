"""The operators' jobs, for the Launchpad: each op checks its config, calls one verb and shows the receipt.

A refusal is a failed run with one sentence, and is never retried. The verbs are those of the command line.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets.rendering import table
from assets.resources import Platform
from quant_pipelines import operations
from quant_pipelines.core.errors import QuantError
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.operations.receipt import Signature

if TYPE_CHECKING:
    from quant_pipelines.operations.receipt import Receipt

OPERATOR_TAGS = {"quant/operator": "yes"}


class Target(Enum):
    """Stages of the ladder."""

    PAPER = "paper"
    SHADOW = "shadow"
    CANARY = "canary"
    LIVE = "live"


class Rest(Enum):
    """Where a disabled deployment goes."""

    COOLING = "cooling"
    RETIRED = "retired"


class Limit(Enum):
    """Limits that operators set."""

    vars().update({name.upper(): name for name in LIMITS})


class Signed(dg.Config):
    """Who decides, and why; both stand in the audit log."""

    operator: str = Field(description="your name")
    reason: str = Field(description="why, in a sentence")

    @property
    def signature(self) -> Signature:
        """Name and reason; refused when one is empty."""
        return Signature(self.operator, self.reason)


class Candidate(Signed):
    """One verdict."""

    verdict_id: int = Field(description="id of the verdict, as the asset verdicts shows it")


class Coin(Signed):
    """One symbol of the universe."""

    symbol: str = Field(description="such as BTC/USDT:USDT; it must be in the newest hot-coin scan")


class OneDeployment(Signed):
    """One deployment."""

    deployment_id: int = Field(description="id of the deployment, as the asset deployments shows it")


class Promotion(OneDeployment):
    """One step up the ladder."""

    target: Target = Field(description="the next stage; canary and live need two different operators")


class Disabling(OneDeployment):
    """The way out."""

    target: Rest = Field(default=Rest.COOLING, description="COOLING may come back; RETIRED may not")


class LimitChange(Signed):
    """One limit."""

    scope: str = Field(default="account", description="account, deployment:<id>, or strategy:<name>")
    limit: Limit = Field(description="which limit")
    value: float = Field(
        description="fraction, ratio or seconds as the settings under risk say; quote, base or orders a day"
    )


class HaltScope(Signed):
    """What is halted, flattened or resumed."""

    scope: str = Field(default="account", description="account, or deployment:<id>")


def carry_out(context: dg.OpExecutionContext, verb: Callable[[], "Receipt"]) -> None:
    """Do what an operator asks and log the receipt; a refusal fails the run with its sentence."""
    try:
        receipt = verb()
    except QuantError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info("%s (audit row %d)", receipt.summary, receipt.audit_id)
    context.instance.add_run_tags(context.run_id, {"quant/result": receipt.summary[:200]})


@dg.op(description="Admit a candidate to paper money; its gates and its data are checked again")
def approve_candidate_op(
    context: dg.OpExecutionContext, config: Candidate, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.approve_candidate(
            platform.engine,
            platform.settings,
            config.signature,
            verdict_id=config.verdict_id,
            clock=platform.clock,
        ),
    )


@dg.op(description="Turn down a candidate that waits")
def reject_candidate_op(
    context: dg.OpExecutionContext, config: Candidate, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.reject_candidate(
            platform.engine, config.signature, verdict_id=config.verdict_id, clock=platform.clock
        ),
    )


@dg.op(description="Move a coin from the universe to the whitelist; its history and its first search follow")
def approve_hot_coin_op(
    context: dg.OpExecutionContext, config: Coin, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.approve_coin(
            platform.engine, platform.exchange, config.signature, symbol=config.symbol, clock=platform.clock
        ),
    )


@dg.op(
    description="Take a deployment one stage up; every guard is asked again, canary and live need two people"
)
def promote_deployment_op(
    context: dg.OpExecutionContext, config: Promotion, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.promote(
            platform.engine,
            platform.settings.ladder,
            config.signature,
            deployment_id=config.deployment_id,
            target=config.target.value,
            clock=platform.clock,
        ),
    )


@dg.op(description="Take a shadow, canary or live deployment out again")
def roll_back_deployment_op(
    context: dg.OpExecutionContext, config: OneDeployment, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.roll_back(
            platform.engine, config.signature, deployment_id=config.deployment_id, clock=platform.clock
        ),
    )


@dg.op(description="Stop a deployment: it cools and may come back, or it is retired")
def disable_deployment_op(
    context: dg.OpExecutionContext, config: Disabling, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.disable(
            platform.engine,
            config.signature,
            deployment_id=config.deployment_id,
            target=config.target.value,
            clock=platform.clock,
        ),
    )


@dg.op(
    description="Set a risk limit; of all that apply, the tightest wins, and the runner follows in seconds"
)
def set_risk_limit_op(
    context: dg.OpExecutionContext, config: LimitChange, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.set_limit(
            platform.engine,
            config.signature,
            config.scope,
            config.limit.value,
            config.value,
            clock=platform.clock,
        ),
    )


@dg.op(description="Let the runner take no decision until it is resumed; stops go on working")
def halt_runner_op(
    context: dg.OpExecutionContext, config: HaltScope, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.halt(platform.engine, config.signature, scope=config.scope, clock=platform.clock),
    )


@dg.op(description="Resolve every halt of the account or of a deployment, also the runner's own")
def resume_runner_op(
    context: dg.OpExecutionContext, config: HaltScope, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.resume(
            platform.engine, config.signature, scope=config.scope, clock=platform.clock
        ),
    )


@dg.op(description="Close what the account or a deployment holds; it stays halted until it is resumed")
def flatten_runner_op(
    context: dg.OpExecutionContext, config: HaltScope, platform: dg.ResourceParam[Platform]
) -> None:
    """Call the verb of the same name."""
    carry_out(
        context,
        lambda: operations.flatten(
            platform.engine, config.signature, scope=config.scope, clock=platform.clock
        ),
    )


@dg.op(
    description="Rank the deployments by rolling Sharpe ratio; the worst rests if even its upper bound is < 0"
)
def culling_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Rank, and let at most one deployment rest."""
    ranking, receipt = operations.cull_worst(platform.engine, platform.settings.ladder, platform.clock)
    names = ("deployment_id", "sharpe", "upper_bound", "days")
    rows = [{name: getattr(one, name) for name in names} for one in ranking]
    context.log.info(receipt.summary if receipt else f"{len(rows)} ranked, nobody rests")
    context.log_event(dg.AssetObservation("deployments", metadata={"ranking": table(rows)}))


def _job(op: Any, tags: dict[str, str], form: dict[str, Any] | None = None) -> dg.JobDefinition:
    name = op.name.removesuffix("_op")
    graph = dg.GraphDefinition(name=name, node_defs=[op], description=op.description)
    config = None if form is None else {"ops": {op.name: {"config": {**_UNSIGNED, **form}}}}
    return graph.to_job(name=name, description=op.description, tags=tags, config=config)


_UNSIGNED = {"operator": "", "reason": ""}
# What the Launchpad opens with: every field, none of it acceptable as it stands. No name and no reason is
# refused, and so are the number 0, the empty symbol and the limit -1.
FORMS: tuple[tuple[dg.OpDefinition, dict[str, Any]], ...] = (
    (approve_candidate_op, {"verdict_id": 0}),
    (reject_candidate_op, {"verdict_id": 0}),
    (approve_hot_coin_op, {"symbol": ""}),
    (promote_deployment_op, {"deployment_id": 0, "target": Target.SHADOW.name}),
    (roll_back_deployment_op, {"deployment_id": 0}),
    (disable_deployment_op, {"deployment_id": 0, "target": Rest.COOLING.name}),
    (set_risk_limit_op, {"scope": "account", "limit": "MAX_LEVERAGE", "value": -1.0}),
    (halt_runner_op, {"scope": "account"}),
    (resume_runner_op, {"scope": "account"}),
    (flatten_runner_op, {"scope": ""}),
)
OPERATOR_JOBS = [_job(op, OPERATOR_TAGS, form) for op, form in FORMS]
culling = _job(culling_op, {})
