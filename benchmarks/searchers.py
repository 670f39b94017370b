"""Searchers beside Optuna's TPE and GP and random search: ``python benchmarks/searchers.py [--trials N …]``.

Two tables. Milliseconds of CPU that ask and tell take for each trial, by trials and dimensions, on a smooth
objective that costs nothing. And the value found at equal budget on landscapes of the shelf: the Sharpe
ratio of strategies on BTC hours of the first half of 2024, as a share of the best that any searcher found
there, mean over seeds. Optuna is installed in an environment of its own and asked over a pipe; where it
can't be, its columns are left out with the reason. Landscapes need the bars of the folder that
``QUANT_ARCHIVE`` names.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from quant_pipelines.archive import load_bars
from quant_pipelines.backtest import BacktestSettings, PreparedSweep
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.searcher import Searcher, Trial
from quant_pipelines.optimize.searchers import SEARCHERS, make_searcher
from quant_pipelines.optimize.space import Dimension, Parameters, Space, space_of
from quant_pipelines.sdk import load_strategy

ROOT = Path(__file__).resolve().parents[1]
TRIALS, DIMENSIONS, SEEDS = (50, 200, 1_000), (4, 8, 16), 3
SHELF = ("ema_cross", "donchian_turtle", "bollinger_reversion", "macd_cross")
BUDGET, PEER_SECONDS = 200, 120.0
PEERS = ("tpe", "gp")
Objective = Callable[[list[Parameters]], list[float]]


class RandomSearcher:
    """Allowed sets drawn evenly, the floor of all searches."""

    def __init__(self, space: Space, *, trials: int, seed: int) -> None:
        self._space, self._left, self._rng = space, trials, np.random.default_rng(seed)

    def ask(self) -> list[Parameters]:
        batch: list[Parameters] = []
        while self._left and len(batch) < min(16, self._left):
            drawn = self._space.at(self._rng.random(len(self._space.dimensions)).tolist())
            batch += [drawn] if self._space.is_valid(drawn) else []
        self._left -= len(batch)
        return batch

    def tell(self, trials: Iterable[Trial]) -> None:
        """Learn nothing."""


class Peer:
    """A sampler of Optuna in its own process: one set asked, one value told."""

    def __init__(self, python: Path, kind: str, space: Space, *, trials: int, seed: int) -> None:
        self._space, self._left = space, trials
        bounds = [
            [one.name, one.low, one.high, one.is_integer, one.is_logarithmic] for one in space.dimensions
        ]
        self._process = subprocess.Popen(
            [python, ROOT / "benchmarks" / "clients" / "optuna_peer.py", kind, str(seed), json.dumps(bounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cpu = 0.0

    def ask(self) -> list[Parameters]:
        if not self._left:
            return []
        self._left -= 1
        return [self._space.whole(self._called("ask"))]

    def tell(self, trials: Iterable[Trial]) -> None:
        for one in trials:
            self._called(one.objective if np.isfinite(one.objective) else None)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _called(self, message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        answer, self.cpu = json.loads(self._process.stdout.readline())
        return answer


def with_optuna(folder: Path) -> Path | str:
    """Python of an environment with Optuna, or why there is none."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = ["optuna", "torch", "scipy"]
    for wanted in (packages, packages[:1]):
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return python
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed"


def cube(n_dimensions: int) -> Space:
    names = [f"x{at}" for at in range(n_dimensions)]
    return Space(tuple(Dimension(name, 0.0, 1.0, is_integer=False) for name in names), lambda _: True)


def bowl(sets: list[Parameters]) -> list[float]:
    return [-sum((value - 0.3) ** 2 for value in one.values()) for one in sets]


