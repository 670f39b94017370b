"""Values of an archive that no market can have, less what a person has said of them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from quant_pipelines.archive.statements import accepted_days, price_factors
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.series import Window
from quant_pipelines.marketdata.checks import (
    Finding,
    check_funding_rates,
    check_open_interest,
    check_price_scale,
    check_volume_unit,
)

Found = list[tuple[date, Finding]]
"""UTC day and finding."""


class ArchiveValues:
    """What stands of one symbol's odd values.

    Parameters
    ----------
    folder
        Archive folder.
    exchange, symbol
        ccxt id, ccxt form.

    Raises
    ------
    DataError
        If what was said beside the archive can't be read.
    """

    def __init__(self, folder: Path, exchange: str, symbol: str) -> None:
        self.factors = price_factors(folder, exchange, symbol)
        self._accepted = accepted_days(folder, exchange, symbol)

    def in_bars(self, bars: Bars, quote_volume: FloatArray | None) -> Found:
        """Judge bars that are adjusted by the factors: unit of volume, scale of price."""
        return self._standing(check_volume_unit(bars, quote_volume), check_price_scale(bars))

    def in_funding(self, ts: IntArray, rate: FloatArray) -> Found:
        """Judge payments."""
        return self._standing(check_funding_rates(ts, rate))

    def in_interest(self, ts: IntArray, held: FloatArray, bars: Bars) -> Found:
        """Judge open interest beside bars of the same scale."""
        return self._standing(check_open_interest(ts, held, bars))

    def _standing(self, *findings: Mapping[date, Finding]) -> Found:
        return [
            (day, finding)
            for by_day in findings
            for day, finding in by_day.items()
            if not any(
                one.check_name == finding.check_name and one.first <= day <= one.last
                for one in self._accepted
            )
        ]


def refuse(found: Found, what: str, window: Window) -> None:
    """Refuse to go on where a finding lies in a window.

    Parameters
    ----------
    found
        Findings by day.
    what
        Series they are of, such as ``1h bars of BTC/USDT:USDT``.
    window
        What is to be used.

    Raises
    ------
    DataError
        Naming the first finding, and what lets it pass.
    """
    inside = sorted(
        (
            (day, one)
            for day, one in found
            if any(window.start_ms <= time < window.end_ms for time in one.times)
        ),
        key=lambda pair: pair[0],
    )
    if inside:
        day, first = inside[0]
        raise DataError(
            f"{what}: {first.check_name} blocks {len(inside)} days, first {day}: {first.detail['why']} "
            "(quant data check names all; quant data accept lets values pass that are right)"
        )
