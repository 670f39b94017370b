import json
import logging
import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from live_runner.book.ledger import BookLedger
from live_runner.book.rows import exact, fill_row, json_safe, order_state
from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.store.trading import Fill, Intent
from quant_pipelines.telemetry.lines import line_format
from quant_pipelines.trading import TradingRules
from quant_pipelines.trading.purposes import number_of, resting_purpose

CLOSE = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = Intent("q1-7-x-t", "sell", Decimal("0.3"), "target", CLOSE)


def fill(quantity: float, reason: str, number: int = 1) -> Fill:
    return fill_row(7, BookedFill(number, 0, quantity, 100.0, 0.05, reason), ORDER)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-9, 123456.789, 1 / 3])
def test_a_stored_decimal_is_the_same_float_again(value: float) -> None:
    assert float(exact(value)) == value


def test_a_stop_has_no_order_behind_it() -> None:
    assert fill(-0.3, "hard_stop").client_order_id is None
    assert fill(-0.3, "target").client_order_id == ORDER.client_order_id


@pytest.mark.parametrize(
    ("is_working", "filled", "status"),
    [
        (False, "0.3", "FILLED"),
        (False, "0.30000000000000001", "FILLED"),
        (False, "0.1", "CANCELED"),
        (True, "0.1", "PARTIALLY_FILLED"),
        (True, "0", "SUBMITTED"),
    ],
    ids=["whole", "whole but for a float's dust", "the rest is gone", "the rest works", "not yet"],
)
def test_state_of_an_order_tells_what_is_filled_and_whether_the_rest_works(
    is_working: bool, filled: str, status: str
) -> None:
    state = order_state(ORDER, Decimal(filled), is_working=is_working)
    assert (state.status, state.filled_quantity) == (status, Decimal(filled))


def test_purpose_of_a_resting_order_carries_its_number() -> None:
    assert number_of(resting_purpose(17)) == 17
    assert number_of(ORDER.purpose) == 0


def test_a_journal_holds_no_number_that_json_has_no_word_for() -> None:
    document = json_safe({"view": {"age": math.inf, "price": 1.5}, "target": math.nan, "reason": "x"})
    assert document == {"view": {"age": None, "price": 1.5}, "target": None, "reason": "x"}


def test_a_fill_that_the_broker_does_not_know_is_a_disagreement() -> None:
    broker = Book(BookSettings(10_000.0, TradingRules()))
    broker.step(ExecutionBar(0, 100.0, 101.0, 99.0, 100.0))
    ledger = BookLedger(Decimal(10_000), (), ())
    assert ledger.position(broker.account, broker.stop_price).quantity == 0
    ledger.add((fill(-0.3, "target"),), ())
    with pytest.raises(ReconciliationError, match=r"position is 0.0 at the broker and -0.3 in the ledger"):
        ledger.position(broker.account, broker.stop_price)


def test_a_log_line_is_one_json_document_with_its_fields() -> None:
    record = logging.makeLogRecord({"name": "live_runner", "levelname": "INFO", "msg": "fill", "price": 1.5})
    document = json.loads(line_format("json").format(record))
    assert (document["message"], document["price"], document["level"]) == ("fill", 1.5, "INFO")
