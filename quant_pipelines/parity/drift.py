"""Who owns a difference of the two positions: whoever made it, until it is undone.

An order that was not filled leaves both books apart; the next one that brings them together again is nothing
new. What is closed on the way back belongs to the cause that opened it, oldest first. And two books that are
not worth the same order other quantities of the same target: that belongs to the cause that came last.
"""

from collections.abc import Sequence
from decimal import Decimal

from quant_pipelines.parity.causes import CAUSES, UNEXPLAINED, Grounds
from quant_pipelines.parity.journal import ZERO
from quant_pipelines.parity.pairs import Pair, Piece

_PARTED = Decimal("0.05")
"""Most that books which began the day alike are apart in worth, by which a quantity is told to follow."""


class Drift:
    """Explains pieces one after the other, in the order of time.

    Parameters
    ----------
    day
        What the causes know.

    Attributes
    ----------
    amounts
        What each cause has explained so far, quote; what none has stands under ``UNEXPLAINED``.
    """

    def __init__(self, day: Grounds) -> None:
        self._day = day
        self._open: list[tuple[str, Decimal]] = []
        self._newest = ""
        self.amounts: dict[str, Decimal] = {}

    def add_pair(self, pair: Pair, parts: Sequence[Piece]) -> None:
        """Explain the pieces of one order."""
        for part in parts:
            if part.kind != "quantity":
                self.add(part)
            else:
                self.add(self._followed(self._undone(part), pair))

    def add(self, part: Piece) -> None:
        """Explain one piece by the table."""
        for cause in CAUSES:
            if not part.left:
                return
            if part.kind not in cause.of:
                continue
            share = cause.explains(part, self._day)
            if share:
                part = self._owned(cause.name, part, share)
        if part.left:
            self._owned(UNEXPLAINED, part, part.left)

    def _owned(self, name: str, part: Piece, share: Decimal) -> Piece:
        """Give a share of a piece to a cause; returns what is left."""
        self.amounts[name] = self.amounts.get(name, ZERO) + share * part.worth
        self._newest = name
        if part.kind == "quantity":
            self._open.append((name, share))
        return part._replace(left=part.left - share)

    def _undone(self, part: Piece) -> Piece:
        """Give what brings the books together to the causes that took them apart."""
        kept: list[tuple[str, Decimal]] = []
        for name, apart in self._open:
            back = ZERO
            if apart * part.left < ZERO:
                back = max(-abs(apart), min(part.left, abs(apart)))
                self.amounts[name] = self.amounts.get(name, ZERO) + back * part.worth
                part = part._replace(left=part.left - back)
            if apart + back:
                kept.append((name, apart + back))
        self._open = kept
        return part

    def _followed(self, part: Piece, pair: Pair) -> Piece:
        """Give the little by which both ordered otherwise to the cause that came last, if one did."""
        if not self._newest or self._newest == UNEXPLAINED or not pair.matched:
            return part
        most = abs(pair.matched) * _PARTED
        if abs(part.left) > most:
            return part
        return self._owned(self._newest, part, part.left)
