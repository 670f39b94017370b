"""Query parameters, checked as the venue checks them: its codes and its words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from quant_pipelines.simulator.intervals import INTERVALS, Interval
from quant_pipelines.simulator.listing import Listing

_INTEGER = re.compile("[0-9]{1,20}")
_LARGEST = 2**53
"""No number of an order and no time is beyond it; what counts with it stays far from the end of 64 bits."""


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

    def renamed(self, name: str, also: str) -> "Query":
        """Return the same parameters, the mandatory ``name`` also under another name."""
        return Query({**self.values, also: self.text(name)})

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
        if not _INTEGER.fullmatch(value):
            raise VenueError(
                -1100,
                f"Illegal characters found in parameter '{name}'; legal range is '^{_INTEGER.pattern}$'.",
            )
        return min(int(value), _LARGEST)

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

    def interval(self, name: str = "interval") -> Interval:
        """Length of a bar."""
        interval = INTERVALS.get(self.text(name))
        if interval is None:
            raise VenueError(-1120, f"Invalid {name}.")
        return interval

    def span(self, interval: Interval, *, limit: int, now_ms: int) -> tuple[int, int]:
        """First and last open time that a page of at most ``limit`` bars covers, both inclusive.

        With ``startTime`` the page grows forwards from it, without it backwards from ``endTime`` or now.
        """
        end = min(self.integer("endTime", now_ms), now_ms)
        if "startTime" not in self.values:
            last = interval.floor(end)
            return interval.after(last, 1 - limit), last
        start = self.integer("startTime", 0)
        if "endTime" in self.values and start > self.integer("endTime", now_ms):
            raise VenueError(-1023, "Start time is greater than end time.")
        return interval.ceil(min(start, now_ms + 1)), end
