"""What the venue says when it refuses: one table from a reason to Binance's code and words."""

from quant_pipelines.simulator.queries import VenueError

_NOT_RECORDED = "The order will not be recorded in the order history."
_GOOD_TILL = "greater than the current time plus 600 seconds and smaller than 253402300799000"
_REASONS: dict[str, tuple[int, str]] = {
    "unknown": (-1000, "An unknown error occurred while processing the request."),
    "disk_full": (-1008, "The venue's disk is full: nothing was accepted. Please try again later."),
    "time": (-1021, "Timestamp for this request is outside of the recvWindow."),
    "signature": (-1022, "Signature for this request is not valid."),
    "mandatory": (-1102, "Mandatory parameter '{}' was not sent, was empty/null, or malformed."),
    "either": (-1102, "Param '{}' or '{}' must be sent, but both were empty/null!"),
    "not_required": (-1106, "Parameter '{}' sent when not required."),
    "precision": (-1111, "Precision is over the maximum defined for this asset."),
    "time_in_force": (-1115, "Invalid timeInForce."),
    "order_type": (-1116, "Invalid orderType."),
    "side": (-1117, "Invalid side."),
    "listen_key": (-1125, "This listenKey does not exist."),
    "combination": (-1128, "Combination of optional parameters invalid."),
    "parameter": (-1130, "Data sent for parameter '{}' is not valid."),
    "callback_rate": (-2007, "Invalid callBack rate."),
    "not_open": (-2011, "Unknown order sent."),
    "no_order": (-2013, "Order does not exist."),
    "api_key": (-2015, "Invalid API-key, IP, or permissions for action."),
    "margin": (-2019, "Margin is insufficient."),
    "would_trigger": (-2021, "Order would immediately trigger."),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
    "many_orders": (-2025, "Reach max open order limit."),
    "position_size": (-2027, "Exceeded the maximum allowable position at current leverage."),
    "low_leverage": (-2028, "Leverage is smaller than permitted: insufficient margin balance."),
    "price_negative": (-4001, "Price less than 0."),
    "quantity_zero": (-4003, "Quantity less than or equal to zero."),
    "quantity_small": (-4004, "Quantity less than min quantity."),
    "quantity_large": (-4005, "Quantity greater than max quantity."),
    "amount": (-4055, "Amount must be positive."),
    "tick": (-4014, "Price not increased by tick size."),
    "client_id": (-4015, "Client order id is not valid."),
    "price_high": (-4016, "Limit price can't be higher than {}."),
    "lot": (-4023, "Quantity not increased by step size."),
    "price_low": (-4024, "Limit price can't be lower than {}."),
    "leverage": (-4028, "Leverage {} is not valid."),
    "many_cancels": (-4032, "Exceed maximum cancel order size."),
    "many_stops": (-4045, "Reach max stop order limit."),
    "same_margin_type": (-4046, "No need to change margin type."),
    "margin_type_orders": (-4047, "Margin type cannot be changed if there exists open orders."),
    "margin_type_position": (-4048, "Margin type cannot be changed if there exists position."),
    "margin_of_cross": (-4049, "Add margin only support for isolated position."),
    "cross_balance": (-4050, "Cross balance insufficient."),
    "isolated_balance": (-4051, "Isolated balance insufficient."),
    "margin_of_nothing": (-4054, "Cannot add position margin: position is 0."),
    "same_position_side": (-4059, "No need to change position side."),
    "position_side": (-4061, "Order's position side does not match user's setting."),
    "position_side_orders": (-4067, "Position side cannot be changed if there exists open orders."),
    "position_side_position": (-4068, "Position side cannot be changed if there exists position."),
    "batch_size": (-4082, "Invalid number of batch place orders: {}"),
    "not_yet": (-4084, "Method is not allowed currently. Upcoming soon."),
    "halted": (-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading."),
    "duplicate": (-4116, "ClientOrderId is duplicated."),
    "algo_endpoint": (
        -4120,
        "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    ),
    "close_position": (
        -4130,
        "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    ),
    "isolated_leverage": (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    ),
    "notional": (
        -4164,
        "Order's notional must be no smaller than {} (unless you choose reduce only).",
    ),
    "same_asset_mode": (
        -4171,
        "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.",
    ),
    "fill_or_kill": (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. " + _NOT_RECORDED,
    ),
    "post_only": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        + _NOT_RECORDED,
    ),
    "no_change": (-5027, "No need to modify the order."),
    "price_match": (-5037, "Invalid price match"),
    "price_match_type": (-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT"),
    "self_trades": (-5039, "Invalid self trade prevention mode"),
    "good_till_date": (-5040, f"The goodTillDate timestamp must be {_GOOD_TILL} (UTC 9999-12-31 23:59:59)"),
    "no_depth": (-5041, "No depth matches this BBO order"),
    "not_reduce_only": (-5047, "The original order is not a reduce-only order"),
}
_STATUS = {"unknown": 503, "disk_full": 503, "api_key": 401}


def refusal(reason: str, *details: object) -> VenueError:
    """Answer that refuses for a reason of the table; ``details`` fill its sentence."""
    code, message = _REASONS[reason]
    return VenueError(code, message.format(*details), _STATUS.get(reason, 400))
