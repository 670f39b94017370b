"""Decision, order and fill belong to one trace by the name that logs give the decision."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quant_pipelines.core.ids import client_order_id, decision_id
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.traced_rows import TracedDecision, TracedFill, TracedOrder
from quant_pipelines.tracing.spans import decision_span, fill_span, order_span

CLOSE = datetime(2025, 6, 10, 12, tzinfo=UTC)
BTC = "BTC/USDT:USDT"
NAME = client_order_id(3, 17, to_ms(CLOSE), "t")


def after(microseconds: int) -> datetime:
    return CLOSE + timedelta(microseconds=microseconds)


def decided(**decision: object) -> TracedDecision:
    return TracedDecision(17, "ema_cross", BTC, "1h", CLOSE, after(250_001), 1.0, 100.5, dict(decision))


def ordered(name: str = NAME, *, status: str = "FILLED", is_decided: bool = True) -> TracedOrder:
    told = (name, 17, BTC, "buy", Decimal("0.5"), "market", "target", after(300_000), after(400_000))
    return TracedOrder(*told, status, "" if status == "FILLED" else "beyond the collar", is_decided)


def filled(order: str | None = NAME, booked: int = 500_000) -> TracedFill:
    amounts = (Decimal("0.5"), Decimal(101), Decimal("0.02"))
    return TracedFill(
        "paper", BTC, "t1", 0, order, 17, "buy", *amounts, "target", after(390_000), after(booked)
    )


def test_a_chain_is_one_trace_and_each_step_hangs_on_the_one_before() -> None:
    decision, order, fill = decision_span(decided()), order_span(ordered()), fill_span(filled())
    assert len({one.ids.trace for one in (decision, order, fill)}) == 1
    assert (decision.ids.parent, order.ids.parent, fill.ids.parent) == (
        None,
        decision.ids.span,
        order.ids.span,
    )
    names = {one.attributes["quant.decision"] for one in (decision, order, fill)}
    assert names == {decision_id(17, to_ms(CLOSE))}
    assert decision_span(decided()) == decision, "what is told twice is the same span"
    assert decision.ids.trace < 2**128
    assert max(decision.ids.span, order.ids.span, fill.ids.span) < 2**64


def test_times_are_kept_to_the_microsecond_and_no_span_ends_before_it_begins() -> None:
    span = decision_span(decided())
    assert span.start_ns == to_ms(CLOSE) * 1_000_000
    assert span.end_ns - span.start_ns == 250_001_000
    backwards = fill_span(filled(booked=380_000))
    assert backwards.end_ns == backwards.start_ns


def test_what_was_refused_is_an_error_with_its_reason() -> None:
    assert decision_span(decided(denied_by="max_leverage")).fault == "max_leverage"
    assert order_span(ordered(status="DENIED")).fault == "beyond the collar"
    assert (decision_span(decided()).fault, order_span(ordered()).fault) == ("", "")
    assert order_span(ordered(status="CANCELED")).fault == ""


def test_an_order_that_no_bar_led_to_is_a_trace_of_its_own() -> None:
    alone = order_span(ordered("q3-17-18d2f1m-s", is_decided=False))
    assert alone.ids.parent is None
    assert alone.ids.trace != decision_span(decided()).ids.trace
    stop = fill_span(filled(None))
    assert (stop.ids.parent, stop.attributes["quant.order"]) == (None, "")
