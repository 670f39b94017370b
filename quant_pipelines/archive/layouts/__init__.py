"""Layouts of vendors' files, one table: a layout is one file here and one row of it."""

from typing import NamedTuple

from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.headers import BESIDE, KINDS
from quant_pipelines.archive.layouts import (
    binance_web_funding,
    bybit_klines,
    bybit_mt4,
    bybit_points,
    bybit_trades,
    crypto_data_download,
    freqtrade,
    gate,
    hyperliquid_candles,
    kraken_funding,
    kraken_ohlcvt,
    lean,
    nautilus_bars,
    okx_candles,
    okx_funding,
    okx_trades,
    tardis_ticker,
    tardis_trades,
    vision_agg_trades,
    vision_funding,
    vision_klines,
    vision_metrics,
    vision_trades,
)
from quant_pipelines.archive.layouts.by_header import NAME as BY_HEADER
from quant_pipelines.archive.layouts.by_header import layout_by_header
from quant_pipelines.archive.layouts.layout import Content, Layout, Statement
from quant_pipelines.archive.preview import Preview
from quant_pipelines.core.errors import ConfigurationError, DataError, unknown_name

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        vision_klines.LAYOUT,
        vision_funding.LAYOUT,
        vision_metrics.LAYOUT,
        vision_trades.LAYOUT,
        vision_agg_trades.LAYOUT,
        binance_web_funding.LAYOUT,
        okx_candles.LAYOUT,
        okx_candles.API_LAYOUT,
        okx_funding.LAYOUT,
        okx_funding.API_LAYOUT,
        okx_trades.LAYOUT,
        bybit_klines.LAYOUT,
        bybit_mt4.LAYOUT,
        bybit_points.FUNDING_LAYOUT,
        bybit_points.INTEREST_LAYOUT,
        bybit_trades.PAIR_LAYOUT,
        bybit_trades.LAYOUT,
        kraken_ohlcvt.LAYOUT,
        kraken_funding.LAYOUT,
        crypto_data_download.LAYOUT,
        tardis_trades.LAYOUT,
        tardis_ticker.LAYOUT,
        freqtrade.BARS_LAYOUT,
        freqtrade.FUNDING_LAYOUT,
        freqtrade.RATE_LAYOUT,
        freqtrade.INTEREST_LAYOUT,
        nautilus_bars.LAYOUT,
        lean.BARS_LAYOUT,
        lean.MINUTE_LAYOUT,
        lean.FUNDING_LAYOUT,
        hyperliquid_candles.LAYOUT,
        gate.LAYOUT,
        gate.API_LAYOUT,
    )
}
"""Every vendor's layout, the more special ones first."""


class Found(NamedTuple):
    """Layout of a file, and what of it is read.

    Parameters
    ----------
    layout
        Row of the table.
    kind
        bars, funding, open_interest or trades.
    header
        Name of each column of the file.
    """

    layout: Layout
    kind: str
    header: tuple[str, ...]

    @property
    def beside(self) -> tuple[str, ...]:
        """Kinds of the same rows that are not read: funding beside open interest, or the other way round."""
        return tuple(kind for kind in self.layout.kinds if kind == BESIDE.get(self.kind))


def find_layout(preview: Preview, asked: Claims) -> Found:
    """Layout of a file by what it shows, or the one that is stated.

    Raises
    ------
    ConfigurationError
        If there is no layout of the stated name.
    DataError
        If the file shows none, is not of the stated one, has a column more, or holds something else.
    """
    if not preview.header and not preview.rows:
        raise DataError(f"archive file {preview.path} has no rows; expected some")
    layout = _stated(preview, asked) if asked.layout else _shown(preview, asked)
    kind = asked.kind or ("bars" if "bars" in layout.kinds else next(iter(layout.kinds)))
    if kind not in layout.kinds:
        raise DataError(
            f"archive file {preview.path} is of layout {layout.name}, which holds "
            f"{' and '.join(layout.kinds)}; asked for {kind} (--kind {next(iter(layout.kinds))})"
        )
    header = layout.names(preview) if preview.header else _names_without_header(layout, preview)
    _require_known(preview, layout, header)
    return Found(layout, kind, header)


def _shown(preview: Preview, asked: Claims) -> Layout:
    shown = [layout for layout in LAYOUTS.values() if _is_of(preview, layout)]
    fitting = [layout for layout in shown if asked.kind in ("", *layout.kinds)]
    if fitting or shown:
        return (fitting or shown)[0]
    if preview.header:
        return layout_by_header(preview, asked.kind)
    kind = asked.kind or "bars"
    wide = [one.name for one in LAYOUTS.values() if kind in one.kinds and _fits(one, preview.width)]
    expected = f"--layout, one of {', '.join(wide)}" if wide else "another form"
    raise DataError(
        f"archive file {preview.path} has no header and {preview.width} cells in its first row; "
        f"expected {expected}, or a header"
    )


def _is_of(preview: Preview, layout: Layout) -> bool:
    if preview.header:
        return layout.has_header_of(preview) and layout.is_of(preview)
    return layout.is_headerless(preview)


def _stated(preview: Preview, asked: Claims) -> Layout:
    if asked.layout == BY_HEADER:
        return layout_by_header(preview, asked.kind)
    if asked.layout not in LAYOUTS:
        raise ConfigurationError(unknown_name("layout", asked.layout, [*LAYOUTS, BY_HEADER]))
    layout = LAYOUTS[asked.layout]
    if preview.header and not layout.has_header_of(preview):
        missing = ", ".join(name for name in layout.header if name not in layout.names(preview))
        raise DataError(
            f"archive file {preview.path} is not of layout {layout.name}: it has no column {missing}"
        )
    return layout


def _fits(layout: Layout, width: int) -> bool:
    return len(layout.header) - len(layout.optional) <= width <= len(layout.header)


def _names_without_header(layout: Layout, preview: Preview) -> tuple[str, ...]:
    if not _fits(layout, preview.width):
        raise DataError(
            f"archive file {preview.path} has {preview.width} cells in its first row; "
            f"layout {layout.name} has {len(layout.header)}: {', '.join(layout.header)}"
        )
    return layout.header[: preview.width]


def _require_known(preview: Preview, layout: Layout, header: tuple[str, ...]) -> None:
    for index, name in enumerate(header):
        if name not in layout.header:
            shown = preview.header[index] if index < len(preview.header) else name
            raise DataError(
                f"archive file {preview.path} has column {shown!r}, which layout {layout.name} has not; "
                f"expected {', '.join(layout.header)}"
            )
        if header.index(name) != index:
            raise DataError(f"archive file {preview.path} has column {name!r} twice; expected it once")


__all__ = ["BY_HEADER", "KINDS", "LAYOUTS", "Content", "Found", "Layout", "Statement", "find_layout"]
