"""Patience: repeats after transient failures only, and silence when the exchange asks for it."""

import asyncio

import pytest

from quant_pipelines.core.errors import ExchangeError, ExchangeRefused, ExchangeUnavailable, OutcomeUnknown
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange.retry import Backoff, GiveUp, Wait, WeightBudget, after_failure, with_backoff
from quant_pipelines.exchange.weight import LocalLedger, Waiting


class Time:
    """A clock that sleeping moves, and that may be set; ``seconds`` never jump."""

    def __init__(self, now_ms: int = 1000 * MINUTE_MS) -> None:
        self.now_ms = now_ms
        self.passed = 0.0
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.passed += seconds
        self.now_ms += round(seconds * 1000)

    def seconds(self) -> float:
        return self.passed


class Flaky:
    """Fails a number of times, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


def test_an_unavailable_exchange_is_asked_again_with_growing_patience() -> None:
    time, call = Time(), Flaky(3, ExchangeUnavailable("away"))
    assert asyncio.run(with_backoff(call, Backoff(attempts=5), sleep=time.sleep)) == "answer"
    assert call.calls == 4
    assert 0.125 <= time.slept[0] <= 0.25
    assert 0.5 <= time.slept[2] <= 1.0


def test_patience_ends_with_the_last_failure() -> None:
    time, call = Time(), Flaky(99, ExchangeUnavailable("away"))
    with pytest.raises(ExchangeUnavailable, match="away"):
        asyncio.run(with_backoff(call, Backoff(attempts=3), sleep=time.sleep))
    assert call.calls == 3


def test_a_refusal_is_not_repeated() -> None:
    call = Flaky(1, ExchangeRefused("no"))
    with pytest.raises(ExchangeRefused):
        asyncio.run(with_backoff(call, Backoff(), sleep=Time().sleep))
    assert call.calls == 1


@pytest.mark.parametrize(
    ("attempt", "error", "expected"),
    [
        (0, ExchangeUnavailable("away"), Wait(0.25 * 0.75)),
        (1, ExchangeUnavailable("away"), Wait(0.5 * 0.75)),
        (2, ExchangeUnavailable("away"), GiveUp("attempts are used up")),
        (0, ExchangeRefused("no"), GiveUp("refused")),
        (0, OutcomeUnknown("?"), GiveUp("refused")),
    ],
)
def test_what_to_do_about_a_failure_is_a_value(
    attempt: int, error: ExchangeError, expected: Wait | GiveUp
) -> None:
    assert after_failure(attempt, error, Backoff(attempts=3), jitter=0.5) == expected


def test_patience_never_exceeds_its_bound() -> None:
    assert Backoff(most_seconds=3.0).longest(10_000) == 3.0


def test_the_budget_waits_for_the_next_minute_before_it_is_spent() -> None:
    time = Time()
    budget = WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep))
    budget.limit = 100
    budget.observe({"x-mbx-used-weight-1m": "75"})

    async def spend() -> None:
        await budget.admit(5)  # 80 of 100: the share that is ours
        assert time.slept == []
        await budget.admit(5)

    asyncio.run(spend())
    assert sum(time.slept) >= 60


def test_before_the_limit_is_known_other_processes_use_does_not_hold_us_back() -> None:
    time = Time()
    budget = WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep))
    budget.observe({"x-mbx-used-weight-1m": "8800"})
    asyncio.run(budget.admit(1))
    assert time.slept == []


def test_a_request_heavier_than_the_budget_is_sent_when_nothing_else_was() -> None:
    time = Time()
    budget = WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep))
    budget.limit = 5
    asyncio.run(budget.admit(10))
    assert time.slept == []


def test_retry_after_silences_every_request() -> None:
    time = Time()
    budget = WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep))
    budget.observe({"Retry-After": "7"})
    asyncio.run(budget.admit(1))
    assert sum(time.slept) == pytest.approx(7)


@pytest.mark.parametrize("jump_ms", [-17_000, 17_000, -48 * 60 * MINUTE_MS])
def test_a_clock_that_is_set_within_a_ban_neither_prolongs_nor_shortens_it(jump_ms: int) -> None:
    time = Time()
    budget = WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep))
    budget.limit = 100

    async def run() -> None:
        await budget.admit(1)
        budget.ban(30)
        await budget.tell()
        time.pass_by(10)
        time.now_ms += jump_ms
        await budget.admit(1)

    asyncio.run(run())
    assert time.passed == pytest.approx(30, abs=0.01)


def test_a_ban_of_another_process_lasts_for_what_was_left_when_it_was_seen() -> None:
    time, ledger = Time(), LocalLedger()
    told, other = (
        WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep), ledger=ledger) for _ in range(2)
    )

    async def run() -> None:
        told.ban(30)
        await told.tell()
        await other.state()
        time.now_ms -= 17_000
        await other.admit(1)

    asyncio.run(run())
    assert time.passed == pytest.approx(30, abs=0.01)


def test_a_ban_is_seen_within_a_second_after_a_clock_was_set_back() -> None:
    time, ledger = Time(), LocalLedger()
    told, other = (
        WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep), ledger=ledger) for _ in range(2)
    )
    told.limit = other.limit = 100

    async def run() -> None:
        await other.admit(1)
        time.now_ms -= 17_000
        told.ban(30)
        await told.tell()
        time.pass_by(1)
        await other.admit(1)

    asyncio.run(run())
    assert time.passed == pytest.approx(30, abs=0.01)


def test_a_second_ban_is_told_although_the_clock_was_set_back_since_the_first() -> None:
    time, ledger = Time(), LocalLedger()
    told, other = (
        WeightBudget(4, time, waiting=Waiting(time.seconds, time.sleep), ledger=ledger) for _ in range(2)
    )

    async def run() -> None:
        told.ban(30)
        await told.tell()
        await other.admit(1)
        time.now_ms -= 17_000
        told.ban(10)
        await told.tell()
        time.pass_by(1)
        await other.admit(1)

    asyncio.run(run())
    assert time.passed >= 40


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    budget, running, peak = WeightBudget(3, Time()), 0, 0

    async def request() -> None:
        nonlocal running, peak
        async with budget:
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0)
            running -= 1

    async def many() -> None:
        await asyncio.gather(*(request() for _ in range(20)))

    asyncio.run(many())
    assert peak == 3


def test_delays_are_spread_by_the_chance_that_was_handed_in() -> None:
    backoff = Backoff(first_seconds=1.0, chance=lambda: 0.5)
    assert [backoff.delay(attempt) for attempt in range(3)] == [0.75, 1.5, 3.0]
