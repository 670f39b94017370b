"""How long 2,000 worlds of the statistic tier take: `python -m benchmarks.calibrate.speed [worlds]`.

A world is 24 candidates over 720 days with 52 weekly looks, all of them taken. CPU seconds, so that others on
the machine count for little; two cores share them, since the compiled loops let both threads run.
"""

import json
import os
import sys
import time
from datetime import date

import numpy as np

from benchmarks.calibrate.rows import CANDIDATES
from benchmarks.calibrate.worlds import Size, normal
from quant_pipelines.optimize.decision import DecisionTerms, seen_at, weekly_looks

N_DAYS, N_LOOKS, WANTED = 720, 52, 2000


def taken(seed: int) -> int:
    """Looks at one world."""
    days = normal(np.random.default_rng([1, seed]), Size(N_DAYS, CANDIDATES)).returns
    looks = weekly_looks(date(2025, 1, 11), N_DAYS)[-N_LOOKS:]
    return sum(1 for _ in seen_at(days, looks, DecisionTerms(seed=seed)))


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    assert taken(0) == N_LOOKS  # and compiles
    began = time.process_time()
    for seed in range(worlds):
        taken(seed)
    each = (time.process_time() - began) / worlds
    minutes = each * WANTED / 2 / 60
    figures = {"cpu_seconds_a_world": round(each, 4), "minutes_of_2000_on_two_cores": round(minutes, 1)}
    print(json.dumps(figures | {"worlds": worlds, "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
