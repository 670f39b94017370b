"""The front of a search on its page."""

from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.reports.pareto import pareto_section


def test_front_is_what_no_other_set_beats_in_both() -> None:
    beaten = [Trial({"window": 50 + at}, 0.1, 0.9) for at in range(10)]
    page = pareto_section([Trial({"window": 5}, 2.0, 0.4), Trial({"window": 9}, 1.0, 0.1), *beaten])
    assert "Of the 12 sets that the newest fold tried, 2 are beaten by no other" in page
    assert page.count("<tr>") == 3  # the header and both


def test_trials_without_a_drawdown_have_no_front() -> None:
    assert pareto_section([Trial({"window": at}, float(at)) for at in range(20)]) == ""
    assert pareto_section(()) == ""


def test_long_front_is_thinned_to_its_ends_and_some_between() -> None:
    page = pareto_section([Trial({"window": at}, float(at), at / 100) for at in range(40)])
    assert page.count("<tr>") == 13
