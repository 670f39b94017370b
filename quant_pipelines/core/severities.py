"""How much an alert matters."""

from typing import Final, Literal, TypeAlias, get_args

Severity: TypeAlias = Literal["info", "warning", "critical", "halt"]
"""``critical`` asks for a person now; with ``halt`` its source does not trade until then."""
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""From the least on."""


def severity_of(text: str) -> Severity:
    """Severity of a stored word; one that is none is told as if it mattered.

    Examples
    --------
    >>> severity_of("halt"), severity_of("red")
    ('halt', 'critical')
    """
    return next((one for one in SEVERITIES if one == text), "critical")


def rank_of(severity: Severity) -> int:
    """Place among the severities, the least first.

    Examples
    --------
    >>> rank_of("halt") > rank_of("warning")
    True
    """
    return SEVERITIES.index(severity)
