"""Books of one account: what is left of a limit is given away once, and what is lost stops everybody."""

import math
import threading
from datetime import UTC, datetime

import pytest

from live_runner.book.account import AccountBooks, AccountTerms
from live_runner.book.recall import Recalled
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.risk.account_view import AccountOrder, BookExposure, OpenExposure, Prices
from quant_pipelines.store.rearmed import EquityThen

A, B = "A/USDT:USDT", "B/USDT:USDT"
FIVE = range(1, 6)
ONE_O_CLOCK = datetime(1969, 12, 31, 1, tzinfo=UTC)  # of the day of a book without bars


def account(limits: AccountLimits, *books: BookExposure) -> AccountBooks:
    made = AccountBooks(lambda _: Prices(100.0, 100.0, 1.0), lambda: 0)
    made.follow(AccountTerms(limits, frozenset({B})))
    for book in books:
        made.expect(book.deployment_id, 1_000.0)
        made.report(lambda book=book: book)  # type: ignore[misc]
    return made


def book(number: int, position: float = 0.0, equity: float = 1_000.0, *orders: OpenExposure) -> BookExposure:
    return BookExposure(number, A, position, orders, equity, 1_000.0, 100.0)


def order(number: int, quantity: float = 10.0, at_ms: int = 0) -> AccountOrder:
    return AccountOrder(number, A, quantity, 100.0, at_ms, client_order_id=f"q{number}-{at_ms}")


def rearm(shared: AccountBooks, equity: dict[int, float]) -> None:
    """A person lets it go on at one o'clock, by the equity of the newest bars before."""
    shared.rearm(ONE_O_CLOCK, {key: EquityThen(ONE_O_CLOCK, worth) for key, worth in equity.items()})


def test_five_books_that_decide_at_once_share_one_limit() -> None:
    shared = account(AccountLimits(max_leverage=0.5), *(book(number) for number in FIVE))  # 2,500 of 5,000
    start, answers = threading.Barrier(len(FIVE)), list[bool]()

    def decide(number: int) -> None:
        start.wait(60)
        answers.append(shared.ask(order(number)) is None)

    threads = [threading.Thread(target=decide, args=(number,)) for number in FIVE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [False, False, False, True, True]


def test_an_order_that_came_to_nothing_gives_its_share_back() -> None:
    shared = account(AccountLimits(max_symbol_notional=1_000.0), book(1), book(2))
    assert shared.ask(order(1)) is None
    assert shared.ask(order(2)) is not None
    shared.report(lambda: book(1))
    assert shared.ask(order(2, at_ms=1)) is None


def test_an_unknown_outcome_counts_as_exposure() -> None:
    shared = account(
        AccountLimits(max_symbol_notional=1_000.0), book(1, 0.0, 1_000.0, OpenExposure(10.0)), book(2)
    )
    denial = shared.ask(order(2))
    assert denial is not None
    assert str(denial) == "symbol_position: 2000 is beyond 1000"


def test_what_was_approved_is_approved_again_before_it_is_sent_unless_the_limit_was_tightened() -> None:
    shared = account(AccountLimits(max_symbol_notional=1_000.0), book(1))
    asked = order(1)
    assert shared.ask(asked) is None
    assert shared.ask_again(asked) is None
    shared.follow(AccountTerms(AccountLimits(max_symbol_notional=999.0)))
    assert shared.ask_again(asked) is not None


def test_an_order_is_as_old_as_its_decision_when_it_is_committed_and_as_the_data_when_it_is_sent() -> None:
    shared = account(AccountLimits(max_data_age_seconds=90.0), book(1))
    shared_late = AccountBooks(lambda _: Prices(100.0, 100.0, 91.0), lambda: 0)
    shared_late.follow(AccountTerms(AccountLimits(max_data_age_seconds=90.0)))
    asked = order(1)._replace(data_age_seconds=2.0)
    assert shared.ask(asked) is None
    assert shared_late.ask(asked) is None
    assert shared.ask(order(1, at_ms=1)._replace(data_age_seconds=91.0)) is not None
    denial = shared_late.ask_again(asked)
    assert denial is not None
    assert denial.rule == "stale_prices"


def test_a_book_that_is_expected_and_silent_lets_nobody_trade_by_the_equity() -> None:
    shared = account(AccountLimits(max_leverage=10.0), book(1))
    shared.expect(7, 1_000.0)
    denial = shared.ask(order(1))
    assert denial is not None
    assert "book of deployment:7 is not known" in denial.sentence
    shared.forget(7)
    assert shared.ask(order(1)) is None


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (199.0, ""),
        (201.0, "the account has lost 20.10 % since 00:00 UTC, more than 20.00 %"),
        (math.nan, ""),
    ],
)
def test_hard_stop_is_of_all_books_together(lost: float, expected: str) -> None:
    halves = (book(1, equity=1_000.0 - lost), book(2, equity=1_000.0 - lost))
    assert account(AccountLimits(max_account_loss_fraction=0.2), *halves).hard_stop() == expected
    assert account(AccountLimits(), *halves).hard_stop() == ""


