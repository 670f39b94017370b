"""Entries in parts: what a decision becomes, what the account is asked, when nothing more is sent."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from live_runner.book.account import AccountBooks, AccountTerms, OpenGate
from live_runner.book.approval import Approval
from live_runner.book.broker import Broker
from live_runner.book.decision import Decided, Moment
from live_runner.book.plan import plan_of
from live_runner.venue.broker import VenueBroker
from live_runner.venue.entries import entry_of
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import AT_MARKET, EntryOrder
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import AccountOrder, Prices
from quant_pipelines.store.trading import Fill, Intent, Signal
from tests.in_process import in_process
from tests.unit.live_runner.test_chasing import ROOT, Chase
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS

D = Decimal
DECIDED = Decided(
    Signal(from_ms(NOW_MS), 1.0, 100.0, {"order_quantity": 2.0}),
    replace(ROOT, quantity=D(2), order_type="market"),
    2.0,
    1.0,
    None,
)


class Asked(OpenGate):
    """An account that approves everything, and notes what it was asked again."""

    def __init__(self) -> None:
        self.again: list[AccountOrder] = []

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        self.again.append(order)
        return None


def first_of(entry: EntryOrder, decided: Decided = DECIDED) -> Decided:
    """The decision as a book hands it on."""

    def act(broker: Broker) -> Decided:
        assert isinstance(broker, VenueBroker)
        broker._wire.entry = entry
        return broker.complete(decided)

    async def complete() -> Decided:
        return await asyncio.to_thread(Chase().trader.with_broker, act)

    return asyncio.run(complete())


def test_a_decision_is_journaled_with_its_first_part() -> None:
    first = first_of(EntryOrder("limit", 4))
    assert first.intent is not None
    assert (first.intent.quantity, first.intent.order_type, first.order_quantity) == (D("0.5"), "limit", 2.0)
    assert first.signal.decision["slice"] == 0.5


def test_what_is_too_small_for_parts_or_only_reduces_is_one_order() -> None:
    tiny = replace(DECIDED.intent, quantity=D("0.09"))  # type: ignore[type-var] - an intent
    one = first_of(EntryOrder("market", 4), DECIDED._replace(intent=tiny, order_quantity=0.09))
    assert (one.intent, "slice" in one.signal.decision) == (tiny, False)
    assert first_of(AT_MARKET) == DECIDED


def test_how_orders_enter_follows_the_settings_unless_books_share_the_symbol() -> None:
    orders = ("limit", "twap", "iceberg")
    kinds = {order: entry_of(EntrySettings(order=order), is_shared=False) for order in orders}
    assert kinds == {
        "limit": EntryOrder("limit"),
        "twap": EntryOrder("market", 5),
        "iceberg": EntryOrder("limit", 5),
    }
    assert entry_of(EntrySettings(order="twap", slice_order="limit"), is_shared=False) == EntryOrder(
        "limit", 5
    )
    assert entry_of(EntrySettings(order="twap"), is_shared=True) == AT_MARKET


def test_the_account_is_asked_about_a_part_as_about_the_whole_that_it_approved() -> None:
    gate = Asked()
    approval = Approval(gate, plan_of(CANARY, in_process))
    approval.approved(DECIDED, Moment(NOW_MS, 1, 0.0), 0, is_reducing=False)
    part = Intent("q1-7-r", "buy", D("0.5"), "remainder", from_ms(NOW_MS + 6_000))
    assert approval.refusal_to_send(part, is_reducing=False) == ""
    [asked] = gate.again
    assert (asked.quantity, asked.client_order_id, asked.part_of) == (2.0, "q1-7-r", ROOT.client_order_id)
    assert asked.at_ms == NOW_MS + 6_000


class Account:
    """The account of a decision to buy 2, of which fills come, at 100 each."""

    def __init__(self) -> None:
        self.gate = AccountBooks(lambda _: Prices(100.0, 100.0, 0.0), lambda: NOW_MS)
        self.gate.expect(CANARY.id, 1_000.0)
        self.allow(250.0)
        self.approval = Approval(self.gate, plan_of(CANARY, in_process))

    def allow(self, notional: float) -> None:
        self.gate.follow(AccountTerms(AccountLimits(max_symbol_notional=notional)))

    def refusal(self, intent: Intent) -> str:
        return self.approval.refusal_to_send(intent, is_reducing=False)

    def after(self, name: str | None, quantity: Decimal) -> None:
        """Approve the decision, and book a fill behind it."""

        def fill(broker: VenueBroker) -> None:
            self.approval.report(broker, NOW_MS)
            moment = Moment(NOW_MS, 1, 0.0)
            assert self.approval.approved(DECIDED, moment, 0, is_reducing=False).denied_by is None
            at = from_ms(NOW_MS)
            broker.stage([Fill("1", name, "buy", quantity, D(100), D(0), "target", at)], (), at=at)
            self.approval.report(broker, NOW_MS)

        async def play() -> None:
            chase = Chase()
            await OrderRows(chase.trader, chase.venue, 1).with_broker(fill)

        asyncio.run(asyncio.wait_for(play(), 60))


def test_what_is_filled_of_an_entry_in_parts_counts_once_for_the_account() -> None:
    account = Account()
    account.after(ROOT.client_order_id, D(1))
    part = Intent("q1-7-r", "buy", D(1), "remainder", from_ms(NOW_MS + 6_000))
    assert (account.refusal(part), account.refusal(ROOT)) == ("", "")
    account.allow(199.0)
    assert "symbol_position" in account.refusal(part)


def test_a_part_is_asked_about_whole_whatever_else_has_filled_meanwhile() -> None:
    """A fill of nobody's part leaves less of the decision than is about to be sent."""
    account = Account()
    account.after(None, D("1.5"))
    part = Intent("q1-7-r", "buy", D(1), "remainder", from_ms(NOW_MS + 6_000))
    assert account.refusal(part) == ""
    account.allow(240.0)
    assert "symbol_position" in account.refusal(part)


