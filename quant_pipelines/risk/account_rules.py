"""Rules that every order of an account must pass, as a table: one rule is one row.

They look at all books of the account and at what is open or unknown at the venue, so they are asked by the
runner only, before an intent is committed and again before it is sent; a backtest of one book has none.
They fail closed: what a rule needs and nobody knows denies the order.
"""

import math
from dataclasses import dataclass

from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.risk.account_observed import (
    Inputs,
    Observed,
    counted,
    gross_notional,
    net_notional,
    no_inputs,
    of_age,
    of_equity,
    of_exposure,
    of_loss,
    of_order,
    of_prices,
    open_notional,
    order_notional,
    orders_per_fill,
    over_equity,
    price_deviation,
    same,
    self_matches,
    symbol_notional,
)
from quant_pipelines.risk.account_view import (
    IDENTICAL_MS,
    MINUTE_MS,
    REPEATED_MS,
    AccountOrder,
    AccountView,
)
from quant_pipelines.risk.limits import exceeds
from quant_pipelines.risk.rules import Action, Scope


@dataclass(frozen=True, slots=True)
class AccountRule:
    """One rule: what it observes must not exceed its limit.

    Parameters
    ----------
    name
        As decisions and journals keep it.
    scope
        Whose state is observed.
    field
        Name of its limit in ``AccountLimits``; empty where nothing at all is allowed.
    needs
        What it can't do without.
    observed
        In the unit of the limit.
    action
        What follows a breach: ``deny`` refuses the order, ``reduce`` also lets only reducing orders through.
    reason
        Why there is such a rule.
    """

    name: str
    scope: Scope
    field: str
    needs: Inputs
    observed: Observed
    action: Action
    reason: str

    def limit(self, limits: AccountLimits) -> float:
        """Value that must not be exceeded; infinite is no limit."""
        return float(getattr(limits, self.field)) if self.field else 0.0


@dataclass(frozen=True, slots=True)
class AccountDenial:
    """The rule that refused, its action, and why in one sentence."""

    rule: str
    action: Action
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


ACCOUNT_RULES = (
    AccountRule(
        "trading_state",
        "account",
        "",
        of_order,
        lambda view, _: float(view.is_reducing),
        "deny",
        "what only reduces adds nothing",
    ),
    AccountRule(
        "restricted_symbol",
        "symbol",
        "",
        no_inputs,
        lambda view, order: float(order.symbol in view.restricted),
        "deny",
        "a person took the symbol off the list of what may be opened",
    ),
    AccountRule(
        "liquidation_buffer",
        "symbol",
        "",
        no_inputs,
        lambda view, order: float(order.symbol in view.near_liquidation),
        "deny",
        "what is held may be liquidated before its stop",
    ),
    AccountRule(
        "stale_prices",
        "symbol",
        "max_data_age_seconds",
        of_age,
        lambda view, order: view.prices[order.symbol].age_seconds,
        "deny",
        "old market data don't tell what an order would pay",
    ),
    AccountRule(
        "account_daily_loss",
        "account",
        "max_daily_loss_fraction",
        of_loss,
        lambda view, _: view.day_loss_fraction,
        "reduce",
        "an account that has lost so much since midnight adds nothing before the next one",
    ),
    AccountRule(
        "order_quantity",
        "symbol",
        "max_order_quantity",
        of_order,
        lambda _, order: abs(order.quantity),
        "deny",
        "an order of such a size is a slip",
    ),
    AccountRule(
        "order_value",
        "symbol",
        "max_order_notional",
        of_order,
        order_notional,
        "deny",
        "an order of such a value is a slip",
    ),
    AccountRule(
        "price_collar",
        "symbol",
        "max_price_deviation",
        of_prices,
        price_deviation,
        "deny",
        "a price so far from the market's is wrong, or the market's is",
    ),
    AccountRule(
        "open_order_value",
        "account",
        "max_open_order_notional",
        of_exposure,
        open_notional,
        "deny",
        "what is open may all be filled at once",
    ),
    AccountRule(
        "symbol_position",
        "symbol",
        "max_symbol_notional",
        of_exposure,
        symbol_notional,
        "deny",
        "all books of a symbol are one position at the venue",
    ),
    AccountRule(
        "gross_exposure",
        "account",
        "max_gross_notional",
        of_exposure,
        gross_notional,
        "deny",
        "longs and shorts need not move together",
    ),
    AccountRule(
        "net_exposure",
        "account",
        "max_net_notional",
        of_exposure,
        net_notional,
        "deny",
        "the market as a whole moves what is not hedged",
    ),
    AccountRule(
        "leverage",
        "account",
        "max_leverage",
        of_equity,
        lambda view, order: over_equity(gross_notional(view, order), view),
        "deny",
        "what is borrowed is lost first",
    ),
    AccountRule(
        "concentration",
        "symbol",
        "max_symbol_fraction",
        of_equity,
        lambda view, order: over_equity(symbol_notional(view, order), view),
        "deny",
        "one symbol must not decide over the whole account",
    ),
    AccountRule(
        "message_rate",
        "account",
        "max_orders_per_minute",
        no_inputs,
        lambda view, order: 1.0 + sum(1 for _ in counted(view.sent, order, MINUTE_MS)),
        "deny",
        "so many orders a minute are a loop, and the venue bans who sends them",
    ),
    AccountRule(
        "order_to_fill",
        "account",
        "max_orders_per_fill",
        no_inputs,
        orders_per_fill,
        "deny",
        "orders that don't fill are noise, and venues punish it",
    ),
    AccountRule(
        "duplicate_order",
        "deployment",
        "max_identical_orders",
        of_order,
        lambda view, order: 1.0 + same(counted(view.sent, order, IDENTICAL_MS), order),
        "deny",
        "the same order twice within a moment was meant once",
    ),
    AccountRule(
        "repeated_execution",
        "deployment",
        "max_repeated_executions",
        of_order,
        lambda view, order: 1.0 + same(counted(view.executed, order, REPEATED_MS), order),
        "reduce",
        "the same order, executed again and again, is a fault of the strategy",
    ),
    AccountRule(
        "self_match",
        "symbol",
        "",
        of_order,
        self_matches,
        "deny",
        "an account must not trade with itself",
    ),
)
"""In the order in which they are asked; the first that denies is the one that is named."""


