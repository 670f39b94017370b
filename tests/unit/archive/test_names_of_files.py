"""A file's name says which market it is of; another one is refused, with both names."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from quant_pipelines.archive import Claims, read_series
from quant_pipelines.core.errors import QuantError
from quant_pipelines.core.timeframes import HOUR_MS

NOW_MS = 2_000_000_000_000
FIRST_MS = 1_717_200_000_000
DUMP = "startTime,openPrice,highPrice,lowPrice,closePrice,volume,turnover\n"
PLAIN = "time,open,high,low,close,volume\n"
MT4 = "{time},100,102,99,101,5\n"


def rows(*, has_turnover: bool) -> str:
    lines = [f"{FIRST_MS + n * HOUR_MS},100,102,99,101,5{',505' if has_turnover else ''}" for n in range(4)]
    return "\n".join(lines) + "\n"


CONTENTS = {
    "ETHUSDT-60.csv": DUMP + rows(has_turnover=True),
    "BTCUSD-60.csv": DUMP + rows(has_turnover=True),
    "ETHUSDT_60_2024-06-01_2024-06-30.csv": "".join(MT4.format(time=f"2024.06.01 0{n}:00") for n in range(4)),
    "ETH-1h.csv": PLAIN + rows(has_turnover=False),
    "ETH-PERP_1h.csv": PLAIN + rows(has_turnover=False),
    "data-1h.csv": PLAIN + rows(has_turnover=False),
}


def claims(symbol: str, **more: str) -> Claims:
    return Claims(**{"kind": "bars", "timeframe": "1h", "symbol": symbol, **more})


@pytest.mark.parametrize("name", [name for name in CONTENTS if name != "data-1h.csv"])
def test_name_of_another_market_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONTENTS[name])
    asked = "BTC/USDT:USDT" if name.startswith("ETH") else "SOL/USDT:USDT"
    with pytest.raises(QuantError, match=r"its name says (ETH|BTC)") as caught:
        read_series(tmp_path / name, claims(asked), now_ms=NOW_MS)
    assert "\n" not in str(caught.value)


def test_inverse_contract_in_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "BTCUSD-60.csv").write_text(CONTENTS["BTCUSD-60.csv"])
    with pytest.raises(QuantError, match="its name says BTCUSD, a coin-margined contract"):
        read_series(tmp_path / "BTCUSD-60.csv", claims("BTC/USDT:USDT"), now_ms=NOW_MS)


@pytest.mark.parametrize("name", ["ETHUSDT-60.csv", "ETH-1h.csv", "data-1h.csv"])
def test_name_of_the_same_market_or_of_none_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONTENTS[name])
    assert read_series(tmp_path / name, claims("ETH/USDT:USDT"), now_ms=NOW_MS).ts.size == 4


@pytest.mark.parametrize("name", ["ETH_USD_ETH-1h-futures.feather", "ETH_BTC-1h.feather"])
def test_market_that_is_not_linear_in_dollars_is_not_taken_by_its_name(tmp_path: Path, name: str) -> None:
    ts = pa.array(FIRST_MS + HOUR_MS * np.arange(4), pa.timestamp("ms", tz="UTC"))
    prices = {column: [100.0] * 4 for column in ("open", "high", "low", "close", "volume")}
    pa.feather.write_feather(pa.table({"date": ts, **prices}), tmp_path / name)
    for symbol in ("", "ETH/USDT:USDT"):
        with pytest.raises(QuantError, match=r"coin-margined|--symbol missing|its name says ETH_BTC"):
            read_series(tmp_path / name, claims(symbol), now_ms=NOW_MS)


def test_funding_and_open_interest_say_their_symbol_by_name(tmp_path: Path) -> None:
    ts = pa.array(FIRST_MS + 8 * HOUR_MS * np.arange(3), pa.timestamp("ms", tz="UTC"))
    funding, interest = "ETH_USDT_USDT-1h-funding_rate.feather", "ETH_USDT_USDT-5m-open_interest.feather"
    pa.feather.write_feather(pa.table({"date": ts, "funding_rate": [1e-4] * 3}), tmp_path / funding)
    pa.feather.write_feather(pa.table({"date": ts, "open_interest_amount": [5.0] * 3}), tmp_path / interest)
    for name in (funding, interest):
        series = read_series(tmp_path / name, Claims(), now_ms=NOW_MS)
        assert series.asked.symbol == "ETH/USDT:USDT"
        with pytest.raises(QuantError, match="its name says ETH_USDT_USDT"):
            read_series(tmp_path / name, Claims(symbol="BTC/USDT:USDT"), now_ms=NOW_MS)
