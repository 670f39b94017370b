"""Names the proposals that a decision has closed in its receipt and its audit row: people wait for them."""

from collections.abc import Sequence
from typing import Any

from quant_pipelines.store.approvals import Voided


def clause_of(voided: Sequence[Voided]) -> str:
    """End of a receipt's sentence; empty where nothing was closed.

    Examples
    --------
    >>> clause_of([Voided("limit:account:max_leverage", "1.5", "ann")])
    '; void by that: limit:account:max_leverage to 1.5, which ann proposed'
    """
    told = (f"{one.subject} to {one.target}, which {one.proposer} proposed" for one in voided)
    return f"; void by that: {'; '.join(told)}" if voided else ""


def detail_of(voided: Sequence[Voided]) -> dict[str, Any]:
    """Part of an audit row's detail: what was closed under ``voided``; empty where nothing was."""
    return {"voided": [one._asdict() for one in voided]} if voided else {}
