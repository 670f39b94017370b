"""Bodies of the verbs: a model for each row of the table, built from its fields."""

import re
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.operations import verb as table

_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
"""The database holds no NUL, and what is signed is read by people."""
_LONGEST, _LONGEST_REASON, _MOST_TEXTS = 200, 1000, 200
Text = Annotated[str, StringConstraints(max_length=_LONGEST, pattern=_PRINTABLE)]
"""One line of text."""
RowId = Annotated[int, Field(ge=0, le=ROW_ID.high)]
"""Id of a stored row."""
_TYPES: Final[dict[table.Kind, Any]] = {
    "number": RowId,
    "deployment": RowId,
    "value": Annotated[float, Field(allow_inf_nan=False)],
    "switch": bool,
    "texts": Annotated[list[Text], Field(max_length=_MOST_TEXTS)],
}
_EXAMPLES: Final[dict[str, Any]] = {
    "reason": "the feed was late twice today",
    "symbol": "BTC/USDT:USDT",
    "scope": "account",
    "limit": "max_leverage",
    "value": 1.5,
    "expires": "2030-01-31T12:00",
    "target": "shadow",
    "factor": "turnover",
    "weight": 0.2,
    "supply": 19_800_000.0,
    "version": "1",
    "change": "1000",
    "check": "jumps",
    "symbols": ["BTC/USDT:USDT"],
    "strategies": ["ema_cross"],
    "timeframes": ["1h"],
    "objective": "sharpe",
}


class Signed(BaseModel):
    """What every decision has: why it is made, and what was seen before."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=_LONGEST_REASON, pattern=_PRINTABLE)
    ] = Field(description="why, in a sentence; it is audited", examples=[_EXAMPLES["reason"]])
    code: Annotated[str, StringConstraints(max_length=20, pattern=_PRINTABLE)] = Field(
        default="",
        description="a fresh one-time code; asked for where orders would go to a real exchange",
    )
    row_version: RowId | None = Field(
        default=None,
        description="row_version of what was read; 409 if somebody else has acted on the subject since",
    )


def in_path(verb: table.Verb) -> tuple[str, ...]:
    """Names of the fields that stand in a verb's path."""
    return tuple(re.findall(r"{(\w+)}", verb.route))


def asked(verb: table.Verb) -> tuple[table.Field, ...]:
    """Fields that a verb's request is asked for."""
    return verb.form or verb.fields


def body_of(verb: table.Verb) -> type[Signed]:
    """Model of the body of a verb that changes something."""
    fields = [field for field in asked(verb) if field.name not in in_path(verb)]
    members: dict[str, Any] = {field.name: (_type(field), _member(field)) for field in fields}
    example = {"reason": _EXAMPLES["reason"]} | {
        field.name: _EXAMPLES.get(field.name, _words(field)[0])
        for field in fields
        if field.default is table.REQUIRED
    }
    made = create_model(_name(verb), __base__=Signed, __doc__=verb.told or verb.help, **members)
    made.model_config["json_schema_extra"] = {"example": example}
    made.model_rebuild(force=True)
    return made


def path_type(field: table.Field) -> Any:
    """Type of a field in the path."""
    if field.kind in ("number", "deployment"):
        return Annotated[int, Path(ge=0, le=ROW_ID.high, description=field.help)]
    return Annotated[str, Path(max_length=_LONGEST, pattern=_PRINTABLE, description=field.help)]


def query_type(field: table.Field) -> Any:
    """Type of a field of a verb that only reads."""
    return Annotated[_TYPES.get(field.kind, Text), Query(description=field.help)]


def _type(field: table.Field) -> Any:
    kind: Any = _TYPES.get(field.kind, Text)
    return kind if field.choices is None else Literal[field.choices.words]


def _member(field: table.Field) -> Any:
    told: dict[str, Any] = {"description": field.help}
    if field.name in _EXAMPLES:
        told["examples"] = [_EXAMPLES[field.name]]
    if field.default is not table.REQUIRED:
        told["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return Field(**told)


def _words(field: table.Field) -> tuple[str, ...]:
    return field.choices.words if field.choices is not None else ("1",)


def _name(verb: table.Verb) -> str:
    words = re.sub(r"{\w+}|/api/v1", "", verb.route).replace("/", " ").replace("-", " ")
    return "".join(word.capitalize() for word in words.split()) + "Asked"
