"""Verdicts and failures as JSON documents, between processes and for the command line."""

from dataclasses import asdict
from typing import Any

from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictRecord


def verdict_document(record: VerdictRecord) -> dict[str, Any]:
    """Verdict as a JSON document; floats keep every digit."""
    return asdict(record)


def verdict_from_document(document: dict[str, Any]) -> VerdictRecord:
    """Verdict of a document that ``verdict_document`` made."""
    sequences = {name: tuple(document[name]) for name in ("reasons", "daily_returns")}
    gates = tuple(Gate(**gate) for gate in document["gates"])
    return VerdictRecord(**{**document, **sequences, "gates": gates})


def failure_document(error: str) -> dict[str, Any]:
    """Job that ended without a verdict."""
    return {"error": error}
