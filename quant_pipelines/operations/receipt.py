"""Who asks, and what was done: the two ends of every operator's verb."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings

_LONGEST_NAME, _LONGEST_REASON = 80, 1000


@dataclass(frozen=True, slots=True)
class Signature:
    """Operator and reason, as they stand in the audit log.

    Parameters
    ----------
    operator
        Name of the person, or of the part of the system that decides by itself.
    reason
        Why, in a sentence.
    is_identified
        Whether a one-time code proved the name.

    Raises
    ------
    ConfigurationError
        If one of them is empty or too long.
    """

    operator: str
    reason: str
    is_identified: bool = False

    def __post_init__(self) -> None:
        for name, longest in (("operator", _LONGEST_NAME), ("reason", _LONGEST_REASON)):
            value = getattr(self, name).strip()
            if not 0 < len(value) <= longest:
                raise ConfigurationError(
                    f"{name} has {len(value)} characters; expected 1 to {longest}: every decision is signed"
                )
            if not value.isprintable():
                odd = next(one for one in value if not one.isprintable())
                raise ConfigurationError(
                    f"{name} holds the character {odd!a}; expected text that can be read: it is signed"
                )
            object.__setattr__(self, name, value)


class OperatedStack(NamedTuple):
    """The stack that a verb is about: its database, its settings, its time."""

    engine: "Engine"
    settings: "Settings"
    clock: Clock


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a verb has done.

    Parameters
    ----------
    action
        As in the audit log, such as ``deployment.promoted``.
    subject
        What it was done to, such as ``deployment:3``.
    summary
        One sentence.
    audit_id
        Row of the audit log.
    """

    action: str
    subject: str
    summary: str
    audit_id: int

    def to_document(self) -> dict[str, Any]:
        """JSON document."""
        return {name: getattr(self, name) for name in ("action", "subject", "summary", "audit_id")}
