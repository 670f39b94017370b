"""What befalls a world is what its name says."""

import numpy as np
import pytest

from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.stress import gaps_paid_for
from tests.life.scenes.crash import CRASH, CRASH_DAY
from tests.life.scenes.sold_tail import TAIL_DAY
from tests.life.scenes.table import SCENES
from tests.life.truth import DAYS_BEFORE, draw

SEED = 1


def test_in_a_crash_all_units_move_as_one() -> None:
    truth = SCENES["crash"].change(draw(SEED))
    days = np.array([returns[DAYS_BEFORE + CRASH_DAY :][:10] for returns in truth.returns.values()])
    assert (days[:, 0] == -CRASH).all()
    assert np.corrcoef(days)[1:, 0] == pytest.approx(1.0)


def test_a_sold_tail_looks_like_skill_and_does_not_pay_for_its_gap() -> None:
    scene = SCENES["sold_tail"]
    truth = scene.change(draw(SEED, scene.courses))
    (days, *_) = (returns for unit, returns in truth.returns.items() if unit.strategy == "sold_tail")
    before = days[: DAYS_BEFORE + TAIL_DAY]
    assert before.mean() / before.std() * np.sqrt(YEAR_DAYS) > 8.0
    assert gaps_paid_for(before, 1.0, 0.25) < 3.0
    assert days[DAYS_BEFORE + TAIL_DAY] < -0.5


def test_in_a_bull_market_everybody_earns_and_nobody_beats_holding() -> None:
    scene = SCENES["bull"]
    truth = scene.change(draw(SEED, scene.courses))
    sharpes, beyond = [], []
    for unit, days in truth.returns.items():
        more = days - truth.market[unit.symbol]
        sharpes.append(days.mean() / days.std() * np.sqrt(YEAR_DAYS))
        beyond.append(more.mean() / more.std() * np.sqrt(days.size))
    assert min(sharpes) > 2.0
    assert max(beyond) < 3.0
