import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.cli.output import table, to_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1.0, np.nan]), [1.0, None]),
        (Decimal("0.1"), 0.1),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (Path("/a"), "/a"),
        ({1: (True, None, "x")}, {"1": [True, None, "x"]}),
    ],
)
def test_document_holds_json_types_only(value: object, expected: object) -> None:
    assert to_json(value) == expected
    assert json.loads(json.dumps(to_json(value), allow_nan=False)) == expected


def test_table_aligns_columns_and_says_when_it_is_empty() -> None:
    assert table([{"a": 1, "b": None}], ("a", "b")) == "  a  b\n  1  -"
    assert table([], ("a",)) == "  (none)"
