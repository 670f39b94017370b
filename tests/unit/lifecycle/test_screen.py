from dataclasses import replace

import pytest

from quant_pipelines.core.verdict_decisions import ADMITTED, CANDIDATE, REJECTED
from quant_pipelines.lifecycle.screen import ScreenCandidate, decide_all, unit_of
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate
from quant_pipelines.optimize.judge import clean_data_gate
from quant_pipelines.optimize.verdict import VerdictRecord

PASSED = Gate("trades", 40.0, 30.0, True, PAPER, "closed trades out of sample")
FAILED = Gate("trades", 12.0, 30.0, False, PAPER, "closed trades out of sample")
NOT_PROVEN = Gate("psr", 0.7, 0.95, False, CAPITAL, "probability")


def verdict(number: int, *, symbol: str = "", psr: float = 0.7, trades: int = 40) -> VerdictRecord:
    return VerdictRecord(
        strategy="ema_cross",
        content_hash="0",
        exchange="binanceusdm",
        symbol=symbol or f"S{number}/USDT:USDT",
        timeframe="1m",
        window_start_ms=0,
        window_end_ms=1,
        parameters={"fast": 5},
        in_sample={},
        out_of_sample={"psr": psr, "trades": trades},
        gates=(clean_data_gate(()), PASSED, NOT_PROVEN),
        id=number,
    )


def decisions(*candidates: VerdictRecord | ScreenCandidate, places: int = 5) -> dict[int | None, str]:
    given = [one if isinstance(one, ScreenCandidate) else ScreenCandidate(one) for one in candidates]
    return {one.verdict.id: one.decision for one in decide_all(given, {}, places)}


def test_paper_gates_admit_without_proof_and_say_so() -> None:
    (one,) = decide_all([ScreenCandidate(verdict(1))], {}, 5)
    assert one.decision == ADMITTED
    assert one.reasons == ("passed the paper screen, which proves nothing; not passed: psr",)


def test_failed_paper_gate_rejects_with_its_sentence() -> None:
    (one,) = decide_all([ScreenCandidate(replace(verdict(1), gates=(FAILED, NOT_PROVEN)))], {}, 5)
    assert one.decision == REJECTED
    assert one.reasons == ("trades is 12, threshold 30: closed trades out of sample",)


def test_fault_found_after_the_verdict_rejects() -> None:
    (one,) = decide_all([ScreenCandidate(verdict(1), findings=("3 x gaps in 1m bars",))], {}, 5)
    assert one.decision == REJECTED
    assert "3 x gaps in 1m bars" in one.reasons[0]


def test_fault_resolved_after_the_verdict_does_not() -> None:
    stale = replace(verdict(1), gates=(clean_data_gate(("3 x gaps",)), PASSED))
    assert decisions(stale) == {1: ADMITTED}


def test_best_are_admitted_first_and_the_rest_wait() -> None:
    ranked = [verdict(1, psr=0.6), verdict(2, psr=0.9), verdict(3, psr=0.9, trades=50)]
    assert decisions(*ranked, places=2) == {3: ADMITTED, 2: ADMITTED, 1: CANDIDATE}


@pytest.mark.parametrize("places", [0, -1])
def test_no_place_admits_nobody(places: int) -> None:
    assert decisions(verdict(1), places=places) == {1: CANDIDATE}


def test_older_verdict_of_the_same_unit_is_superseded() -> None:
    assert decisions(verdict(1, symbol="A"), verdict(2, symbol="A")) == {1: REJECTED, 2: ADMITTED}


def test_verdict_on_a_traded_unit_challenges_it_and_takes_no_place() -> None:
    (one,) = decide_all([ScreenCandidate(verdict(1))], {unit_of(verdict(1)): 7}, 0)
    assert (one.decision, one.challenges) == ("admitted", 7)


def test_archive_is_not_traded() -> None:
    assert decisions(ScreenCandidate(verdict(1), archive="somewhere")) == {1: REJECTED}


def test_several_symbols_together_are_one_deployment() -> None:
    pair = verdict(1, symbol="A/USDT:USDT+B/USDT:USDT")
    (one,) = decide_all([ScreenCandidate(pair)], {}, 1)
    (again,) = decide_all([ScreenCandidate(pair)], {unit_of(pair): 7}, 1)
    assert one.decision == ADMITTED
    assert (again.decision, again.challenges) == ("admitted", 7)


def test_unfitted_strategy_is_not_traded() -> None:
    assert decisions(replace(verdict(1), parameters={})) == {1: REJECTED}
