"""Frozen settings values of the backups: where they are kept, and how many."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import setting


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Backups that the stack makes by itself."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    folder: str = setting("", "folder of the backups; empty: backups in the home. Better on another disk")
    keep_days: int = setting(
        7, "days whose newest backup is kept; 0 makes no backups by itself", low=0, high=3650
    )
    keep_weeks: int = setting(4, "weeks whose newest backup is kept beside those", low=0, high=520)
