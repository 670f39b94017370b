"""Rows of the table of verbs that speak of stored research."""

from quant_pipelines.operations.verb import Field, Verb

_VERDICT = Field(
    "verdict_id",
    "number",
    "id of the earlier verdict, as quant research list shows it",
    "id of the earlier verdict",
    metavar="VERDICT",
    blank=0,
)
RESEARCH = (
    Verb("list", "stored walk-forwards and verdicts, or backtests, the newest first", has_own_arguments=True),
    Verb("show", "a verdict with its folds, its trials and how its parameters drift", has_own_arguments=True),
    Verb(
        "compare",
        "whether one verdict's record earned more than another's on the same days",
        has_own_arguments=True,
    ),
    Verb(
        "replay",
        "run stored trials again and hold them against what is stored; exit code 1 where they differ",
        has_own_arguments=True,
    ),
    Verb(
        "rollback",
        "make an earlier verdict a candidate again; it trades nothing by that",
        "quant_pipelines.operations.reinstatement:roll_back_verdict",
        (_VERDICT,),
        job="roll_back_verdict",
        told="Make an earlier verdict a candidate again; the paper screen decides on it as on any other",
        asks="One earlier verdict.",
        route="/api/v1/verdicts/{verdict_id}/rollback",
        role="approver",
    ),
    Verb(
        "acknowledge",
        "go on from looks that are not what they were; what differs counts no more",
        "quant_pipelines.operations.acknowledgement:acknowledge_looks",
        (
            Field(
                "look_day",
                "text",
                "day of the first look that differs, as the alert names it",
                metavar="DAY",
            ),
        ),
        job="acknowledge_looks",
        told="Go on from looks of the capital decision whose replay differs from what is stored; the records "
        "that differ keep neither days nor passes, and the looks after have what is left of the year's error",
        asks="The first look that differs.",
        route="/api/v1/looks/{look_day}/acknowledge",
        role="approver",
    ),
)
