"""The part of a verdict's page on capital: the outcome, which rule decided, and what each figure is for."""

from html import escape
from typing import Any

from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.reports.numbers import NOTHING, percent, plain, words
from quant_pipelines.reports.page import facts, paragraph, section


def capital_section(record: VerdictRecord) -> str:
    """Outcome, what it rests on, and what the older days can't prove."""
    waiting = [
        gate.name for gate in record.gates if not gate.passed and gate.name != record.capital.decided_by
    ]
    others = ", ".join(words(name) for name in waiting if name != "capital_decision")
    return section(
        "Capital",
        paragraph(f"Capital {record.capital.reason}."),
        paragraph(f"Other gates that have not passed: {others}.") if others else "",
        facts(_facts(record)),
        paragraph(
            "The decision tests the days out of sample and is asked at weekly looks, with one error "
            "for a calendar year. Other figures describe: they refuse nothing but where they say so.",
            "soft",
        ),
        paragraph(_unseen(record.out_of_sample), "soft"),
    )


def capital_mark(decision: str, decided_by: str) -> str:
    """Element of a page's head that says what was decided on capital when it was written."""
    return f'<meta name="capital" content="{escape(f"{decision} by {decided_by}")}">'


def _facts(record: VerdictRecord) -> dict[str, str]:
    look, inside, outside = record.evidence, record.in_sample, record.out_of_sample
    return {
        "Decided by": words(record.capital.decided_by),
        "Mean over its standard error": f"{plain(look.statistic, 4)}, must exceed {plain(look.critical, 4)}",
        "Sharpe ratio, shrunk": f"{plain(look.sharpe, 3)} "
        f"({plain(look.sharpe_low, 3)} to {plain(look.sharpe_high, 3)}, 80 %)",
        "Sharpe ratio, bootstrap": f"{plain(outside.get('sharpe_low'), 3)} to "
        f"{plain(outside.get('sharpe_high'), 3)}, 95 %",
        "Probability of a positive Sharpe ratio": f"{percent(outside.get('psr'), 1)}; 95 % are reached with "
        f"{_days(outside.get('minimum_track_record_days'))} of the same days",
        "Search": f"overfitting {percent(inside.get('pbo'), 0)}, best loses "
        f"{percent(inside.get('probability_of_loss'), 0)}; refuses only where both are high",
        "Deflated Sharpe ratio": f"{plain(inside.get('dsr'), 3)}, of the promoted set in sample; judges "
        "imported trials alone",
        "Days from 08:00 UTC": f"Sharpe ratio {plain(outside.get('sharpe_0800'), 3)} beside "
        f"{plain(outside.get('sharpe'), 3)} from midnight, return "
        f"{percent(outside.get('total_return_0800'), 1)}; shown, decides nothing",
        "Gaps that the profit pays for": f"{plain(outside.get('gaps_paid_for'), 3)}, largest position "
        f"{percent(outside.get('largest_exposure'), 0)} of the equity",
    }


def _days(days: float | None) -> str:
    return f"{days:,.0f}" if days is not None else "no number"


def _unseen(outside: dict[str, Any]) -> str:
    unseen, days = outside.get("days_unseen", 0), outside.get("days", NOTHING)
    return (
        f"{unseen} of {days} days began after the text was first seen. The author may have known the "
        "older ones: they show what the search finds and prove no edge. No day tells of a loss "
        "that has not happened yet."
    )
