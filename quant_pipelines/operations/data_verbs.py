"""Rows of the table of verbs that speak of market data."""

from dataclasses import replace

from quant_pipelines.operations.verb import Field, Verb

_SYMBOLS = Field("symbols", "symbols", "only these (default: all)", metavar="SYMBOL")
_OF_SYMBOL = Field("symbol", "text", "such as BTC/USDT:USDT", "such as BTC/USDT:USDT", metavar="SYMBOL")
FACTOR = Verb(
    "factor",
    "record a redenomination or split, so that history is read in one scale",
    "quant_pipelines.operations.statements:record_factor",
    (
        _OF_SYMBOL,
        Field(
            "change",
            "text",
            "open time (UTC) of the first bar of the new scale, and new price by old, such as "
            "2024-01-31T12:00=1000 where 1000 coins became one; =1 takes back what was recorded",
            "such as 2024-01-31T12:00=1000: open time (UTC) of the first bar of the new scale, and new price "
            "by old; =1 takes it back",
            metavar="TIME=FACTOR",
        ),
    ),
    has_own_arguments=True,
    job="record_price_factor",
    told="Record a redenomination or split: history before it is read in the new scale",
    asks="One change of a price's scale.",
    route="/api/v1/data/factor",
)
ACCEPT = Verb(
    "accept",
    "take odd values for right, so that they block no more",
    "quant_pipelines.operations.statements:accept_values",
    (
        _OF_SYMBOL,
        Field(
            "check",
            "text",
            "check whose findings are accepted, such as volume_unit or funding_rate",
            "such as volume_unit, funding_rate",
            metavar="CHECK",
        ),
    ),
    has_own_arguments=True,
    job="accept_values",
    told="Take odd values of a symbol for right, as far as they are found: they block no more",
    asks="One symbol and one check.",
    route="/api/v1/data/accept",
)
DATA = (
    Verb("check", "look for faults in what is stored, in an archive or in a file", has_own_arguments=True),
    Verb("repair", "ask the exchange again about what the checks found", has_own_arguments=True),
    Verb("import", "bring files of vendors and exchanges into the store", has_own_arguments=True),
    Verb(
        "coverage",
        "what is stored, and what is missing",
        fields=(
            replace(_SYMBOLS, help="only these (default: all that is stored)"),
            Field("exchange", "exchange", "ccxt id (default: exchange.id)", default=None, flag="--exchange"),
        ),
        asker="home",
    ),
    Verb("costs", "what own fills say that trading costs", fields=(_SYMBOLS,), asker="home"),
    FACTOR,
    ACCEPT,
)
