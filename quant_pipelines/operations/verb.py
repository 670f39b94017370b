"""What a row of the table of verbs says, and how a row is carried out.

Whoever offers verbs (command line, Launchpad, gateway) builds its parsers, forms or routes from the rows.
Nothing heavy is imported here: a row names its function, which is loaded when the verb is carried out.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from quant_pipelines.operations.receipt import Receipt, Signature

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.clock import Clock
    from quant_pipelines.core.settings import Settings

Kind: TypeAlias = Literal["number", "value", "text", "deployment", "scope", "limit_scope"]
"""What a field holds: a whole number, a float, a text, the id of a deployment, the name of a scope."""
Role: TypeAlias = Literal["viewer", "operator", "approver"]
"""Least right that a verb needs; each one includes those before it."""
Way: TypeAlias = Literal["function", "job"]
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Argument:
    """How the command line asks for a field.

    Parameters
    ----------
    help
        Meaning, as ``--help`` says it.
    metavar
        Placeholder; without one the accepted words stand there.
    is_optional
        Whether it may be left out, which takes the field's default.
    flag
        Option that stands for one value; empty for a positional argument.
    value
        What the option stands for.
    """

    help: str
    metavar: str | None = None
    is_optional: bool = False
    flag: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """The only words that a field accepts.

    Parameters
    ----------
    name
        Name of the type in the Launchpad.
    owner
        ``module:NAME`` of the words where they are owned: a sequence, or a mapping by them.
    """

    name: str
    owner: str

    def words(self) -> tuple[str, ...]:
        """All of them, in the order of their owner."""
        return tuple(loaded(self.owner))


@dataclass(frozen=True, slots=True)
class Field:
    """One value that a verb asks for.

    Parameters
    ----------
    name
        Parameter of the verb's function.
    kind
        What it holds.
    help
        Meaning, as forms and routes say it.
    argument
        How the command line asks for it.
    default
        Value of a field that is left out; ``REQUIRED`` for one that may not be.
    blank
        What a form opens with; the verb refuses it as it stands unless it is the default.
    choices
        The only words that are accepted; None accepts what the function accepts.
    """

    name: str
    kind: Kind
    help: str
    argument: Argument
    default: Any = REQUIRED
    blank: Any = None
    choices: Choices | None = None

    @property
    def is_required(self) -> bool:
        """Whether it may not be left out."""
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Form:
    """How the Launchpad offers a verb.

    Parameters
    ----------
    job
        Name of the job.
    help
        Description of the job.
    asks
        What the form is about, in a few words.
    """

    job: str
    help: str = ""
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """How the gateway offers a verb.

    Parameters
    ----------
    method
        HTTP method.
    path
        Path, with fields in braces.
    role
        Least right of who asks.
    """

    method: Literal["GET", "POST"]
    path: str
    role: Role


@dataclass(frozen=True, slots=True)
class Verb:
    """One row: something that a person can ask for.

    Parameters
    ----------
    name
        Word on the command line.
    help
        What it does, as ``quant --help`` says it.
    function
        ``module:function`` that carries it out; empty where a module of the command line does.
    fields
        What it asks for.
    form, route
        Where else it is offered.
    runs_as
        ``function``: carried out at once. ``job``: a run of the form's job, wherever it is asked for outside
        of the command line.
    verbs
        Its kinds, such as ``halt`` of ``runner``.
    """

    name: str
    help: str
    function: str = ""
    fields: tuple[Field, ...] = ()
    form: Form | None = None
    route: Route | None = None
    runs_as: Way = "function"
    verbs: "tuple[Verb, ...]" = field(default=())

    def leaves(self) -> "Iterator[Verb]":
        """Itself, or the verbs below it that have none below them."""
        if not self.verbs:
            yield self
        for verb in self.verbs:
            yield from verb.leaves()


def loaded(reference: str) -> Any:
    """Load what ``module:NAME`` refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def carry_out(
    verb: Verb, given: Mapping[str, Any], *, engine: "Engine", settings: "Settings", clock: "Clock"
) -> Receipt:
    """Do what an operator asks; each parameter of the verb's function is filled by its name.

    Parameters
    ----------
    verb
        A row with a function.
    given
        Values by field, with ``operator`` and ``reason``; what is missing or None takes its default.
    engine, settings, clock
        The stack that is meant.

    Raises
    ------
    QuantError
        If the signature is empty, or the verb is refused; one sentence says why.
    """
    defaults = {one.name: one.default for one in verb.fields if not one.is_required}
    known = {
        "engine": engine,
        "settings": settings,
        "ladder": settings.ladder,
        "exchange": settings.exchange.id,
        "signature": Signature(given["operator"], given["reason"]),
        "clock": clock,
        **defaults,
        **{name: value for name, value in given.items() if value is not None},
    }
    function = loaded(verb.function)
    receipt: Receipt = function(**{name: known[name] for name in inspect.signature(function).parameters})
    return receipt
