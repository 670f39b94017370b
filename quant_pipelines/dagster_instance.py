"""Step of every start, before Dagster's daemon: migrates its storage, closes what a crash left open.

A run whose worker died together with the code server stays STARTED for ever (Dagster's default launcher has
no health check for its workers) and would fill the run queue. The supervisor runs this step only while no
code server runs, so no run can be alive.
"""

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

_OPEN = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def fail_dead_runs(instance: DagsterInstance) -> int:
    """Mark runs as failed that nobody works on any more.

    Returns
    -------
    int
        How many there were.
    """
    dead = instance.get_runs(RunsFilter(statuses=_OPEN))
    for run in dead:
        instance.report_run_failed(run, "The code server that worked on this run was stopped.")
    return len(dead)


def main() -> None:
    """Migrate and clean the instance that DAGSTER_HOME names."""
    with DagsterInstance.get() as instance:
        instance.upgrade()
        fail_dead_runs(instance)


if __name__ == "__main__":
    main()
