"""What a venue takes of one symbol: steps, smallest and largest orders, leverage and maintenance brackets."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from quant_pipelines.trading.execution import Bracket


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """Limits of one symbol.

    Parameters
    ----------
    symbol
        Ccxt form.
    tick_size, lot_size, min_notional
        Price step in quote per base, quantity step in base, smallest order in quote.
    largest_market_order
        Base; None without one.
    max_leverage
        Of the smallest positions.
    brackets
        Maintenance margin by notional, lowest first.
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal
    largest_market_order: Decimal | None
    max_leverage: int
    brackets: tuple[Bracket, ...]

    def to_document(self) -> dict[str, Any]:
        """Limits as a JSON document, amounts as exact text."""
        known = asdict(self)
        return {name: f"{one}" if isinstance(one, Decimal) else one for name, one in known.items()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "VenueLimits":
        """Limits of a document that ``to_document`` made."""
        tick_size, lot_size, min_notional = (
            Decimal(document[name]) for name in ("tick_size", "lot_size", "min_notional")
        )
        largest = document["largest_market_order"]
        return cls(
            document["symbol"],
            tick_size,
            lot_size,
            min_notional,
            None if largest is None else Decimal(largest),
            int(document["max_leverage"]),
            tuple(Bracket(**bracket) for bracket in document["brackets"]),
        )

    def changes_from(self, before: "VenueLimits") -> str:
        """Tell what has changed, as clauses; empty when nothing has.

        Examples
        --------
        >>> old = VenueLimits("A", *map(Decimal, ("0.1", "0.001", "5", "120")), 125, (Bracket(0.0, 0.004),))
        >>> new = VenueLimits("A", *map(Decimal, ("0.10", "0.001", "5", "90")), 75, (Bracket(0.0, 0.01),))
        >>> new.changes_from(old)
        'largest_market_order 120 -> 90, max_leverage 125 -> 75, maintenance rate from 0 on 0.004 -> 0.01'
        """
        names = [name for name in self.__slots__ if name not in ("symbol", "brackets")]
        told = [
            f"{name} {was if was is not None else 'none'} -> {now if now is not None else 'none'}"
            for name, was, now in ((name, getattr(before, name), getattr(self, name)) for name in names)
            if was != now
        ]
        return ", ".join(told + _bracket_changes(before.brackets, self.brackets))


def _bracket_changes(before: tuple[Bracket, ...], now: tuple[Bracket, ...]) -> list[str]:
    old, new = ({bracket.floor: bracket for bracket in brackets} for brackets in (before, now))
    return [
        f"maintenance rate from {floor:g} on {_rate(old.get(floor))} -> {_rate(new.get(floor))}"
        for floor in sorted(old.keys() | new.keys())
        if old.get(floor) != new.get(floor)
    ]


def _rate(bracket: Bracket | None) -> str:
    return "none" if bracket is None else f"{bracket.rate:g}"
