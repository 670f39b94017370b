"""The jobs: selections of assets that are materialized in one run."""

import dagster as dg

from assets import (
    allocation,
    capital,
    history,
    library,
    market,
    parity,
    quality,
    research,
    selection,
    trading,
    usefulness,
)
from jobs.names import (
    ALLOCATION,
    CAPITAL_LOOK,
    DAILY_OPTIMIZATION,
    DAILY_PARITY,
    DEEP_SEARCH,
    FIRST_START,
    FOCUSED_OPTIMIZATION,
    HOT_COIN_SCAN,
    HOT_COIN_USEFULNESS,
    MARKET_REFRESH,
    PRICE_SAMPLING,
    STRATEGY_SCORING,
    STRATEGY_TRIAL,
    SYMBOL_BACKFILL,
)

_BARS = dg.AssetSelection.assets(market.bars_1m, market.bars_rollup, quality.data_quality)
_LIBRARY = dg.AssetSelection.assets(library.strategy_library)
_VERDICTS = _LIBRARY | dg.AssetSelection.assets(
    research.walk_forward, research.verdicts, trading.paper_screen, trading.deployments
)
# Searches share the processors: the second one waits in the queue, and none is left out.
SEARCHES_ALONE = {"quant/exclusive": "search"}
# One at a time: a second backfill would only share the exchange's weight with the first.
_BACKFILLS_ALONE = {"quant/exclusive": "backfill"}
_SYMBOLS = dg.AssetSelection.assets(history.symbol_history)
_LOOKS = dg.AssetSelection.assets(capital.capital_looks)
_PARITY = dg.AssetSelection.assets(parity.replay_parity)
_SHARES = dg.AssetSelection.assets(allocation.allocation)
_USEFULNESS = dg.AssetSelection.assets(usefulness.HOT_USEFULNESS, usefulness.HOT_WEIGHTS)
# A run has one kind of partition: days here, symbols there. Looks, replays and plans have days of their own.
_CHAIN = dg.AssetSelection.all() - _SYMBOLS - _LOOKS - _PARITY - _SHARES - _USEFULNESS
_HOT = dg.AssetSelection.assets(selection.HOT_SCORES, selection.HOT_LIST)

first_start = dg.define_asset_job(
    FIRST_START,
    selection=_CHAIN,
    description="Fill the whole graph once: history, scores, walk-forward, paper screen, deployment",
)
daily_optimization = dg.define_asset_job(
    DAILY_OPTIMIZATION,
    selection=_CHAIN,
    tags=SEARCHES_ALONE,
    description="Complete yesterday's data, optimize every strategy again and screen what comes out",
)
strategy_scoring = dg.define_asset_job(
    STRATEGY_SCORING,
    # The findings are stored all the same; their check results would double the events of every round.
    selection=(_BARS | dg.AssetSelection.assets(trading.scorecard)).without_checks(),
    description="Bring today's bars up to date and score the deployments",
)
hot_coin_scan = dg.define_asset_job(
    HOT_COIN_SCAN,
    selection=dg.AssetSelection.assets(market.funding_rates, market.open_interest) | _HOT,
    description="Score the universe and label the hot list",
)
hot_coin_usefulness = dg.define_asset_job(
    HOT_COIN_USEFULNESS,
    selection=_USEFULNESS,
    description="Measure how useful the hot scores were, and move their weights within bounds",
)
price_sampling = dg.define_asset_job(
    PRICE_SAMPLING,
    selection=dg.AssetSelection.assets(market.mark_prices, market.regimes),
    description="Bring mark and index prices up to date, sample trades and books where the settings ask, and "
    "follow the regime of each symbol",
)
market_refresh = dg.define_asset_job(
    MARKET_REFRESH,
    selection=_BARS | dg.AssetSelection.assets(quality.data_repair),
    description="Fetch, check and repair, because the health of the market data changed",
)
deep_search = dg.define_asset_job(
    DEEP_SEARCH,
    selection=_VERDICTS,
    tags=SEARCHES_ALONE,
    config={"ops": {"walk_forward": {"config": {"depth": "DEEP"}}}},
    description="Search every strategy again with several times the trials, and screen what comes out",
)
focused_optimization = dg.define_asset_job(
    FOCUSED_OPTIMIZATION,
    selection=_VERDICTS,
    tags=SEARCHES_ALONE,
    description="Search one strategy or one symbol, because a trigger fired or a coin was approved",
)
symbol_backfill = dg.define_asset_job(
    SYMBOL_BACKFILL,
    selection=_SYMBOLS,
    tags=_BACKFILLS_ALONE,
    description="Bring the whole history of a symbol of the whitelist, a partition for each symbol",
)
strategy_trial = dg.define_asset_job(
    STRATEGY_TRIAL,
    selection=_LIBRARY,
    description="Try strategy files that are new or changed; what passes is in force from then on",
)
capital_look = dg.define_asset_job(
    CAPITAL_LOOK,
    selection=_LOOKS,
    description="Look once a week at all records: which have proved enough for capital",
)
daily_allocation = dg.define_asset_job(
    ALLOCATION,
    selection=_SHARES,
    description="Share capital out once a day, and after money came or went: target against actual",
)

daily_parity = dg.define_asset_job(
    DAILY_PARITY,
    selection=_PARITY,
    description="Replay what each deployment did yesterday; what is not like its replay opens nothing more",
)

PIPELINES = [
    first_start,
    daily_optimization,
    strategy_scoring,
    hot_coin_scan,
    hot_coin_usefulness,
    price_sampling,
    market_refresh,
    deep_search,
    focused_optimization,
    symbol_backfill,
    strategy_trial,
    capital_look,
    daily_parity,
    daily_allocation,
]
