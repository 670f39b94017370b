"""``quant data import --dry-run`` of values that no market can have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[1] / "archive" / "samples"
BTC = ("--symbol", "BTC/USDT:USDT")
Quant = Callable[..., tuple[int, Any, str]]


def imported(quant: Quant, path: Path, *more: str) -> tuple[int, Any, str]:
    return quant("data", "import", path, *BTC, "--dry-run", "--json", *more)


def test_volume_in_quote_is_refused_until_its_unit_is_said(quant: Quant) -> None:
    path = SAMPLES / "volume_in_quote" / "BTC-PERP_1h.csv"
    code, _, err = imported(quant, path, "--timeframe", "1h")
    assert code == 1
    assert "volume is 2.3e+06 at 2024-06-01 00:00, 12 rows are so" in err
    assert "say what it counts with --volume-unit" in err
    assert imported(quant, path, "--timeframe", "1h", "--volume-unit", "quote")[0] == 0


@pytest.mark.parametrize("rate", ["0.7100", "-0.0600"])
def test_funding_rate_that_nobody_pays_is_refused(quant: Quant, tmp_path: Path, rate: str) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(f"timestamp,fundingRate\n2024-06-01T00:00:00Z,0.0001\n2024-06-01T01:00:00Z,{rate}\n")
    code, _, err = imported(quant, path, "--kind", "funding")
    assert code == 1
    assert "expected a fraction, of which no exchange pays above 4 %" in err


def test_funding_rates_in_percent_are_refused(quant: Quant, tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    rows = [f"2024-06-0{day}T{hour:02}:00:00Z,0.01" for day in range(1, 5) for hour in (0, 8, 16)]
    path.write_text("\n".join(["timestamp,fundingRate", *rows]) + "\n")
    code, _, err = imported(quant, path, "--kind", "funding")
    assert (code, "is 0.01 meant as 0.01 %?" in err) == (1, True)
