"""Settings that were taken away: a file of before that still names one is told what stands in its place."""

from collections.abc import Mapping
from types import MappingProxyType

REMOVED: Mapping[str, str] = MappingProxyType(
    {
        "gates.capital_min_psr": "the capital decision tests the record itself, see docs/concepts.md",
        "gates.capital_min_dsr": "the capital decision pays for the search, see docs/concepts.md",
    }
)
"""By their full names."""
