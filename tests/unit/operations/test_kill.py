"""A direct kill: entries first, then what is held, the stops last; every failure of the venue is survived."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_pipelines.core.errors import (
    ConfigurationError,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from quant_pipelines.operations.kill import Killed, Readings, kill
from quant_pipelines.operations.kill_journal import KillJournal, mark_adopted, new_journal, unadopted
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.trading.direct import WorkingOrder
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.venue import AccountPosition, MarketOrder, VenueOrder

ANN = Signature("ann", "the exchange looks odd")
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
ENTRY = WorkingOrder(BTC, "entry", "buy", reduces=False, is_conditional=False)
TRIGGER = WorkingOrder(BTC, "trigger", "buy", reduces=False, is_conditional=True)
STOP = WorkingOrder(BTC, "stop", "sell", reduces=True, is_conditional=True)
NOW_MS = 1_700_000_000_000


class Account:
    """An account that does what it is told, after the failures that a test gives it."""

    def __init__(
        self,
        held: dict[str, Decimal],
        orders: tuple[WorkingOrder, ...] = (),
        *,
        failures: tuple[type[ExchangeError] | None, ...] = (),
        largest: Decimal | None = None,
        is_hedged: bool = False,
    ) -> None:
        self.held, self.orders = dict(held), list(orders)
        self.failures = deque(failures)
        self.largest, self.is_hedged = largest, is_hedged
        self.done: list[str] = []

    async def holdings(self) -> list[AccountPosition]:
        self._fail()
        return [AccountPosition(symbol, held, self.is_hedged) for symbol, held in self.held.items() if held]

    async def working(self) -> list[WorkingOrder]:
        self._fail()
        return list(self.orders)

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        await self._cancel(client_order_id, symbol, is_conditional=False)

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        await self._cancel(client_order_id, symbol, is_conditional=True)

    async def send(self, order: MarketOrder) -> VenueOrder:
        assert order.reduce_only
        error = self.failures.popleft() if self.failures else None
        if error in (None, OutcomeUnknown):  # what nobody knows of was carried out
            before = self.held[order.symbol]
            signed = order.quantity if order.side == "buy" else -order.quantity
            filled = min(abs(before), abs(signed)) if before * signed < 0 else Decimal(0)
            self.held[order.symbol] = before + filled.copy_sign(signed)
            self.done.append(f"close {order.quantity}")
        if error:
            raise error("the venue failed")
        return VenueOrder(order.client_order_id, "1", "FILLED", order.quantity)

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        return ClosingTerms(Decimal("0.1"), self.largest)

    async def now_ms(self) -> int:
        return NOW_MS

    async def _cancel(self, name: str, symbol: str, *, is_conditional: bool) -> None:
        self._fail()
        self.done.append(f"cancel {name}")
        self.orders = [
            one
            for one in self.orders
            if (one.name, one.symbol, one.is_conditional) != (name, symbol, is_conditional)
        ]

    def _fail(self) -> None:
        error = self.failures.popleft() if self.failures else None
        if error:
            raise error("the venue failed")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[KillJournal]:
    opened = new_journal(tmp_path, lambda: NOW_MS)
    yield opened
    opened.close()


def killed(account: Account, journal: KillJournal, rounds: int = 400) -> Killed:
    return asyncio.run(kill(account, journal, ANN, readings=Readings(rounds, 0.0)))


def test_entries_go_first_then_what_is_held_then_the_stops(journal: KillJournal) -> None:
    account = Account({BTC: Decimal("0.5"), ETH: Decimal(-3)}, (STOP, ENTRY, TRIGGER))
    done = killed(account, journal)
    assert done.is_done
    assert account.done[-1] == "cancel stop"
    assert sorted(account.done[:-1]) == ["cancel entry", "cancel trigger", "close 0.5", "close 3"]
    assert done.sentence == "nothing is held and nothing works; 3 orders canceled, 2 sent to close"


def test_every_request_is_in_the_journal_before_it_is_sent(journal: KillJournal) -> None:
    account = Account({BTC: Decimal("0.5")}, (ENTRY,))
    known: list[list[str]] = []
    send = account.send

    async def sent(order: MarketOrder) -> VenueOrder:
        known.append([line["what"] for line in lines(journal)])
        return await send(order)

    account.send = sent  # type: ignore[method-assign] - a look at the disk at the moment of the request
    killed(account, journal)
    assert known[0][:2] == ["begun", "cancel"]
    assert known[0][-1] == "close"
    assert [line["what"] for line in lines(journal)][-1] == "ended"
    assert lines(journal)[0]["operator"] == "ann"


def lines(journal: KillJournal) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.file.read_text().splitlines()]


def test_a_position_larger_than_one_order_is_closed_in_parts(journal: KillJournal) -> None:
    account = Account({BTC: Decimal(250)}, largest=Decimal(120))
    assert killed(account, journal).is_done
    assert account.done == ["close 120", "close 120", "close 10"]


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        (
            lambda: Account({BTC: Decimal(1)}, failures=(None, None, ExchangeRefused) * 3),
            "left at the venue: 1 BTC/USDT:USDT; ",
        ),
        (
            lambda: Account({}, failures=(ExchangeUnavailable,) * 50),
            "what is left is not known: the account: ",
        ),
        (
            lambda: Account({BTC: Decimal(1)}, is_hedged=True),
            "left at the venue: 1 BTC/USDT:USDT; BTC/USDT:USDT is held in hedge mode; expected one-way mode",
        ),
    ],
)
def test_what_is_left_is_told(account: Callable[[], Account], sentence: str, journal: KillJournal) -> None:
    done = killed(account(), journal, rounds=3)
    assert not done.is_done
    assert done.sentence.startswith(sentence)


def test_what_fills_between_two_readings_is_closed(journal: KillJournal) -> None:
    account = Account({}, (ENTRY,))
    holdings, n_read = account.holdings, 0

    async def filled_meanwhile() -> list[AccountPosition]:
        nonlocal n_read
        n_read += 1
        if n_read == 2:  # the order that was canceled first had filled before, and is told late
            account.held[BTC] = Decimal(3)
            return []
        return await holdings()

    account.holdings = filled_meanwhile  # type: ignore[method-assign] - one late answer
    assert killed(account, journal).is_done
    assert account.held[BTC] == 0


def test_the_stop_of_what_is_flat_goes_though_another_symbol_can_t_be_closed(journal: KillJournal) -> None:
    account = Account({ETH: Decimal(1)}, (STOP,), is_hedged=True)
    assert not killed(account, journal, rounds=2).is_done
    assert account.done == ["cancel stop"]


def test_an_answer_that_nobody_expected_ends_nothing(journal: KillJournal) -> None:
    account = Account({BTC: Decimal(1)}, (ENTRY,))
    working, n_read = account.working, 0

    async def odd() -> list[WorkingOrder]:
        nonlocal n_read
        n_read += 1
        if n_read == 1:
            raise KeyError("positionAmt")
        return await working()

    account.working = odd  # type: ignore[method-assign] - one odd answer
    done = killed(account, journal)
    assert done.is_done
    assert done.faults == ["the account: KeyError: 'positionAmt'"]


def test_who_waits_is_told_of_each_fault_once_while_it_is_tried_again(journal: KillJournal) -> None:
    account, heard = Account({BTC: Decimal(1)}), list[str]()
    answers, answered = iter([True, True, False]), account.working

    async def away() -> Any:
        if next(answers, False):
            raise ExchangeUnavailable("the venue is away")
        return await answered()

    account.working = away  # type: ignore[method-assign] - it is away twice
    done = asyncio.run(kill(account, journal, ANN, readings=Readings(pause_seconds=0.0), tell=heard.append))
    assert done.is_done
    assert heard == ["the account: the venue is away"]


def test_a_disk_that_takes_nothing_does_not_stop_a_kill(tmp_path: Path) -> None:
    (tmp_path / "kills").write_text("a file stands where the folder should be")
    journal = new_journal(tmp_path, lambda: NOW_MS)
    account = Account({BTC: Decimal(1)}, (ENTRY,))
    assert killed(account, journal).is_done
    assert "can't be written" in journal.fault


def test_a_kill_is_found_until_it_is_taken_over(tmp_path: Path, journal: KillJournal) -> None:
    killed(Account({}), journal)
    journal.close()
    [record] = unadopted(tmp_path)
    assert (record.operator, record.reason) == (ANN.operator, ANN.reason)
    mark_adopted(record)
    assert unadopted(tmp_path) == []


def test_a_journal_that_was_cut_short_counts_as_a_kill(tmp_path: Path, journal: KillJournal) -> None:
    killed(Account({}), journal)
    journal.close()
    journal.file.write_text(journal.file.read_text()[:20])
    [record] = unadopted(tmp_path)
    assert (record.operator, record.reason) == ("somebody", "its journal is cut short")


@pytest.mark.parametrize("text", ["bad\udcff", "line\nline", "\x1b[31mred", "ann\u200b"])
def test_a_signature_is_text_that_can_be_read(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected text that can be read"):
        Signature("ann", f"because {text} of it")
    with pytest.raises(ConfigurationError, match="operator holds the character"):
        Signature(f"a{text}b", "because")


quantities = st.decimals("-500", "500", places=3)
failures = st.lists(
    st.sampled_from([None, None, ExchangeUnavailable, ExchangeRefused, OutcomeUnknown]), max_size=12
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    held=st.dictionaries(st.sampled_from([BTC, ETH]), quantities),
    orders=st.lists(st.sampled_from([ENTRY, TRIGGER, STOP]), unique=True),
    failures=failures,
    largest=st.sampled_from([None, Decimal(120)]),
)
def test_whatever_fails_for_a_while_the_account_ends_empty_and_no_stop_goes_before_its_position(
    held: dict[str, Decimal],
    orders: list[WorkingOrder],
    failures: list[type[ExchangeError] | None],
    largest: Decimal | None,
    tmp_path: Path,
) -> None:
    account = Account(held, tuple(orders), failures=tuple(failures), largest=largest)
    journal = new_journal(tmp_path, lambda: NOW_MS)
    done = killed(account, journal, rounds=40)
    journal.close()
    assert done.is_done
    assert all(quantity == 0 for quantity in account.held.values())
    closings = [at for at, what in enumerate(account.done) if what.startswith("close")]
    if "cancel stop" in account.done and closings and ETH not in held:
        assert account.done.index("cancel stop") > max(closings)


def test_what_an_order_leaves_is_closed_at_a_wider_collar_and_at_last_at_the_market(
    journal: KillJournal,
) -> None:
    prices: list[Decimal | None] = []

    class Thin(Account):
        """Its book is empty within 4 % of the mark of 100."""

        async def holdings(self) -> list[AccountPosition]:
            return [one._replace(mark_price=Decimal(100)) for one in await super().holdings()]

        async def send(self, order: MarketOrder) -> VenueOrder:
            prices.append(order.limit_price)
            if order.limit_price is None:
                return await super().send(order)
            return VenueOrder(order.client_order_id, "1", "EXPIRED", Decimal(0))

    assert killed(Thin({BTC: Decimal("0.5")}), journal).is_done
    assert prices == [Decimal("99.5"), Decimal("99.0"), Decimal("98.0"), Decimal("96.0"), None]


def within_seconds(account: Account, journal: KillJournal, seconds: float) -> Killed:
    """Kill against a venue that may say nothing, in time that is over soon."""
    return asyncio.run(kill(account, journal, ANN, readings=Readings(400, 0.01, seconds)))


async def never(*_: Any) -> Any:
    await asyncio.Event().wait()


def test_venue_that_does_not_answer_ends_a_kill_at_its_time_with_what_is_not_known(
    journal: KillJournal,
) -> None:
    account = Account({BTC: Decimal(1)})
    account.working = never  # type: ignore[method-assign] - a venue that says nothing
    done = within_seconds(account, journal, 0.2)
    assert (done.is_done, done.is_known) == (False, False)
    assert done.sentence == "what is left is not known: the time is over after 0.2 s"
    assert lines(journal)[-1]["sentence"] == done.sentence


def test_order_whose_answer_did_not_come_in_time_is_named(journal: KillJournal) -> None:
    account = Account({BTC: Decimal(1)})
    account.send = never  # type: ignore[method-assign] - a venue that says nothing to orders
    done = within_seconds(account, journal, 0.2)
    assert (done.is_done, done.is_known) == (False, False)
    [name] = done.sent
    assert done.sentence.startswith("left at the venue by the last reading: 1 BTC/USDT:USDT; ")
    assert done.sentence.endswith(f"; what became since is not known of order {name}")


def test_what_is_left_after_the_time_is_known_where_all_was_answered(journal: KillJournal) -> None:
    account = Account({BTC: Decimal(1)}, failures=(None, None, ExchangeRefused) * 1000)
    done = within_seconds(account, journal, 0.2)
    assert (done.is_done, done.is_known) == (False, True)
