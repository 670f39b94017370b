"""Names under which live state is kept; other programs read them, so they never change."""

SIGNAL_QUEUE = "sig:queue"
"""Newest signals, latest last."""

PENDING_ORDERS = "ord:pending"
"""Intents that wait for their fill."""

SERVICE_KEY = "hb:collector"
"""Sign of life of the collector."""


def tick_key(symbol: str) -> str:
    """Last trade and the bar that is trading."""
    return f"md:tick:{symbol}"


def book_key(symbol: str) -> str:
    """Best bid and ask."""
    return f"md:book:{symbol}"


def funding_key(symbol: str) -> str:
    """Mark and index price, announced funding rate and its time."""
    return f"md:funding:{symbol}"


def rate_key(exchange: str) -> str:
    """Request weight that is used at an exchange."""
    return f"rate:{exchange}"


def position_key(strategy: str, symbol: str, deployment_id: int) -> str:
    """Position of a deployment: a strategy may trade a symbol in several, as on paper and at a venue."""
    return f"state:pos:{strategy}:{symbol}:{deployment_id}"


def hot_score_key(symbol: str) -> str:
    """Newest hot score of a symbol."""
    return f"hot:score:{symbol}"


def lock_key(name: str) -> str:
    """Lock of that name."""
    return f"lock:{name}"
