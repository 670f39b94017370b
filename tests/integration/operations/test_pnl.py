"""Profit taken apart from stored rows, and a year of an account as files."""

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.operations.pnl import DaySpan, day_rows, pnl_report
from quant_pipelines.operations.year_statement import year_statement
from quant_pipelines.store.tables import deployments, equity, fills, income, wallet_days

pytestmark = pytest.mark.postgres
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
FIRST, SECOND = date(2025, 6, 8), date(2025, 6, 9)
CAPITAL = Decimal(1000)


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}:00+00:00")


@pytest.fixture
def book(world: Any) -> Callable[..., int]:
    """Add a deployment that bought 2 at 100, and sold 3 at 120 on the second day; funding at midnight."""
    world.market()

    def trade(symbol: str, *, is_at_venue: bool = False, odd: float = 0.0) -> int:
        deployment = int(world.deployment(symbol))
        if is_at_venue:
            world.at_venue(deployment)
        key, venue = {"deployment_id": deployment}, "binanceusdm" if is_at_venue else "paper"
        with world.engine.begin() as connection:
            connection.execute(
                deployments.update().where(deployments.c.id == deployment).values(capital=CAPITAL)
            )
            closes = [
                (at(FIRST, 1), 1000, 0, 100),
                (at(SECOND), 1019, 2, 110),
                (at(SECOND, 23), 1027, -1, 130),
            ]
            for ts, worth, held, price in closes:
                row = {"ts": ts, "cash": 1.0, "position": held, "price": price, "equity": worth + odd}
                connection.execute(insert(equity).values(key | row | {"open": price}))
            traded = (("buy", 2, 100, 1, at(FIRST, 12)), ("sell", 3, 120, 1, at(SECOND, 12)))
            for number, (side, quantity, price, fee, ts) in enumerate(traded):
                name = {"venue": venue, "symbol": symbol, "trade_id": f"t{deployment}-{number}"}
                amounts = {"side": side, "quantity": quantity, "price": price, "fee": fee, "reason": "target"}
                connection.execute(insert(fills).values(key | name | amounts | {"ts": ts, "booked_at": ts}))
            paid = (("funding", at(SECOND), -1), ("transfer", at(SECOND, 6), 0))
            for kind, ts, amount in paid:
                connection.execute(insert(income).values(key | {"kind": kind, "ts": ts, "amount": amount}))
        return deployment

    return trade


def test_days_of_books_and_of_their_account_sum_to_the_change_of_equity(world: Any, book: Any) -> None:
    mine, theirs = book(BTC), book(ETH)
    report = pnl_report(world.engine, world.clock)
    assert report.is_fine
    assert [line.scope for line in report.lines] == [
        f"deployment:{mine}",
        f"deployment:{theirs}",
        "account:1",
    ]
    rows = [row for row in day_rows(report.lines) if row["scope"] == f"deployment:{mine}"]
    assert [(row["day"], row["change"], row["fees"], row["funding"]) for row in rows] == [
        (FIRST, 19, -1, 0),
        (SECOND, 8, -1, -1),
    ]
    total = report.lines[-1].days.total
    assert total.change == total.terms.total == 54
    assert "told no price at arrival" in report.lines[0].notes[0]
    first, second = report.lines[0].days.days
    # 12 of 23 hours with 2, by 10; the second day 2 until noon, then -1, by 20.
    assert (round(first.pnl.terms.beta, 4), second.pnl.terms.beta) == (Decimal("10.4348"), 10)
    assert (first.held_whole, second.held_whole) == (100, 200)


def test_what_does_not_sum_is_a_sentence_and_no_number(world: Any, book: Any) -> None:
    mine = book(BTC, odd=5.0)
    one, account = pnl_report(world.engine, world.clock).lines
    assert one.days.days == account.days.days == ()
    assert "equity stored at 2025-06-09 00:00 is 1024.0, its fills and payments make 1019" in one.faults[0]
    assert account.faults == (f"deployment:{mine} can't be taken apart, and is not in the sum",)


