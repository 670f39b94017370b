"""Compiled handlers in every driver: compiled loop, bar by bar, killed after every bar, and as Python."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest, run_event_backtest, sweep
from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.book.driver import drive
from quant_pipelines.backtest.book.handled_loop import run_handled
from quant_pipelines.backtest.book.handled_run import Driven, handled_by
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.jit import FirstClass
from quant_pipelines.sdk import CompiledStrategy, compile_strategy
from quant_pipelines.sdk.compiled import Handlers
from tests.parity.scenarios import LOTS
from tests.parity.test_events import SCENARIOS, paper_backtest
from tests.parity.worlds import Scenario, random_bars

BUSY = '''
from quant_pipelines.core.exits import HARD_STOP
from quant_pipelines.indicators import atr, ema
from quant_pipelines.sdk import CompiledStrategy, Float, Int, Stops
from quant_pipelines.sdk.asks import cancel, cancel_all, cancel_exits, limit, limit_until, market, stop_market

SHARE = 0.3


class Busy(CompiledStrategy):
    """Places orders of every kind by what it remembers, and takes some of them back."""

    row = ("mean", "range")
    memory = ("bars", "told", "stopped")
    window = Int(9, low=2, high=100)
    spread = Float(0.8, low=0.1, high=9.0)
    stops = Stops(
        hard_stop=Float(0.02, low=0.0, high=0.5),
        chandelier_stop=Float(0.0, low=0.0, high=9.0),
        time_stop=Int(0, low=0, high=100),
        take_profit=Float(0.0, low=0.0, high=0.5),
        atr_window=5,
    )

    def features(self, bars):
        mean = ema(bars.close, self.window)
        return {"mean": mean, "range": atr(bars.high, bars.low, bars.close, self.window)}


def _often(view, memory, orders, step):
    fifth = memory.bars - 5.0 * floor(memory.bars / 5.0)
    if fifth == 0.0:
        limit_until(orders, SHARE, view.price - step, 3.0)
        tenth = memory.bars - 10.0 * floor(memory.bars / 10.0)
        limit(orders, -SHARE, view.price + step, post_only=tenth == 0.0)


def on_bar(view, row, params, memory, orders):
    """Act by the number of the bar."""
    memory.bars += 1.0
    step = params.spread * row.range
    if step > 0.0 and sqrt(step) < max(view.price, view.equity):
        if memory.told > 0.0 and memory.bars - 4.0 * floor(memory.bars / 4.0) == 0.0:
            cancel(orders, memory.told + 1.0)
        _often(view, memory, orders, step)
        if memory.bars - 11.0 * floor(memory.bars / 11.0) == 0.0:
            side = 1.0 if memory.bars - 2.0 * floor(memory.bars / 2.0) == 0.0 else -1.0
            stop_market(orders, 0.4 * side, view.price + side * step)
        if memory.bars - 13.0 * floor(memory.bars / 13.0) == 0.0:
            market(orders, 0.5 if row.mean > view.price else -0.5)
        if view.n_orders > 6.0 and not memory.stopped > 2.0:
            cancel_all(orders)


def on_order(view, event, row, params, memory, orders):
    """Protect what is held, on both sides."""
    memory.told = min(event.number, 1e6)
    if event.reason == HARD_STOP:
        memory.stopped += 1.0
    if event.quantity != 0.0 and view.position != 0.0:
        cancel_exits(orders)
        step = params.spread * row.range
        if view.position < 0.0:
            step = -step
        limit(orders, 1.0, view.entry_price + step, reduce_only=True)
        stop_market(orders, 0.6, view.entry_price - step, reduce_only=True)
'''
FOUND = compile_strategy("busy", BUSY).strategy_class
assert issubclass(FOUND, CompiledStrategy)
Busy: type[CompiledStrategy] = FOUND


class AsPython(Handlers):
    """The same handlers, called as the Python that they were compiled of."""

    @property
    def compiled(self) -> dict[str, FirstClass]:
        return {name: one._replace(call=one.python) for name, one in super().compiled.items()}


class InPython(Busy):  # type: ignore[misc, valid-type]  # made from a text
    handlers = AsPython(Busy.handlers.name, Busy.handlers.text)


HANDLED = {
    name: replace(one, strategy=Busy(**one.strategy.parameters))
    for name, one in SCENARIOS.items()
    if name != "scaled_stops"
}


def both(scenario: Scenario, carried: Carried | None = None) -> tuple[Driven, Driven]:
    """One pass of the compiled loop, and one bar by bar."""
    bars, strategy = scenario.bars(), scenario.strategy
    assert isinstance(strategy, CompiledStrategy)
    settings = replace(scenario.settings, rules=scenario.rules, has_bar_position=True, carried=carried)
    feed = SymbolFeed(
        scenario.execution() if scenario.execution else None,
        scenario.funding(bars) if scenario.funding else None,
    )
    market = prepare_market(bars, settings, feed)
    looped = handled_by(strategy, market, settings, market.tape(strategy.stops))
    assert looped is not None
    return looped, drive(strategy, market, settings, ahead(strategy, bars, settings.rules, scales={}))


def record_bytes(outcome: LoopResult, record: Record) -> list[bytes]:
    trades = record.trades[0, : outcome.log.finished]
    return [part.tobytes() for part in (record.daily_equity, record.bar_equity, record.bar_position, trades)]


@pytest.mark.parametrize("name", HANDLED)
def test_compiled_loop_trades_as_the_driver_bar_by_bar_to_the_bit(name: str) -> None:
    (outcome, record, desk), (expected, expected_record, expected_desk) = both(HANDLED[name])
    assert expected.log.finished > 3
    assert record_bytes(outcome, record) == record_bytes(expected, expected_record)
    assert (outcome.log, outcome.tally) == (expected.log, expected.tally)
    assert json.dumps(desk, sort_keys=True) == json.dumps(expected_desk, sort_keys=True)


@pytest.mark.parametrize("name", ["lots", "finer_execution_bars", "participation_and_latency"])
def test_compiled_handlers_trade_the_same_anew_on_paper_and_as_python(name: str) -> None:
    scenario = HANDLED[name]
    python = replace(scenario, strategy=InPython(**scenario.strategy.parameters))
    expected = result(run_backtest, scenario)
    for other in (
        result(run_event_backtest, scenario),
        result(paper_backtest, scenario),
        result(run_event_backtest, python),
    ):
        assert other.trade_rows.tobytes() == expected.trade_rows.tobytes()
        assert other.bar_equity.tobytes() == expected.bar_equity.tobytes()
        assert other.metrics == expected.metrics


def result(driver: Callable[..., BacktestResult], scenario: Scenario) -> BacktestResult:
    bars = scenario.bars()
    return driver(
        scenario.strategy,
        bars,
        settings=replace(scenario.settings, rules=scenario.rules),
        execution_bars=scenario.execution() if scenario.execution else None,
        funding=scenario.funding(bars) if scenario.funding else None,
    )


def test_compiled_loop_goes_on_where_an_earlier_run_ended() -> None:
    bars, settings = random_bars(400, 81), BacktestSettings(rules=LOTS)
    whole = run_backtest(Busy(), bars, settings=settings)
    first = run_backtest(Busy(), bars.rows(0, 173), settings=settings)
    goes_on = replace(settings, carried=first.carried, trade_from_ms=int(bars.ts[173]))
    second = run_backtest(Busy(), bars, settings=goes_on)
    assert second.final_equity == whole.final_equity
    assert second.carried == whole.carried
    assert second.trade_rows.tobytes() == whole.trade_rows[len(first.trades) :].tobytes()


def test_one_compiled_loop_serves_every_strategy() -> None:
    bars, settings = random_bars(300, 82), BacktestSettings(rules=LOTS)
    run_backtest(Busy(), bars, settings=settings)
    before = len(run_handled.signatures)  # type: ignore[attr-defined]
    text = "def on_bar(view, orders):\n    limit(orders, 0.1, 0.99 * view.price)\n"
    other = compile_strategy("other", BUSY[: BUSY.index("def _often")] + text).strategy_class
    assert run_backtest(other(), bars, settings=settings).trades != run_backtest(Busy(), bars).trades
    assert len(run_handled.signatures) == before  # type: ignore[attr-defined]


def test_sets_of_compiled_handlers_are_swept_with_the_same_result() -> None:
    bars, settings = random_bars(400, 83), BacktestSettings(rules=LOTS)
    sets = [{"spread": 0.5}, {"spread": 1.5, "window": 20}, {"window": 30}]
    swept = sweep(Busy, sets, bars, settings, threads=2)
    for row, values in enumerate(sets):
        alone = run_backtest(Busy(**values), bars, settings=settings)
        assert swept.final_equity[row] == alone.final_equity
        assert swept.daily_returns[row].tobytes() == alone.daily_returns.tobytes()


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        ("limit(orders, 1.5, view.price)", "raised StrategyError: size is 1.5; expected -1 to 1"),
        ("limit(orders, 0.5, -view.price)", "raised StrategyError: price is -"),
        ("cancel(orders, 0.0 * (1.0 / 0.0))", "raised StrategyError: number is nan; expected a finite one"),
        (
            "limit_until(orders, 0.5, view.price, 1.0 / 0.0)",
            "raised StrategyError: expires_bars is inf; expected",
        ),
        ("memory.told = view.price / 0.0", "left a memory that is no JSON document"),
    ],
)
def test_handler_that_does_what_can_not_be_is_told_of_with_its_bar(act: str, sentence: str) -> None:
    text = BUSY[: BUSY.index("def _often")] + f"def on_bar(view, memory, orders):\n    {act}\n"
    strategy = compile_strategy("wrong", text).strategy_class()
    with pytest.raises(StrategyError, match="Busy at the close of 2024-01-01 22:01 " + sentence):
        run_backtest(strategy, random_bars(50, 84))


@pytest.mark.parametrize(
    "act",
    [
        "limit_until(orders, 0.01, 0.9 * view.price, 2.5)",
        "limit(orders, 1.0, 0.999 * view.price, reduce_only=-1.0)",
        "limit(orders, 0.2, 0.999 * view.price, post_only=0.0 * (1.0 / 0.0))",
    ],
)
def test_terms_that_are_no_flags_or_whole_numbers_mean_the_same_in_both_loops(act: str) -> None:
    text = BUSY[: BUSY.index("def _often")] + f"def on_bar(view, orders):\n    {act}\n"
    odd = replace(HANDLED["lots"], strategy=compile_strategy("odd", text).strategy_class())
    (outcome, record, desk), (expected, expected_record, expected_desk) = both(odd)
    assert record_bytes(outcome, record) == record_bytes(expected, expected_record)
    assert json.dumps(desk, sort_keys=True) == json.dumps(expected_desk, sort_keys=True)


def test_shipped_strategies_trade_as_the_python_form_that_they_replace() -> None:
    bars, settings = random_bars(1_500, 85, timeframe="1h"), BacktestSettings(rules=LOTS)
    for name in ("dca_reversion", "grid_reversion"):
        text, old = (
            Path(folder, f"{name}.py").read_text(encoding="utf-8")
            for folder in ("strategies", Path(__file__).parent / "python_form")
        )
        compiled, python = (compile_strategy(name, source).strategy_class() for source in (text, old))
        one, other = (run_backtest(strategy, bars, settings=settings) for strategy in (compiled, python))
        assert len(other.trades) > 3
        assert one.trade_rows.tobytes() == other.trade_rows.tobytes()
        assert one.bar_equity.tobytes() == other.bar_equity.tobytes()
        assert one.metrics == other.metrics
