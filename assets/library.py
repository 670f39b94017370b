"""Group ``research``: the strategies that may be searched, each text tried before it is used."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.store.first_start import has_results
from quant_pipelines.store.heartbeats import write_alert

if TYPE_CHECKING:
    from quant_pipelines.research.library import Shelf


class Files(dg.Config):
    """Which files to try."""

    names: list[str] = Field(default=[], description="names of strategies; none means the whole folder")


@dg.asset(group_name="research", owners=["team:quant"], kinds={"python", "postgres"})
def strategy_library(config: Files, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Try each new strategy file in a process of its own, and put in force what keeps the contract.

    A file that fails is reported, and the text that was in force before stays. Deployments keep the text that
    they were made with in any case.
    """
    from quant_pipelines.research.library import refresh_library  # noqa: PLC0415 - numba
    from quant_pipelines.sdk import strategies_folder  # noqa: PLC0415 - numba

    settings, engine = platform.settings, platform.engine
    # The first start tries what it searches; the rest follows once there is something to look at.
    searched = config.names or ([] if has_results(engine) else settings.optimization.strategies)
    shelves = refresh_library(engine, strategies_folder(settings.strategies_folder), names=searched)
    for shelf in shelves:
        if shelf.entry.fault and shelf.is_news:
            _report(platform, shelf)
    return dg.MaterializeResult(metadata=_metadata(shelves))


def _report(platform: Platform, shelf: "Shelf") -> None:
    entry = shelf.entry
    kept = f"version {entry.content_hash} stays in force" if entry.content_hash else "no version is in force"
    message = f"strategy {entry.name}: {entry.fault}; {kept}"
    write_alert(platform.engine, "warning", f"strategy:{entry.name}", message, detail={}, at=entry.changed_at)


def _metadata(shelves: "list[Shelf]") -> dict[str, Any]:
    rows = [
        {
            "strategy": shelf.entry.name,
            "in force": shelf.entry.content_hash or "none",
            "file": "in force" if shelf.entry.is_current else "refused",
            "why": shelf.entry.fault,
            "trial_seconds": round(shelf.seconds, 1),
        }
        for shelf in shelves
    ]
    return {
        "strategies": len(shelves),
        "in_force": sum(shelf.entry.content_hash is not None for shelf in shelves),
        "swapped": sum(shelf.is_swapped for shelf in shelves),
        "refused": sum(bool(shelf.entry.fault) for shelf in shelves),
        "library": table(rows),
    }
