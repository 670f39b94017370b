"""The operators' jobs, for the Launchpad: a job for each verb that is signed, built from its row.

A refusal is a failed run with one sentence, and is never retried.
"""

from datetime import datetime
from typing import Any

import dagster as dg

from assets.resources import Platform
from quant_pipelines.core.errors import QuantError
from quant_pipelines.operations.verb import REQUIRED, Field, Kind, Verb, carry_out
from quant_pipelines.operations.verbs import DECISIONS, SIGNATURE

OPERATOR_TAGS = {"quant/operator": "yes"}
_TYPES: dict[Kind, Any] = {"number": dg.IntSource, "deployment": dg.IntSource, "value": float}


def _config(field: Field) -> dg.Field:
    kind = _TYPES.get(field.kind, dg.StringSource)
    if field.choices is not None:
        words = [dg.EnumValue(word.upper(), word) for word in field.choices.words]
        kind = dg.Enum(field.choices.name, words)
    if field.default is REQUIRED:
        return dg.Field(kind, description=field.help)
    return dg.Field(dg.Noneable(kind), description=field.help, default_value=_shown(field, field.default))


def _shown(field: Field, value: Any) -> Any:
    """Value as a form has it: a word by its name."""
    return value.upper() if field.choices is not None else value


def _op(verb: Verb) -> dg.OpDefinition:
    asked = {field.name: _config(field) for field in (*SIGNATURE, *verb.fields)}
    form = dg.Field(asked, description=verb.asks)

    @dg.op(name=f"{verb.job}_op", description=verb.told, config_schema=form)
    def decide(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        """Do what an operator asks and log the receipt; a refusal fails the run with its sentence."""
        empty = [name for name, value in context.op_config.items() if value is None]
        if empty:  # a form admits null where a field has a default; nobody means a default by emptying it
            raise dg.Failure(f"{empty[0]} is empty; expected a value, or no such line", allow_retries=False)
        given = {**context.op_config, "asked_at": _asked_at(context)}
        try:
            receipt = carry_out(verb, given, store=platform.key_store, settings=platform.settings)
        except QuantError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info("%s (audit row %d)", receipt.summary, receipt.audit_id)
        context.instance.add_run_tags(context.run_id, {"quant/result": receipt.summary[:200]})

    return decide


def _asked_at(context: dg.OpExecutionContext) -> datetime | None:
    """When the form was sent: a code is shown for half a minute, and a run may wait for longer."""
    record = context.instance.get_run_record_by_id(context.run_id)
    return record.create_timestamp if record else None


def _job(verb: Verb) -> dg.JobDefinition:
    """Job whose form opens with every field, none of it acceptable as it stands."""
    op = _op(verb)
    blank = {field.name: _shown(field, field.blank) for field in (*SIGNATURE, *verb.fields)}
    graph = dg.GraphDefinition(name=verb.job, node_defs=[op], description=verb.told)
    return graph.to_job(tags=OPERATOR_TAGS, config={"ops": {op.name: {"config": blank}}})


OPERATOR_JOBS = [_job(verb) for verb in DECISIONS.values()]
