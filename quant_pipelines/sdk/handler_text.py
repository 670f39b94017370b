"""The language of compiled handlers: proven from a file's text, and written as functions over plain arrays.

A handler reads numbers by name and asks for orders. It has no loop, calls nothing else, and returns nothing,
so that it always ends, in nanoseconds, and can do no more than ask. Names become places in arrays here, so
that handlers of all strategies have one signature.
"""

import ast
import inspect
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.sdk import asks
from quant_pipelines.sdk.asks import OrderNews, View

HANDLERS = ("on_bar", "on_order")
ARGUMENTS = ("view", "event", "row", "params", "memory", "orders")
"""Of every handler, by name; one that it doesn't use it may leave out."""
NUMERIC = {"sqrt": 1, "floor": 1, "abs": 1, "min": 2, "max": 2}
"""Functions of numbers, and how many they take."""
ASKING: Mapping[str, str] = {
    "limit": "limit",
    "limit_until": "limit",
    "stop_market": "stop_market",
    "market": "market",
    "cancel": "",
    "cancel_all": "",
    "cancel_exits": "",
}
"""Functions that ask, and the kind of order that each places."""
_SIGNATURES = {name: inspect.signature(getattr(asks, name)) for name in ASKING}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.UAdd, ast.Not)


class Names(NamedTuple):
    """What a handler may name.

    Parameters
    ----------
    row, params, memory
        Features, parameters and what it remembers, in the order of the arrays.
    constants
        Numbers of its file.
    order_kinds
        Kinds of orders that its strategy declares.

    Examples
    --------
    >>> from quant_pipelines.sdk.handler_text import Names
    >>> Names(row=("mean",), params=("gap",), memory=(), constants={}, order_kinds=("limit",)).row
    ('mean',)
    """

    row: Sequence[str]
    params: Sequence[str]
    memory: Sequence[str]
    constants: Mapping[str, float]
    order_kinds: Sequence[str]


def handler_text(name: str, tree: ast.Module, names: Names) -> str:
    """Source of a file's handlers and of the functions that they call, as it is compiled.

    Parameters
    ----------
    name
        The strategy.
    tree
        Its file.
    names
        What may be named.

    Raises
    ------
    StrategyError
        If there is no ``on_bar``, or a handler does more than it may; the sentence names the line.

    Examples
    --------
    >>> import ast
    >>> from quant_pipelines.sdk.handler_text import Names, handler_text
    >>> names = Names(("mean",), ("gap",), (), {}, ("limit",))
    >>> text = "def on_bar(view, row, params, orders): limit(orders, 1.0, row.mean - params.gap)"
    >>> print(handler_text("dip", ast.parse(text), names).splitlines()[1].strip())
    limit(orders, 1.0, row[0] - params[0])
    >>> handler_text("dip", ast.parse(text.replace("mean", "man")), names)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: strategy dip: on_bar in line 1: unknown value of row 'man'; \
did you mean 'mean'?
    """
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if "on_bar" not in {function.name for function in functions}:
        raise StrategyError(f"strategy {name}: defines no function on_bar; expected one in the module")
    known: dict[str, ast.FunctionDef] = {}
    translated = []
    for function in functions:
        translated.append(_Translator(name, function, names, known).translated())
        known[function.name] = function
    if "on_order" not in known:
        nothing = f"def on_order({', '.join(ARGUMENTS)}):\n    pass"
        translated.extend(ast.parse(nothing).body)  # type: ignore[arg-type]
    module = ast.Module(body=list(translated), type_ignores=[])
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


