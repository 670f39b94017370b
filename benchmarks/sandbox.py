"""Milliseconds of a decision of typical strategies, in this process and in the confined one.

    python benchmarks/sandbox.py [bars] [decisions]

Each decision sees one bar more than the one before, as it does live. Told are the target alone, as the runner
asks for it, and what the confined process takes of memory at rest (PSS) and to start.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from quant_pipelines.sandbox.host import SandboxHost
from quant_pipelines.sdk import EventStrategy, Strategy, list_strategies, strategies_folder
from quant_pipelines.sdk.event import features_of
from quant_pipelines.sdk.loading import StrategySource
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.market import TrialMarket

WARM = 20


def milliseconds(strategy: Strategy, n_bars: int, n_decisions: int) -> list[float]:
    bars = TrialMarket(type(strategy)).walk(n_bars + WARM + n_decisions, 7)
    taken = []
    for at in range(n_bars, n_bars + WARM + n_decisions):
        seen = bars.rows(0, at)
        begun = time.perf_counter()
        if isinstance(strategy, EventStrategy):
            features_of(strategy, seen)
        else:
            target_of(strategy, seen)
        taken.append(1e3 * (time.perf_counter() - begun))
    return taken[WARM:]


def told(taken: list[float]) -> str:
    return f"{statistics.median(taken):7.3f} {np.percentile(taken, 99):7.3f}"


def megabytes_at_rest(pid: int) -> float:
    """Proportional set size; NaN for who may not read it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bars", type=int, nargs="?", default=2_000)
    parser.add_argument("decisions", type=int, nargs="?", default=300)
    given = parser.parse_args()
    sources = [one for one in list_strategies(strategies_folder("")) if isinstance(one, StrategySource)]
    sources = [one for one in sources if not one.strategy_class.inputs.has_panel]
    print(f"{given.bars} bars, {given.decisions} decisions; milliseconds")
    print(f"{'':32}in process p50     p99   confined p50     p99   more p50     p99")
    with SandboxHost() as host:
        begun = time.perf_counter()
        host.load(sources[0].name, sources[0].source)
        started = time.perf_counter() - begun
        for source in sources:
            near = milliseconds(source.strategy_class(), given.bars, given.decisions)
            far = milliseconds(host.load(source.name, source.source)(), given.bars, given.decisions)
            more = [confined - own for confined, own in zip(sorted(far), sorted(near), strict=True)]
            print(f"{source.name:<32}   {told(near)}        {told(far)}    {told(more)}")
        time.sleep(1.0)
        print(f"first answer after {started:.2f} s, {megabytes_at_rest(host.pid or 0):.0f} MB PSS at rest")


if __name__ == "__main__":
    main()
