"""The clockwork: every second once, none lost over a stop."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from quant_pipelines.simulator.venue.play import DueFunding
from quant_pipelines.simulator.venue.player import Player
from quant_pipelines.simulator.venue.state import MarketDepth, Quote

FIRST_MS = 1_760_000_010_000


class Script:
    """A market that falls one dollar a second and pays funding every 20 seconds."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        self.asked.append(ts_ms)
        price = Decimal(60_000) - Decimal(ts_ms - FIRST_MS) / 1000 if symbol == "BTCUSDT" else Decimal("0.2")
        return Quote(ts_ms, price, price)

    def depth(self, _symbol: str, _ts_ms: int) -> MarketDepth:
        return MarketDepth([], [])

    def funding(self, symbol: str, ts_ms: int) -> DueFunding | None:
        due = symbol == "BTCUSDT" and ts_ms % 20_000 == 0
        return DueFunding(Decimal("0.0001"), Decimal(60_000)) if due else None


def test_quiet_seconds_are_skipped(open_desk: Callable[..., Any]) -> None:
    desk, script = open_desk(), Script()
    player = Player(desk.venue, script)
    player.advance(FIRST_MS)
    player.advance(FIRST_MS + 3_600_000)
    assert set(script.asked) == {FIRST_MS, FIRST_MS + 3_600_000}


def test_second_is_played_once(open_desk: Callable[..., Any]) -> None:
    desk, script = open_desk(), Script()
    player = Player(desk.venue, script)
    for late_ms in (0, 300, 999):
        player.advance(FIRST_MS + late_ms)
    assert len(script.asked) == len(desk.venue.contracts)


def test_stop_of_the_venue_loses_no_second(open_desk: Callable[..., Any], tmp_path: Path) -> None:
    def run(path: Path | str, *stops_ms: int) -> list[Any]:
        desk = open_desk(path)
        Player(desk.venue, Script()).advance(FIRST_MS)
        desk.now_ms = FIRST_MS
        desk.order("BUY", "0.010", "59990.0")
        for stop_ms in stops_ms:
            Player(desk.venue, Script()).advance(FIRST_MS + stop_ms)
            desk.close()
            desk = open_desk(path)
        Player(desk.venue, Script()).advance(FIRST_MS + 60_000)
        return [(row["incomeType"], row["income"], row["time"]) for row in desk.call("GET", "income")]

    whole = run(":memory:")
    assert [kind for kind, _, _ in whole] == ["TRANSFER", "COMMISSION"] + ["FUNDING_FEE"] * 2
    assert run(tmp_path / "one", 30_000) == whole
    assert run(tmp_path / "many", 5_000, 11_000, 20_000, 41_000) == whole


def test_restart_within_a_second_knows_its_prices(open_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = open_desk(tmp_path / "ledger")
    player = Player(desk.venue, Script())
    player.advance(FIRST_MS)
    player.note()
    desk.close()
    again = open_desk(tmp_path / "ledger")
    Player(again.venue, Script()).advance(FIRST_MS + 10)
    assert again.venue.quote("BTCUSDT").last == 60_000
