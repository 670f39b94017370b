"""Strategy classes that stand in the caller for a text which only the confined process has run.

They declare what the text declares; each call is a question to the process. So the SDK's proofs of what a
strategy answers hold for them as for any other.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.panel import Panel
from quant_pipelines.sandbox.bar_frames import framed
from quant_pipelines.sandbox.desks import seen_at
from quant_pipelines.sandbox.wire import Frame
from quant_pipelines.sdk.desk import Desk, OrderEvent
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.inputs import Inputs
from quant_pipelines.sdk.parameters import Choice, Declared, Float, Int
from quant_pipelines.sdk.stops import Stops
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.sdk.turns import Turns

_KINDS: dict[str, type[Float] | type[Int]] = {"float": Float, "int": Int}


class AskedVersion(Protocol):
    """Asks the confined process about one instance of a text; see ``host.Version``."""

    def make(self, parameters: Mapping[str, Any]) -> None:
        """Have an instance made, which refuses parameters that it can't have."""

    def ask(
        self, parameters: Mapping[str, Any], question: str, sent: Frame, desk: Desk | None = None
    ) -> Frame:
        """Return the answer to a question."""


class _FarStrategy(Strategy):
    """What every stand-in has: the version that it asks about."""

    _version: AskedVersion

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._version.make(self.parameters)

    def _ask(self, question: str, bars: Bars | Panel) -> Frame:
        document, arrays = framed(bars)
        return self._version.ask(self.parameters, question, Frame({"bars": document}, arrays))


class _FarTarget(_FarStrategy):
    def target(self, bars: Bars | Panel) -> FloatArray | Turns:
        document, arrays = self._ask("target", bars)
        if "size" in document:
            bar, value = arrays["bar"], arrays["value"]
            return Turns(bar.reshape(-1), value.reshape(bar.size), int(document["size"]))
        return arrays["target"]


class _FarEvent(_FarStrategy, EventStrategy):
    def on_start(self, desk: Desk) -> None:
        self._tell(desk, "on_start", Frame({}, {}))

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        document, arrays = framed(bars)
        self._tell(desk, "on_bar", Frame({"bars": document}, arrays))

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        self._tell(desk, "on_order", Frame({"event": asdict(event)}, {}))

    def _tell(self, desk: Desk, question: str, sent: Frame) -> None:
        sent = sent._replace(document=sent.document | {"desk": seen_at(desk)})
        desk.memory = self._version.ask(self.parameters, question, sent, desk).document["memory"]


def _stop_scales(self: _FarStrategy, bars: Bars | Panel) -> dict[str, FloatArray]:
    return self._ask("stop_scales", bars).arrays


def _features(self: _FarStrategy, bars: Bars) -> dict[str, FloatArray]:
    return self._ask("features", bars).arrays


def stand_in(name: str, told: Mapping[str, Any], version: AskedVersion) -> type[Strategy]:
    """Make the class that stands for a text.

    Parameters
    ----------
    name
        The strategy, for the sentence.
    told
        What the process says that the text declares; nothing of it is trusted.
    version
        Whom its instances ask.

    Raises
    ------
    StrategyError
        If the declarations can't be those of a strategy.
    """
    try:
        return _class_of(told, version)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StrategyError(
            f"strategy {name}: its declarations can't be read: {type(error).__name__}: {error}"
        ) from error


def _class_of(told: Mapping[str, Any], version: AskedVersion) -> type[Strategy]:
    base: type[Strategy] = _FarEvent if told["is_event"] else _FarTarget
    space = {parameter: _parameter(one) for parameter, one in told["space"].items()}
    taken = [parameter for parameter in space if hasattr(base, parameter) or not parameter.isidentifier()]
    if taken:
        raise ValueError(f"a parameter is called {taken[0]!r}")
    rules = {rule: _number(one) for rule, one in told["stops"].items()}
    inputs = told["inputs"] | {"timeframes": tuple(told["inputs"]["timeframes"])}
    history_bars = int(told["higher_history_bars"])
    body: dict[str, Any] = {
        **space,
        "inputs": Inputs(**inputs),
        "stops": Stops(**{window: int(size) for window, size in told["windows"].items()}, **rules),  # type: ignore[arg-type]
        "higher_history_bars": classmethod(lambda cls: history_bars),
        "_version": version,
    }
    if told["is_event"]:
        body["order_kinds"] = tuple(map(str, told["order_kinds"]))
    if told["has_scales"]:
        body["stop_scales"] = _stop_scales
    if told["has_features"]:
        body["features"] = _features
    return type(str(told["class"]), (base,), body)


def _parameter(told: Mapping[str, Any]) -> Declared:
    return Choice(told["default"], options=told["options"]) if told["kind"] == Choice.kind else _number(told)


def _number(told: Mapping[str, Any]) -> Float | Int:
    kind = _KINDS[told["kind"]]
    return kind(told["default"], low=told["low"], high=told["high"], log=bool(told["log"]))
