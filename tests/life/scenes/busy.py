"""A better version that trades a hundred times as often."""

from typing import Final

from tests.life.scene import Scene

BUSY_TRADES: Final = 6000
"""Trades of a version that trades a hundred times as often."""

SCENE: Final = Scene(trades={"a": 60, "b": BUSY_TRADES})
