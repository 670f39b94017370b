"""Keep how the ``skfolio`` package parts the same days, in an environment of its own.

``uv run --no-project --with skfolio==1.12.2 python -m tests.reference.record_combinatorial``
"""

import json
from importlib.metadata import version
from pathlib import Path

CASES = ((30, 6, 2, 2, 1), (32, 6, 2, 0, 0), (41, 5, 2, 1, 3), (60, 6, 3, 2, 0), (45, 7, 3, 1, 2))
_NAMES = ("n_days", "groups", "test_groups", "purge_days", "embargo_days")


def record() -> None:
    """Write all answers."""
    import numpy as np  # noqa: PLC0415 - as below
    from skfolio.model_selection import (  # noqa: PLC0415 - the suite collects this file without it
        CombinatorialPurgedCV,
    )

    cases = []
    for case in CASES:
        n_days, groups, test_groups, purge, embargo = case
        parted = CombinatorialPurgedCV(
            n_folds=groups, n_test_folds=test_groups, purged_size=purge, embargo_size=embargo
        )
        splits = [
            {"train": train.tolist(), "test": [days.tolist() for days in test]}
            for train, test in parted.split(np.zeros((n_days, 1)))
        ]
        paths = {"n_paths": int(parted.n_test_paths), "paths": parted.get_path_ids().tolist()}
        cases.append(dict(zip(_NAMES, case, strict=True)) | paths | {"splits": splits})
    answers = {"skfolio": version("skfolio"), "cases": cases}
    (Path(__file__).parent / "combinatorial_skfolio.json").write_text(json.dumps(answers) + "\n")


if __name__ == "__main__":
    record()
