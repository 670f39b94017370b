"""Whatever a strategy's text does, it does to its own process, and the others are answered soon after."""

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.errors import StrategyError, StrategyMissed
from quant_pipelines.sandbox.host import HostLimits, SandboxHost
from quant_pipelines.sdk import (
    Bars,
    BrokenStrategy,
    EventStrategy,
    Strategy,
    list_strategies,
    strategies_folder,
)
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.answers import answers_of
from quant_pipelines.sdk.trial.desk import TrialDesk, trial
from quant_pipelines.sdk.trial.market import TrialMarket
from tests.in_process import in_process

BARS = Bars.of_closes([100.0, 103.0, 101.0])
TEXT = """
import dataclasses
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy

there = dataclasses.sys.modules


class Tried(Strategy):
    def target(self, bars: Bars) -> Array:
        if len(bars) > 3:  # what only warms it up
            return np.zeros(len(bars))
        {body}
        return np.sign(np.diff(bars.close, prepend=bars.close[:1]))
"""
SOUND = "pass"
ENDLESS = "while True: pass"
REACHING = {
    "network": "there['socket'].create_connection(('127.0.0.1', 9), 1.0)",
    "file": "there['io'].open('/etc/hostname')",
    "writing": "there['io'].open('mine.txt', 'w')",
    "process": "there['os'].fork()",
    "program": "there['os'].execv('/bin/true', ['true'])",
    "signal": "there['os'].kill(there['os'].getppid(), 0)",
}
EVENT_TEXT = """
from quant_pipelines.sdk import Array, Bars, Desk, EventStrategy, Int, OrderEvent


class Ladder(EventStrategy):
    rungs = Int(2, low=1, high=5)

    def features(self, bars: Bars) -> dict[str, Array]:
        return {"low": bars.low}

    def on_start(self, desk: Desk) -> None:
        desk.memory = {"fills": [], "seen": {7: 1}}

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        assert list(desk.memory["seen"]) == ["7"]
        for order in desk.orders[:1]:
            desk.cancel(order.number)
        for _ in range(self.rungs - len(desk.orders)):
            desk.limit(0.2, desk.features["low"] * 0.999, expires_bars=3)
        if len(desk.memory["fills"]) % 5 == 4:
            desk.market(1.0, reduce_only=True)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["fills"].append([event.number, event.price])
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxHost]:
    with SandboxHost() as host:
        yield host


@pytest.fixture
def hasty() -> Iterator[SandboxHost]:
    with SandboxHost(HostLimits(seconds=1.5)) as host:
        yield host


def tried(host: SandboxHost, body: str) -> Strategy:
    return host.load("tried", TEXT.format(body=body))()


def cause_of(strategy: Strategy) -> BaseException | None:
    with pytest.raises(StrategyError) as raised:
        target_of(strategy, BARS)
    return raised.value.__cause__


def shipped() -> list[Any]:
    found = list_strategies(strategies_folder(""))
    return [one for one in found if not isinstance(one, BrokenStrategy)]


REGIME = """
from quant_pipelines.sdk import Array, Bars, Inputs, Strategy


class Follower(Strategy):
    inputs = Inputs(regime=True)

    def target(self, bars: Bars) -> Array:
        return bars.trend * (1.0 - bars.turbulence)
"""


def test_regimes_that_a_text_declares_reach_it_in_its_process(shared: SandboxHost) -> None:
    bars = BARS.with_extras(turbulence=np.array([0.1, 0.5, 0.5]), trend=np.array([1.0, -0.3, 0.2]))
    far = shared.load("follower", REGIME)
    assert far.inputs.columns == ("turbulence", "trend")
    assert target_of(far(), bars).tolist() == [0.9, -0.15, 0.1]


@pytest.mark.parametrize("source", shipped(), ids=lambda one: one.name)
def test_shipped_strategy_answers_to_the_bit_as_in_process(shared: SandboxHost, source: Any) -> None:
    strategy_class = source.strategy_class
    answers, bars = answers_of(strategy_class), TrialMarket(strategy_class).walk(700, 11)
    expected = answers.ask(strategy_class(), bars)  # first: kernels that it compiles are there from then on
    far = shared.load(source.name, source.source)()
    assert far.describe_space() == strategy_class.describe_space()
    assert (far.stop_values, far.inputs) == (strategy_class().stop_values, strategy_class.inputs)
    assert far.higher_history_bars() == strategy_class.higher_history_bars()
    given = answers.ask(far, bars)
    assert answers.first_difference(given, expected) is None
    if isinstance(expected, np.ndarray):
        assert given.tobytes() == expected.tobytes()


CHOICE = """
from quant_pipelines.sdk import Array, Bars, Choice, Strategy


class Sided(Strategy):
    side = Choice("long", options=("long", "short"))

    def target(self, bars: Bars) -> Array:
        return bars.close * 0.0 + (1.0 if self.side == "long" else -1.0)