class _Translator(ast.NodeTransformer):
    """Proves one function and writes its names as places."""

    def __init__(
        self, name: str, function: ast.FunctionDef, names: Names, known: Mapping[str, ast.FunctionDef]
    ) -> None:
        self._name, self._function, self._names, self._known = name, function, names, known
        self._places: dict[str, Sequence[str]] = {
            "row": names.row,
            "params": names.params,
            "memory": names.memory,
        }
        self._given = tuple(one.arg for one in function.args.args)
        self._locals: set[str] = set()

    def translated(self) -> ast.FunctionDef:
        """Return the function over arrays, without its annotations."""
        function, given = self._function, self._given
        is_handler = function.name in HANDLERS
        args = function.args
        has_more = args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs or args.defaults
        if has_more or function.decorator_list:
            raise self._fault(function, "has a decorator, a default or a star", "plain arguments")
        if is_handler and not set(given) <= set(ARGUMENTS):
            wrong = next(one for one in given if one not in ARGUMENTS)
            raise self._fault(function, f"takes {wrong}", f"only {', '.join(ARGUMENTS)}")
        if not is_handler and not function.name.startswith("_"):
            raise self._fault(function, "is no handler", "a name that begins with an underscore")
        names = ARGUMENTS if is_handler else given
        body = [self.visit(one) for one in function.body]
        signature = ast.arguments([], [ast.arg(one) for one in names], None, [], [], None, [])
        return ast.FunctionDef(function.name, signature, body, [], None, None)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Refuse what no method below allows."""
        what = type(node).__name__.lower()
        raise self._fault(node, f"uses {what}", "assignments, if, arithmetic, comparisons and calls that ask")

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Take ``x = value`` and ``memory.x = value``."""
        if len(node.targets) != 1:
            raise self._fault(node, "assigns several names at once", "one")
        value = self.visit(node.value)
        return ast.Assign([self._target(node.targets[0])], value)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Take ``x += value`` and the like."""
        self._operator(node, node.op)
        value = self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self._locals:
            raise self._fault(node, f"reads {node.target.id}", "a number that it has given a name before")
        return ast.AugAssign(self._target(node.target), node.op, value)  # type: ignore[arg-type]

    def visit_If(self, node: ast.If) -> ast.AST:
        """Take a condition; what only one of both branches gives a name has none after it."""
        test, before = self.visit(node.test), set(self._locals)
        body = [self.visit(one) for one in node.body]
        after, self._locals = self._locals, before
        other = [self.visit(one) for one in node.orelse]
        self._locals &= after
        return ast.If(test, body, other)

    def visit_Pass(self, node: ast.Pass) -> ast.AST:
        """Take nothing."""
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Take a docstring, or a call that asks."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        if not isinstance(node.value, ast.Call):
            raise self._fault(node, "computes a value and drops it", "a call that asks")
        return ast.Expr(self._call(node.value, is_statement=True))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Take a function of numbers."""
        return self._call(node, is_statement=False)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Take the four operations."""
        self._operator(node, node.op)
        return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Take a sign, or ``not``."""
        self._operator(node, node.op)
        return ast.UnaryOp(node.op, self.visit(node.operand))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Take ``and`` and ``or`` of comparisons."""
        for value in node.values:
            if not isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp):
                raise self._fault(value, "joins what is no comparison", "comparisons, such as memory.x > 0.0")
        return ast.BoolOp(node.op, [self.visit(one) for one in node.values])

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Take comparisons of numbers."""
        if any(isinstance(one, ast.Is | ast.IsNot | ast.In | ast.NotIn) for one in node.ops):
            raise self._fault(node, "compares by is or in", "numbers compared by size")
        return ast.Compare(self.visit(node.left), node.ops, [self.visit(one) for one in node.comparators])

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Take ``one if condition else other``."""
        return ast.IfExp(self.visit(node.test), self.visit(node.body), self.visit(node.orelse))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Take a number."""
        if not isinstance(node.value, int | float):
            raise self._fault(node, f"has {node.value!r}", "numbers")
        return ast.Constant(node.value)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Take a number by its name."""
        if node.id in self._locals or (node.id in self._given and node.id not in ARGUMENTS):
            return ast.Name(node.id, ast.Load())
        if node.id in self._names.constants:
            return ast.Constant(self._names.constants[node.id])
        raise self._fault(node, f"reads {node.id}", "a number that it or its file has given a name")

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Take ``view.price``, ``row.name`` and the like."""
        return self._place(node, ast.Load())

    def _target(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id not in ARGUMENTS:
            self._locals.add(node.id)
            return ast.Name(node.id, ast.Store())
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "memory":
            return self._place(node, ast.Store())
        raise self._fault(node, f"assigns {ast.unparse(node)}", "a name of its own, or one of memory")

    def _place(self, node: ast.Attribute, context: ast.expr_context) -> ast.expr:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if not self._has(owner):
            raise self._fault(node, f"reads {ast.unparse(node)}", f"values of {', '.join(ARGUMENTS[:-1])}")
        fields = {"view": View._fields, "event": OrderNews._fields}.get(owner, ())
        places = self._places.get(owner, fields)
        if node.attr not in places:
            fault = unknown_name(f"value of {owner}", node.attr, places)
            raise StrategyError(f"{self._where(node)}: {fault}")
        if fields:
            return ast.Attribute(ast.Name(owner, ast.Load()), node.attr, context)
        return ast.Subscript(ast.Name(owner, ast.Load()), ast.Constant(places.index(node.attr)), context)

    def _has(self, owner: str) -> bool:
        return owner in ARGUMENTS[:-1] and owner in self._given

    def _call(self, node: ast.Call, *, is_statement: bool) -> ast.Call:
        called = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        own = self._known.get(called)
        if is_statement and own is not None:
            return self._own_call(node, own)
        if is_statement and called in ASKING:
            return self._ask(node, called)
        if not is_statement and called in NUMERIC:
            if len(node.args) != NUMERIC[called] or node.keywords:
                raise self._fault(node, f"calls {called} of {len(node.args)} numbers", f"{NUMERIC[called]}")
            return ast.Call(ast.Name(called, ast.Load()), [self.visit(one) for one in node.args], [])
        may = [*ASKING, *self._known] if is_statement else NUMERIC
        raise self._fault(node, f"calls {called}", f"one of {', '.join(may)}")

    def _ask(self, node: ast.Call, called: str) -> ast.Call:
        kind, kinds = ASKING[called], self._names.order_kinds
        if kind and kind not in kinds:
            raise self._fault(node, f"calls {called}", f"one of order_kinds: {', '.join(kinds)}")
        first = node.args[0] if node.args else None
        if not (isinstance(first, ast.Name) and first.id == "orders" and "orders" in self._given):
            raise self._fault(node, f"calls {called} without orders", "orders first")
        try:
            _SIGNATURES[called].bind(*node.args, **{str(one.arg): one for one in node.keywords})
        except TypeError:
            wanted = ", ".join(_SIGNATURES[called].parameters)
            raise self._fault(node, f"calls {called}", f"the arguments {wanted}") from None
        args = [ast.Name("orders", ast.Load()), *(self.visit(one) for one in node.args[1:])]
        keywords = [ast.keyword(one.arg, self.visit(one.value)) for one in node.keywords]
        return ast.Call(ast.Name(called, ast.Load()), args, keywords)

    def _own_call(self, node: ast.Call, function: ast.FunctionDef) -> ast.Call:
        wanted = [one.arg for one in function.args.args]
        if len(node.args) != len(wanted) or node.keywords or function.name in HANDLERS:
            raise self._fault(node, f"calls {ast.unparse(node)}", f"the arguments {', '.join(wanted)}")
        args: list[ast.expr] = []
        for one, name in zip(node.args, wanted, strict=True):
            is_passed_on = isinstance(one, ast.Name) and one.id in ARGUMENTS and one.id in self._given
            if is_passed_on != (name in ARGUMENTS) or (is_passed_on and ast.unparse(one) != name):
                raise self._fault(one, f"gives {ast.unparse(one)} as {name}", "the same name, or a number")
            args.append(ast.Name(name, ast.Load()) if is_passed_on else self.visit(one))
        return ast.Call(ast.Name(function.name, ast.Load()), args, [])

    def _operator(self, node: ast.AST, operator: ast.AST) -> None:
        if not isinstance(operator, _OPERATORS):
            raise self._fault(node, f"has the operator {type(operator).__name__}", "+, -, * and /")

    def _where(self, node: ast.AST) -> str:
        return f"strategy {self._name}: {self._function.name} in line {getattr(node, 'lineno', 0)}"

    def _fault(self, node: ast.AST, fault: str, expected: str) -> StrategyError:
        return StrategyError(f"{self._where(node)} {fault}; expected {expected}")
