"""A run in parts: each goes on from what the one before has left, as a database would keep it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestResult, BacktestSettings, SymbolFeed
from quant_pipelines.backtest.account.run import run_symbols
from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk import Strategy


def assert_same_in_parts(
    strategy: Strategy,
    bars: Sequence[Bars],
    feeds: Mapping[str, SymbolFeed],
    asked: BacktestSettings,
    *,
    cuts: Sequence[int],
) -> BacktestResult:
    """Compare a run with one that is cut at these times, milliseconds; the whole one is returned."""
    whole = run_symbols(strategy, bars, feeds=feeds, settings=asked)
    parts: list[BacktestResult] = []
    for start, end in zip([None, *cuts], [*cuts, None], strict=True):
        known = {symbol: _known(feed, end) for symbol, feed in feeds.items()}
        own = replace(
            asked, carried=_read(parts[-1]) if parts else None, close_at_end=asked.close_at_end and not end
        )
        own = replace(own, trade_from_ms=start or asked.trade_from_ms)
        parts.append(run_symbols(strategy, [_until(one, end) for one in bars], feeds=known, settings=own))
    assert np.concatenate([part.bar_equity for part in parts]).tobytes() == whole.bar_equity.tobytes()
    ends = [trade for part in parts for trade in part.trades]
    assert ends == list(whole.trades)
    assert parts[-1].final_equity == whole.final_equity
    assert repr(parts[-1].carried.books) == repr(whole.carried.books)
    for name in ("funding_paid", "fees_paid"):
        total = sum(getattr(part, name) for part in parts)
        assert total == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-9)
    return whole


def _read(part: BacktestResult) -> Carried:
    return Carried.from_document(json.loads(json.dumps(part.carried.to_document())))


def _known(feed: SymbolFeed, end_ms: int | None) -> SymbolFeed:
    finer = feed.execution_bars
    return replace(feed, execution_bars=_until(finer, end_ms) if finer is not None else None)


def _until(bars: Bars, end_ms: int | None) -> Bars:
    return bars if end_ms is None else bars.between(0, end_ms)
