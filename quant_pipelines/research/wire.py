"""Verdicts and failures as JSON documents, between processes and for the command line."""

from dataclasses import asdict
from datetime import date
from typing import Any

from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictRecord


def verdict_document(record: VerdictRecord) -> dict[str, Any]:
    """Verdict as a JSON document; floats keep every digit."""
    evidence = record.evidence._asdict()
    look_day = evidence["look_day"]
    evidence["look_day"] = look_day and look_day.isoformat()
    return asdict(record) | {"evidence": evidence}


def verdict_from_document(document: dict[str, Any]) -> VerdictRecord:
    """Verdict of a document that ``verdict_document`` made."""
    sequences = {name: tuple(document[name]) for name in ("reasons", "daily_returns")}
    gates = tuple(Gate(**gate) for gate in document["gates"])
    look_day = document["evidence"]["look_day"]
    evidence = CapitalEvidence(**document["evidence"])._replace(
        look_day=look_day and date.fromisoformat(look_day)
    )
    return VerdictRecord(**{**document, **sequences, "gates": gates, "evidence": evidence})


def failure_document(error: str) -> dict[str, Any]:
    """Job that ended without a verdict."""
    return {"error": error}
