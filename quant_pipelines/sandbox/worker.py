"""The process that decides for a runner: ``python -P -m quant_pipelines.sandbox.worker MEGABYTES``.

It is confined before it reads the first question. What it knows is the texts that it was told; whoever starts
it again tells them again.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

import quant_pipelines.indicators  # noqa: F401 - what strategies import is here before files are closed
from quant_pipelines.sandbox.bar_frames import bars_of, traded_of
from quant_pipelines.sandbox.channel import CallerGone, end_after, hush, listen, tell
from quant_pipelines.sandbox.confine import confine
from quant_pipelines.sandbox.desks import FarDesk
from quant_pipelines.sandbox.wire import Frame
from quant_pipelines.sdk.desk import OrderEvent
from quant_pipelines.sdk.event import EventStrategy, remembered
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.sdk.trial.answers import answers_of
from quant_pipelines.sdk.trial.market import TrialMarket
from quant_pipelines.sdk.turns import Turns

_WARM_BARS, _WARM_SEED = 300, 7

_made: dict[str, Strategy] = {}


def _load(frame: Frame) -> Frame:
    """Compile a text, and tell what it declares."""
    told = frame.document
    found = compile_strategy(told["name"], told["source"]).strategy_class
    inputs, stops = found.inputs, found.stops
    described = {name: one for name, one in found.describe_space().items() if name not in stops.declared}
    names = ("symbols", "funding", "open_interest", "index", "mark", "regime")
    declared = {
        "class": found.__name__,
        "is_event": issubclass(found, EventStrategy),
        "order_kinds": list(found.order_kinds) if issubclass(found, EventStrategy) else [],
        "has_features": _is_own(found, EventStrategy, "features"),
        "has_scales": found.stop_scales is not Strategy.stop_scales,
        "space": described,
        "inputs": {name: getattr(inputs, name) for name in names} | {"timeframes": list(inputs.timeframes)},
        "stops": {name: declared.describe() for name, declared in stops.declared.items()},
        "windows": {
            name: getattr(stops, name) for name in ("atr_window", "volatility_window", "equity_slope_days")
        },
        "higher_history_bars": found.higher_history_bars(),
    }
    return Frame(declared, {})


def _make(frame: Frame) -> Frame:
    """Make an instance, and let it answer once to made-up bars, so that no decision waits for a compiler."""
    told = frame.document
    found = compile_strategy(told["name"], told["source"]).strategy_class
    strategy = found(**told["parameters"])
    _made[told["key"]] = strategy
    with suppress(Exception):  # a fault shows itself at its first decision
        answers_of(found).ask(strategy, TrialMarket(found).walk(_WARM_BARS, _WARM_SEED))
    return Frame({}, {})


def _target(frame: Frame) -> Frame:
    target = _strategy(frame).target(traded_of(frame.document["bars"], frame.arrays))
    if isinstance(target, Turns):
        turns = {"bar": np.asarray(target.bar, np.int64), "value": np.asarray(target.value, np.float64)}
        return Frame({"size": int(target.size)}, turns)
    return Frame({}, {"target": np.ascontiguousarray(target, dtype=np.float64)})


def _stop_scales(frame: Frame) -> Frame:
    return Frame({}, _columns(_strategy(frame).stop_scales(traded_of(frame.document["bars"], frame.arrays))))


def _features(frame: Frame) -> Frame:
    features = _event_strategy(frame).features(bars_of(frame.document["bars"], frame.arrays))
    return Frame({}, _columns(features))


def _columns(given: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(values, dtype=np.float64) for name, values in dict(given).items()}


def _on_start(frame: Frame) -> Frame:
    strategy, desk = _event_strategy(frame), FarDesk(frame.document["desk"])
    strategy.on_start(desk)
    return _left(strategy, desk, 0)


def _on_bar(frame: Frame) -> Frame:
    strategy, desk = _event_strategy(frame), FarDesk(frame.document["desk"])
    bars = bars_of(frame.document["bars"], frame.arrays)
    strategy.on_bar(desk, bars)
    return _left(strategy, desk, int(bars.close_ts[-1]))


def _on_order(frame: Frame) -> Frame:
    strategy, desk = _event_strategy(frame), FarDesk(frame.document["desk"])
    event = OrderEvent(**frame.document["event"])
    strategy.on_order(desk, event)
    return _left(strategy, desk, event.ts)


def _left(strategy: EventStrategy, desk: FarDesk, at_ms: int) -> Frame:
    return Frame({"memory": remembered(strategy, desk.memory, at_ms)}, {})


_ANSWERS: dict[str, Callable[[Frame], Frame]] = {
    "load": _load,
    "make": _make,
    "target": _target,
    "stop_scales": _stop_scales,
    "features": _features,
    "on_start": _on_start,
    "on_bar": _on_bar,
    "on_order": _on_order,
}


def _strategy(frame: Frame) -> Strategy:
    return _made[frame.document["key"]]


def _event_strategy(frame: Frame) -> EventStrategy:
    strategy = _strategy(frame)
    assert isinstance(strategy, EventStrategy)  # noqa: S101 - only such a stand-in asks
    return strategy


def _is_own(found: type[Strategy], base: type[Strategy], name: str) -> bool:
    return issubclass(found, base) and getattr(found, name) is not getattr(base, name)


def _answer(frame: Frame) -> None:
    end_after(frame.document["seconds"])
    try:
        document, arrays = _ANSWERS[frame.document["ask"]](frame)
        tell({"answer": document}, arrays)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the strategy's
        tell({"raised": type(error).__name__, "message": str(error)})
    end_after(0.0)


def main() -> None:
    """Answer until nobody asks any more."""
    hush()
    lacking = confine(int(sys.argv[1]))
    tell({"answer": lacking})
    with suppress(CallerGone):
        while True:
            _answer(listen())


if __name__ == "__main__":
    main()
