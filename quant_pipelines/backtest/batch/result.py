"""What a backtest returns."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.accounting.account import DUST
from quant_pipelines.backtest.bar.carried import Carried, CarriedBook
from quant_pipelines.backtest.bar.state import counted_cash
from quant_pipelines.backtest.bar.stops import BANKRUPTCY, LIQUIDATION, TAKE_PROFIT
from quant_pipelines.backtest.bar.tally import Tally
from quant_pipelines.backtest.bar.trades import ENTRY_TS, EXIT_TS, PNL, Trade, trades_of
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.market.funding import FundingUse
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.marks import MarkUse
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.core.known_funding import KnownFunding, known_while_held
from quant_pipelines.core.timeframes import YEAR_DAYS, day_of, from_ms
from quant_pipelines.metrics import Activity, summarize
from quant_pipelines.sdk.attach import missing_inputs

NOT_WALKED = (LIQUIDATION, BANKRUPTCY, TAKE_PROFIT)


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """Position at the end: signed base quantity, average entry price, profit at the last close."""

    quantity: float
    entry_price: float
    unrealized_pnl: float


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """Outcome of one backtest.

    Parameters
    ----------
    trade_rows
        Finished round trips, oldest first, shape (n_trades, len(trades.COLUMNS)); ``trades`` are the same.
    open_position
        What was held at the end, or None.
    capital, final_equity
        Quote, at the start and at the last close.
    days
        UTC days ``YYYY-MM-DD`` from the first to the last execution bar.
    daily_returns
        Simple return of each of these days, shape (n_days,); 0 on a day without bars.
    daily_equity
        Equity at the end of each of these days, shape (n_days,), quote.
    bar_equity
        Equity at every execution close, shape (n_bars,), or (0,) where it wasn't asked for.
    bar_position
        Signed base quantity held at every execution close, in the same way; what is closed at the end stands
        in the last one, which it was held through.
    metrics
        By name; None where a measure isn't defined.
    bars
        Execution bars processed.
    seconds
        Wall time of the call.
    execution_timeframe
        Timeframe on which fills and stops were decided.
    funding_paid, fees_paid
        Quote, over the whole run.
    funding_use
        Funding slots by the price that they are paid on.
    known_funding
        How much of the time in which a position was held has known funding, and what is missing.
    unfilled_exits
        Bars in which volume did not let a market order close what it should; the rest was marked lower by the
        cap of the impact where one is charged.
    not_modelled
        What the market does and this run did not, and declared inputs that were not known throughout.
    mark_use
        Execution bars by the price that liquidation was tested on, where it was.
    depth_fallbacks
        Entries and exits by market orders at which no sampled order book was known, though some were given:
        they paid the declared costs.
    carried
        How the account stands at the end, for a run that goes on from it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import run_backtest
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> class Short(Strategy):
    ...     def target(self, bars):
    ...         return np.full(len(bars), -0.5)
    >>> result = run_backtest(Short(), Bars.of_closes([100, 100, 90], timeframe="1d"))
    >>> result.days, result.trades, round(result.open_position.quantity, 2)
    (('1970-01-01', '1970-01-02', '1970-01-03'), (), -49.97)
    >>> result.metrics["win_rate"] is None  # no round trip has ended
    True
    """

    trade_rows: FloatArray
    open_position: OpenPosition | None
    capital: float
    final_equity: float
    days: tuple[str, ...]
    daily_returns: FloatArray
    daily_equity: FloatArray
    bar_equity: FloatArray
    bar_position: FloatArray
    metrics: dict[str, float | None]
    bars: int
    seconds: float
    execution_timeframe: str
    funding_paid: float
    fees_paid: float
    funding_use: FundingUse
    known_funding: KnownFunding
    unfilled_exits: int
    not_modelled: tuple[str, ...]
    mark_use: MarkUse
    depth_fallbacks: int
    carried: Carried

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Finished round trips, oldest first."""
        return trades_of(self.trade_rows)

    @property
    def bankrupt_at(self) -> datetime | None:
        """Open time of the bar in which nothing was left and trading ended, UTC; None while something is."""
        if self.final_equity > DUST * self.capital or not self.trade_rows.size:
            return None
        return from_ms(int(self.trade_rows[:, EXIT_TS].max()))

    @property
    def mark_fallbacks(self) -> int:
        """Funding slots without a mark price: paid on a last price."""
        return self.funding_use.fallbacks

    @property
    def curve(self) -> FloatArray:
        """What the capital became at each close: of bars where they were kept, else of days; quote."""
        return self.bar_equity if self.bar_equity.size else self.daily_equity


