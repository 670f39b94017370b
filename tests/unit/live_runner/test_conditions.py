"""What stops entries by itself is told once with its end, and has the stops at the venue verified at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from live_runner.book.account import AccountGate
from live_runner.book.approval import Relations
from live_runner.book.plan import plan_of
from live_runner.book.recall import Recalled
from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.feed.series import BarSeries
from live_runner.ports.market_time import ExchangeTime
from live_runner.process.accounts import Accounts
from live_runner.process.conditions import ConditionWatch, OfAccount, told_once
from live_runner.venue.links import VenueLinks
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.exchange import LiveBar
from quant_pipelines.risk.account_view import AccountOrder, BookExposure
from quant_pipelines.store.heartbeats import Alert, halt_alert
from quant_pipelines.store.trading import EquityPoint
from quant_pipelines.trading.breaker import Trip
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, SYMBOL, Books

NOW_MS = to_ms(AT)
KEY = DEPLOYMENT.id


class Links(VenueLinks):
    """Links of which a test says since when they are away."""

    def __init__(self) -> None:
        self.away: dict[int, int] = {}
        self.barred: dict[int, str] = {}
        self.woken: list[int] = []

    def away_since_of(self, deployment_id: int) -> int | None:
        return self.away.get(deployment_id)

    def barred_by(self, deployment_id: int) -> str:
        return self.barred.get(deployment_id, "")

    def wake(self, deployment_id: int) -> None:
        self.woken.append(deployment_id)


@dataclass
class Bench:
    """One deployment with its account, and everything that may go wrong around it."""

    journal: MemoryJournal = field(default_factory=lambda: MemoryJournal([DEPLOYMENT]))
    links: Links = field(default_factory=Links)
    time: ExchangeTime = field(default_factory=lambda: ExchangeTime(lambda: NOW_MS))

    def __post_init__(self) -> None:
        self.feed = Feed(None, self.time)  # type: ignore[arg-type] - nobody asks it
        self.feed.heard(LiveBar(SYMBOL, 0, 100.0, 100.0, 100.0, 100.0, 0.0, 0))
        self.accounts = Accounts(self.journal, RunnerSettings(), self.feed.prices, self.time.now_ms)
        self.account = self.accounts.of(DEPLOYMENT)
        self.conditions = ConditionWatch(self.journal, self.feed, self.links)
        relations = Relations(
            gate=cast(AccountGate, QuietAccount(self.account)),
            signs=lambda: self.conditions.signs_of(DEPLOYMENT),
        )
        series, books = BarSeries(SYMBOL, "1m", 0), Books()
        plan = plan_of(DEPLOYMENT, in_process)
        self.trader = Trader(self.journal, plan, series, epoch=1, open_broker=books.open, relations=relations)
        self.hold(0.0)

    def hold(self, position: float) -> None:
        held = BookExposure(KEY, SYMBOL, position, (), 1_000.0, 1_000.0, 100.0)
        self.account.report(lambda: held)

    def look(self) -> bool:
        return asyncio.run(self.conditions.look([self.trader]))

    def follow(self) -> None:
        controls = self.journal.read_controls()
        self.accounts.follow(controls)
        self.trader.limit(controls.limits)
        self.trader.follow(controls.halts.get("account:1", ()))

    def watch(self) -> bool:
        return asyncio.run(self.accounts.watch(NOW_MS))

    @property
    def alerts(self) -> list[tuple[str, str, bool]]:
        rows = self.journal.tables.alerts
        return [(alert.source, alert.message, resolved_at is None) for alert, resolved_at in rows]


class QuietAccount:
    """An account whose book is reported by the test, not by its trader."""

    def __init__(self, account: Any) -> None:
        self._account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)

    def report(self, _exposure: Callable[[], BookExposure]) -> None: ...


def clock_is_off(bench: Bench) -> Callable[[], None]:
    bench.time.error_ms = 5_000
    return lambda: setattr(bench.time, "error_ms", 0)


def venue_is_away(bench: Bench) -> Callable[[], None]:
    bench.links.away[KEY] = NOW_MS
    return bench.links.away.clear


def stream_is_silent(bench: Bench) -> Callable[[], None]:
    bench.time.offset_ms = 91_000
    return lambda: setattr(bench.time, "offset_ms", 0)


def database_is_away(bench: Bench) -> Callable[[], None]:
    bench.conditions.database_error = "no answer"
    return lambda: setattr(bench.conditions, "database_error", "")


def key_is_unsafe(bench: Bench) -> Callable[[], None]:
    bench.links.barred[KEY] = "the key may withdraw"
    return bench.links.barred.clear


def market_moved(bench: Bench) -> Callable[[], None]:
    bench.hold(30.0)
    return lambda: bench.hold(9.0)


CAUSES: dict[str, tuple[Callable[[Bench], Callable[[], None]], bool]] = {
    "clock": (clock_is_off, True),
    "venue_away": (venue_is_away, False),  # its link compares everything once it is back
    "data_age": (stream_is_silent, True),
    "database_away": (database_is_away, True),
    "barred": (key_is_unsafe, True),
    "passive_breach": (market_moved, True),
}


@pytest.mark.parametrize("event", CAUSES)
def test_a_cause_stops_entries_has_stops_verified_once_and_ends_by_itself(event: str) -> None:
    bench, (begin, is_verified) = Bench(), CAUSES[event]
    assert (bench.look(), bench.trader.state) == (False, "ACTIVE")
    end = begin(bench)
    assert (bench.trader.state, bench.trader.is_halted, bench.trader.must_flatten) == (
        "REDUCING",
        False,
        False,
    )
    assert bench.trader.breaker.events == {event}
    assert [bench.look(), bench.look()] == [True, False]
    assert bench.links.woken == [KEY] * is_verified
    end()
    assert bench.trader.state == "ACTIVE"
    assert [bench.look(), bench.look()] == [True, False]


def test_a_passive_breach_is_one_alert_with_its_end() -> None:
    bench = Bench()
    bench.look()
    for position in (30.0, 31.0, 9.0, 30.0):
        bench.hold(position)
        bench.look()
    source = f"passive_breach:deployment:{KEY}"
    sentence = "position_limit: 3 is held, beyond 1"
    assert bench.alerts == [(source, sentence, False), (source, sentence, True)]


def test_who_is_barred_is_told_once_with_the_end() -> None:
    bench = Bench()
    end = key_is_unsafe(bench)
    bench.look()
    bench.look()
    end()
    bench.look()
    assert bench.alerts == [(f"barred:deployment:{KEY}", "the key may withdraw", False)]


def test_what_bars_several_deployments_is_told_by_the_first_of_each_account() -> None:
    hedged, over = "the account has hedge mode", "position_limit: 3 is held, beyond 1"
    found = [
        OfAccount(account_id, Alert("warning", source, message, AT))
        for account_id, source, message in (
            (1, "barred:deployment:1", hedged),
            (1, "barred:deployment:2", hedged),
            (2, "barred:deployment:3", hedged),
            (1, "barred:deployment:4", "leverage can't be set"),
            (1, "passive_breach:deployment:1", over),
            (1, "passive_breach:deployment:2", over),
        )
    ]
    assert {one.alert.source for one in found} - told_once(found).keys() == {"barred:deployment:2"}


def test_a_breach_of_an_earlier_life_ends_with_the_first_look() -> None:
    bench = Bench()
    bench.hold(30.0)
    bench.look()
    later = Bench(journal=bench.journal)
    later.look()
    assert [stands for *_, stands in later.alerts] == [False]


def refuse(bench: Bench, times: int) -> None:
    for _ in range(times):
        bench.trader.refused(ExchangeRefused("-2019 margin is insufficient"), NOW_MS)


def test_a_venue_that_refuses_too_often_stops_entries_until_a_person_rearms_it() -> None:
    bench = Bench()
    bench.follow()
    refuse(bench, 10)
    bench.trader.refused(ExchangeUnavailable("reset"), NOW_MS)
    assert bench.watch() is False
    refuse(bench, 1)
    assert [bench.watch(), bench.watch()] == [True, False]
    bench.follow()
    assert (bench.trader.state, bench.trader.must_flatten) == ("REDUCING", False)
    [trip] = bench.journal.read_controls().halts["account:1"]
    assert (trip.event, trip.reason) == (
        "rejects",
        "the venue has refused 11 orders within 10 minutes, more than 10",
    )
    assert trip.cools_until_ms == NOW_MS + 3_600_000
    bench.journal.resolve("account:1", AT)
    bench.follow()
    assert (bench.watch(), bench.trader.state) == (False, "ACTIVE")


def lose(bench: Bench, equity: float) -> None:
    held = BookExposure(KEY, SYMBOL, 0.0, (), equity, 1_000.0, 100.0, day=NOW_MS // DAY_MS)
    bench.account.report(lambda: held)


def with_hard_stop(journal: MemoryJournal) -> Bench:
    """A life of the runner that has read its rows."""
    journal.tables.limits["account"] = {"max_account_loss_fraction": 0.2}
    bench = Bench(journal)
    bench.follow()
    return bench


def test_a_restart_on_the_day_of_a_resumed_hard_stop_does_not_stop_again() -> None:
    journal = MemoryJournal([DEPLOYMENT])
    bench = with_hard_stop(journal)
    lose(bench, 700.0)
    assert bench.watch() is True
    journal.tables.equity[KEY, AT] = EquityPoint(AT, 700.0, 0.0, 100.0, 700.0)
    journal.resolve("account:1", AT)
    bench.follow()
    assert bench.watch() is False
    again = with_hard_stop(journal)
    lose(again, 700.0)
    assert again.watch() is False
    lose(again, 550.0)
    assert again.watch() is True
    [trip] = journal.read_controls().halts["account:1"]
    assert trip.reason == "the account has lost 21.43 % since 00:00 UTC, more than 20.00 %"


def test_a_restart_counts_no_refusal_of_before_a_person_let_the_account_go_on() -> None:
    bench = Bench()
    bench.journal.write_alert(halt_alert("account:1", Trip("rejects", "refused", NOW_MS), AT))
    bench.journal.resolve("account:1", AT)
    bench.account.recall(Recalled(KEY, refused_ms=(NOW_MS - 1,) * 20))
    bench.follow()
    assert bench.watch() is False


def test_a_symbol_is_restricted_as_soon_as_limits_are_followed_again() -> None:
    bench = Bench()
    asked = AccountOrder(KEY, SYMBOL, 1.0, 100.0, NOW_MS)
    assert bench.account.ask(asked) is None
    bench.accounts.restricted = lambda: frozenset({SYMBOL})
    bench.follow()
    denial = bench.account.ask(asked._replace(at_ms=NOW_MS + 5_000))
    assert denial is not None
    assert denial.rule == "restricted_symbol"
