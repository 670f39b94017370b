"""The ledger: exact, conserved, the same after a restart, and never half written."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import RECORDS, FillRecord, IncomeRecord

SYMBOLS = ("BTCUSDT", "DOGEUSDT")
QUIET = settings(max_examples=40, suppress_health_check=list(HealthCheck))

moves = st.tuples(st.just("price"), st.sampled_from(SYMBOLS), st.integers(-400, 400), st.integers(0, 3))
orders = st.tuples(
    st.just("order"), st.sampled_from(SYMBOLS), st.sampled_from(["BUY", "SELL"]), st.integers(1, 40)
)
limits = st.tuples(st.just("limit"), st.sampled_from(SYMBOLS), st.integers(-300, 300), st.integers(1, 40))
stops = st.tuples(st.just("stop"), st.sampled_from(SYMBOLS), st.integers(-300, 300), st.integers(1, 40))
stories = st.lists(moves | orders | limits | stops, max_size=40)
LOTS = {"BTCUSDT": Decimal("0.002"), "DOGEUSDT": Decimal(700)}


def tell(desk: Any, story: list[tuple[Any, ...]]) -> None:
    """Let a story happen; what the venue refuses does not happen."""
    for kind, symbol, how, much in story:
        last, tick = desk.venue.quotes[symbol].last, desk.venue.contracts[symbol].tick_size
        step = (last * Decimal("0.0001") // tick + 1) * tick
        quantity = str(LOTS[symbol] * much)
        try:
            if kind == "price":
                rate = {1: "0.0007", 2: "-0.0003"}.get(much, "")
                desk.price(symbol, str(max(last + step * how, tick * 100)), rate=rate)
            elif kind == "order":
                desk.order(how, quantity, symbol=symbol)
            elif kind == "limit":
                desk.order("BUY" if how < 0 else "SELL", quantity, str(last + step * how), symbol=symbol)
            else:
                trigger = str(last + step * how)
                desk.stop("BUY" if how > 0 else "SELL", quantity, trigger, symbol=symbol)
        except VenueError:
            continue


def books(ledger: Ledger) -> dict[str, Any]:
    """Everything in the file, and everything in memory."""
    tables = {kind.TABLE: ledger.store.select(kind) for kind in RECORDS}  # type: ignore[type-var]
    memory = {"orders": ledger.orders, "algos": ledger.algos, "positions": ledger.positions}
    return (
        tables | {f"open {name}": value for name, value in memory.items()} | {"account now": ledger.account}
    )


def started(open_desk: Callable[..., Any], path: Path | str = ":memory:") -> Any:
    desk = open_desk(path)
    desk.price("BTCUSDT", "60000")
    desk.price("DOGEUSDT", "0.20000")
    return desk


@QUIET
@given(story=stories, isolated=st.booleans())
def test_any_story_conserves_money_exactly(
    open_desk: Callable[..., Any], story: list[tuple[Any, ...]], isolated: bool
) -> None:
    desk = started(open_desk)
    if isolated:
        desk.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    tell(desk, story)
    ledger = desk.ledger
    rows, fills = ledger.store.select(IncomeRecord), ledger.store.select(FillRecord)
    assert ledger.account.wallet == sum(row.amount for row in rows)
    for symbol in SYMBOLS:
        signed = [(f.quantity if f.side == "BUY" else -f.quantity, f) for f in fills if f.symbol == symbol]
        position = ledger.position(symbol)
        assert position.quantity == sum(quantity for quantity, _ in signed)
        outlay = sum(quantity * fill.price for quantity, fill in signed)
        assert sum(fill.realized_pnl for _, fill in signed) == position.cost - outlay
        assert (position.quantity == 0) <= (position.cost == 0 and position.isolated_wallet == 0)
        booked = {kind: Decimal(0) for kind in ("REALIZED_PNL", "COMMISSION")}
        for row in rows:
            if row.symbol == symbol and row.kind in booked:
                booked[row.kind] += row.amount
        assert booked["REALIZED_PNL"] == sum(fill.realized_pnl for _, fill in signed)
        assert -booked["COMMISSION"] == sum(fill.fee for _, fill in signed)


@QUIET
@given(story=stories)
def test_memory_is_what_the_file_says(open_desk: Callable[..., Any], story: list[tuple[Any, ...]]) -> None:
    desk = started(open_desk)
    tell(desk, story)
    before = books(desk.ledger)
    desk.ledger._read()
    assert books(desk.ledger) == before


STORY = [
    ("order", "BTCUSDT", "BUY", 20),
    ("limit", "BTCUSDT", 120, 10),
    ("stop", "BTCUSDT", -150, 20),
    ("price", "BTCUSDT", 90, 1),
    ("order", "DOGEUSDT", "SELL", 9),
    ("price", "BTCUSDT", 80, 0),
    ("price", "BTCUSDT", -390, 2),
    ("order", "BTCUSDT", "SELL", 3),
]


def test_restart_continues_with_identical_books(open_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = started(open_desk, tmp_path / "ledger.sqlite")
    tell(desk, STORY)
    before = books(desk.ledger)
    desk.close()
    assert books(open_desk(tmp_path / "ledger.sqlite").ledger) == before


@pytest.mark.parametrize("crash_at", range(1, len(STORY)))
def test_restart_in_between_changes_nothing(
    open_desk: Callable[..., Any], tmp_path: Path, crash_at: int
) -> None:
    whole = started(open_desk)
    tell(whole, STORY)
    desk = started(open_desk, tmp_path / "ledger.sqlite")
    tell(desk, STORY[:crash_at])
    quotes, now_ms = dict(desk.venue.quotes), desk.now_ms
    desk.close()
    again = open_desk(tmp_path / "ledger.sqlite")
    again.now_ms = now_ms
    for symbol, quote in quotes.items():
        again.venue.set_quote(symbol, quote)
    tell(again, STORY[crash_at:])
    assert books(again.ledger) == books(whole.ledger)


@pytest.mark.parametrize(("trouble", "code"), [("max_page_count = 1", -1008), ("query_only = ON", -1000)])
def test_full_or_read_only_disk_refuses_and_changes_nothing(
    open_desk: Callable[..., Any], tmp_path: Path, trouble: str, code: int
) -> None:
    desk = started(open_desk, tmp_path / "ledger.sqlite")
    desk.order("BUY", "0.010")
    before, connection = books(desk.ledger), desk.ledger.store.connection
    heard = len(desk.messages)
    connection.execute(f"PRAGMA {trouble}")
    with pytest.raises(VenueError) as refused:  # noqa: PT012 - which order fills the disk is not known
        for number in range(400):  # until the file's last page is full
            desk.order("BUY", "0.002", newClientOrderId=f"order-{number}")
            before, heard = books(desk.ledger), len(desk.messages)
    assert (refused.value.code, refused.value.status) == (code, 503)
    assert books(desk.ledger) == before
    assert len(desk.messages) == heard
    connection.execute("PRAGMA query_only = OFF")
    connection.execute("PRAGMA max_page_count = 1000000")
    assert desk.order("BUY", "0.002")["status"] == "FILLED"


def test_played_moment_that_cannot_be_written_is_played_again(
    open_desk: Callable[..., Any], tmp_path: Path
) -> None:
    desk = started(open_desk, tmp_path / "ledger.sqlite")
    desk.order("BUY", "0.010", "59000.0", newClientOrderId="waiting")
    played_ms = desk.ledger.played_ms
    desk.ledger.store.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(VenueError):
        desk.price("BTCUSDT", "58000")
    assert desk.ledger.played_ms == played_ms
    desk.ledger.store.connection.execute("PRAGMA query_only = OFF")
    desk.now_ms -= 1000
    desk.price("BTCUSDT", "58000")
    order = desk.call("GET", "order", symbol="BTCUSDT", origClientOrderId="waiting")
    assert order["status"] == "FILLED"


def test_ledger_that_does_not_add_up_is_refused(tmp_path: Path, open_desk: Callable[..., Any]) -> None:
    desk = open_desk(tmp_path / "ledger.sqlite")
    desk.ledger.store.connection.execute("UPDATE income SET amount = '1'")
    desk.close()
    with pytest.raises(DataError, match="has a wallet of 10000; expected 1"):
        Ledger(tmp_path / "ledger.sqlite")


def test_second_venue_on_one_ledger_is_refused(tmp_path: Path, open_desk: Callable[..., Any]) -> None:
    open_desk(tmp_path / "ledger.sqlite")
    with pytest.raises(ConfigurationError, match="in use by a running venue"):
        Ledger(tmp_path / "ledger.sqlite")


def test_file_that_is_no_ledger_is_refused_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("this is no database, " * 100)
    with pytest.raises(ConfigurationError, match="expected a writable SQLite ledger"):
        Ledger(tmp_path / "ledger.sqlite")
    with pytest.raises(ConfigurationError, match="can't be used"):
        Ledger(tmp_path / "nowhere" / "ledger.sqlite")
