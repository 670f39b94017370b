"""Verdicts and failures as JSON documents, between processes and for the command line."""

from dataclasses import asdict
from datetime import date
from typing import Any

from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictRecord

_DAYS = ("look_day", "last_day")


def verdict_document(record: VerdictRecord) -> dict[str, Any]:
    """Verdict as a JSON document; floats keep every digit."""
    evidence = record.evidence._asdict()
    days = {name: evidence[name] and evidence[name].isoformat() for name in _DAYS}
    return asdict(record) | {"evidence": evidence | days}


def verdict_from_document(document: dict[str, Any]) -> VerdictRecord:
    """Verdict of a document that ``verdict_document`` made."""
    sequences = {name: tuple(document[name]) for name in ("reasons", "daily_returns")}
    gates = tuple(Gate(**gate) for gate in document["gates"])
    said = document["evidence"]
    days = {name: said[name] and date.fromisoformat(said[name]) for name in _DAYS}
    evidence = CapitalEvidence(**(said | days))
    return VerdictRecord(**{**document, **sequences, "gates": gates, "evidence": evidence})


def failure_document(error: str) -> dict[str, Any]:
    """Job that ended without a verdict."""
    return {"error": error}
