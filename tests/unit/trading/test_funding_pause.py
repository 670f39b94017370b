from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.trading.funding_pause import FundingPause

TIMES = st.integers(0, 10**13)


@given(TIMES, st.sampled_from((1, 2, 4, 8)), st.integers(0, 60))
def test_a_time_is_within_a_pause_exactly_if_a_slot_is_near(ts_ms: int, hours: int, seconds: int) -> None:
    pause = FundingPause(hours, float(seconds))
    until_ms, step_ms, after_ms = pause.until_ms(ts_ms), hours * HOUR_MS, ts_ms % (hours * HOUR_MS)
    is_near = after_ms < seconds * 1000 or (seconds and step_ms - after_ms <= seconds * 1000)
    assert (until_ms > ts_ms) == bool(pause.reason(ts_ms)) == bool(is_near)
    assert until_ms == 0 or until_ms - ts_ms <= 2 * seconds * 1000


def test_a_symbol_without_slots_never_pauses() -> None:
    assert FundingPause(0, 15.0).until_ms(0) == 0


def test_the_wait_names_the_slot() -> None:
    pause = FundingPause(8, 15.0)
    assert pause.reason(8 * HOUR_MS + 15_000) == ""
    assert pause.reason(8 * HOUR_MS - 1) == "a funding slot at 08:00 UTC is less than 15 s away"
