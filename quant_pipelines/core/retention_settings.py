"""Frozen settings values of the retention of rows that nobody asks for any more; 0 days keeps everything."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import setting


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Days that rows are kept which are no record of what was decided or traded."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    scores_days: int = setting(
        90, "days of all scorecards; of a day before, the last one stays", low=0, high=36_500
    )
    work_days: int = setting(
        30, "days that logins, deliveries of alerts and shared searches stay once over", low=0, high=36_500
    )
    runs_days: int = setting(
        60, "days that Dagster keeps runs of scoring, hot coins and sampling", low=0, high=36_500
    )