def test_a_rearmed_account_counts_what_is_lost_from_then_on_until_midnight() -> None:
    shared = account(AccountLimits(max_account_loss_fraction=0.2), book(1, equity=700.0))
    assert shared.hard_stop() == "the account has lost 30.00 % since 00:00 UTC, more than 20.00 %"
    rearm(shared, {1: 700.0})
    assert shared.hard_stop() == ""
    shared.report(lambda: book(1, equity=500.0))
    assert shared.hard_stop() == "the account has lost 28.57 % since 01:00 UTC, more than 20.00 %"
    shared.report(lambda: book(1, equity=500.0)._replace(day_start_equity=900.0, day=1))
    assert shared.hard_stop() == "the account has lost 44.44 % since 00:00 UTC, more than 20.00 %"


def rearmed() -> AccountBooks:
    """Two books of which one had lost 65 % of its 1,000 when a person let the account go on."""
    shared = account(AccountLimits(max_account_loss_fraction=0.1), book(1), book(2, equity=350.0))
    assert shared.hard_stop() != ""
    rearm(shared, {1: 1_000.0, 2: 350.0})
    return shared


def test_a_rearmed_account_goes_on_until_its_books_have_booked_midnight() -> None:
    shared = rearmed()
    shared.report(lambda: book(1)._replace(day=0))  # the first of the new day, and the other not yet
    assert shared.hard_stop() == ""
    shared.report(lambda: book(2, equity=350.0)._replace(day_start_equity=350.0, day=0))
    assert shared.hard_stop() == ""


def test_a_book_that_leaves_a_rearmed_account_is_no_loss_and_comes_back_as_it_was() -> None:
    shared = rearmed()
    shared.forget(1)
    assert shared.hard_stop() == ""
    shared.forget(2)
    shared.expect(2, 1_000.0)
    shared.report(lambda: book(2, equity=350.0))
    assert shared.hard_stop() == ""


def test_the_capital_of_a_new_book_hides_no_loss_of_a_rearmed_account() -> None:
    shared = rearmed()
    shared.expect(3, 1_000.0)
    shared.report(lambda: book(3))
    assert shared.hard_stop() == ""
    shared.report(lambda: book(2, equity=50.0))
    assert shared.hard_stop() == "the account has lost 12.77 % since 01:00 UTC, more than 10.00 %"


def test_an_account_that_is_rearmed_while_an_equity_is_not_known_still_stops() -> None:
    shared = account(AccountLimits(max_account_loss_fraction=0.1), book(1, equity=math.nan))
    rearm(shared, {1: math.nan})
    shared.report(lambda: book(1, equity=500.0))
    assert shared.hard_stop() == "the account has lost 50.00 % since 00:00 UTC, more than 10.00 %"


def test_a_book_that_could_not_be_opened_stops_entries_and_leaves_the_hard_stop_to_the_others() -> None:
    limits = AccountLimits(max_daily_loss_fraction=0.5, max_account_loss_fraction=0.2)
    shared = account(limits, book(1), book(2, 5.0))
    shared.lose(2)
    shared.report(lambda: book(2, 5.0))  # of before it failed
    denial = shared.ask(order(1))
    assert denial is not None
    assert denial.sentence == ("book of deployment:2 is not known; expected a number before an order is sent")
    shared.report(lambda: book(1, equity=700.0))
    assert shared.hard_stop() == "the account has lost 30.00 % since 00:00 UTC, more than 20.00 %"
    shared.report(lambda: book(1))
    shared.expect(2, 1_000.0)
    shared.report(lambda: book(2, 5.0))
    assert shared.ask(order(1)) is None


def test_levels_are_told_of_the_whole_account() -> None:
    told = account(AccountLimits(), book(1, 5.0), book(2, 12.0)).alerts()
    assert set(told) == {"exposure", "concentration"}


def test_a_repeated_execution_is_counted_by_what_was_filled() -> None:
    shared = account(AccountLimits(max_repeated_executions=2.0), book(1))
    for minute in range(3):
        asked = order(1, at_ms=60_000 * minute)
        denial = shared.ask(asked)
        assert (denial is None) == (minute < 2)
        shared.executed(asked)
    assert denial is not None
    assert (denial.rule, denial.action) == ("repeated_execution", "reduce")


def at_venue(*books: BookExposure, **limits: float) -> tuple[AccountBooks, list[int]]:
    """Account with a clock, in milliseconds."""
    clock_ms = [0]
    made = AccountBooks(lambda _: Prices(100.0, 100.0, 1.0), lambda: clock_ms[0])
    made.follow(AccountTerms(AccountLimits(**limits)))
    for one in books:
        made.expect(one.deployment_id, 1_000.0)
        made.report(lambda one=one: one)  # type: ignore[misc]
    return made, clock_ms


def test_the_hard_stop_goes_by_the_venues_balance_and_by_the_worse_of_both_once_it_is_old() -> None:
    funded, clock_ms = at_venue(book(1, 0.0, 700.0), max_account_loss_fraction=0.2)
    assert funded.hard_stop(), "the book has lost 30 %"
    funded.know(AccountFunds(9_700.0, 10_000.0, 1.0, 0))
    assert funded.hard_stop() == "", "of the account that is 3 %"
    clock_ms[0] = 60_001
    assert funded.hard_stop()
    funded.know(AccountFunds(7_000.0, 10_000.0, 1.0, 60_001))
    assert funded.hard_stop() == "the account has lost 30.00 % since 00:00 UTC, more than 20.00 %"


