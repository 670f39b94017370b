"""How jobs are cut into units, and what becomes of their answers."""

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.research.cluster_task import difference_of
from quant_pipelines.research.fitting import FoldPart
from quant_pipelines.research.job import COMBINATORIAL, JobFailure, NotReached, OptimizationJob, Studied
from quant_pipelines.research.library import TextVersion
from quant_pipelines.research.release import own_release
from quant_pipelines.research.units import AskedJob, SearchWork, outcome_of, units_of
from quant_pipelines.store.search_queue import Release

JOB = OptimizationJob("ema_cross", "BTC/USDT:USDT", "1h", 0, WindowSettings(folds=3), trials=8)
TEXT = TextVersion("ema_cross", "0123456789abcdef")
UNKNOWN = AskedJob(
    replace(JOB, strategy="ema"), StrategyError("no strategy 'ema'; did you mean 'ema_cross'?")
)


def asked(*symbols: str, **changes: Any) -> list[AskedJob]:
    return [AskedJob(replace(JOB, symbol=symbol, **changes), TEXT) for symbol in symbols]


def test_enough_jobs_for_all_workers_stay_whole() -> None:
    units = units_of(asked("A/USDT:USDT", "B/USDT:USDT"), 2)
    assert [unit.part for unit in units] == [None, None]
    assert len({unit.key for unit in units}) == 2


def test_too_few_jobs_are_cut_by_their_folds_and_the_open_one() -> None:
    units = units_of(asked("A/USDT:USDT"), 2)
    assert [unit.part for unit in units] == [0, 1, 2, 3, None]
    assert {unit.job_key for unit in units} == {units[-1].key}
    covered = sorted(number for unit in units[:-1] for number in range(4)[unit.part :: 4])
    assert covered == [0, 1, 2, 3]


def test_a_study_of_many_paths_is_never_cut() -> None:
    (unit,) = units_of(asked("A/USDT:USDT", windows=WindowSettings(calendar=COMBINATORIAL)), 8)
    assert unit.part is None


def test_the_same_work_is_one_unit_and_another_text_is_another() -> None:
    twice = asked("A/USDT:USDT", "A/USDT:USDT")
    assert len(units_of(twice, 1)) == 1
    newer = AskedJob(twice[0].job, TEXT._replace(content_hash="f" * 16))
    assert len(units_of([twice[0], newer], 1)) == 2


def test_a_strategy_without_a_text_makes_no_unit_and_fails_with_the_reason() -> None:
    assert units_of([UNKNOWN], 1) == []
    assert outcome_of(UNKNOWN, {}) == JobFailure(UNKNOWN.job, "no strategy 'ema'; did you mean 'ema_cross'?")


def test_work_crosses_machines_as_a_document() -> None:
    for work in (SearchWork(JOB, TEXT), SearchWork(JOB, TEXT, FoldPart(2, 4))):
        assert SearchWork.from_document(work.to_document()) == work


def test_an_answer_is_the_outcome_of_its_job() -> None:
    (one,) = asked("A/USDT:USDT")
    key = SearchWork(one.job, TEXT).job_key
    assert outcome_of(one, {}) == NotReached(one.job)
    assert outcome_of(one, {key: {"error": "no bars", "cpu_seconds": 1.0}}) == JobFailure(one.job, "no bars")
    studied = {key: {"study": {"paths": []}, "study_id": 7, "cpu_seconds": 1.0}}
    assert outcome_of(one, studied) == Studied(one.job, {"paths": []}, 7)


def test_a_release_that_differs_is_said_by_what_differs() -> None:
    own = Release("0.1.0", "aaaa", "0060")
    assert difference_of(own, own) == ""
    assert difference_of(own, own._replace(product_version="0.2.0", schema_revision="0061")) == (
        "it has another release: product is 0.1.0, expected 0.2.0; schema is 0060, expected 0061"
    )


def test_another_numpy_is_another_release() -> None:
    own = own_release()
    assert f"numpy {version('numpy')}" in own.libraries
    assert f"numba {version('numba')}" in own.libraries
    assert f"deap {version('deap')}" in own.libraries
    assert f"python {platform.python_version()}" in own.libraries
    other = tuple(one.replace(version("numpy"), "1.0") for one in own.libraries)
    asked = own._replace(libraries=(*other, "talib 2"))
    assert difference_of(own, own) == ""
    assert difference_of(own, asked) == (
        f"it has another release: numpy is {version('numpy')}, expected 1.0; talib is missing, expected 2"
    )
