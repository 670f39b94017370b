"""Symbol, step and exchange of one file, by its name, its metadata and its rows, against what was asked."""

from dataclasses import replace
from typing import NamedTuple

from quant_pipelines.archive.cells import Cells, step_by_closes
from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.layouts import Found, Statement
from quant_pipelines.archive.market_names import market_in
from quant_pipelines.archive.preview import Preview
from quant_pipelines.archive.stated import check_name, check_rows, exchange_of, require_kind, settled


class Identity(NamedTuple):
    """What a file is.

    Parameters
    ----------
    asked
        What was asked, completed by what the file says.
    statement
        What it says beside its rows, and the exchanges of which it may be.
    """

    asked: Claims
    statement: Statement

    def require(self, cells: Cells) -> None:
        """Prove that rows are of this symbol, step and exchange.

        Raises
        ------
        DataError
            Naming the first row that is of another.
        """
        exchange_of(self.asked, self.statement.exchanges, cells.texts, cells.origin)
        check_rows(self.asked, cells.texts, cells.origin)


def identified(preview: Preview, found: Found, cells: Cells, asked: Claims) -> Identity:
    """Tell what a file is by its first rows and what stands around them.

    Raises
    ------
    DataError
        If it contradicts what was asked, or itself; the sentence names both.
    ConfigurationError
        If neither says what is needed.
    """
    statement = found.layout.states(preview)
    if not statement.symbol and "symbol" not in cells.texts:
        statement = statement._replace(symbol=market_in(preview.path.name))
    require_kind(found, statement, cells.origin)
    if not (asked.timeframe or statement.timeframe):
        statement = statement._replace(timeframe=step_by_closes(cells))
    stated = statement.exchanges or found.layout.exchanges
    exchanges = exchange_of(asked, stated, cells.texts, cells.origin)
    statement = statement._replace(exchanges=exchanges)
    complete = settled(replace(asked, kind=found.kind), statement, cells.texts, cells.origin)
    inner = found.layout.states(preview._replace(path=preview.path.with_name(preview.content_name)))
    check_name(cells.origin, inner, complete)  # a zip may be called otherwise than what is in it
    return Identity(complete, statement)