def test_parts_are_withdrawn_where_others_come_to_the_symbol() -> None:
    async def play() -> None:
        chase = Chase()
        chase.chasing.take_up(ROOT, NOW_MS, 3 * ROOT.quantity)
        chase.wire.entry = AT_MARKET  # as the link has it where books share a symbol
        assert await chase.keep()
        assert (chase.venue.n_placed, chase.statuses()) == (0, ["DENIED"])

    asyncio.run(asyncio.wait_for(play(), 60))


def test_nothing_more_is_intended_of_what_the_book_has_decided_anew() -> None:
    async def play() -> None:
        chase = Chase()
        rows = OrderRows(chase.trader, chase.venue, 1)
        broker = await rows.with_broker(lambda broker: broker)
        assert await rows.intend_remainder(ROOT, D(1), None) is not None
        broker.decided_ms = NOW_MS + MINUTE_MS
        assert await rows.intend_remainder(ROOT, D(1), None) is None
        assert len(chase.statuses()) == 2

    asyncio.run(asyncio.wait_for(play(), 60))


@pytest.mark.parametrize(
    "limits",
    [
        AccountLimits(max_symbol_notional=200.0),
        AccountLimits(max_open_order_notional=200.0, max_order_notional=200.0),
        AccountLimits(max_gross_notional=200.0, max_net_notional=200.0, max_leverage=0.2),
        AccountLimits(max_identical_orders=1.0, max_repeated_executions=1.0),
        AccountLimits(max_orders_per_minute=2.0),
    ],
)
def test_what_replaces_the_rest_of_an_order_at_the_limit_is_not_denied(limits: AccountLimits) -> None:
    """The order of 2 rested at exactly what may be held, 1 of it filled, and the rest goes at market."""
    account = Account()
    account.gate.follow(AccountTerms(limits))
    account.after(ROOT.client_order_id, D(1))
    rest = Intent("q1-7-r", "buy", D(1), "remainder", from_ms(NOW_MS + 30_000))
    assert account.refusal(rest) == ""
