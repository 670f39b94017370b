"""A verdict is the same on the other side of a process."""

import json
from datetime import date

import pytest

from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.optimize.gates import CAPITAL, Gate
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.wire import verdict_document, verdict_from_document

LOOKED_AT = CapitalEvidence(
    "undecided", "symbol", 120, 40, 900, 24, date(2026, 3, 4), 2.1, 3.4, 1.2, 0.1, 2.3
)


@pytest.mark.parametrize(
    "evidence", [NOT_LOOKED_AT, LOOKED_AT, LOOKED_AT._replace(last_day=date(2026, 3, 1))]
)
def test_verdict_crosses_processes_as_it_is(evidence: CapitalEvidence) -> None:
    record = VerdictRecord(
        *("ema_cross", "0a1b2c", "binanceusdm", "BTC/USDT:USDT", "1h", 0, 86_400_000),
        parameters={"fast": 12},
        in_sample={"sharpe": 0.1 + 0.2},
        out_of_sample={},
        gates=(Gate("pbo", None, 0.2, True, CAPITAL, "not known"),),
        reasons=("why",),
        daily_returns=(0.1, -0.2),
    ).at_look(evidence)
    assert verdict_from_document(json.loads(json.dumps(verdict_document(record)))) == record
