"""The capital decision beside arch, answers first: ``python benchmarks/decision_peer.py``.

Daily returns of 24 candidates over 720 days, 2,000 circular resamples in blocks of 4 days: Hansen's test, the
stepwise test at one look, and a year of weekly looks. A speed is printed only where the answers are the same.
CPU seconds, least of several runs.
"""

import argparse
import json
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from peers import RUNS, ask, cpu_seconds, interpreter_of

from quant_pipelines.optimize.decision import (
    DecisionTerms,
    Look,
    LookResult,
    seen_at,
    superior_predictive_ability,
    weekly_looks,
)

N_DAYS, N_CANDIDATES, BLOCK, RESAMPLES, SIZE = 720, 24, 4, 2000, 0.05
TERMS = DecisionTerms(alpha=SIZE, n_paths=RESAMPLES, longest_holding_days=BLOCK)
ONE_LOOK = (Look(N_DAYS, 2026, 1.0),)
A_YEAR = weekly_looks(date(2025, 1, 11), N_DAYS)[-52:]


def seeded_days() -> np.ndarray:
    """Candidates of one volatility, as arch compares means as they are; the first two have an edge."""
    days = np.random.default_rng(1).standard_normal((N_DAYS, N_CANDIDATES))
    days = (days - days.mean(axis=0).clip(min=0.0)) / days.std(axis=0)
    days[:, :2] += (0.25, 0.3)
    return np.asarray(0.02 * days)


def last_look(days: np.ndarray, looks: tuple[Look, ...]) -> LookResult:
    *_, last = seen_at(days, looks, TERMS)
    return last


def compared(days: np.ndarray, theirs: dict[str, Any]) -> dict[str, Any]:
    ours = {
        "p_value": superior_predictive_ability(days, block=BLOCK, n_resamples=RESAMPLES),
        "superior": np.flatnonzero(last_look(days, ONE_LOOK).passed).tolist(),
    }
    if ours["superior"] != theirs["superior"] or abs(ours["p_value"] - theirs["p_value"]) > 0.03:
        return {"ours": ours, "arch": theirs, "speed": "not quoted: the answers differ"}
    spa = cpu_seconds(lambda: superior_predictive_ability(days, block=BLOCK, n_resamples=RESAMPLES))
    look, year = (cpu_seconds(lambda looks=looks: last_look(days, looks)) for looks in (ONE_LOOK, A_YEAR))
    return {
        "ours": ours | {"spa": spa, "one_look": look, "year_of_looks": year, "looks": len(A_YEAR)},
        "arch": theirs,
        "times_faster": {
            "spa": theirs["spa_cpu_seconds"] / spa,
            "one_look_beside_stepwise": theirs["stepwise_cpu_seconds"] / look,
            "year_of_looks_beside_one_spa": theirs["spa_cpu_seconds"] / year,
            "year_of_looks_beside_a_spa_each": len(A_YEAR) * theirs["spa_cpu_seconds"] / year,
        },
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "quant-peers")
    python = interpreter_of("arch", asked.parse_args().environments)
    days = seeded_days()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "days.npy"
        np.save(file, days)
        case = {"days": str(file), "block": BLOCK, "resamples": RESAMPLES, "size": SIZE, "runs": RUNS}
        theirs = ask(python, "arch", case)
    print(json.dumps({**compared(days, theirs), "load": os.getloadavg()}, indent=2))


if __name__ == "__main__":
    main()
