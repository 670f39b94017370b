"""Keys, signatures and clocks."""

import hashlib
import hmac

import pytest

from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS, Credentials

NOW_MS = 1_760_000_000_000


def signed(text: str, by: str = "demo") -> str:
    return f"{text}&signature={hmac.new(by.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def ask(query: str, body: str = "", api_key: str | None = "demo") -> dict[str, str]:
    return dict(Credentials(DEMO_KEYS).signed_query(api_key, query, body, now_ms=NOW_MS).values)


def test_signature_covers_the_query() -> None:
    assert ask(signed(f"symbol=BTCUSDT&timestamp={NOW_MS}"))["symbol"] == "BTCUSDT"


def test_signature_covers_the_body() -> None:
    assert ask("", signed(f"side=BUY&timestamp={NOW_MS}"))["side"] == "BUY"


@pytest.mark.parametrize(
    ("query", "api_key", "code"),
    [
        (signed(f"timestamp={NOW_MS}"), None, -2014),
        (signed(f"timestamp={NOW_MS}"), "stranger", -2015),
        (signed(f"timestamp={NOW_MS}", by="guess"), "demo", -1022),
        (f"timestamp={NOW_MS}", "demo", -1102),
        (signed("symbol=BTCUSDT"), "demo", -1102),
        (signed(f"timestamp={NOW_MS - 5001}"), "demo", -1021),
        (signed(f"timestamp={NOW_MS + 1000}"), "demo", -1021),
        (signed(f"recvWindow=60001&timestamp={NOW_MS}"), "demo", -1131),
        (signed("timestamp=yesterday"), "demo", -1100),
    ],
)
def test_request_is_refused_with_the_venues_code(query: str, api_key: str | None, code: int) -> None:
    with pytest.raises(VenueError) as refused:
        ask(query, api_key=api_key)
    assert refused.value.code == code


def test_wider_window_accepts_an_older_stamp() -> None:
    assert ask(signed(f"recvWindow=10000&timestamp={NOW_MS - 9000}"))


def test_more_orders_than_allowed_are_refused_until_the_window_has_passed() -> None:
    budget = Budget()
    for _ in range(300):
        budget.spend(0, NOW_MS, is_order=True)
    with pytest.raises(VenueError) as refused:
        budget.spend(0, NOW_MS, is_order=True)
    assert (refused.value.code, refused.value.status) == (-1015, 429)
    budget.spend(0, NOW_MS + 10_000, is_order=True)
    assert budget.headers(NOW_MS + 10_000)["X-MBX-ORDER-COUNT-1M"] == "301"
