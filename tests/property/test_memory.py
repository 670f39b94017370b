"""What an event strategy remembers comes back as a restart would read it, however it is brought back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import EventStrategy
from quant_pipelines.sdk.event import remembered

NUMBERS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.one_of(st.none(), NUMBERS, st.text())
MEMORIES = st.dictionaries(st.text(), st.one_of(VALUES, st.lists(VALUES, max_size=2)), max_size=4)


@settings(max_examples=200)
@given(MEMORIES)
def test_a_memory_comes_back_as_json_would_bring_it(memory: dict[str, Any]) -> None:
    found = remembered(EventStrategy(), memory, 0)
    assert repr(found) == repr(json.loads(json.dumps(memory)))
    assert found is not memory, "what the strategy keeps a hand on is not what a restart reads"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), {1, 2}])
def test_what_is_no_document_is_refused(value: Any) -> None:
    with pytest.raises(StrategyError, match="left a memory that is no JSON document"):
        remembered(EventStrategy(), {"value": value}, 0)
