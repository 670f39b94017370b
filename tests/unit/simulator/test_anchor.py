"""The anchor is written once and kept."""

from pathlib import Path

import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.simulator.anchor import DEFAULT_SEED, keep_anchor

FIRST_START = 20_000 * DAY_MS + 23 * HOUR_MS + 58 * 60_000


def test_anchor_is_the_midnight_before_the_first_start(tmp_path: Path) -> None:
    anchor = keep_anchor(tmp_path, seed=None, clock=lambda: FIRST_START)
    assert (anchor.anchor_ms, anchor.seed) == (20_000 * DAY_MS, DEFAULT_SEED)
    assert anchor.first_ms <= anchor.anchor_ms - 100 * DAY_MS


def test_anchor_outlives_a_restart(tmp_path: Path) -> None:
    first = keep_anchor(tmp_path, seed=11, clock=lambda: FIRST_START)
    assert keep_anchor(tmp_path, seed=None, clock=lambda: FIRST_START + 40 * DAY_MS) == first


def test_another_seed_for_a_kept_market_is_refused(tmp_path: Path) -> None:
    keep_anchor(tmp_path, seed=11, clock=lambda: FIRST_START)
    with pytest.raises(ConfigurationError, match=r"seed is 12.*made with seed 11"):
        keep_anchor(tmp_path, seed=12, clock=lambda: FIRST_START)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"anchor_ms": 1}'])
def test_a_broken_anchor_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "simulator" / "anchor.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="is not an anchor"):
        keep_anchor(tmp_path, seed=None, clock=lambda: FIRST_START)
