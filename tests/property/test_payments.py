"""A chart of the console and a score leave payments of capital out in their own ways, and tell the same."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.gateway.console.figures import BookedCurve, without_payments
from quant_pipelines.store.capital_changes import BookFlow
from quant_pipelines.store.lifecycle import in_first_units
from tests.property.examples import examples

START = datetime(2026, 3, 4, tzinfo=UTC)
STEP = timedelta(hours=1)
STEPS = st.lists(st.tuples(st.floats(0.8, 1.25), st.floats(-0.5, 2.0)), min_size=1, max_size=30)


@given(STEPS)
@settings(max_examples=examples(100))
def test_a_curve_that_is_paid_at_its_points_grows_as_the_score_says(steps: list[tuple[float, float]]) -> None:
    worth, flows = [1000.0], []
    for number, (growth, share) in enumerate(steps):
        amount = round(worth[-1] * share, 2)
        flows.append(BookFlow(START + number * STEP, Decimal(repr(amount)), worth[-1]))
        worth.append((worth[-1] + amount) * growth)
    times = np.array([to_ms(START + number * STEP) for number in range(len(worth))])
    amounts = np.array([float(one.amount) for one in flows])
    shown = without_payments(BookedCurve(times, np.array(worth)), BookedCurve(times[:-1], amounts))
    scored = in_first_units(np.array(worth), times * 1000, flows)
    np.testing.assert_allclose(shown.values, scored, rtol=1e-9)
