"""The state of a book in both of its forms, each made of the other when it is asked for."""

from typing import Any

import numpy as np

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.bar.state import BookState, StepTerms
from quant_pipelines.backtest.book.resting_play import (
    AT_COURSE,
    AT_TERMS,
    COURSE,
    N_CELLS,
    STATE,
    TERMS,
    Course,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.cells import view_of
from quant_pipelines.trading.cycle import BookView

_N_ACCOUNT = len(Account._fields)
_EQUITY, _CLOSE = STATE.places["curve.equity"], STATE.places["close"]
_HELD, _PENDING = STATE.places["account.position"], STATE.places["order.quantity"]
_DAY_START, _N_ORDERS = STATE.places["day.start_equity"], STATE.places["day.n_orders"]
_SIDE, _WAIT = STATE.places["target_side"], STATE.places["order.wait_bars"]
_ATR, _DEVIATION = STATE.places["seen.atr"], STATE.places["seen.deviation"]
_FIRST, _END = AT_COURSE + COURSE.places["first"], AT_COURSE + COURSE.places["end"]
_RESTING, _HAS_NEWS = AT_COURSE + COURSE.places["n_orders"], AT_COURSE + COURSE.places["has_news"]


class StateCells:
    """State of a book: a value, or cells that compiled code moves on."""

    __slots__ = ("_cells", "_has_cells", "_state", "_terms", "_values")

    def __init__(self) -> None:
        self._cells: FloatArray = np.zeros(N_CELLS)
        self._values = view_of(self._cells)
        self._state: BookState | None = None
        self._terms: StepTerms | None = None
        self._has_cells = False

    @property
    def state(self) -> BookState | None:
        """After the last bar; None before the first one."""
        if self._state is None and self._has_cells:
            self._state = STATE.read(self._values, 0)
        return self._state

    @state.setter
    def state(self, state: BookState) -> None:
        self._state, self._has_cells = state, False

    @property
    def account(self) -> Account | None:
        """Cash and position; None before the first bar."""
        if self._has_cells:
            return Account(*self._values[:_N_ACCOUNT].tolist())
        return self._state.account if self._state else None

    @property
    def equity(self) -> float | None:
        """Quote, at the last close; None before the first bar."""
        if self._has_cells:
            return float(self._values[_EQUITY])
        return self._state.curve.equity if self._state else None

    @property
    def close(self) -> float | None:
        """Last close; None before the first bar."""
        if self._has_cells:
            return float(self._values[_CLOSE])
        return self._state.close if self._state else None

    def view(self, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees after the last bar; pending quantity counts as held."""
        values = self._values
        if not self._has_cells:
            self.cells()
        return BookView(
            values[_HELD] + values[_PENDING],
            values[_EQUITY],
            values[_CLOSE],
            values[_DAY_START],
            values[_SIDE],
            volatility,
            data_age_seconds,
            values[_N_ORDERS],
        )

    def read(self, atr: float, deviation: float) -> None:
        """Let the stops read what is known at a close; nothing is pending where that is no quantity."""
        values = self._values
        self.cells()
        values[_ATR], values[_DEVIATION] = atr, deviation
        if values[_PENDING] == 0.0:
            values[_PENDING] = values[_WAIT] = 0.0

    def count_order(self) -> None:
        """Count one more order in the day."""
        self.cells()[_N_ORDERS] += 1.0

    def cells(self) -> FloatArray:
        """Cells that hold the state, for whoever moves it on there; see ``resting_play``."""
        if not self._has_cells and self._state is not None:
            STATE.write(self._values, 0, self._state)
        self._has_cells, self._state = True, None
        return self._cells

    def started(self, terms: StepTerms, first: int, end: int, n_orders: int) -> FloatArray:
        """Cells of bars that are played under some terms, with that many orders at rest."""
        values = self._values
        if terms is not self._terms:
            values = self._under(terms)
        values[_FIRST], values[_END], values[_RESTING] = first, end, n_orders
        return self.cells()

    def _under(self, terms: StepTerms) -> Any:
        """Cells with other terms."""
        self._cells = np.concatenate([self._cells[:N_CELLS], terms.margin.brackets.ravel()])
        self._values, self._terms = view_of(self._cells), terms
        TERMS.write(self._values, AT_TERMS, terms)
        return self._values

    @property
    def course(self) -> Course | None:
        """What happened in the last bar that was played; None where nothing did."""
        return COURSE.read(self._values, AT_COURSE) if self._values[_HAS_NEWS] else None
