"""Frozen settings values of the Telegram desk: who may ask there, and how long what is said there counts."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import name_setting, setting


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """Commands from Telegram."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    operators: tuple[str, ...] = name_setting(
        (),
        "who may command, each as NAME ID: a user's name and the number of the Telegram account",
        "chatter",
    )
    api_url: str = name_setting("https://api.telegram.org", "address of the Bot API", "api address")
    oldest_seconds: float = setting(
        60.0, "seconds after which a command is too old to be carried out", low=5, high=3600
    )
    confirm_seconds: float = setting(
        60.0, "seconds for which what is dangerous waits for its confirmation", low=10, high=600
    )