def adds_exposure(view: AccountView, order: AccountOrder) -> bool:
    """Whether an order could take its book, or the net of all, farther from flat, or its book across.

    What only reduces is never denied: an exit must always leave.
    """
    book = view.books.get(order.deployment_id)
    if book is None or order.adds_to_net:
        return True
    same_side = book.sold if order.quantity < 0.0 else book.bought
    covered = book.position + math.copysign(same_side, order.quantity)
    return not (covered * order.quantity < 0.0 and abs(order.quantity) <= abs(covered))


def account_denial(view: AccountView, order: AccountOrder, limits: AccountLimits) -> AccountDenial | None:
    """Ask every rule about an order; the first that denies is returned, None where all approve.

    Examples
    --------
    >>> from quant_pipelines.risk.account_view import BookExposure
    >>> books = {n: BookExposure(n, s, 1.0, (), 100.0, 100.0, 80.0) for n, s in ((1, "A"), (2, "B"))}
    >>> order = AccountOrder(1, "A", 2.0, 80.0, 0)
    >>> str(account_denial(AccountView(books, {}), order, AccountLimits(max_leverage=1.5)))
    'leverage: 1.6 is beyond 1.5'
    >>> str(account_denial(AccountView(books, {}), order, AccountLimits(max_price_deviation=0.1)))
    'price_collar: mark price of A is not known; expected a number before an order is sent'
    """
    view = view.before(order)
    if not adds_exposure(view, order):
        return None
    for rule in ACCOUNT_RULES:
        limit = rule.limit(limits)
        sentence = "" if limit == math.inf else _fault(rule, view, order, limit)
        if sentence:
            return AccountDenial(rule.name, rule.action, sentence)
    return None


def _fault(rule: AccountRule, view: AccountView, order: AccountOrder, limit: float) -> str:
    if math.isnan(limit):
        return f"{rule.field} is nan; expected a number before an order is sent"
    for name, value in rule.needs(view, order):
        if not math.isfinite(value):
            return f"{name} is not known; expected a number before an order is sent"
    observed = rule.observed(view, order)
    if math.isnan(observed) or exceeds(observed, limit):
        return f"{observed:.6g} is beyond {limit:.6g}"
    return ""
