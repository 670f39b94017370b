"""Rows of the table of verbs that share capital out."""

from quant_pipelines.operations.verb import Choices, Field, Verb

_KINDS = (
    Verb(
        "apply",
        "plan every account anew and carry it out",
        "quant_pipelines.operations.rebalance:rebalance",
        job="rebalance",
        told="Plan every account anew and carry it out, live deployments too; each weight with its reason",
        asks="Who, and why.",
        route="/api/v1/portfolio/rebalance",
        role="approver",
    ),
    Verb(
        "undo",
        "take the newest plan back",
        "quant_pipelines.operations.rebalance:undo_rebalance",
        job="undo_rebalance",
        told="Give the deployments of the newest plan the capital that they had before it",
        asks="Who, and why.",
        route="/api/v1/portfolio/rebalance/undo",
        role="approver",
    ),
)
REBALANCE = Verb(
    "rebalance",
    "share the accounts' capital out among their deployments, show the plan, or take it back",
    fields=(
        Field(
            "action",
            "text",
            "apply: plan every account anew and carry it out; undo: take the newest plan back",
            default="apply",
            choices=Choices("Action", tuple(verb.name for verb in _KINDS)),
            is_optional=True,
        ),
        Field(
            "dry_run",
            "switch",
            "plan, show it, and change nothing; needs no reason",
            flag="--dry-run",
            of=("apply",),
        ),
    ),
    asker="operator",
    gives_reason=("apply",),
    kinds=_KINDS,
)
