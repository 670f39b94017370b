import numpy as np
import pytest

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.rollup import ROLLED_TIMEFRAMES, roll_up

DAY = day_start_ms("2024-03-15")


def minutes(count: int, start_ms: int = DAY) -> BarRows:
    index = np.arange(count)
    price = 100.0 + index
    return BarRows(
        ts=start_ms + index * MINUTE_MS,
        open=price,
        high=price + 2.0,
        low=price - 3.0,
        close=price + 1.0,
        volume=np.full(count, 2.0),
        quote_volume=np.full(count, 200.0),
        trades=np.full(count, 7),
    )


def without(rows: BarRows, position: int) -> BarRows:
    return BarRows(*(np.delete(getattr(rows, name), position) for name in BarRows.__dataclass_fields__))


def test_bucket_takes_first_open_extremes_last_close_and_sums() -> None:
    rolled = roll_up(minutes(5), "5m")
    assert [getattr(rolled, name)[0] for name in BarRows.__dataclass_fields__] == [
        DAY, 100.0, 106.0, 97.0, 105.0, 10.0, 1000.0, 35,
    ]  # fmt: skip


@pytest.mark.parametrize("timeframe", ROLLED_TIMEFRAMES)
def test_full_day_gives_every_bucket(timeframe: str) -> None:
    rolled = roll_up(minutes(1440), timeframe)
    step = DAY_MS // len(rolled)
    assert (rolled.ts == DAY + np.arange(len(rolled)) * step).all()
    assert rolled.volume.sum() == 2880.0


@pytest.mark.parametrize("missing", [0, 7, 9])
def test_bucket_that_lacks_a_minute_is_left_out(missing: int) -> None:
    rolled = roll_up(without(minutes(15), missing), "5m")
    assert DAY + missing // 5 * 5 * MINUTE_MS not in rolled.ts
    assert len(rolled) == 2


def test_unfinished_bucket_is_left_out() -> None:
    assert len(roll_up(minutes(9), "5m")) == 1


def test_nothing_rolls_up_to_nothing() -> None:
    assert len(roll_up(minutes(0), "1h")) == 0
