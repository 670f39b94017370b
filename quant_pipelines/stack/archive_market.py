"""What an archive decides for the stack: the folder that is played and the symbols that are traded."""

from collections.abc import Mapping
from pathlib import Path

from quant_pipelines.archive import bar_files
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.settings import MarketSettings


def archive_folder(variables: Mapping[str, str]) -> Path | None:
    """Folder that ``QUANT_ARCHIVE`` names; None plays the synthetic market."""
    text = variables.get("QUANT_ARCHIVE")
    return Path(text).expanduser().absolute() if text else None


def archive_symbols(archive: Path, settings: MarketSettings) -> dict[str, tuple[str, ...]]:
    """Universe and whitelist of an archive, in place of the packaged ones; what an operator set stays.

    The universe is what has 1-minute bars; the whitelist is what it shares with the packaged one, filled up
    to the same length.

    Raises
    ------
    DataError
        If nothing has 1-minute bars.
    """
    there = [symbol for symbol, files in bar_files(archive).items() if "1m" in files]
    if not there:
        raise DataError(f"archive {archive} has no 1m bars; expected them for one symbol at least")
    packaged = MarketSettings()
    usual = [symbol for symbol in packaged.universe if symbol in there]
    universe = tuple(usual + sorted(set(there) - set(usual)))
    known = [symbol for symbol in packaged.whitelist if symbol in there]
    others = [symbol for symbol in universe if symbol not in known]
    whitelist = tuple((known + others)[: len(packaged.whitelist)])
    chosen = {"universe": universe, "whitelist": whitelist}
    return {
        name: names for name, names in chosen.items() if getattr(settings, name) == getattr(packaged, name)
    }
