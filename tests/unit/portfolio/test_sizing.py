"""Sizers and their command-line and document forms."""

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.portfolio import (
    AllIn,
    Fixed,
    Sizing,
    VolatilityTarget,
    parse_sizing,
    realized_volatility,
)
from quant_pipelines.portfolio.sizing import sizing_document, sizing_from_document


@pytest.mark.parametrize(
    ("text", "sizing"),
    [
        ("all_in", AllIn()),
        ("all_in:0.5", AllIn(0.5)),
        ("fixed:0.1", Fixed(0.1)),
        ("vol_target", VolatilityTarget()),
        ("vol_target:0.2", VolatilityTarget(0.2)),
    ],
)
def test_sizing_is_parsed(text: str, sizing: Sizing) -> None:
    assert parse_sizing(text) == sizing
    assert sizing_from_document(sizing_document(sizing)) == sizing


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("all-in", "unknown sizing 'all-in'; did you mean 'all_in'?"),
        ("fixed", "sizing is 'fixed'; expected a positive number after fixed:"),
        ("fixed:-1", "sizing is 'fixed:-1'; expected a positive number after fixed:"),
        ("all_in:much", "sizing is 'all_in:much'; expected a positive number after all_in:"),
    ],
)
def test_bad_sizing_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence.replace("?", r"\?")):
        parse_sizing(text)


def test_realized_volatility_is_annual_and_causal() -> None:
    moves = np.where(np.arange(200) % 2 == 0, 1.01, 0.99)
    close = np.cumprod(moves, dtype=np.float64) * np.float64(100.0)
    ts = HOUR_MS * np.arange(200, dtype=np.int64)
    bars = Bars("X/USDT:USDT", "1h", ts, close, close, close, close, np.ones(200))
    volatility = realized_volatility(bars, 20)
    assert np.isnan(volatility[:20]).all()
    assert volatility[-1] == pytest.approx(0.01 * np.sqrt(8760), rel=1e-3)
    assert realized_volatility(bars.rows(0, 50), 20).tobytes() == volatility[:50].tobytes()
