"""What differs between exchanges, as a table of values; no other file asks which exchange it talks to.

Everything is read through ccxt's unified methods. A row says how big their pages are, which way they lie, in
which unit quantities come, and what ccxt must be told so that it asks for the right thing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS

Parameters = dict[str, Any]
Key = int | str


class BarColumns(NamedTuple):
    """Where a raw bar keeps what, by position or name; None where the exchange does not tell."""

    ts: Key = 0
    open: Key = 1
    high: Key = 2
    low: Key = 3
    close: Key = 4
    volume: Key = 5
    quote_volume: Key = 6
    trades: Key | None = None
    ts_unit_ms: int = 1
    volume_in_contracts: bool = False


Paging: TypeAlias = Literal["forward", "backward", "numbered", "newest"]


class Pages(NamedTuple):
    """How a list is asked for.

    Parameters
    ----------
    limit
        Rows of the largest page.
    window
        ccxt parameters that end a page at a time (excluded), milliseconds UTC.
    longest_ms
        Longest time that one request may cover; None is any.
    direction
        ``forward``: a full page holds the oldest rows of its window; ``backward``: the newest; ``numbered``:
        pages are counted from the newest on, whatever window is asked; ``newest``: there is only one page.
    kept_ms
        How far back the exchange tells; None is any.
    """

    limit: int
    window: Callable[[int], Parameters] = lambda end_ms: {"until": end_ms - 1}
    longest_ms: int | None = None
    direction: Paging = "forward"
    kept_ms: int | None = None


class WeightLimit(NamedTuple):
    """Published allowance of one IP: weight in each window of the exchange's clock."""

    weight: int
    window_ms: int = MINUTE_MS


