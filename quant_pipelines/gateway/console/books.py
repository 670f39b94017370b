"""Whose book a leg is: pages show a set as one deployment, so what is of a leg leads to its set."""

from collections.abc import Iterable

from quant_pipelines.gateway.reading_models import DeploymentView


def heads_of(deployed: Iterable[DeploymentView]) -> dict[int, int]:
    """Deployment that has a page, by the id of each book; pure."""
    return {book: row.id for row in deployed for book in (row.id, *(leg.id for leg in row.legs))}