class Outcome(NamedTuple):
    """What is kept of one of many: daily returns, equity at the end, profit of each round trip, activity."""

    daily_returns: FloatArray
    final_equity: float
    trade_pnl: FloatArray
    activity: Activity


def daily_returns_of(daily_equity: FloatArray, capital: float) -> FloatArray:
    """Compute simple returns of equity at day ends; 0 from the day on which nothing is left.

    ``daily_equity`` has shape (n_days,) or (n_sets, n_days); the returns have the same.
    """
    rows = np.atleast_2d(np.ascontiguousarray(daily_equity, dtype=np.float64))
    return _simple_returns(rows, capital).reshape(daily_equity.shape)


@kernel
def _simple_returns(equity: FloatArray, capital: float) -> FloatArray:
    """Do what ``returns_on`` does, for rows that each begin with the same capital."""
    returns = np.empty(equity.shape)
    for row in range(equity.shape[0]):
        before = capital
        for day in range(equity.shape[1]):
            change = (equity[row, day] / before if before > 0.0 else 1.0) - 1.0
            returns[row, day] = -1.0 if change < -1.0 else change  # noqa: FURB136 - NaN stays NaN
            before = equity[row, day]
    return returns


def returns_on(before: FloatArray, after: FloatArray) -> FloatArray:
    """Compute simple returns against what stood before; 0 from the day on which nothing is left."""
    ratio = np.divide(after, before, out=np.ones_like(after), where=before > 0.0)
    returns: FloatArray = np.maximum(ratio - 1.0, -1.0)
    return returns


def day_keys(first_day: int, n_days: int) -> tuple[str, ...]:
    """UTC days from one on, which is given in days since the epoch."""
    days = np.arange(first_day, first_day + n_days).astype("datetime64[D]")
    return tuple(np.datetime_as_string(days).tolist())


def activity_of(tally: Tally, capital: float, *, bars: int, days: int) -> Activity:
    """Exposure, turnover and drawdown of a pass over so many bars and days."""
    return Activity(
        exposure=tally.bars_held / bars,
        turnover=tally.traded_notional / capital * YEAR_DAYS / days,
        max_drawdown=tally.max_drawdown,
    )


def metrics_of(returns: FloatArray, pnl: FloatArray, activity: Activity) -> dict[str, float | None]:
    """Return measures by name; None where one isn't defined."""
    measures = summarize(returns, pnl, activity)
    return {name: float(value) if np.isfinite(value) else None for name, value in measures.items()}


def result_of(
    outcome: LoopResult,
    market: Market,
    settings: BacktestSettings,
    record: Record,
    desk: dict[str, Any] | None = None,
) -> BacktestResult:
    """Make the result of a pass, of the record that it wrote, and of what an event strategy remembers."""
    account, before = outcome.state.account, settings.first_account
    returns = daily_returns_of(record.daily_equity[0], settings.first_value)
    rows = record.trades[0, : outcome.log.finished].copy()
    n_bars, n_days = len(market.execution), market.n_days
    activity = activity_of(outcome.tally, settings.capital, bars=n_bars, days=n_days)
    open_position = None
    if account.position != 0.0:
        close, costs = outcome.state.close, settings.rules.terms.costs
        lowered = account.cash - counted_cash(account, outcome.state.stuck, close, costs)
        unrealized = account.position * (close - account.entry_price) - lowered
        open_position = OpenPosition(account.position, account.entry_price, unrealized)
    known = known_while_held(market.funding, _held(outcome, market, rows))
    return BacktestResult(
        trade_rows=rows,
        open_position=open_position,
        capital=settings.capital,
        final_equity=outcome.state.curve.equity,
        days=day_keys(market.first_day, n_days),
        daily_returns=returns,
        daily_equity=record.daily_equity[0],
        bar_equity=record.bar_equity[0],
        bar_position=record.bar_position[0],
        metrics=metrics_of(returns, rows[:, PNL], activity),
        bars=n_bars,
        seconds=0.0,
        execution_timeframe=market.execution.timeframe,
        funding_paid=account.funding - before.funding,
        fees_paid=account.fees - before.fees,
        funding_use=market.payments.use,
        known_funding=known,
        unfilled_exits=outcome.state.stuck.bars,
        not_modelled=_not_modelled(market, settings, known),
        mark_use=market.marks.use,
        depth_fallbacks=_depth_fallbacks(market, rows),
        carried=Carried((_carried(outcome, market, desk),)),
    )


