"""Every scenario in parts: what is carried over a cut changes nothing, of targets and of orders that rest."""

from dataclasses import replace

import pytest

from quant_pipelines.backtest import SymbolFeed
from tests.parity import test_drivers, test_events
from tests.parity.parts import assert_same_in_parts
from tests.parity.worlds import Scenario, random_bars

SCENARIOS = {
    **{f"target {name}": one for name, one in test_drivers.SCENARIOS.items()},
    **{f"orders {name}": one for name, one in test_events.SCENARIOS.items()},
}


def feed_of(scenario: Scenario) -> SymbolFeed:
    bars = scenario.bars()
    return SymbolFeed(
        scenario.execution() if scenario.execution else None,
        scenario.funding(bars) if scenario.funding else None,
        scenario.mark(bars) if scenario.mark else None,
        scenario.depth(bars) if scenario.depth else None,
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_run_in_parts_equals_the_whole_to_the_bit(name: str) -> None:
    scenario = SCENARIOS[name]
    bars, asked = scenario.bars(), replace(scenario.settings, rules=scenario.rules)
    first = max(int(bars.ts[0]), asked.trade_from_ms or 0)
    after = bars.ts[bars.ts > first]
    cuts = sorted({int(after[len(after) * part // 7]) for part in (1, 3, 4) if len(after)})
    assert_same_in_parts(scenario.strategy, [bars], {bars.symbol: feed_of(scenario)}, asked, cuts=cuts)


def test_orders_of_two_symbols_in_one_account_are_carried_over_midnight() -> None:
    one, other = random_bars(3_000, 81), replace(random_bars(3_000, 82), symbol="Y/USDT:USDT")
    asked = replace(test_events.SCENARIOS["plain"].settings, rules=test_events.LOTS)
    midnight = int(one.ts[0]) - int(one.ts[0]) % 86_400_000 + 86_400_000
    whole = assert_same_in_parts(test_events.Busy(), [one, other], {}, asked, cuts=[midnight])
    assert len(whole.trades) > 20
