"""Rows of the table of verbs that speak of hot coins."""

from quant_pipelines.operations.verb import Field, Verb

_LISTED = Field("symbol", "text", "such as BTC/USDT:USDT; it must be on the whitelist", metavar="SYMBOL")
_SCANNED = Field("symbol", "text", "such as BTC/USDT:USDT; it must be in the universe", metavar="SYMBOL")
WEIGHTS = Verb(
    "weights",
    "show the weights of the hot score and how useful each factor was, or set one",
    "quant_pipelines.operations.hot_weights:set_hot_weight",
    (
        Field("factor", "text", "such as funding; none shows them all", metavar="FACTOR"),
        Field("weight", "value", "from 0 to 1000, from the next scan on", metavar="WEIGHT", blank=-1.0),
    ),
    has_own_arguments=True,
    job="set_hot_weight",
    told="Set the weight of a factor of the hot score; its usefulness moves it around that from then on",
    asks="One factor.",
    route="/api/v1/hotlist/weights",
    role="approver",
)
HOT = Verb(
    "hot",
    "hot coins: the newest scan, weights of the score, coins in circulation, taking a coin off",
    kinds=(
        Verb(
            "list",
            "the newest scan: scores, labels, whom the filters left out; coins that leave",
            asker="home",
        ),
        WEIGHTS,
        Verb(
            "supply",
            "record how many coins circulate: the market cap of the score; the reason names the source",
            "quant_pipelines.operations.coins:record_coin_supply",
            (
                _SCANNED,
                Field("supply", "value", "coins, base units of the contract", metavar="COINS", blank=-1.0),
            ),
            job="record_coin_supply",
            told="Record how many coins circulate, for the market cap of the hot score",
            asks="One symbol; the reason names the source.",
            route="/api/v1/hotlist/supply",
        ),
        Verb(
            "remove",
            "take a coin off the whitelist, positions first",
            "quant_pipelines.operations.coin_exit:remove_coin",
            (_LISTED,),
            job="remove_hot_coin",
            told="Take a coin off the whitelist: what trades it ends first, then its row goes",
            asks="One symbol of the whitelist.",
            route="/api/v1/hotlist/remove",
            role="approver",
        ),
    ),
)
