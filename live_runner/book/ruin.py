"""A set on paper of which nothing is left: it ends there, as in the backtest of an account."""

from collections.abc import Sequence
from functools import reduce
from operator import add

from live_runner.book.bookings import Driven
from live_runner.book.broker import Stepped
from live_runner.book.paper import PaperBroker
from quant_pipelines.accounting.account import equity
from quant_pipelines.backtest.account.shared_margin import is_nothing_left
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import EquityPoint


def is_ruined(brokers: Sequence[PaperBroker], capital: float) -> bool:
    """Whether nothing is left of all legs at their last closes, beside their capital in quote."""
    states = [broker.book.state for broker in brokers]
    worths = [equity(state.account, state.close) for state in states if state is not None]
    return len(worths) == len(states) and is_nothing_left(reduce(add, worths, 0.0), capital)


def ended(broker: PaperBroker, last: Driven, close_ms: int) -> Driven:
    """End a leg at a close, milliseconds UTC; returns what that did, with what its bar there did before.

    One without a bar there ends at its last close, and no bar of before is booked any more.
    """
    stepped = Stepped.of([last.stepped, broker.end()])
    account, price = broker.account, broker.book.price
    point = EquityPoint(from_ms(close_ms), account.cash, account.position, price, broker.equity)
    return Driven(stepped, (*last.equity[:-1], point))
