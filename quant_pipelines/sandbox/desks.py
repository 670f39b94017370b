"""An event strategy's desk over the socket: seen as it was when asked, each act done by the caller's own."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sandbox.channel import ask
from quant_pipelines.sdk.desk import Asked, Desk, OpenOrder


class FarDesk(Desk):
    """The confined side; see ``sdk.desk.Desk``.

    Parameters
    ----------
    seen
        Document of ``seen_at``.
    """

    def __init__(self, seen: Mapping[str, Any]) -> None:
        self.memory = seen["memory"]
        self._seen = seen
        self._orders = _orders(seen["orders"])

    @property
    def position(self) -> float:
        """Base, signed."""
        return float(self._seen["position"])

    @property
    def entry_price(self) -> float:
        """Average price of the position; 0 when flat."""
        return float(self._seen["entry_price"])

    @property
    def equity(self) -> float:
        """Quote, at the last close."""
        return float(self._seen["equity"])

    @property
    def price(self) -> float:
        """Last close."""
        return float(self._seen["price"])

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, oldest first."""
        return self._orders

    @property
    def features(self) -> Mapping[str, float]:
        """Newest value of each feature."""
        return dict(self._seen["features"])

    def cancel(self, number: int) -> bool:
        """Cancel an order."""
        return bool(self._act({"act": "cancel", "number": int(number)}))

    def _place(self, asked: Asked) -> int:
        return int(self._act({"act": asked.kind, "asked": asked._asdict()}))

    def _act(self, document: Mapping[str, Any]) -> Any:
        answer = ask(document).document
        if "fault" in answer:
            raise StrategyError(answer["fault"])
        self._orders = _orders(answer["orders"])
        return answer["outcome"]


def seen_at(desk: Desk) -> dict[str, Any]:
    """Return all that a desk shows, as a document."""
    return {
        "memory": desk.memory,
        "position": desk.position,
        "entry_price": desk.entry_price,
        "equity": desk.equity,
        "price": desk.price,
        "orders": [asdict(order) for order in desk.orders],
        "features": dict(desk.features),
    }


def act_at(desk: Desk, document: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the confined side asks for, proven like any call, and tell what came of it."""
    try:
        outcome = _acted(desk, document)
    except StrategyError as error:
        return {"fault": str(error)}
    return {"outcome": outcome, "orders": [asdict(order) for order in desk.orders]}


def _acted(desk: Desk, document: Mapping[str, Any]) -> int | bool:
    if document["act"] == "cancel":
        return desk.cancel(int(document["number"]))
    asked = Asked(**document["asked"])
    reduces = bool(asked.reduce_only)
    match document["act"]:
        case "limit":
            return desk.limit(
                asked.size,
                asked.price,
                reduce_only=reduces,
                post_only=bool(asked.post_only),
                expires_bars=int(asked.expires_bars),
            )
        case "stop_market":
            return desk.stop_market(asked.size, asked.price, reduce_only=reduces)
        case "market":
            return desk.market(asked.size, reduce_only=reduces)
        case other:
            raise ValueError(f"a desk has no {other!r}")


def _orders(documents: list[dict[str, Any]]) -> tuple[OpenOrder, ...]:
    return tuple(OpenOrder(**one) for one in documents)
