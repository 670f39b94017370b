"""One allowance for everybody: what is granted never adds up to more than the exchange allows."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.rate_budget import Claim, RateState, decide

MINUTE = 60_000
NOW = 1000 * MINUTE
DATA = Claim(weight=10, share=0.8, window_ms=MINUTE, limit=1000)
ORDER = replace(DATA, share=1.0)


def test_a_grant_is_a_portion_that_spares_further_questions() -> None:
    grant = decide(RateState(), DATA, NOW)
    assert (grant.weight, grant.wait_ms, grant.state.used) == (40, 0, 40)


def test_data_wait_for_the_next_window_while_orders_still_pass() -> None:
    spent = RateState(window=1000, used=795, limit=1000)
    assert decide(spent, DATA, NOW + 1000)[:2] == (0, MINUTE - 1000 + 50)
    assert decide(spent, ORDER, NOW + 1000).weight == 50


def test_a_new_window_starts_from_nothing() -> None:
    grant = decide(RateState(window=1000, used=800, limit=1000), DATA, NOW + MINUTE)
    assert (grant.weight, grant.state.used) == (40, 40)


def test_the_exchanges_own_count_includes_strangers_behind_the_address() -> None:
    grant = decide(RateState(window=1000, used=100, limit=1000), replace(DATA, counted=796), NOW)
    assert (grant.weight, grant.state.used) == (0, 796)


def test_a_ban_that_one_was_told_holds_everybody_even_orders() -> None:
    told = decide(RateState(), replace(DATA, weight=0, banned_until_ms=NOW + 7000), NOW).state
    assert decide(told, ORDER, NOW + 1000)[:2] == (0, 6000)
    assert decide(told, ORDER, NOW + 7000).weight > 0


def test_a_ban_that_the_asker_knows_lasts_for_as_long_as_it_says() -> None:
    banned = RateState(banned_until_ms=NOW + 7000)
    knows = replace(ORDER, banned_until_ms=NOW + 7000)
    assert decide(banned, replace(knows, silent_ms=500), NOW)[:2] == (0, 500)
    assert decide(banned, replace(knows, silent_ms=500), NOW + 8000)[:2] == (0, 500)
    assert decide(banned, knows, NOW).weight > 0


def test_a_clock_that_was_set_back_by_more_than_a_window_counts_anew() -> None:
    spent = RateState(window=1100, used=795, limit=1000)
    grant = decide(spent, DATA, NOW)
    assert (grant.weight, grant.state.window, grant.state.used) == (40, 1000, 40)
    assert decide(replace(spent, window=1001), DATA, NOW).wait_ms == 2 * MINUTE + 50


def test_a_late_asker_does_not_turn_the_window_back() -> None:
    state = RateState(window=1001, used=700, limit=1000)
    grant = decide(state, DATA, NOW)
    assert (grant.state.window, grant.state.used) == (1001, 740)


def test_a_request_heavier_than_the_limit_passes_when_nothing_else_did() -> None:
    assert decide(RateState(), replace(DATA, weight=2000), NOW).weight == 2000


@given(
    claims=st.lists(
        st.tuples(st.integers(1, 120), st.sampled_from([0.8, 1.0]), st.integers(0, 90_000)), max_size=60
    )
)
def test_grants_of_a_window_never_exceed_their_share(claims: list[tuple[int, float, int]]) -> None:
    state, granted, now = RateState(), dict[int, int](), NOW
    for weight, share, later in claims:
        now += later // 30
        grant = decide(state, replace(DATA, weight=weight, share=share), now)
        state = grant.state
        assert (grant.weight >= weight) != (grant.wait_ms > 0)
        granted[state.window] = granted.get(state.window, 0) + grant.weight
        assert grant.weight == 0 or granted[state.window] <= 1000 * share
