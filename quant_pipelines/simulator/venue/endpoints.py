"""Signed endpoints of the venue: one table from method and path to handler and weight."""

from collections.abc import Callable
from typing import Any, NamedTuple

from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue import account, batch, history, orders, position_margin, settings
from quant_pipelines.simulator.venue.play import expire_until
from quant_pipelines.simulator.venue.state import Venue


class Endpoint(NamedTuple):
    """What answers, what it weighs, and whether it counts as an order."""

    answer: Callable[[Venue, Query], Any]
    weight: int
    is_order: bool = False


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/fapi/v1/order"): Endpoint(orders.new_order, 0, is_order=True),
    ("POST", "/fapi/v1/order/test"): Endpoint(orders.test_order, 0),
    ("PUT", "/fapi/v1/order"): Endpoint(orders.amend_order, 1, is_order=True),
    ("GET", "/fapi/v1/order"): Endpoint(orders.get_order, 1),
    ("DELETE", "/fapi/v1/order"): Endpoint(orders.cancel_order, 1),
    ("POST", "/fapi/v1/batchOrders"): Endpoint(batch.new_orders, 5, is_order=True),
    ("PUT", "/fapi/v1/batchOrders"): Endpoint(batch.amend_orders, 5, is_order=True),
    ("DELETE", "/fapi/v1/batchOrders"): Endpoint(batch.cancel_orders, 1),
    ("GET", "/fapi/v1/openOrder"): Endpoint(orders.get_open_order, 1),
    ("GET", "/fapi/v1/openOrders"): Endpoint(orders.open_orders, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(orders.cancel_all_orders, 1),
    ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(orders.set_countdown, 10),
    ("POST", "/fapi/v1/algoOrder"): Endpoint(orders.new_algo_order, 0, is_order=True),
    ("GET", "/fapi/v1/algoOrder"): Endpoint(orders.get_algo_order, 1),
    ("DELETE", "/fapi/v1/algoOrder"): Endpoint(orders.cancel_algo_order, 1),
    ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(orders.open_algo_orders, 1),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(orders.cancel_all_algo_orders, 1),
    ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(history.all_algo_orders, 5),
    ("GET", "/fapi/v1/allOrders"): Endpoint(history.all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): Endpoint(history.user_trades, 5),
    ("GET", "/fapi/v1/income"): Endpoint(history.income, 30),
    ("GET", "/fapi/v1/orderAmendment"): Endpoint(history.amendments, 1),
    ("GET", "/fapi/v1/forceOrders"): Endpoint(history.force_orders, 20),
    ("GET", "/fapi/v2/balance"): Endpoint(account.balance, 5),
    ("GET", "/fapi/v3/balance"): Endpoint(account.balance, 5),
    ("GET", "/fapi/v2/account"): Endpoint(account.account_of_all, 5),
    ("GET", "/fapi/v3/account"): Endpoint(account.account, 5),
    ("GET", "/fapi/v2/positionRisk"): Endpoint(account.position_risk_of_all, 5),
    ("GET", "/fapi/v3/positionRisk"): Endpoint(account.position_risk, 5),
    ("GET", "/fapi/v1/symbolConfig"): Endpoint(account.symbol_config, 5),
    ("GET", "/fapi/v1/accountConfig"): Endpoint(account.account_config, 5),
    ("GET", "/fapi/v1/leverageBracket"): Endpoint(account.leverage_brackets, 1),
    ("GET", "/fapi/v1/commissionRate"): Endpoint(account.commission_rate, 20),
    ("GET", "/fapi/v1/positionSide/dual"): Endpoint(account.position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(settings.set_position_mode, 1),
    ("POST", "/fapi/v1/leverage"): Endpoint(settings.set_leverage, 1),
    ("POST", "/fapi/v1/marginType"): Endpoint(settings.set_margin_type, 1),
    ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(settings.multi_assets_mode, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(settings.set_multi_assets_mode, 1),
    ("GET", "/fapi/v1/feeBurn"): Endpoint(settings.fee_burn, 30),
    ("POST", "/fapi/v1/feeBurn"): Endpoint(settings.set_fee_burn, 1),
    ("GET", "/fapi/v1/rateLimit/order"): Endpoint(settings.order_limits, 1),
    ("GET", "/sapi/v1/portfolio/account"): Endpoint(settings.portfolio_account, 1),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(account.key_permissions, 1),
    ("GET", "/fapi/v1/apiTradingStatus"): Endpoint(settings.trading_status, 1),
    ("GET", "/fapi/v1/adlQuantile"): Endpoint(account.adl_quantiles, 5),
    ("POST", "/fapi/v1/positionMargin"): Endpoint(position_margin.change_position_margin, 1),
    ("GET", "/fapi/v1/positionMargin/history"): Endpoint(position_margin.position_margin_history, 1),
}


def answer(venue: Venue, endpoint: Endpoint, query: Query, now_ms: int) -> Any:
    """Answer one request: all that it changes is on the disk when this returns.

    Raises
    ------
    VenueError
        If it is refused; nothing has changed then.
    """
    with venue.ledger.transaction():
        venue.now_ms = max(now_ms, venue.ledger.played_ms)
        expire_until(venue, venue.now_ms)
        return endpoint.answer(venue, query)