def driven(searcher: Searcher, objective: Objective, limit: float = PEER_SECONDS) -> tuple[float, float, int]:
    """CPU seconds of ask and tell, best value, and trials; ends after so many seconds of a peer's CPU."""
    best, count, spent = -np.inf, 0, 0.0
    while True:
        begun = time.process_time()
        batch = searcher.ask()
        spent += time.process_time() - begun
        if not batch or getattr(searcher, "cpu", spent) > limit:
            break
        values = objective(batch)
        begun = time.process_time()
        searcher.tell([Trial(*pair) for pair in zip(batch, values, strict=True)])
        spent += time.process_time() - begun
        count += len(batch)
        best = max([best, *(value for value in values if np.isfinite(value))])
    return getattr(searcher, "cpu", spent), best, count


def makers(python: Path | None) -> dict[str, Callable[..., Any]]:
    own: dict[str, Callable[..., Any]] = {"random": RandomSearcher}
    own |= {name: partial(make_searcher, name) for name in SEARCHERS}
    if python is not None:
        own |= {f"optuna {kind}": partial(Peer, python, kind) for kind in PEERS}
    return own


def ran(maker: Callable[..., Any], space: Space, objective: Objective, *, trials: int, seed: int) -> Any:
    searcher = maker(space, trials=trials, seed=seed)
    found = driven(searcher, objective)
    if isinstance(searcher, Peer):
        searcher.close()
    return found


def costs(known: Mapping[str, Callable[..., Any]], trials: Iterable[int], dimensions: Iterable[int]) -> None:
    print("\nCPU milliseconds of ask and tell for each trial (trials it got to, where it was ended)")
    for name, maker in known.items():
        cells = []
        for n in dimensions:
            for count in trials:
                spent, _, done = ran(maker, cube(n), bowl, trials=count, seed=1)
                cut = f" ({done})" if name.startswith("optuna") and done < count else ""
                cells.append(f"{n}d/{count}: {1e3 * spent / max(done, 1):.2f}{cut}")
        print(f"{name:12s}", "  ".join(cells), flush=True)


def landscape(name: str, archive: Path) -> tuple[Space, Objective]:
    """Search space of a strategy, and the Sharpe ratio of its sets."""
    source = load_strategy(name, ROOT / "strategies")
    bars = load_bars(archive, "BTC/USDT:USDT", "1h").between(
        day_start_ms("2024-01-01"), day_start_ms("2024-07-01")
    )
    prepared = PreparedSweep(source.strategy_class, [bars], BacktestSettings(has_bar_equity=False))

    def objective(sets: list[Parameters]) -> list[float]:
        ranked: list[float] = rank_by("sharpe", prepared.run(sets).daily_returns.T).tolist()
        return ranked

    return space_of(source.strategy_class), objective


def values(known: Mapping[str, Callable[..., Any]], archive: Path, names: Iterable[str], budget: int) -> None:
    print(f"\nbest Sharpe ratio at {budget} trials as a share of the best found, mean of {SEEDS} seeds")
    for name in names:
        space, objective = landscape(name, archive)
        found = {
            one: [ran(maker, space, objective, trials=budget, seed=seed)[1] for seed in range(1, SEEDS + 1)]
            for one, maker in known.items()
        }
        top = max(max(each) for each in found.values())
        shares = (f"{one} {np.mean(each) / top:.3f}" for one, each in found.items())
        print(f"{name:20s} best {top:6.3f}:", "  ".join(shares), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="*", default=list(TRIALS))
    parser.add_argument("--dimensions", type=int, nargs="*", default=list(DIMENSIONS))
    parser.add_argument("--strategies", nargs="*", default=list(SHELF))
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--no-peers", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = "not asked for" if given.no_peers else with_optuna(Path(folder) / "optuna")
        if isinstance(python, str):
            print(f"Optuna left out: {python}")
        known = makers(python if isinstance(python, Path) else None)
        costs(known, given.trials, given.dimensions)
        archive = os.environ.get("QUANT_ARCHIVE")
        if archive is None:
            print("landscapes skipped: QUANT_ARCHIVE names no folder; expected one with hours of BTC")
        else:
            values(known, Path(archive), given.strategies, given.budget)
    print("load", *(f"{one:.1f}" for one in os.getloadavg()), "python", sys.version.split()[0])


if __name__ == "__main__":
    main()