def test_what_no_book_owns_is_the_rest_of_a_venues_account(world: Any, book: Any) -> None:
    book(BTC, is_at_venue=True)
    with world.engine.begin() as connection:
        account = connection.exec_driver_sql(
            "select id from trading.accounts where venue <> 'paper'"
        ).scalar_one()
        row = {"account_id": account, "day": SECOND, "booked": 1, "at_venue": 4, "compared_at": world.now}
        connection.execute(insert(wallet_days).values(row | {"rest": {"COMMISSION_REBATE": "3.5"}}))
    line = pnl_report(world.engine, world.clock, scope=f"account:{account}").lines[-1]
    assert (line.days.total.terms.rest, line.days.total.change) == (Decimal("3.5"), Decimal("30.5"))
    assert "COMMISSION_REBATE of the venue's wallet" in line.notes[0]
    assert "not compared with the venue's wallet: 1, the first 2025-06-08" in line.notes[1]


def test_bad_input_is_one_sentence(world: Any, book: Any) -> None:
    mine = book(BTC)

    def refused(**asked: Any) -> str:
        with pytest.raises(LifecycleError) as caught:
            pnl_report(world.engine, world.clock, **asked)
        return str(caught.value)

    assert refused(scope="deployment:99") == "deployment:99 does not exist; expected the id of a deployment"
    assert refused(scope="account:99") == "account:99 does not exist; expected the id of an account"
    before = DaySpan(None, FIRST - timedelta(days=3))
    told = refused(scope=f"deployment:{mine}", span=before)
    expected = f"expected some of 2025-06-08 to 2025-06-10, when deployment:{mine} traded"
    assert told == f"days are 2025-06-08 to 2025-06-05; {expected}"
    assert "a first one that is not after the last" in refused(span=DaySpan(SECOND, FIRST))
    with pytest.raises(LifecycleError, match="nothing was filled or paid in 2024; expected one of 2025"):
        year_statement(world.engine, world.clock, year=2024)
    with pytest.raises(LifecycleError, match="account:7 does not exist"):
        year_statement(world.engine, world.clock, year=2025, account_id=7)


def test_a_year_is_files_of_one_account_each(
    world: Any,
    book: Any,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = book(BTC)
    book(ETH, is_at_venue=True)
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    assert main(["statement", "2025", "--out", str(out)]) == 0
    assert "a record, no tax advice" in capsys.readouterr().out
    folders = sorted(folder.name for folder in out.iterdir())
    assert [name.partition("-")[2].partition("-")[2] for name in folders] == ["paper", "binanceusdm"]

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((out / folders[0] / f"{name}.csv").read_text().splitlines()))

    [lot] = rows("lots")
    assert (lot["quantity"], lot["cost"], lot["proceeds"]) == ("2", "200", "240")
    # The fee of the opening, and two thirds of that of the closing.
    assert Decimal(lot["realized_gain"]) == 40 - 1 - Decimal("0.666666666666666667")
    assert (lot["venue"], lot["closed_at"], lot["holding_days"]) == (
        "paper",
        "2025-06-09T12:00:00+00:00",
        "1",
    )
    [held] = rows("open_lots")
    assert (held["side"], held["price"], held["value"]) == ("short", "130", "-130")
    assert [(fee["fee"], fee["price"], fee["deployment"]) for fee in rows("fees")] == [
        ("1", "100", str(mine)),
        ("1", "120", str(mine)),
    ]
    [paid] = rows("funding")
    assert (paid["value"], paid["position"], paid["price"], paid["price_of"]) == (
        "-1",
        "2",
        "110",
        "close before it",
    )
    file = str(tmp_path / "days.csv")
    assert main(["pnl", "--csv", file]) == 1
    assert "into one file; expected one of them" in capsys.readouterr().err
    assert main(["pnl", f"deployment:{mine}", "--csv", file]) == 0
    text = capsys.readouterr().out
    assert "2025-06-09" in text
    shown = list(csv.DictReader(Path(file).read_text().splitlines()))
    terms = ("beta", "timing", "slippage", "fees", "funding", "insurance", "rest")
    assert [sum(Decimal(row[name]) for name in terms) for row in shown] == [Decimal(19), Decimal(8)]
