"""How often the paper screen lets records through: measured by `make calibrate` in generated worlds."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("screen_rates.json")


class ScreenRates(NamedTuple):
    """Records of worlds without anything to find and of worlds with trends, and how many of each passed.

    Examples
    --------
    >>> from quant_pipelines.reports.screen_rates import ScreenRates
    >>> ScreenRates(noise_records=40, noise_passed=10, trend_records=40, trend_passed=30).told
    'In generated worlds it let 10 of 40 records without an edge through, and 30 of 40 with one.'
    """

    noise_records: int
    noise_passed: int
    trend_records: int
    trend_passed: int

    @property
    def told(self) -> str:
        """Both in a sentence."""
        return (
            f"In generated worlds it let {self.noise_passed} of {self.noise_records} records without an edge "
            f"through, and {self.trend_passed} of {self.trend_records} with one."
        )


@cache
def screen_rates() -> ScreenRates:
    """Read the rates that were measured last.

    Examples
    --------
    >>> from quant_pipelines.reports.screen_rates import screen_rates
    >>> rates = screen_rates()
    >>> 0 <= rates.noise_passed <= rates.noise_records
    True
    """
    return ScreenRates(**json.loads(FILE.read_text()))
