"""Rows of the table of verbs that meet a venue: the last resort, and the proof before real orders."""

from quant_pipelines.operations.verb import Field, Verb

_KILL = (
    Field(
        "direct",
        "switch",
        "ask neither database nor runner; without it 'quant runner flatten' is what is meant",
        flag="--direct",
    ),
    Field(
        "account",
        "text",
        "ccxt id of the exchange (default: exchange.id)",
        metavar="ACCOUNT",
        default=None,
        is_optional=True,
    ),
    Field(
        "seconds",
        "value",
        "end after so many seconds, whatever is left or not known (default: 120)",
        metavar="SECONDS",
        default=120.0,
        is_optional=True,
        flag="--for",
    ),
)
_CERTIFY = Verb(
    "certify",
    "try at a demo account all that the runner relies on; real orders are locked without",
    fields=(
        Field(
            "symbol",
            "text",
            "perpetual that is traded",
            metavar="SYMBOL",
            default="BTC/USDT:USDT",
            is_optional=True,
        ),
    ),
)
KILL = Verb("kill", "the last resort: close an account with its keys only", fields=_KILL)
VENUE = Verb("venue", "what an exchange has to prove before it gets orders", kinds=(_CERTIFY,))
