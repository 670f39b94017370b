"""Why a fill closes a position: names, and the places by which compiled code knows them."""

EXIT_REASONS = (
    "target",
    "hard_stop",
    "end",
    "atr_stop",
    "volatility_stop",
    "chandelier_stop",
    "sar_stop",
    "time_stop",
    "equity_stop",
    "take_profit",
    "liquidation",
    "limit_order",
    "stop_order",
    "bankruptcy",
)
(
    TARGET,
    HARD_STOP,
    END,
    ATR_STOP,
    VOLATILITY_STOP,
    CHANDELIER_STOP,
    SAR_STOP,
    TIME_STOP,
    EQUITY_STOP,
    TAKE_PROFIT,
    LIQUIDATION,
    LIMIT_ORDER,
    STOP_ORDER,
    BANKRUPTCY,
) = range(len(EXIT_REASONS))