def test_a_withdrawal_is_no_loss_and_a_deposit_hides_none() -> None:
    funded, _ = at_venue(book(1), max_account_loss_fraction=0.2)
    funded.know(AccountFunds(5_000.0, 5_000.0, 1.0, 0))
    assert funded.hard_stop() == ""
    assert funded.alerts() == {}
    funded.know(AccountFunds(14_000.0, 20_000.0, 1.0, 0))
    assert funded.hard_stop()
    assert "drawdown" in funded.alerts()


def test_the_drawdown_counts_from_the_peak_that_an_earlier_process_saw() -> None:
    funded, _ = at_venue(book(1))
    funded.know(AccountFunds(11_000.0, 10_000.0, 1.1, 0))
    assert "drawdown" not in funded.alerts()
    funded.know(AccountFunds(11_000.0, 10_000.0, 1.1, 0, peak_value=1.5))
    assert funded.alerts()["drawdown"] == "equity has fallen from its peak by 26.7 %, above 20.0 %"


def test_losses_at_the_venue_count_from_when_a_person_lets_it_go_on_until_the_day_ends() -> None:
    funded, clock_ms = at_venue(book(1), max_account_loss_fraction=0.2)
    funded.know(AccountFunds(7_000.0, 10_000.0, 1.0, 0))
    funded.rearm(from_ms(0), {})
    assert funded.hard_stop() == ""
    funded.know(AccountFunds(5_500.0, 10_000.0, 1.0, 0))
    assert funded.hard_stop()
    clock_ms[0] = DAY_MS
    funded.know(AccountFunds(5_500.0, 10_000.0, 0.55, DAY_MS))
    assert funded.hard_stop() == ""


def test_nothing_is_opened_while_a_stop_would_come_behind_the_liquidation() -> None:
    shared = account(AccountLimits(), book(1))
    shared.hold_back(A, True)
    assert str(shared.ask(order(1))).startswith("liquidation_buffer")
    shared.hold_back(A, False)
    assert shared.ask(order(1)) is None


@pytest.mark.parametrize(
    ("n_refused", "expected"),
    [(10, ""), (11, "the venue has refused 11 orders within 10 minutes, more than 10")],
)
def test_a_venue_that_refuses_too_often_stops_the_account(n_refused: int, expected: str) -> None:
    shared = account(AccountLimits(), book(1), book(2))
    for second in range(n_refused):
        shared.refused(1, 1_000 * second)
    assert shared.rejects(20_000) == expected
    assert shared.rejects(600_000) == ""  # the first of them is ten minutes ago
    shared.trust(20_000)
    assert shared.rejects(20_000) == ""


def test_a_book_is_told_of_its_own_breach_before_its_accounts() -> None:
    shared = account(AccountLimits(max_gross_notional=1_000.0), book(1, 9.0), book(2, 2.0))
    assert shared.breach(1, RiskLimits(max_position_quantity=8.0)) == "quantity_quota: 9 is held, beyond 8"
    assert (
        shared.breach(2, RiskLimits(max_position_quantity=8.0)) == "gross_exposure: 1100 is held, beyond 1000"
    )
    assert shared.breach(3, RiskLimits(max_position_quantity=0.0)) == ""


def test_a_restart_counts_what_the_rows_recall_once() -> None:
    limits = AccountLimits(max_repeated_executions=2.0, max_orders_per_minute=3.0, max_rejects=2.0)
    shared = account(limits, book(1), book(2))
    shared.executed(order(2, at_ms=1))
    executed = tuple(order(1, at_ms=1_000_000 + 60_000 * minute) for minute in range(2))
    past = Recalled(1, executed, executed, (1_000_000, 1_000_001, 1_000_002))
    for _ in range(2):  # opened again in the same process
        shared.recall(past)
    assert shared.rejects(1_100_000) == "the venue has refused 3 orders within 10 minutes, more than 2"
    denial = shared.ask(order(1, at_ms=1_200_000))
    assert denial is not None
    assert denial.sentence == "3 is beyond 2"
    assert shared.ask(order(2, at_ms=1_200_000)) is None
    shared.lift(1, 1_100_000)
    assert shared.ask(order(1, at_ms=1_260_000)) is None


def test_a_restart_knows_the_highest_gain_and_a_book_that_leaves_is_no_drawdown() -> None:
    shared = account(AccountLimits(), book(1), book(2))
    assert shared.alerts() == {}
    shared.recall_gain(1_000.0)
    assert set(shared.alerts()) == {"drawdown"}
    assert shared.worth() == {"nav": 2_000.0, "peak_nav": 3_000.0, "capital": 2_000.0}
    fresh = account(AccountLimits(), book(1), book(2))
    assert fresh.alerts() == {}
    fresh.forget(2)
    assert fresh.alerts() == {}
