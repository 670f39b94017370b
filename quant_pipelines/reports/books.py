"""What several books in one account add to the page of a backtest."""

import math
from collections.abc import Sequence

import numpy as np

from quant_pipelines.backtest.account.result import AccountResult, BookResult
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.reports.axes import number_axis, time_axis
from quant_pipelines.reports.charts import Chart, level, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import NOTHING, money, percent
from quant_pipelines.reports.page import Cell, paragraph, section, signed, table


def account_facts(result: AccountResult) -> dict[str, str]:
    """Return what was paid into the account and out of it, and how much of it was at stake."""
    return {
        "Paid in": money(result.net_flows),
        "Fees and funding": f"{money(result.fees_paid)} and {money(result.funding_paid)} paid",
        "Largest exposure": f"{percent(result.max_gross_exposure)} of the account at a close",
    }


def exposure_section(result: AccountResult, times: IntArray) -> str:
    """Notional of all symbols at each day's end over the account's value: its size, and its sum.

    ``times`` are the start and the end of each day, shape (n_days + 1,).
    """
    net = np.sum(list(result.net_exposure.values()), axis=0)
    x = time_axis(int(times[0]), int(times[-1]))
    y = number_axis(np.concatenate([result.gross_exposure, net]), lambda v: percent(v, 0), has_zero=True)
    layers = [
        level(y, 0.0),
        line(x, y, times[1:], result.gross_exposure, name="gross", kind="hold", sign="dash"),
        line(x, y, times[1:], net, name="net"),
    ]
    chart = Chart("Exposure at day ends", "of the account's value", x, y, layers, height=220, hover="%")
    note = "Gross adds the sizes of all positions; net takes shorts from longs."
    return section("Exposure", draw(chart), paragraph(note, "soft"))


def book_section(result: AccountResult) -> str:
    """Show what each book earned and paid, and how alike they earn."""
    header = ("book", "symbol", "share", "earned", "of the account", "fees", "funding", "round trips", "won")
    names = [f"{at + 1} {book.symbol}" for at, book in enumerate(result.books)]
    rows = [
        [name, *("1.00" if at == to else _ratio(value) for to, value in enumerate(row))]
        for at, (name, row) in enumerate(zip(names, result.correlation, strict=True))
    ]
    note = "Pearson, of what each book earned by UTC day over the account's value."
    return section(
        "Books",
        table(header, (_book_row(book) for book in result.books), texts=(0, 1), kind="sortable"),
        table(("correlation", *names), rows),
        paragraph(note, "soft"),
    )


def earned_section(names: Sequence[str], results: Sequence[AccountResult]) -> str:
    """Compare what several accounts earned with each symbol, and how much of them was at stake."""
    symbols = dict.fromkeys(book.symbol for result in results for book in result.books)
    rows: list[tuple[str | Cell, ...]] = [
        (symbol, *(_earned(result, symbol) for result in results)) for symbol in symbols
    ]
    rows.append(("largest exposure", *(percent(result.max_gross_exposure) for result in results)))
    note = "Quote, fees and funding taken off; the largest exposure is a share of the account at a close."
    return section(
        "Earned by symbol",
        table(("symbol", *names), rows),
        paragraph(note, "soft"),
    )


def _earned(result: AccountResult, symbol: str) -> Cell:
    own = [book.result for book in result.books if book.symbol == symbol]
    earned = sum(book.final_equity - book.capital for book in own)
    return Cell(money(earned), earned, signed(earned))


def _book_row(book: BookResult) -> tuple[str | Cell, ...]:
    result = book.result
    earned, part = result.final_equity - result.capital, float(np.sum(book.contribution))
    won = result.metrics.get("win_rate")
    return (
        book.name,
        book.symbol,
        Cell(percent(book.share), book.share),
        Cell(money(earned), earned, signed(earned)),
        Cell(percent(part), part, signed(part)),
        Cell(money(result.fees_paid), result.fees_paid),
        Cell(money(result.funding_paid), result.funding_paid),
        Cell(f"{len(result.trades):,}", len(result.trades)),
        Cell(percent(won, 1), won),
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else NOTHING
