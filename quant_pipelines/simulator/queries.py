"""Query parameters, checked as the venue checks them: its codes and its words."""

from collections.abc import Mapping
from dataclasses import dataclass

from quant_pipelines.simulator.listing import Listing

_SECOND = 1000
INTERVALS: dict[str, int] = {
    "1m": 60 * _SECOND,
    "3m": 180 * _SECOND,
    "5m": 300 * _SECOND,
    "15m": 900 * _SECOND,
    "30m": 1800 * _SECOND,
    "1h": 3600 * _SECOND,
    "2h": 7200 * _SECOND,
    "4h": 14_400 * _SECOND,
    "6h": 21_600 * _SECOND,
    "8h": 28_800 * _SECOND,
    "12h": 43_200 * _SECOND,
    "1d": 86_400 * _SECOND,
}


class VenueError(Exception):
    """An answer that refuses: Binance's code, message and HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters of one request."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """Mandatory text."""
        value = self.values.get(name, "")
        if not value:
            raise VenueError(
                -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            )
        return value

    def integer(self, name: str, default: int) -> int:
        """Return an optional whole number that is not negative."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if not value.isdecimal():
            raise VenueError(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
            )
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Row limit; more than the venue grants is cut, as the venue does."""
        limit = self.integer("limit", default)
        if limit < 1:
            raise VenueError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, most)

    def listing(self, listed: Mapping[str, Listing]) -> Listing:
        """Contract named by the mandatory ``symbol``."""
        listing = listed.get(self.text("symbol"))
        if listing is None:
            raise VenueError(-1121, "Invalid symbol.")
        return listing

    def listings(self, listed: Mapping[str, Listing]) -> list[Listing]:
        """Contract named by the optional ``symbol``, else all."""
        return [self.listing(listed)] if self.values.get("symbol") else list(listed.values())

    def interval(self, name: str = "interval") -> int:
        """Length of a bar in milliseconds."""
        step = INTERVALS.get(self.text(name))
        if step is None:
            raise VenueError(-1120, f"Invalid {name}.")
        return step

    def span(self, *, step_ms: int, limit: int, now_ms: int) -> tuple[int, int]:
        """First and last slot that a paged request covers, both inclusive.

        With ``startTime`` the page grows forwards from it, without it backwards from ``endTime`` or now.
        """
        end = self.integer("endTime", now_ms)
        if "startTime" not in self.values:
            last = min(end, now_ms) // step_ms * step_ms
            return last - (limit - 1) * step_ms, last
        start = self.integer("startTime", 0)
        if start > end and "endTime" in self.values:
            raise VenueError(-1023, "Start time is greater than end time.")
        return start, end