"""


def test_a_choice_that_a_text_declares_is_checked_here_and_reaches_it_in_its_process(
    shared: SandboxHost,
) -> None:
    far = shared.load("sided", CHOICE)
    assert far.describe_space() == {
        "side": {"kind": "choice", "default": "long", "options": ["long", "short"]}
    }
    assert [target_of(far(**values), BARS)[0] for values in ({}, {"side": "short"})] == [1.0, -1.0]
    with pytest.raises(StrategyError, match="parameter side is 'flat'; expected one of long, short"):
        far(side="flat")


def test_event_strategy_acts_and_remembers_as_in_process(shared: SandboxHost) -> None:
    bars = TrialMarket(in_process("ladder", EVENT_TEXT)).walk(200, 3)
    far, near = (load("ladder", EVENT_TEXT)(rungs=3) for load in (shared.load, in_process))
    given, expected = trial(far, bars), trial(near, bars)
    assert len(expected.acts) > 100
    assert (given.acts, given.memory) == (expected.acts, expected.memory)


def test_no_text_runs_in_this_process(shared: SandboxHost) -> None:
    before = set(sys.modules)
    target_of(tried(shared, "np.ones(7_654)"), BARS)
    assert not [name for name in set(sys.modules) - before if name.startswith("quant_strategy_")]


def test_what_a_strategy_raises_reads_as_in_process(shared: SandboxHost) -> None:
    for body in ("{}['x']", "raise ValueError('no')", "bars.funding_rate", "return bars.close"):
        text = TEXT.replace("{body}", body)
        sentences = []
        for load in (shared.load, in_process):
            with pytest.raises(StrategyError) as raised:
                target_of(load("tried", text)(), BARS)
            sentences.append(str(raised.value))
        assert sentences[0] == sentences[1]


def test_parameters_that_can_not_be_are_refused(shared: SandboxHost) -> None:
    with pytest.raises(StrategyError, match="rungs is 9; expected a whole number from 1 to 5"):
        shared.load("ladder", EVENT_TEXT)(rungs=9)


def test_late_strategy_misses_and_the_next_one_is_answered(hasty: SandboxHost) -> None:
    sound, endless = tried(hasty, SOUND), tried(hasty, ENDLESS)
    cause = cause_of(endless)
    assert isinstance(cause, StrategyMissed)
    assert str(cause) == "the strategy did not answer in 1.5 s"
    begun = time.monotonic()
    assert target_of(sound, BARS).tolist() == [0.0, 1.0, -1.0]
    assert time.monotonic() - begun < 30.0


HANGING_AT_IMPORT = TEXT.replace("class Tried", "while True: pass\n\n\nclass Tried")


@pytest.mark.parametrize(
    "text",
    [HANGING_AT_IMPORT, TEXT.replace("class Tried", "there['os']._exit(7)\n\n\nclass Tried")],
)
def test_a_text_that_hangs_or_dies_at_import_takes_no_others_process(text: str) -> None:
    with SandboxHost(HostLimits(load_seconds=10.0)) as host:
        sound = tried(host, SOUND)
        before, ends = host.pid, list[str]()

        def load() -> None:
            with pytest.raises(StrategyError) as raised:
                host.load("tried", text)
            ends.append(str(raised.value))

        loading = threading.Thread(target=load)
        loading.start()
        assert target_of(sound, BARS).tolist() == [0.0, 1.0, -1.0]
        assert host.pid == before
        loading.join()
        assert host.pid == before
        assert "did not answer in 10 s" in ends[0] or "died (exit code 7)" in ends[0]


def test_a_text_that_has_loaded_is_not_run_apart_again() -> None:
    with SandboxHost() as host:
        host.load("tried", TEXT.format(body=SOUND))
        host.limits = HostLimits(load_seconds=0.0)
        with pytest.raises(StrategyMissed):
            host.load("tried", TEXT.format(body="np.ones(1)"))
        host.load("tried", TEXT.format(body=SOUND))


def test_an_instance_that_is_not_made_in_time_costs_others_one_bar_at_most() -> None:
    hangs = TEXT.format(body=SOUND) + "\n    def is_valid(self) -> bool:\n        while True: pass\n"
    with SandboxHost(HostLimits(seconds=1.5)) as host:
        sound, endless = tried(host, SOUND), host.load("endless", hangs)
        assert target_of(sound, BARS).tolist() == [0.0, 1.0, -1.0]

        def make() -> None:
            with pytest.raises(StrategyError, match=r"did not answer in 6\.5 s"):
                endless()

        making = threading.Thread(target=make)
        making.start()
        time.sleep(0.5)
        assert str(cause_of(sound)) == "others kept the strategies' process for 3 s"
        making.join()
        assert target_of(sound, BARS).tolist() == [0.0, 1.0, -1.0], "nothing speaks against it"


def test_strategy_that_is_late_three_times_is_broken(hasty: SandboxHost) -> None:
    endless = tried(hasty, ENDLESS)
    causes = [cause_of(endless) for _ in range(4)]
    assert [isinstance(cause, StrategyMissed) for cause in causes] == [True, True, False, True]
    assert str(causes[2]) == "the strategy did not answer in 1.5 s, 3 times in a row"


def test_strategy_that_dies_misses_and_names_its_exit_code(shared: SandboxHost) -> None:
    cause = cause_of(tried(shared, "there['os']._exit(7)"))
    assert isinstance(cause, StrategyMissed)
    assert str(cause) == "the strategy's process died (exit code 7)"
    assert target_of(tried(shared, SOUND), BARS).tolist() == [0.0, 1.0, -1.0]


def test_process_that_dies_while_nobody_asks_is_started_again(shared: SandboxHost) -> None:
    sound = tried(shared, SOUND)
    process = shared._process
    assert process is not None
    process.child.kill()
    process.child.wait()
    assert target_of(sound, BARS).tolist() == [0.0, 1.0, -1.0]


def test_text_is_made_once_in_each_life_of_the_process(shared: SandboxHost) -> None:
    count = "setattr(there['math'], 'made', getattr(there['math'], 'made', 0) + 1) or True"
    counted = TEXT.format(body="return np.full(len(bars), there['math'].made / 10)")
    strategy = shared.load("tried", f"{counted}\n    def is_valid(self) -> bool:\n        return {count}\n")()
    process = shared._process
    assert process is not None
    process.child.kill()
    process.child.wait()
    assert [target_of(strategy, BARS)[-1] for _ in range(3)] == [0.1, 0.1, 0.1]


def test_memory_without_end_fails_the_strategy_alone(shared: SandboxHost) -> None:
    hoarder = tried(shared, "hoard = [np.empty(1 << 24) for _ in range(1_000)]")
    before = shared.pid
    with pytest.raises(StrategyError, match="MemoryError"):
        target_of(hoarder, BARS)
    assert target_of(tried(shared, SOUND), BARS).tolist() == [0.0, 1.0, -1.0]
    assert shared.pid == before


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filters are Linux's")
@pytest.mark.parametrize("body", REACHING.values(), ids=REACHING)
def test_reaching_out_is_refused(shared: SandboxHost, body: str) -> None:
    with pytest.raises(StrategyError, match="target raised PermissionError"):
        target_of(tried(shared, body), BARS)


def test_environment_is_empty_of_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_API_KEY", "secret")
    with SandboxHost() as host, pytest.raises(StrategyError, match="KeyError: 'QUANT_API_KEY'"):
        target_of(tried(host, "there['os'].environ['QUANT_API_KEY']"), BARS)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("there['os'].write(1, bytes(8) + b'no frame')", "a frame can't be read"),
        ("there['os'].write(1, b'\\xff' * 8)", "is too large"),
        ("there['os'].write(1, there['struct'].pack('<II', 2, 0) + b'[]')", "a frame can't be read"),
    ],
)
def test_malformed_answer_is_the_strategys_fault_alone(hasty: SandboxHost, body: str, fault: str) -> None:
    strategy = tried(hasty, body)
    cause = cause_of(strategy)
    assert isinstance(cause, StrategyError)
    assert not isinstance(cause, StrategyMissed)
    assert fault in str(cause)
    assert target_of(tried(hasty, SOUND), BARS).tolist() == [0.0, 1.0, -1.0]


@pytest.mark.parametrize(
    "act",
    [
        "act='limit', asked=dict(kind='limit', size=0.1, price=1.0, expires_bars=1e999)",
        "act='limit', asked=dict(size=0.1)",
        "act='withdraw', asked=dict(kind='market', size=0.1)",
    ],
)
def test_act_that_can_not_be_is_the_strategys_fault_alone(shared: SandboxHost, act: str) -> None:
    text = (
        "import dataclasses\nfrom quant_pipelines.sdk import EventStrategy\n\n\n"
        "class Forging(EventStrategy):\n    def on_bar(self, desk, bars):\n"
        "        if len(bars) == 2 and bars.close[1] == 103.0:  # not on made-up ones\n"
        f"            dataclasses.sys.modules['quant_pipelines.sandbox.channel'].tell(dict({act}))\n"
    )
    strategy, desk = shared.load("forging", text)(), TrialDesk()
    assert isinstance(strategy, EventStrategy)
    with pytest.raises((StrategyError, OverflowError)):
        strategy.on_bar(desk, BARS.rows(0, 2))
    assert desk.acts == []
    assert target_of(tried(shared, SOUND), BARS).tolist() == [0.0, 1.0, -1.0]
