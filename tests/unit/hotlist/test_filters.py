from dataclasses import replace
from typing import Any

import pytest

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist import FILTERS, exclusions
from quant_pipelines.hotlist.filter import Tradability

SETTINGS = HotListSettings(least_volume=1e6, least_age_days=7.0, largest_smallest_order=200.0)
GOOD = Tradability("AAA/USDT:USDT", daily_volume=1e6, listed_days=7.0, smallest_order=200.0)


def test_symbol_at_every_bound_is_scored() -> None:
    assert exclusions(GOOD, SETTINGS) == []


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        (
            {"daily_volume": 999_000.0},
            "liquidity",
            "999,000 of AAA/USDT:USDT was traded in the last 24 hours",
        ),
        (
            {"listed_days": 2.5},
            "age",
            "AAA/USDT:USDT is listed for 2.5 days; expected at least 7 (hotlist.least_age_days)",
        ),
        (
            {"smallest_order": 350.0},
            "smallest_order",
            "smallest order of AAA/USDT:USDT costs 350.00 (quote currency); expected at most 200.00",
        ),
    ],
)
def test_each_filter_says_what_it_saw_and_expected(change: Any, name: str, sentence: str) -> None:
    (found,) = exclusions(GOOD._replace(**change), SETTINGS)
    assert (found.symbol, found.filter) == (GOOD.symbol, name)
    assert sentence in found.sentence
    assert f"expected at {'most' if name == 'smallest_order' else 'least'}" in found.sentence


def test_symbol_older_than_the_store_is_old_enough() -> None:
    assert exclusions(GOOD._replace(listed_days=None), SETTINGS) == []


def test_every_filter_tells_its_own_sentence() -> None:
    worst = Tradability("AAA/USDT:USDT", daily_volume=0.0, listed_days=0.0, smallest_order=1e9)
    assert [one.filter for one in exclusions(worst, SETTINGS)] == [one.name for one in FILTERS]


def test_filters_can_be_opened_by_settings() -> None:
    opened = replace(SETTINGS, least_volume=0.0, least_age_days=0.0, largest_smallest_order=1e12)
    worst = Tradability("AAA/USDT:USDT", daily_volume=0.0, listed_days=0.0, smallest_order=1e9)
    assert exclusions(worst, opened) == []
