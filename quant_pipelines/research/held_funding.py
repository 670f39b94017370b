"""Funding of what a record held: of round trips that ended, and of what is still open."""

from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.core.known_funding import KnownFunding, all_known
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.research.history import History


def known_funding_of(record: OutOfSample, history: History) -> KnownFunding:
    """Tell how much of the time held out of sample has known funding."""
    books = Carried.from_document(record.carried["account"]).books if record.carried else ()
    still_open = [
        {
            "symbol": member.bars.symbol,
            "entry_time": book.trade.entry_ts,
            "exit_time": book.until_ms - 1,  # the slot at the very close is the next day's
        }
        for member, book in zip(history.members, books, strict=False)  # none is flat
        if book.trade.side
    ]
    ended = [KnownFunding(**trade["known_funding"]) for trade in record.trades]
    return all_known([*ended, history.known_funding(still_open)])
