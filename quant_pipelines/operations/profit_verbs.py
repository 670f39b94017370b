"""Rows of the table of verbs for what was traded and earned: day by day, and a year as files."""

from quant_pipelines.operations.verb import Verb

PROFIT = (
    Verb("parity", "what each deployment did on a day, beside its replay", has_own_arguments=True),
    Verb("pnl", "where profit comes from, day by day, beside holding", has_own_arguments=True),
    Verb(
        "statement",
        "a year of each account as CSV files: lots, fees, funding",
        module="year_statement",
        has_own_arguments=True,
    ),
)
