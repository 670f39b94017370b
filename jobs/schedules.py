"""The schedules: UTC, running from the first start on; none starts a job whose last run is unfinished."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import dagster as dg

from assets.partitions import days_request
from jobs.backups import backup_drill, daily_backup
from jobs.culling import culling
from jobs.housekeeping import housekeeping
from jobs.names import FIRST_START
from jobs.pipelines import (
    capital_look,
    daily_allocation,
    daily_optimization,
    daily_parity,
    deep_search,
    hot_coin_scan,
    hot_coin_usefulness,
    price_sampling,
    strategy_scoring,
)
from jobs.runs import skip_reason, unfinished_run

DayRange: TypeAlias = tuple[str, str]

_RUNNER_ROUND = timedelta(minutes=5)


def yesterday_and_today(scheduled: datetime) -> DayRange:
    """Yesterday, which is complete now, and what there is of today."""
    return _day(scheduled - timedelta(days=1)), _day(scheduled)


def day_of_last_round(scheduled: datetime) -> DayRange:
    """Today; just after midnight also yesterday, whose last minutes came after the round before."""
    return _day(scheduled - _RUNNER_ROUND), _day(scheduled)


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a job runs, and on which days.

    Parameters
    ----------
    job
        The job.
    cron
        Times in UTC.
    days
        First and last partition as a function of the scheduled time; None for a job without partitions.
    """

    job: Any
    cron: str
    days: Callable[[datetime], DayRange] | None


RULES = (
    Timetable(daily_optimization, "10 0 * * *", yesterday_and_today),
    Timetable(strategy_scoring, "*/5 * * * *", day_of_last_round),
    Timetable(hot_coin_scan, "0 */1 * * *", None),
    Timetable(hot_coin_usefulness, "35 1 * * *", None),
    Timetable(price_sampling, "20 */1 * * *", None),
    Timetable(deep_search, "10 1 * * 0", None),
    # The last minutes of yesterday are stored by the rounds of the first minutes.
    Timetable(daily_parity, "25 0 * * *", None),
    Timetable(culling, "40 0 * * *", None),
    # A week ends on another weekday each year, and the look waits for its records: most days have none.
    Timetable(capital_look, "30 6 * * *", None),
    # Behind the culling; later in the day only after money came or went, or where the plan was refused.
    Timetable(daily_allocation, "50 */4 * * *", None),
    # When the searches of the night are over on most machines.
    Timetable(daily_backup, "15 5 * * *", None),
    Timetable(backup_drill, "45 5 * * 0", None),
    # Behind the backup, which still has what goes.
    Timetable(housekeeping, "30 5 * * *", None),
)


def answer_tick(
    rule: Timetable, instance: dg.DagsterInstance, scheduled: datetime
) -> dg.RunRequest | dg.SkipReason:
    """Request the run of a scheduled time, unless one of its job, or the first start, is unfinished."""
    unfinished = unfinished_run(instance, (rule.job.name, FIRST_START))
    if unfinished is not None:
        return skip_reason(unfinished)
    return dg.RunRequest() if rule.days is None else days_request(*rule.days(scheduled))


def build_schedule(rule: Timetable) -> dg.ScheduleDefinition:
    """Schedule of a rule, running from the first start on."""

    @dg.schedule(
        name=f"{rule.job.name}_schedule",
        job=rule.job,
        cron_schedule=rule.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=rule.job.description,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return answer_tick(rule, context.instance, context.scheduled_execution_time)

    return schedule


SCHEDULES = [build_schedule(rule) for rule in RULES]


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
