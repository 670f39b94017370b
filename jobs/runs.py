"""Looks at runs of a job, so that no job runs twice at a time."""

from collections.abc import Sequence

import dagster as dg

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in FINISHED]


def unfinished_run(instance: dg.DagsterInstance, job_names: Sequence[str]) -> dg.DagsterRun | None:
    """Find a run of one of the jobs that is queued or running; None if there is none."""
    for job_name in job_names:
        found = instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=_UNFINISHED), limit=1)
        if found:
            return found[0]
    return None


def skip_reason(run: dg.DagsterRun) -> dg.SkipReason:
    """Sentence that names the run to wait for."""
    return dg.SkipReason(f"run {run.run_id[:8]} of {run.job_name} is {run.status.value.lower()}")