def _carried(outcome: LoopResult, market: Market, desk: dict[str, Any] | None) -> CarriedBook:
    until_ms = int(market.execution.close_ts[-1])
    return CarriedBook(outcome.state, outcome.log.trade, until_ms, until_ms, desk)


def _held(outcome: LoopResult, market: Market, rows: FloatArray) -> IntArray:
    """Return the times of all positions, by the opens of the bars of their first and last fills.

    What is still open does not pay at the very last close any more.
    """
    held = rows[:, [ENTRY_TS, EXIT_TS]].astype(np.int64)
    if outcome.state.account.position == 0.0:
        return held
    return np.vstack([held, [outcome.log.trade.entry_ts, int(market.execution.close_ts[-1]) - 1]])


def _depth_fallbacks(market: Market, rows: FloatArray) -> int:
    if not market.ladder.size:
        return 0
    is_taken = ~np.isin(rows[:, 9], NOT_WALKED)
    times = np.concatenate([rows[:, 0], rows[is_taken, 1]])
    bar = np.searchsorted(market.execution.ts, times.astype(np.int64))
    ladder = np.append(market.ladder, -1)  # what closes after the last bar walks no book
    return int((ladder[bar] < 0).sum())


def _not_modelled(market: Market, settings: BacktestSettings, known: KnownFunding) -> tuple[str, ...]:
    execution = settings.rules.execution
    missing = ["latency below one bar", "stale_data rule (wall clock)"]
    missing.append(_missing_specifications(market, settings))
    missing.append(_missing_marks(market, settings))
    has_brackets = any(one.execution.brackets for one in settings.specifications.all_rules(settings.rules))
    missing.append("stepwise liquidation" if has_brackets else "liquidation")
    has_impact = settings.rules.costs.impact_bps > 0.0
    has_cap = execution.participation > 0.0 or has_impact
    missing.append("participation cap of stops" if has_cap else "participation cap")
    if has_impact:
        missing.append(f"impact above {settings.rules.costs.impact_cap_bps:g} basis points")
    if not market.ladder.size:
        missing.append("order book depth")
    missing.append(_missing_funding(market, known))
    if not settings.rules.specification.lot_size:
        missing.append("lot size")
    if not settings.rules.specification.min_notional:
        missing.append("smallest notional")
    return (*(text for text in missing if text), *missing_inputs(market.bars))


def _missing_specifications(market: Market, settings: BacktestSettings) -> str:
    dated = settings.specifications.dated
    if not dated:
        return "specifications as of a date"
    earlier = dated[0].from_ms > int(market.execution.ts[0])
    return f"specifications before {day_of(dated[0].from_ms)}" if earlier else ""


def _missing_funding(market: Market, known: KnownFunding) -> str:
    if not market.payments.use.slots:
        return "funding"
    share = f"known for {known.share:.1%} of the time held"
    return f"funding of {known.missing} ({share})" if known.missing else ""


def _missing_marks(market: Market, settings: BacktestSettings) -> str:
    """Say what is tested on a last price in the place of the mark."""
    rules, use = settings.specifications.all_rules(settings.rules), market.marks.use
    is_liquidated = any(one.execution.brackets for one in rules)
    if not any(one.execution.tests_mark for one in rules) or use.mark == len(market.execution):
        return ""
    tested = "liquidation" if is_liquidated else "stop"
    if use.last == len(market.execution):
        return f"mark price of a {tested}"
    known = f"known through {use.mark} and at the open of {use.opens} of {len(market.execution)} bars"
    return f"mark price of a {tested} everywhere: {known}, index price in {use.index_price}"
