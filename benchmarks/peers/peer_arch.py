"""Hansen's test and the stepwise test by arch; started by ``decision_peer.py`` in its own environment.

One JSON case on stdin, one JSON answer on stdout; the days come from the file that the case names.
"""

import json
import sys
import time
from collections.abc import Callable

import arch
import numpy as np
from arch.bootstrap import SPA, StepM


def cpu_seconds(call: Callable[[], object], runs: int) -> float:
    spent = []
    for _ in range(runs):
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)
    return min(spent)


def main() -> None:
    case = json.loads(sys.stdin.read())
    days = np.load(case["days"])
    asked = {"block_size": case["block"], "reps": case["resamples"], "bootstrap": "circular", "seed": 1}

    def global_test() -> SPA:
        test = SPA(0.0 * days[:, 0], -days, **asked)
        test.compute()
        return test

    def stepwise() -> StepM:
        test = StepM(0.0 * days[:, 0], -days, size=case["size"], **asked)
        test.compute()
        return test

    answer = {
        "version": arch.__version__,
        "p_value": float(global_test().pvalues["consistent"]),
        "superior": [int(place) for place in stepwise().superior_models],
        "spa_cpu_seconds": cpu_seconds(global_test, case["runs"]),
        "stepwise_cpu_seconds": cpu_seconds(stepwise, case["runs"]),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