_ANY_THOUSAND, _PLAIN_COLUMNS = Pages(1000), BarColumns()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One exchange.

    Parameters
    ----------
    options
        ccxt options.
    limit
        Allowance until the exchange tells another.
    weights
        Request weight by list; 1 for what is not named.
    bars, mark_bars, funding, interest, trades
        Pages of each list; None where the exchange has none.
    bar_columns
        Layout of a raw bar.
    quantity_in_contracts, interest_in_contracts
        Whether trades and books (open interest) count contracts, to be multiplied by their size.
    book_depths
        Numbers of levels that can be asked for, ascending.
    interval_call
        ccxt method that tells funding intervals of all contracts.
    interval_field, intervals_per_hour
        Field of a contract's specification that tells the interval, and how many of its units are an hour.
    end_field
        Field of a contract's specification that tells when it is taken off the list, milliseconds UTC; empty
        where none does.
    mark_method
        ccxt method of the stream that tells mark prices.
    rate_field, next_funding_field
        Where a message of that stream tells the announced rate and its slot.
    """

    limit: WeightLimit
    bars: Pages
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    mark_bars: Pages | None = None
    funding: Pages | None = None
    interest: Pages | None = None
    trades: Pages = _ANY_THOUSAND
    bar_columns: BarColumns = _PLAIN_COLUMNS
    quantity_in_contracts: bool = False
    interest_in_contracts: bool = False
    book_depths: tuple[int, ...] = (5, 10, 20, 50, 100, 500, 1000)
    interval_call: str | None = None
    interval_field: str = ""
    intervals_per_hour: int = 1
    end_field: str = ""
    mark_method: str = "watch_tickers"
    rate_field: str = "fundingRate"
    next_funding_field: str = "nextFundingTime"


_BINANCE_COLUMNS = BarColumns(quote_volume=7, trades=8)
_AGGREGATED = {"watchTrades": {"name": "aggTrade"}, "watchTradesForSymbols": {"name": "aggTrade"}}


def _seconds_end(end_ms: int) -> Parameters:
    """Gate compares whole seconds and includes the last one."""
    return {"until": end_ms - 1}


def _okx_before(end_ms: int) -> Parameters:
    """OKX's ``after`` means older than."""
    return {"after": str(end_ms)}


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "binanceusdm": Dialect(
            limit=WeightLimit(2400),
            options={"defaultType": "swap", **_AGGREGATED},
            weights={"bars": 5, "trades": 20, "book": 20},
            bars=Pages(1000),
            mark_bars=Pages(1000),
            funding=Pages(1000),
            interest=Pages(500, kept_ms=30 * DAY_MS - HOUR_MS),
            trades=Pages(1000, longest_ms=HOUR_MS),
            bar_columns=_BINANCE_COLUMNS,
            interval_call="fetch_funding_intervals",
            end_field="deliveryDate",
            mark_method="watch_mark_prices",
            rate_field="r",
            next_funding_field="T",
        ),
        "binance": Dialect(
            limit=WeightLimit(6000),
            options={"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, **_AGGREGATED},
            weights={"bars": 2, "trades": 4, "book": 50},
            bars=Pages(1000),
            trades=Pages(1000, longest_ms=HOUR_MS),
            bar_columns=_BINANCE_COLUMNS,
            book_depths=(5000,),
        ),
        "okx": Dialect(
            limit=WeightLimit(20, 2000),
            options={"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}},
            weights={"interest": 4, "funding": 2},
            bars=Pages(100, lambda end_ms: {"until": end_ms}),
            mark_bars=Pages(100, lambda end_ms: {"until": end_ms}),
            funding=Pages(100, _okx_before, longest_ms=100 * HOUR_MS, direction="backward"),
            interest=Pages(100, kept_ms=1440 * 5 * MINUTE_MS),
            trades=Pages(
                100,
                lambda end_ms: {
                    "method": "publicGetMarketHistoryTrades",
                    "type": "2",
                    "after": str(end_ms),
                },
                direction="backward",
            ),
            bar_columns=BarColumns(volume=6, quote_volume=7),
            quantity_in_contracts=True,
            interest_in_contracts=True,
            book_depths=(400,),
            interval_call="fetch_funding_rates",
            end_field="expTime",
            mark_method="watch_mark_prices",
        ),
        "bybit": Dialect(
            limit=WeightLimit(600, 5000),
            options={"defaultType": "swap", "fetchMarkets": {"types": ["linear"]}},
            bars=Pages(1000),
            mark_bars=Pages(1000),
            funding=Pages(200, direction="backward"),
            interest=Pages(200),
            trades=Pages(1000, lambda _end_ms: {}, direction="newest"),
            book_depths=(500,),
            interval_field="fundingInterval",
            intervals_per_hour=60,
            end_field="deliveryTime",
        ),
        "gate": Dialect(
            limit=WeightLimit(200, 10_000),
            options={"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}},
            bars=Pages(1000, _seconds_end),
            mark_bars=Pages(1000, _seconds_end),
            funding=Pages(1000, _seconds_end, direction="backward"),
            interest=Pages(100, lambda _end_ms: {}),
            trades=Pages(1000, _seconds_end, direction="backward"),
            bar_columns=BarColumns("t", "o", "h", "l", "c", "v", "sum", None, 1000, volume_in_contracts=True),
            quantity_in_contracts=True,
            interest_in_contracts=True,
            book_depths=(50, 100),
            interval_field="funding_interval",
            intervals_per_hour=3600,
            rate_field="funding_rate",
        ),
        "bitget": Dialect(
            limit=WeightLimit(20, 1000),
            options={"defaultType": "swap", "uta": False, "fetchMarkets": {"types": ["swap"]}},
            bars=Pages(200, lambda end_ms: {"until": end_ms}),
            mark_bars=Pages(200, lambda end_ms: {"until": end_ms}),
            funding=Pages(100, direction="numbered"),
            interest=Pages(1, direction="newest"),
            trades=Pages(1000, direction="backward", kept_ms=90 * DAY_MS, longest_ms=7 * DAY_MS),
            book_depths=(5, 15, 50, 100),
            interval_field="fundInterval",
        ),
    }
)
"""Exchange ids of the settings (ccxt's), each with its row."""


def dialect_of(exchange: str) -> Dialect:
    """Row of an exchange.

    Raises
    ------
    ConfigurationError
        If the exchange is not known.
    """
    return DIALECTS[require_exchange(exchange)]
