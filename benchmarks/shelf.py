"""CPU of walk-forwards of the shelf on BTC hours of 2024: ``python benchmarks/shelf.py [--against REV]``.

Every vectorized strategy of one symbol that reads nothing but bars is walked forward over nine folds with
200 trials in each, executed on hours. CPU seconds with children, three runs of each build that take turns,
minima. ``--against`` builds a commit in a git worktree of its own and measures it in the same way. The bars
are those of the folder that ``QUANT_ARCHIVE`` names; without it nothing is measured. ``--minutes`` executes
on synthetic minutes instead, whose hours are what strategies read. ``--runs`` is for a machine that is busy.
The last line says what a shelf of 26 strategies on 24 symbols would take, extrapolated.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from commits import HERE, checked_out

SYMBOL, TIMEFRAME, END_MS = "BTC/USDT:USDT", "1h", 1_735_689_600_000
TRIALS, RUNS = 200, 3
GRID = 26 * 24
SYNTHETIC_FROM_MS = 1_696_118_400_000  # 2023-10-01: warm before the first fold
FOLDS = {"train_days": 90, "test_days": 30, "folds": 9, "min_folds": 9}
NAMES = (
    *("adx_trend", "bollinger_breakout", "bollinger_reversion", "donchian_turtle", "ema_cross"),
    *("ichimoku_cloud", "keltner_breakout", "macd_cross", "regime_switch", "rsi_momentum", "rsi_reversion"),
    *("sma_cross", "supertrend_follow", "volatility_breakout", "volume_spike", "vwap_reversion"),
)


def cpu_seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(checkout: Path, archive: str, names: Sequence[str]) -> dict[str, list[float]]:
    """CPU seconds and trials of a walk-forward of each; runs in a process of the build that is measured."""
    from dataclasses import replace  # noqa: PLC0415 - the build's own imports count for nothing

    from quant_pipelines.research.job import OptimizationJob, make_job  # noqa: PLC0415
    from quant_pipelines.research.run import optimize_one  # noqa: PLC0415
    from quant_pipelines.settings import load_settings  # noqa: PLC0415

    found = {}
    for name in names:
        job: OptimizationJob = make_job(load_settings({}), name, SYMBOL, TIMEFRAME)
        if hasattr(job, "promise"):
            job = replace(job, promise=1)  # as many trials in every fold
        job = replace(
            job,
            archive=archive,
            strategies_folder=str(checkout / "strategies"),
            trials=TRIALS,
            windows=type(job.windows)(**FOLDS),
            window_end_ms=END_MS,
        )
        optimize_one(None, replace(job, trials=8))  # compiled code and files are warm
        before = cpu_seconds()
        verdict = optimize_one(None, job)
        found[name] = [cpu_seconds() - before, float(verdict.in_sample["own_trials"])]
    return found


def write_minutes(folder: Path) -> None:
    """Write an archive of a random walk: its minutes, and the hours that they make."""
    import numpy as np  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    rng, place = np.random.default_rng(1), folder / "klines" / "binance_um"
    place.mkdir(parents=True)
    ts = np.arange(SYNTHETIC_FROM_MS, END_MS, 60_000)
    close = 60_000.0 * np.exp(np.cumsum(rng.standard_t(4, ts.size) * 4e-4))
    opened = np.concatenate([[60_000.0], close[:-1]])
    away = np.abs(rng.normal(0.0, 8.0, (2, ts.size)))
    high, low = np.maximum(opened, close) + away[0], np.minimum(opened, close) - away[1]
    columns = {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": rng.lognormal(3.0, 1.0, ts.size),
    }
    pq.write_table(pa.table({"ts": ts, **columns}), place / "BTCUSDT-1m.parquet")
    of_hour = {name: column.reshape(-1, 60) for name, column in columns.items()}
    hours = {
        "open": of_hour["open"][:, 0],
        "high": of_hour["high"].max(axis=1),
        "low": of_hour["low"].min(axis=1),
        "close": of_hour["close"][:, -1],
        "volume": of_hour["volume"].sum(axis=1),
    }
    pq.write_table(pa.table({"ts": ts[::60], **hours}), place / "BTCUSDT-1h.parquet")


def measured_in(checkout: Path, archive: str, names: Sequence[str]) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--measure", str(checkout), "--archive", archive, *names]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answer: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def compared(
    builds: dict[str, Path], archive: str, names: Sequence[str], runs: int
) -> dict[str, dict[str, list[float]]]:
    """Least CPU seconds of each strategy in each build, whose runs take turns."""
    least: dict[str, dict[str, list[float]]] = {build: {} for build in builds}
    for _ in range(runs):
        for build, checkout in builds.items():
            for name, values in measured_in(checkout, archive, names).items():
                least[build][name] = min(values, least[build].get(name, values))
    return least


def report(least: dict[str, dict[str, list[float]]]) -> None:
    builds = list(least)
    print(f"{'CPU seconds':24s}", *(f"{build[:12]:>12s}" for build in builds), "  trials")
    for name in least[builds[0]]:
        row = [least[build][name] for build in builds]
        print(f"{name:24s}", *(f"{cpu:12.3f}" for cpu, _ in row), "", *(f"{trials:.0f}" for _, trials in row))
    sums = [sum(cpu for cpu, _ in least[build].values()) for build in builds]
    print(f"{'all':24s}", *(f"{one:12.3f}" for one in sums))
    if len(sums) > 1:
        print(f"this build takes {sums[0] / sums[1]:.3f} of {builds[1]}")
    per_walk = sums[0] / len(least[builds[0]])
    print(f"{GRID} walk-forwards like these would take {GRID * per_walk / 120:.1f} minutes on two cores")
    print("load", *(f"{one:.1f}" for one in os.getloadavg()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="STRATEGY")
    parser.add_argument("--against", metavar="REV")
    parser.add_argument("--archive", default=os.environ.get("QUANT_ARCHIVE"), help=argparse.SUPPRESS)
    parser.add_argument("--minutes", action="store_true", help="execute on synthetic minutes")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.names or list(NAMES)
    if given.measure:
        print(json.dumps(measure(given.measure, given.archive, names)))
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if given.minutes:
            write_minutes(Path(folder))
            given.archive = folder
        if given.archive is None:
            print("skipped: QUANT_ARCHIVE names no folder; expected one with an hour's bars of BTC of 2024")
            return
        builds = {"this": HERE}
        if given.against is not None:
            builds[given.against] = stack.enter_context(checked_out(given.against))
        report(compared(builds, given.archive, names, given.runs))


if __name__ == "__main__":
    main()
