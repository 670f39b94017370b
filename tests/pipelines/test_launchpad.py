"""The Launchpad to the letter: every operator job's name, description, tags, form and config schema.

``pins/launchpad.json`` is the public surface. Whoever changes it on purpose writes it again:
``python -P tests/pipelines/test_launchpad.py``.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from jobs.backups import backup_drill, daily_backup
from jobs.culling import culling
from jobs.housekeeping import housekeeping
from jobs.operator import OPERATOR_JOBS
from jobs.replay import replay_verdict

PIN = Path(__file__).parent / "pins" / "launchpad.json"


def launchpad() -> dict[str, Any]:
    """What a person sees of each job, in the order in which the jobs are defined."""
    return {
        job.name: described(job)
        for job in (*OPERATOR_JOBS, culling, daily_backup, backup_drill, housekeeping, replay_verdict)
    }


def described(job: dg.JobDefinition) -> dict[str, Any]:
    (node,) = job.graph.node_dict.values()
    return {
        "description": job.description,
        "tags": dict(job.tags),
        "form": job.run_config,
        "op": {"name": node.definition.name, "description": node.definition.description},
        "config": field(node.definition.config_schema.as_field()),
        "resources": sorted(node.definition.required_resource_keys),
    }


def field(one: Any) -> dict[str, Any]:
    about = {"required": one.is_required, "description": one.description, "type": kind(one.config_type)}
    return about | ({"default": one.default_value} if one.default_provided else {})


def kind(config_type: Any) -> Any:
    fields = getattr(config_type, "fields", None)
    if fields is not None:
        return {"kind": config_type.kind.name} | {name: field(one) for name, one in fields.items()}
    inner = getattr(config_type, "inner_type", None)
    if inner is not None:
        return {"kind": config_type.kind.name, "of": kind(inner)}
    values = getattr(config_type, "enum_values", None)
    name = config_type.given_name or config_type.key
    return name if values is None else {"enum": name, "values": [one.config_value for one in values]}


def test_every_operator_job_is_the_pinned_one() -> None:
    assert launchpad() == json.loads(PIN.read_text())


if __name__ == "__main__":
    PIN.write_text(json.dumps(launchpad(), indent=1) + "\n")
