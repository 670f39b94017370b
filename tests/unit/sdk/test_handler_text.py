"""What a compiled handler may do, and the sentence that refuses the rest."""

import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import CompiledStrategy, compile_strategy

CLASS = """
from quant_pipelines.sdk import CompiledStrategy, Float

SHARE = 0.5


class Idea(CompiledStrategy):
    order_kinds = ("limit",)
    row = ("mean",)
    memory = ("bars",)
    gap = Float(0.1, low=0.0, high=1.0)

"""
BAR = "def on_bar(view, row, params, memory, orders):\n    "


def handlers(text: str) -> str:
    owner = compile_strategy("idea", CLASS + text).strategy_class
    assert issubclass(owner, CompiledStrategy)
    return owner.handlers.text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "strategy idea: defines no function on_bar; expected one in the module"),
        (BAR + "for one in (1.0, 2.0):\n        pass", "on_bar in line 14 uses for; expected assignments"),
        (BAR + "while True:\n        pass", "on_bar in line 14 uses while"),
        (BAR + "return 1.0", "on_bar in line 14 uses return"),
        (BAR + "x = view.price ** 2", "on_bar in line 14 has the operator Pow; expected +, -, * and /"),
        (
            BAR + "x = exp(view.price)",
            "on_bar in line 14 calls exp; expected one of sqrt, floor",
        ),
        (BAR + "print(view.price)", "on_bar in line 14 calls print; expected one of limit, limit_until"),
        (BAR + "x = [1.0]", "on_bar in line 14 uses list"),
        (BAR + "x = 'one'", "on_bar in line 14 has 'one'; expected numbers"),
        (BAR + "x = row.men", "on_bar in line 14: unknown value of row 'men'; did you mean 'mean'?"),
        (BAR + "x = params.window", "on_bar in line 14: unknown value of params 'window'"),
        (BAR + "memory.count = 1.0", "on_bar in line 14: unknown value of memory 'count'"),
        (BAR + "params.gap = 1.0", "on_bar in line 14 assigns params.gap; expected a name of its own"),
        (BAR + "row = 1.0", "on_bar in line 14 assigns row; expected a name of its own"),
        (BAR + "x = row", "on_bar in line 14 reads row; expected a number"),
        (BAR + "x = unknown", "on_bar in line 14 reads unknown; expected a number"),
        (BAR + "x = event.price", "on_bar in line 14 reads event.price; expected values of view"),
        (BAR + "x = view.price.real", "on_bar in line 14 reads view.price.real; expected values of view"),
        (BAR + "market(orders, 1.0)", "on_bar in line 14 calls market; expected one of order_kinds: limit"),
        (BAR + "limit(1.0, 2.0)", "on_bar in line 14 calls limit without orders; expected orders first"),
        (BAR + "limit(orders, 1.0)", "on_bar in line 14 calls limit; expected the arguments"),
        (BAR + "limit(orders, 1.0, 2.0, soon=1.0)", "on_bar in line 14 calls limit; expected the arguments"),
        (BAR + "x = min(1.0)", "on_bar in line 14 calls min of 1 numbers; expected 2"),
        (BAR + "x = 1.0 < view.price and row.mean", "on_bar in line 14 joins what is no comparison"),
        (BAR + "view.price > 1.0", "on_bar in line 14 computes a value and drops it"),
        (BAR + "import math", "on_bar in line 14 uses import"),
        ("def on_bar(view, bars):\n    pass", "on_bar in line 13 takes bars; expected only view, event"),
        ("def on_bar(view=1):\n    pass", "on_bar in line 13 has a decorator, a default or a star"),
        ("def helper(view):\n    pass\n" + BAR + "pass", "helper in line 13 is no handler; expected a name"),
        (BAR + "_later(view)\ndef _later(view):\n    pass", "on_bar in line 14 calls _later"),
        (BAR + "on_bar(view, row, params, memory, orders)", "on_bar in line 14 calls on_bar"),
        ("def _own(view):\n    pass\n" + BAR + "_own(row)", "on_bar in line 16 gives row as view"),
    ],
)
def test_handler_that_does_more_than_it_may_is_refused_in_one_sentence(text: str, fault: str) -> None:
    with pytest.raises(StrategyError) as caught:
        handlers(text)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_become_places_and_constants_of_the_file_numbers() -> None:
    text = handlers(
        BAR
        + "memory.bars += SHARE\n    if not row.mean < 0.0:\n        limit(orders, params.gap, view.price)"
    )
    assert "memory[0] += 0.5" in text
    assert "limit(orders, params[0], view.price)" in text
    assert "def on_order(view, event, row, params, memory, orders):" in text


def test_name_that_may_not_be_set_is_refused_when_it_is_compiled() -> None:
    text = BAR + "if view.price > 1.0:\n        x = 1.0\n    memory.bars = x\n"
    with pytest.raises(StrategyError, match="on_bar in line 16 reads x; expected a number"):
        handlers(text)


@pytest.mark.parametrize("n_terms", [600, 20_000])
def test_expression_without_end_is_a_fault_of_its_strategy(n_terms: int) -> None:
    text = (
        "from quant_pipelines.sdk import CompiledStrategy\n"
        'class Deep(CompiledStrategy):\n    memory = ("sum",)\n'
        f"def on_bar(memory):\n    memory.sum = {'+'.join(['1.0'] * n_terms)}\n"
    )
    with pytest.raises(StrategyError, match=r"strategy deep: .* too deep; expected shorter"):
        compile_strategy("deep", text)
