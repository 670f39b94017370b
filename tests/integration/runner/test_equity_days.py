"""Days of books as a trigger ends them, beside a grouping of all their bars, to the last bit."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from sqlalchemy import Engine, event, insert, select

from quant_pipelines.accounting.nav import can_flow, growth_by
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.store.engine import connected, transaction
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.lifecycle import ScoredBook, read_books, read_counts
from quant_pipelines.store.tables import equity, equity_days, income

pytestmark = pytest.mark.postgres

START_MS = 20_000 * DAY_MS
QUARTER_MS = DAY_MS // 4
CAPITAL = 10_000
Bar = dict[str, Any]


class Grouped(NamedTuple):
    """What a deployment's bars and payments say, all grouped at once."""

    days: list[int]
    day_end_equity: list[float]
    equity: float
    bars: int
    bars_held: int


def grouped(books: Sequence[int], bars: Sequence[Bar], flows: Sequence[Bar]) -> Grouped:
    own = sorted((one for one in bars if one["deployment_id"] in books), key=lambda one: one["ts"])
    paid = sorted((one for one in flows if one["deployment_id"] in books), key=lambda one: one["ts"])
    known, by_day, ends = dict.fromkeys(books, float(CAPITAL) / len(books)), dict[int, float](), {}
    for bar in own:
        day = (bar["ts"] - from_ms(0) - timedelta(microseconds=1)).days
        known[bar["deployment_id"]] = bar["equity"]
        by_day[day], ends[day] = sum(known.values()), bar["ts"]
    levels = []
    for day, worth in by_day.items():
        grown = 1.0
        for flow in paid:
            if flow["ts"] < ends[day]:
                grown *= growth(books, own, flow)
        levels.append(worth / grown)
    return Grouped(
        [day * DAY_MS for day in by_day],
        levels,
        next(reversed(by_day.values()), float(CAPITAL)),
        len({bar["ts"] for bar in own}),
        len({bar["ts"] for bar in own if bar["position"]}),
    )


def growth(books: Sequence[int], own: Sequence[Bar], flow: Bar) -> float:
    """What a payment grows the books by: they are worth then what their newest bars say."""
    newest = {one["deployment_id"]: one["equity"] for one in own if one["ts"] <= flow["ts"]}
    worth, amount = sum(newest[book] for book in books if book in newest), float(flow["amount"])
    return growth_by(worth, amount) if can_flow(worth, amount) else 1.0


def shown(engine: Engine, book: ScoredBook) -> Grouped:
    with transaction(engine) as connection:
        counts = read_counts(connection, [book.deployment_id])[book.deployment_id]
    days = book.days.tolist(), book.day_end_equity.tolist()
    return Grouped(*days, book.equity, counts.bars, counts.bars_held)


def pick(chance: np.random.Generator, *options: Any) -> Any:
    return options[int(chance.integers(len(options)))]


def bars_of(chance: np.random.Generator, book: int, quarters: Sequence[int]) -> list[Bar]:
    """Bars of a book at some quarters of days: gaps, days without any, and closes at midnight."""
    made = []
    for quarter in quarters:
        ts = from_ms(START_MS + quarter * QUARTER_MS + pick(chance, 0, 0, 60_000))
        values = {"cash": 1.0, "position": pick(chance, 0.0, 0.5, -0.5), "price": 1.0}
        made.append(values | {"deployment_id": book, "ts": ts, "equity": chance.uniform(1_000, 20_000)})
    return made


def pair(engine: Engine, deploy: Callable[..., int]) -> list[int]:
    with transaction(engine) as connection:
        return add_legs(connection, deploy("", symbol="BTC/USDT:USDT+SOL/USDT:USDT"))


@pytest.mark.parametrize("seed", range(6))
def test_books_read_by_days_that_ended_are_those_of_all_bars_grouped(
    engine: Engine, deploy: Callable[..., int], seed: int
) -> None:
    chance = np.random.default_rng(seed)
    alone, idle = deploy(""), deploy("")
    legs = pair(engine, deploy)
    whole = legs[0] - 1
    books = {alone: [alone], idle: [idle], whole: legs}
    bars, flows, at = list[Bar](), list[Bar](), 0
    for _ in range(8):
        span = range(at, at := at + pick(chance, 1, 3, 9))
        for book in (alone, *legs):
            quarters = [one for one in span if chance.random() < 0.6]
            made = bars_of(chance, book, quarters)
            paid = [
                {"deployment_id": book, "kind": "transfer", "ts": bar["ts"], "amount": Decimal(amount)}
                for bar in made
                if chance.random() < 0.1 and (amount := pick(chance, 500, -700))
            ]
            with transaction(engine) as connection:
                for table, rows in ((equity, made), (income, paid)):
                    if rows and chance.random() < 0.5:
                        connection.execute(insert(table).values(rows))
                    elif rows:
                        connection.execute(insert(table), rows)
            bars, flows = [*bars, *made], [*flows, *paid]
        at += pick(chance, 0, 0, 8)  # days on which nobody has a bar
        found = {book.deployment_id: shown(engine, book) for book in read_books(engine)}
        assert found == {one: grouped(own, bars, flows) for one, own in books.items()}


def test_a_day_is_stored_once_it_is_over_and_stays(engine: Engine, deploy: Callable[..., int]) -> None:
    book = deploy("")
    levels = []
    for quarter in (1, 2, 3, 5, 6, 7, 9):
        with transaction(engine) as connection:
            connection.execute(insert(equity), bars_of(np.random.default_rng(quarter), book, [quarter]))
            levels.append(connection.execute(select(equity_days).order_by(equity_days.c.day)).all())
    assert [len(one) for one in levels] == [0, 0, 0, 1, 1, 1, 2]
    assert all(later[: len(one)] == one for one, later in pairwise(levels))


def test_a_bar_of_a_day_that_is_over_lets_it_be_reckoned_anew(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    book, chance = deploy(""), np.random.default_rng(1)
    bars = bars_of(chance, book, [1, 2, 3, 9, 10, 17])
    late = [*bars_of(chance, book, [4]), *bars_of(chance, book, [5])]
    for rows in (bars, late):
        with transaction(engine) as connection:
            connection.execute(insert(equity), rows)
    assert shown(engine, read_books(engine)[0]) == grouped([book], [*bars, *late], [])


def test_a_day_that_ends_while_it_is_read_is_read(
    engine: Engine, deploy: Callable[..., int], database_url: str
) -> None:
    book, chance = deploy(""), np.random.default_rng(1)
    with transaction(engine) as connection:
        connection.execute(insert(equity), bars_of(chance, book, [1, 5]))

    to_come = [bars_of(chance, book, [9])]

    with connected(database_url) as other:

        def end_the_day(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if to_come and "trading.equity" in statement:  # whatever of it is asked for first
                with transaction(other) as connection:
                    connection.execute(insert(equity), to_come.pop())

        event.listen(engine, "after_cursor_execute", end_the_day)
        (found,) = read_books(engine)
    assert [(day - START_MS) // DAY_MS for day in found.days.tolist()] == [0, 1]
    assert [(day - START_MS) // DAY_MS for day in read_books(engine)[0].days.tolist()] == [0, 1, 2]
