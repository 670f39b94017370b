"""Tools that read: one for each question of the gateway that a viewer may ask, made of its description."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from quant_pipelines.core.errors import ConfigurationError

_NAMES = str.maketrans("/-.", "___")
_PREFIX = "/api/v1/"
_OF_PEOPLE = ("session", "logins")
"""Who is logged in is no assistant's business."""


class ReadingTool(NamedTuple):
    """A question that the gateway answers.

    Parameters
    ----------
    name
        As assistants call it.
    description
        What it answers.
    path
        Of the route, with names of its parameters in braces.
    parameters
        As OpenAPI describes them.
    """

    name: str
    description: str
    path: str
    parameters: tuple[Mapping[str, Any], ...]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of its arguments; what it does not name is refused."""
        return {
            "type": "object",
            "properties": {one["name"]: _described(one) for one in self.parameters},
            "required": [one["name"] for one in self.parameters if one.get("required")],
            "additionalProperties": False,
        }

    def target(self, arguments: Mapping[str, Any]) -> str:
        """Path and query of a question.

        Raises
        ------
        ConfigurationError
            If an argument is missing or unknown.

        Examples
        --------
        >>> number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        >>> ReadingTool("equity", "", "/api/v1/equity/{id}", (number,)).target({"id": 7})
        '/api/v1/equity/7'
        """
        known = {one["name"]: one for one in self.parameters}
        for name in arguments:
            if name not in known:
                raise ConfigurationError(
                    f"{self.name} has no argument {name!r}; expected one of {', '.join(known) or 'none'}"
                )
        path, query = self.path, {}
        for name, one in known.items():
            if name not in arguments and one.get("required"):
                kind = one["schema"].get("type", "a value")
                raise ConfigurationError(f"{self.name} needs {name}; expected {kind}")
            if one["in"] == "path" and str(arguments[name]) in {".", ".."}:
                raise ConfigurationError(f"{name} is {arguments[name]!r}; expected the name of something")
            if one["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(str(arguments[name]), safe=""))
            elif arguments.get(name) is not None:
                query[name] = arguments[name]
        return f"{path}?{urlencode(query)}" if query else path


def _described(parameter: Mapping[str, Any]) -> dict[str, Any]:
    about = {"description": parameter["description"]} if parameter.get("description") else {}
    return {**parameter["schema"], **about}


def reading_tools(document: Mapping[str, Any]) -> Iterator[ReadingTool]:
    """Find what a viewer may read in the gateway's OpenAPI document.

    Parameters
    ----------
    document
        As ``/api/v1/openapi.json`` answers it.
    """
    for path, operations in document["paths"].items():
        asked = operations.get("get")
        if asked is None or asked.get("x-role", "viewer") != "viewer" or not path.startswith(_PREFIX):
            continue
        place = path.removeprefix(_PREFIX)
        if place.startswith(_OF_PEOPLE):
            continue
        named = place.replace("{", "").replace("}", "").translate(_NAMES)
        parameters = tuple(one for one in asked.get("parameters", ()) if one["in"] in {"path", "query"})
        told = asked.get("description") or asked["summary"]
        yield ReadingTool(f"read_{named}", " ".join(told.split()), path, parameters)
