"""Many parameter sets of one strategy on several symbols in one account; see ``sweep``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from quant_pipelines.backtest.account.plan import allocations_of, plan_account
from quant_pipelines.backtest.account.reel import reel_of
from quant_pipelines.backtest.account.result import account_result, rows_of, value_before
from quant_pipelines.backtest.account.run import run_plan
from quant_pipelines.backtest.bar.trades import PNL
from quant_pipelines.backtest.batch.result import Outcome, activity_of, returns_on
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.sdk.strategy import Strategy


class AccountField:
    """An account of several symbols, prepared once and passed for one set after the other."""

    width = 1

    def __init__(
        self,
        strategy_class: type[Strategy],
        bars: Sequence[Bars],
        settings: BacktestSettings,
        feeds: Mapping[str, SymbolFeed],
    ) -> None:
        allocations = allocations_of(strategy_class(), bars)
        self._plan = plan_account(allocations, feeds, replace(settings, has_bar_equity=False))
        self._reel = reel_of(self._plan.books)
        self.first_day, self.n_days = self._plan.first_day, self._plan.n_days

    def longest_holding_ms(self, strategy: Strategy) -> int:
        """Longest round trip of any book, those that are open at the end included."""
        plan = self._plan.traded_by(strategy)
        result = account_result(plan, run_plan(plan, self._reel))
        open_ms = [book.held_ms for book in result.carried.books]
        return max([*open_ms, *(to_ms(one.exit_time) - to_ms(one.entry_time) for one in result.trades)])

    def run(self, strategies: Sequence[Strategy]) -> list[Outcome]:
        """Outcome of each of these sets."""
        return [self._outcome(strategy) for strategy in strategies]

    def _outcome(self, strategy: Strategy) -> Outcome:
        plan = self._plan.traded_by(strategy)
        passed, capital = run_plan(plan, self._reel), plan.settings.capital
        activity = activity_of(passed.fund.tally, capital, bars=len(plan.schedule.grid), days=plan.n_days)
        before, rows = value_before(plan, passed.record), rows_of(passed)
        returns = returns_on(before, passed.record.value)
        return Outcome(returns, passed.fund.value, rows[:, PNL].copy(), activity)
