import pytest

from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.marketdata.days import history_days, spans


@pytest.mark.parametrize(
    ("days", "max_days", "expected"),
    [
        ([], None, []),
        (["2024-03-01"], None, [("2024-03-01", "2024-03-01")]),
        (["2024-03-01", "2024-02-29", "2024-02-28"], None, [("2024-02-28", "2024-03-01")]),
        (["2024-03-01", "2024-03-03"], None, [("2024-03-01", "2024-03-01"), ("2024-03-03", "2024-03-03")]),
        (
            ["2024-03-01", "2024-03-02", "2024-03-03"],
            2,
            [("2024-03-01", "2024-03-02"), ("2024-03-03", "2024-03-03")],
        ),
    ],
)
def test_spans_group_days_without_a_hole(
    days: list[str], max_days: int | None, expected: list[tuple[str, str]]
) -> None:
    assert spans(days, max_days) == expected


def test_history_reaches_from_full_days_to_today() -> None:
    assert history_days(day_start_ms("2024-03-15") + 60_000, 14) == ("2024-03-01", "2024-03-15")
