"""What traded a unit, one after another: a pure function of stored rows, and what changed between two."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.ids import digest_of

_SHOWN_LINES = 3
ChangeSource: TypeAlias = Literal["challenge", "rollback"]
"""Why a unit is traded otherwise: a challenger won, or a person went back to what was traded before."""


class Terms(NamedTuple):
    """What is traded: text, values of its parameters, and the verdict that brought them.

    Parameters
    ----------
    version_id, content_hash
        Stored version, and the hash of its text.
    parameters
        Values by name.
    verdict_id
        None for what was deployed by hand.
    """

    version_id: int
    content_hash: str
    parameters: Mapping[str, Any]
    verdict_id: int | None = None

    @property
    def digest(self) -> str:
        """Hash of text and parameters: what is meant by "the same parameters", however often judged.

        Examples
        --------
        >>> one, same = Terms(1, "abc", {"fast": 10}), Terms(2, "abc", {"fast": 10.0}, verdict_id=7)
        >>> one.digest == same.digest, one.digest == Terms(1, "abc", {"fast": 11}).digest
        (True, False)
        """
        values = {name: _plain(one) for name, one in self.parameters.items()}
        return digest_of({"text": self.content_hash, "parameters": values})


class Placed(NamedTuple):
    """A deployment that traded its unit by itself, since when, and with what it has now."""

    deployment_id: int
    since: datetime
    terms: Terms


class VersionChange(NamedTuple):
    """One row of ``trading.version_changes``."""

    deployment_id: int
    to_deployment_id: int
    at: datetime
    source: ChangeSource
    before: Terms
    after: Terms
    actor: str
    reason: str


class Stint(NamedTuple):
    """A time in which the same text with the same parameters traded a unit.

    Parameters
    ----------
    number
        From 1, oldest first; it stays the same.
    since, until
        None while it lasts.
    deployments
        Whose books it was, oldest first.
    terms
        What was traded.
    how
        How it began, in words.
    """

    number: int
    since: datetime
    until: datetime | None
    deployments: tuple[int, ...]
    terms: Terms
    how: str


def stints_of(placed: Iterable[Placed], changes: Sequence[VersionChange]) -> tuple[Stint, ...]:
    """Put what traded a unit in order, oldest first.

    Parameters
    ----------
    placed
        Deployments that trade or traded it by themselves; never one that only challenged.
    changes
        Of those, oldest first.
    """
    began = [one for deployment in placed for one in _begun(deployment, changes)]
    stints = list[Stint]()
    for deployment_id, since, terms, how in sorted(began, key=lambda one: one[1]):
        if stints and stints[-1].terms.digest == terms.digest:
            same = stints[-1]
            ids = tuple(dict.fromkeys((*same.deployments, deployment_id)))
            stints[-1] = same._replace(deployments=ids)
            continue
        if stints:
            stints[-1] = stints[-1]._replace(until=since)
        stints.append(Stint(len(stints) + 1, since, None, (deployment_id,), terms, how))
    return tuple(stints)


class _Begun(NamedTuple):
    deployment_id: int
    at: datetime
    terms: Terms
    how: str


def _begun(deployment: Placed, changes: Sequence[VersionChange]) -> list[_Begun]:
    """List what a deployment traded in turn, from the moment on at which the place was its own."""
    key = deployment.deployment_id
    mine = [one for one in changes if one.deployment_id == one.to_deployment_id == key]
    got = next((one for one in changes if one.to_deployment_id == key != one.deployment_id), None)
    first = mine[0].before if mine else deployment.terms
    how, since = ("deployed", deployment.since) if got is None else (_told(got), got.at)
    return [_Begun(key, since, first, how)] + [_Begun(key, one.at, one.after, _told(one)) for one in mine]


def _told(change: VersionChange) -> str:
    what = "won its challenge" if change.source == "challenge" else f"{change.actor} went back to it"
    return f"{what}: {change.reason}" if change.reason else what


def parameters_at(
    own: Mapping[str, Any], changes: Sequence[VersionChange], at: datetime
) -> Mapping[str, Any]:
    """Parameters that a book traded with just before a moment; ``changes`` of it alone, oldest first."""
    return next((one.before.parameters for one in changes if one.at >= at), own)


class ChangedValue(NamedTuple):
    """Value of a parameter before and after; None where there is no such parameter."""

    before: Any
    after: Any


def parameter_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, ChangedValue]:
    """Find the values that differ, by name.

    Examples
    --------
    >>> parameter_changes({"fast": 10, "slow": 48}, {"fast": 12, "slow": 48})
    {'fast': ChangedValue(before=10, after=12)}
    """
    names = dict.fromkeys((*before, *after))
    return {
        name: ChangedValue(before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def text_changes(before: str, after: str) -> list[str]:
    """Lines of a unified diff of two texts; empty where they are the same.

    Examples
    --------
    >>> text_changes("a = 1", "a = 2")
    ['@@ -1 +1 @@', '-a = 1', '+a = 2']
    """
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=_SHOWN_LINES, lineterm="")
    return list(lines)[2:]


def told_changes(values: Mapping[str, ChangedValue], n_lines: int) -> str:
    """Say what changed.

    Examples
    --------
    >>> told_changes({"fast": ChangedValue(10, 12)}, 0)
    'fast 10 -> 12'
    >>> told_changes({}, 4)
    'its text, 4 lines'
    """
    parts = [f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in values.items()]
    if n_lines:
        parts.append(f"its text, {n_lines} line{'' if n_lines == 1 else 's'}")
    return ", ".join(parts) or "nothing"


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _plain(value: Any) -> Any:
    """Value as it is compared: 10 and 10.0 are the same."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else value
