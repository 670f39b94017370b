"""The operators' jobs, for the Launchpad: a job for each verb that is signed, built from its row.

A refusal is a failed run with one sentence, and is never retried.
"""

from typing import Any

import dagster as dg

from assets.resources import Platform
from quant_pipelines.core.errors import QuantError
from quant_pipelines.operations.verb import Field, Form, Kind, Verb, carry_out
from quant_pipelines.operations.verbs import DECISIONS, SIGNATURE

OPERATOR_TAGS = {"quant/operator": "yes"}
_TYPES: dict[Kind, Any] = {
    "number": dg.IntSource,
    "value": float,
    "text": dg.StringSource,
    "deployment": dg.IntSource,
    "scope": dg.StringSource,
    "limit_scope": dg.StringSource,
}


def _config_field(field: Field) -> dg.Field:
    kind = _TYPES[field.kind]
    if field.choices is not None:
        words = [dg.EnumValue(word.upper(), word) for word in field.choices.words()]
        kind = dg.Enum(field.choices.name, words)
    if field.is_required:
        return dg.Field(kind, description=field.help)
    return dg.Field(dg.Noneable(kind), description=field.help, default_value=_shown(field, field.default))


def _shown(field: Field, value: Any) -> Any:
    """Value as a form has it: one of few words by its name."""
    return value.upper() if field.choices is not None else value


def _op(verb: Verb, form: Form) -> dg.OpDefinition:
    asked = {field.name: _config_field(field) for field in (*SIGNATURE, *verb.fields)}

    @dg.op(
        name=f"{form.job}_op",
        description=form.help,
        config_schema=dg.Field(dg.Shape(asked), description=form.asks),
    )
    def decide(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        """Do what an operator asks and log the receipt; a refusal fails the run with its sentence."""
        try:
            receipt = carry_out(
                verb,
                context.op_config,
                engine=platform.engine,
                settings=platform.settings,
                clock=platform.clock,
            )
        except QuantError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info("%s (audit row %d)", receipt.summary, receipt.audit_id)
        context.instance.add_run_tags(context.run_id, {"quant/result": receipt.summary[:200]})

    return decide


def _job(verb: Verb, form: Form) -> dg.JobDefinition:
    """Job whose form opens with every field, none of it acceptable as it stands."""
    op = _op(verb, form)
    blank = {field.name: _shown(field, field.blank) for field in (*SIGNATURE, *verb.fields)}
    graph = dg.GraphDefinition(name=form.job, node_defs=[op], description=form.help)
    return graph.to_job(tags=OPERATOR_TAGS, config={"ops": {op.name: {"config": blank}}})


OPERATOR_JOBS = [_job(verb, verb.form) for verb in DECISIONS.values() if verb.form is not None]
