"""What a strategy file may import: the strategy class, its declared parameters, array types and signals."""

from quant_pipelines.core.arrays import FloatArray as Array
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.panel import Panel
from quant_pipelines.core.strategies_place import strategies_folder
from quant_pipelines.sdk.asks import Named, OrderNews, View
from quant_pipelines.sdk.attach import InputSource, attach_inputs
from quant_pipelines.sdk.compiled import CompiledStrategy
from quant_pipelines.sdk.desk import Desk, OpenOrder, OrderEvent
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.inputs import Inputs
from quant_pipelines.sdk.loading import (
    BrokenStrategy,
    StrategySource,
    compile_strategy,
    list_strategies,
    load_strategy,
)
from quant_pipelines.sdk.parameters import Choice, Float, Int, Parameter
from quant_pipelines.sdk.signals import beyond, entered, held, lasting, opposite, turned
from quant_pipelines.sdk.stops import Stops
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.sdk.turns import Turns, above, crossed

__all__ = [
    "Array",
    "Bars",
    "Choice",
    "CompiledStrategy",
    "Desk",
    "OrderNews",
    "EventStrategy",
    "Float",
    "InputSource",
    "Inputs",
    "Int",
    "Named",
    "OpenOrder",
    "OrderEvent",
    "Panel",
    "Parameter",
    "Stops",
    "Strategy",
    "Turns",
    "View",
    "BrokenStrategy",
    "StrategySource",
    "above",
    "attach_inputs",
    "beyond",
    "compile_strategy",
    "crossed",
    "entered",
    "held",
    "lasting",
    "list_strategies",
    "load_strategy",
    "opposite",
    "strategies_folder",
    "turned",
]
