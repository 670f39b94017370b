"""Runners that do not know whose an order is that rests, or leave it where nobody wants it."""

from dataclasses import replace
from typing import Any

from live_runner.venue import sweeps
from quant_pipelines.trading import wished
from tests.faults.mutations.changed import Block, changed


def takes_what_strategies_placed_for_its_own() -> Block:
    """A stop of a strategy counts as one that protects."""

    def change(our_rows: Any) -> Any:
        return lambda symbol, brokers: replace(our_rows(symbol, brokers), placed=frozenset())

    return changed((sweeps, "_our_rows", change))


def leaves(*, conditional: bool) -> Block:
    """What a strategy has taken back goes on standing: its stops, or its limits."""

    def change(is_to_be_canceled: Any) -> Any:
        def broken(order: Any, *around: Any) -> bool:
            return order.is_conditional is not conditional and bool(is_to_be_canceled(order, *around))

        return broken

    return changed((wished, "_is_to_be_canceled", change))


def takes_back(*, conditional: bool) -> Block:
    """What rests is canceled at the next look, whoever wants it: stops, or limits."""

    def change(unwished: Any) -> Any:
        def broken(order: Any, around: Any) -> Any:
            is_one = order.is_conditional is conditional and order.status == "ACCEPTED"
            return "its time is over" if is_one else unwished(order, around)

        return broken

    return changed((wished, "unwished", change))
