import pytest

from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.trading.breaker import Event
from quant_pipelines.trading.listing import listing_trip

BTC = "BTC/USDT:USDT"
USUAL = ContractState(BTC, "TRADING", True, "USDT", True, None)
NOW_MS = 1_000 * HOUR_MS


@pytest.mark.parametrize(
    ("state", "event", "part"),
    [
        (USUAL, None, ""),
        (USUAL._replace(ends_at_ms=NOW_MS + 24 * HOUR_MS + 1), None, ""),
        (USUAL._replace(ends_at_ms=NOW_MS + 24 * HOUR_MS), "delisting", "settles it at 1970-02-12 16:00 UTC"),
        (USUAL._replace(ends_at_ms=NOW_MS - HOUR_MS), "delisting", "settles it at"),
        (USUAL._replace(word="SETTLING", is_trading=False), "delisting", "its status is SETTLING"),
        (USUAL._replace(word="Closed", is_trading=False), "delisting", "its status is Closed"),
        (
            USUAL._replace(word="HALT", is_trading=False),
            "not_tradable",
            "has status HALT; expected TRADING",
        ),
        (USUAL._replace(margin_asset="USDC"), "not_tradable", "has margin asset USDC; expected USDT"),
        (USUAL._replace(is_perpetual=False), "not_tradable", "is a dated contract; expected a perpetual one"),
        (None, "not_tradable", "is not listed by its exchange"),
    ],
)
def test_contract_is_left_before_its_end_and_not_traded_where_it_can_not_be(
    state: ContractState | None, event: Event | None, part: str
) -> None:
    trip = listing_trip(BTC, state, NOW_MS, hours=24.0)
    assert (trip.event if trip else None) == event
    assert trip is None or part in trip.reason
    assert trip is None or trip.reason.startswith(BTC)
