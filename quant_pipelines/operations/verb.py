"""What a row of the table of verbs says, and how a row is carried out.

Whoever offers verbs (command line, Launchpad, gateway) builds its parsers, forms or routes from the rows.
Nothing heavy is imported here: a row names its function, which is loaded when the verb is carried out.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.operations.receipt import OperatedStack, Receipt, Signature

if TYPE_CHECKING:
    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.key_store import KeyStore
    from quant_pipelines.store.tables.ops import Role

Kind: TypeAlias = Literal[
    "text",
    "texts",
    "number",
    "value",
    "switch",
    "path",
    "exchange",
    "symbols",
    "deployment",
    "scope",
    "limit_scope",
    "reference",
]
"""What a field holds: a text or several, a whole number, a float, yes or no, a file, an exchange,
symbols, the id of a deployment, the name of a scope, what a decision is found by."""
Asker: TypeAlias = Literal["nobody", "home", "operator", "signature"]
"""What the command line is told beside the fields: nothing; which stack is meant; who asks, and why where
something changes; both in any case."""
REQUIRED: Final = object()
_IDS: Final = ("number", "deployment")


@dataclass(frozen=True, slots=True)
class Choices:
    """The only words that a field accepts, and the name of their type in a form."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One value that a verb asks for.

    Parameters
    ----------
    name
        Parameter of the verb's function.
    kind
        What it holds.
    help, usage
        Meaning, as forms and routes say it, and as ``--help`` does where that is told otherwise.
    metavar
        Placeholder on the command line; without one the accepted words stand there.
    default
        Value of a field that is left out; ``REQUIRED`` for one that may not be.
    blank
        What a form opens with.
    choices
        The only words that are accepted; None leaves it to the function.
    is_optional
        Whether the command line may leave it out, too.
    flag
        Option of the command line, which stands for the last of the words if there are any; empty for an
        argument.
    of
        Actions of the command line that read it; none stands for all.
    """

    name: str
    kind: Kind
    help: str
    usage: str = ""
    metavar: str | None = None
    default: Any = REQUIRED
    blank: Any = ""
    choices: Choices | None = None
    is_optional: bool = False
    flag: str = ""
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """One row: something that a person can ask for.

    Parameters
    ----------
    name, help
        Word on the command line, and what it does as ``quant --help`` says it.
    function
        ``module:function``; empty where a module of the command line does the work.
    fields
        What it asks for.
    asker
        What else the command line is told.
    unsigned
        Actions of the command line that ask nobody's name, as they change nothing.
    gives_reason
        Actions whose reason may be left out, as the command line has one.
    module
        Module of the command line that does the work, if it has another name than the verb.
    has_own_arguments
        Whether that module declares its arguments itself.
    job, told, asks
        Job of the Launchpad, its description, and what its form is about; empty where there is none.
    route, method, role
        Path of the gateway with fields in braces, and who may ask; empty where there is none.
    money
        Words of its ``target`` that let orders go to a venue: at a real exchange only users with codes may.
    runs_as
        ``function``: carried out at once; ``job``: anywhere but on the command line it is a run of the job.
    form, op
        What a run of the job asks for where the command line has arguments of its own, and the op that is
        configured by it.
    kinds
        Verbs below it, such as ``halt`` of ``runner``.
    """

    name: str
    help: str
    function: str = ""
    fields: tuple[Field, ...] = ()
    asker: Asker = "signature"
    unsigned: tuple[str, ...] = ()
    gives_reason: tuple[str, ...] = ()
    module: str = ""
    has_own_arguments: bool = False
    job: str = ""
    told: str = ""
    asks: str = ""
    route: str = ""
    method: Literal["GET", "POST"] = "POST"
    role: "Role" = "operator"
    money: tuple[str, ...] = ()
    runs_as: Literal["function", "job"] = "function"
    form: tuple[Field, ...] = ()
    op: str = ""
    kinds: "tuple[Verb, ...]" = ()

    def leaves(self) -> "Iterator[Verb]":
        """Itself, or its kinds."""
        yield from self.kinds or (self,)


def action_of(about: str, *words: str) -> Field:
    """Field of the word after the verb that says what is to be done."""
    return Field("action", "text", about, choices=Choices("Action", words))


def loaded(reference: str) -> Any:
    """Load what ``module:NAME`` refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def carry_out(
    verb: Verb,
    given: Mapping[str, Any],
    *,
    store: "KeyStore",
    settings: "Settings",
    proven: Signature | None = None,
) -> Receipt:
    """Do what an operator asks; each parameter of the verb's function is filled by its name.

    Parameters
    ----------
    verb
        A row with a function.
    given
        Values by field, with ``operator``, ``reason`` and ``code``; what is missing or None takes its
        default. ``asked_at`` is when that was given, where it is carried out later (see ``Claimant``).
    store, settings
        The stack that is meant, and what opens the seeds of its users.
    proven
        Who decides, where that was proven before, as a login does; what lets orders go to a real exchange
        asks for a code all the same.

    Raises
    ------
    QuantError
        If the signature is empty, the name, the role or the code does not suffice, or the verb is refused;
        one sentence says why.
    """
    for field in verb.fields:
        fault = ROW_ID.fault(field.name, given.get(field.name)) if field.kind in _IDS else ""
        if fault:
            raise LifecycleError(fault)
    known = {
        "engine": store.engine,
        "settings": settings,
        "ladder": settings.ladder,
        "exchange": settings.exchange.id,
        "signature": _signature(verb, given, store, settings, proven),
        "clock": store.clock,
        "stack": OperatedStack(store.engine, settings, store.clock),
        **{field.name: field.default for field in verb.fields if field.default is not REQUIRED},
        **{name: value for name, value in given.items() if value is not None},
    }
    function = loaded(verb.function)
    receipt: Receipt = function(**{name: known[name] for name in inspect.signature(function).parameters})
    return receipt


def _signature(
    verb: Verb,
    given: Mapping[str, Any],
    store: "KeyStore",
    settings: "Settings",
    proven: Signature | None,
) -> Signature:
    """Prove who decides; who only reads is not asked."""
    operator, reason = given["operator"], given["reason"]
    if verb.method == "GET":
        return Signature(operator, reason)
    is_real = settings.runner.mode == "live" and settings.exchange.base_url is None
    people = importlib.import_module("quant_pipelines.operations.people")
    is_real_money = is_real and given.get("target") in verb.money
    code = given.get("code") or ""
    if proven is not None and not is_real_money and not code:
        return proven
    claimant = people.Claimant(operator, reason, code, verb.role, is_real_money, given.get("asked_at"))
    signature: Signature = people.identify(store, claimant)
    return signature
