"""What a page and the command line say of a run of which nothing was left, and of who paid for a book."""

from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.shortfall import Shortfall
from quant_pipelines.backtest.batch.result import BacktestResult
from quant_pipelines.reports.numbers import money


def ruin_sentences(result: BacktestResult) -> list[str]:
    """Say when a run went bankrupt and which of its books lost more than they had; nothing if none did."""
    when, sentences = result.bankrupt_at, []
    if when is not None:
        sentences.append(f"Bankrupt in the bar of {when:%Y-%m-%d %H:%M} UTC: trading ended there.")
    if isinstance(result, AccountResult):
        sentences += map(_shortfall, result.shortfalls)
    return sentences


def _shortfall(of: Shortfall) -> str:
    paid = ", ".join(f"{money(amount)} by {name}" for name, amount in of.paid_by.items())
    return f"Book {of.book} lost {money(of.amount)} more than its own capital; paid {paid}."
