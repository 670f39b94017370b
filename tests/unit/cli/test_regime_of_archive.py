"""An archive's regimes follow from its hourly bars, and are known half an hour after each hour."""

from pathlib import Path

from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.hotlist.regime import regime_path
from quant_pipelines.research.archive_source import ArchiveSource
from quant_pipelines.research.history import Window
from quant_pipelines.sdk import Inputs, Strategy
from quant_pipelines.sdk.attach import attach_inputs

BTC = "BTC/USDT:USDT"


class Follower(Strategy):
    inputs = Inputs(regime=True)


def test_a_backtest_on_an_archive_reads_what_was_known_at_each_close(small_archive: Path) -> None:
    source = ArchiveSource(small_archive, "binanceusdm")
    bars = source.bars(BTC, "1h", Window(0, 2**60))
    read, path = attach_inputs(Follower, bars, source), regime_path(bars.ts, bars.close)
    assert path.ts[-1] == bars.close_ts[-1]
    assert set(path.ts % HOUR_MS) == {0}
    known = dict(zip((path.ts + HOUR_MS).tolist(), zip(*path[1:], strict=True), strict=True))
    told = dict(zip(bars.close_ts.tolist(), zip(read.turbulence, read.trend, strict=True), strict=True))
    both = [at_ms for at_ms in told if at_ms in known]
    assert len(both) == path.ts.size - 1 > 40 * 24
    assert [told[at_ms] for at_ms in both] == [known[at_ms] for at_ms in both]


def test_each_is_known_half_an_hour_after_its_hour(small_archive: Path) -> None:
    source = ArchiveSource(small_archive, "binanceusdm")
    points = source.points(BTC, "trend", 0, 2**60)
    assert (points.known_at - points.ts == 30 * MINUTE_MS).all()
