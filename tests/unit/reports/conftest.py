"""A small backtest, and the page of it as a browser would read it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, day_start_ms
from quant_pipelines.portfolio import parse_sizing
from quant_pipelines.reports.run import BacktestRun
from quant_pipelines.sdk import Array, Int, Strategy
from quant_pipelines.trading import TradingRules

N_BARS = 24 * 100
START_MS = day_start_ms("2023-12-20")


class Alternate(Strategy):
    """Long and short in turns of some bars."""

    turn = Int(30, low=1, high=500)

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) // self.turn % 2 == 0, 1.0, -1.0)


def bars_of(n: int = N_BARS, symbol: str = "BTC/USDT:USDT") -> Bars:
    hours = np.arange(n)
    close = 100.0 + 8.0 * np.sin(hours / 90.0) + np.sin(hours * 1.7)
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    return Bars(
        symbol, "1h", START_MS + HOUR_MS * hours.astype(np.int64), open_, high, low, close, np.ones(n) * 1e4
    )


def run_of(
    *, turn: int = 30, costs: CostSettings | None = None, symbol: str = "BTC/USDT:USDT", n: int = N_BARS
) -> BacktestRun:
    """Backtest of a fixed quantity, so that costs change nothing but the costs."""
    rules = TradingRules(costs=costs or CostSettings(), sizing=parse_sizing("fixed:10"))
    strategy, bars = Alternate(turn=turn), bars_of(n, symbol)
    result = run_backtest(strategy, bars, settings=BacktestSettings(rules=rules))
    return BacktestRun("alternate", "0123456789abcdef", strategy.parameters, result, bars, bars, rules)


@dataclass
class ReadPage(HTMLParser):
    """Tables, headings, attributes and text of a page."""

    source: str
    headings: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    _into: list[str] = field(default_factory=list)
    _name: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th", "h2", "dt", "dd"):
            self._into = [""]

    def handle_data(self, data: str) -> None:
        if self._into:
            self._into[0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("td", "th", "h2", "dt", "dd") or not self._into:
            return
        text, self._into = self._into[0], []
        if tag in ("td", "th"):
            self.tables[-1][-1].append(text)
        elif tag == "h2":
            self.headings.append(text)
        elif tag == "dt":
            self._name = text
        else:
            self.facts[self._name] = text

    def table(self, first: str) -> dict[str, list[str]]:
        """Rows of the table whose first column has this name, by their first cell."""
        (found,) = [table for table in self.tables if table[0][0] == first]
        return {row[0]: row[1:] for row in found[1:]}


@pytest.fixture(scope="session")
def run() -> BacktestRun:
    return run_of()
