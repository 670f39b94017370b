"""Keep what the ``arch`` package says of the reference days, in an environment of its own.

``uv run --no-project --with arch==8.0.0 python -m tests.reference.record_decision``
"""

import json
from pathlib import Path

from tests.reference.decision_days import BLOCK, SIZE, WORLDS, days_of, dependent_days, luck_of

RESAMPLES = 5000


def record() -> None:
    """Write all answers."""
    import arch  # noqa: PLC0415 - the suite collects this file without it
    from arch.bootstrap import SPA, StepM, optimal_block_length  # noqa: PLC0415 - as above

    asked = {"block_size": BLOCK, "reps": RESAMPLES, "bootstrap": "circular"}
    superior, p_values = [], []
    for world in WORLDS:
        days = days_of(world)
        stepwise = StepM(0.0 * days[:, 0], -days, size=SIZE, seed=world, **asked)
        stepwise.compute()
        superior.append([int(place) for place in stepwise.superior_models])
        luck = luck_of(world)
        test = SPA(0.0 * luck[:, 0], -luck, seed=world, **asked)
        test.compute()
        p_values.append(float(test.pvalues["consistent"]))
    lengths = [
        float(optimal_block_length(dependent_days(series))["circular"].iloc[0]) for series in range(16)
    ]
    answers = {
        "arch": arch.__version__,
        "superior_models": superior,
        "consistent_p_values": p_values,
        "circular_block_lengths": lengths,
    }
    (Path(__file__).parent / "decision_arch.json").write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    record()
