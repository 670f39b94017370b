"""Margin, funding and liquidation."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.venue.brackets import (
    BracketRow,
    bracket_at,
    brackets_from,
    brackets_of,
    liquidation_price,
    maintenance_margin,
)
from quant_pipelines.simulator.venue.records import IncomeRecord


@pytest.fixture
def published() -> dict[str, Any]:
    path = Path(__file__).parents[5] / "shared" / "reference" / "reference.json"
    if not path.exists():
        pytest.skip(f"published values are not here: {path}")
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def code_of(call: Any, *arguments: Any, **more: Any) -> int:
    with pytest.raises(VenueError) as caught:
        call(*arguments, **more)
    return caught.value.code


def incomes(desk: Any, kind: str) -> list[Decimal]:
    return [row.amount for row in desk.ledger.store.select(IncomeRecord, "kind = ?", kind)]


def test_liquidation_price_agrees_with_the_exchanges_examples(published: dict[str, Any]) -> None:
    for example in published["liquidation"]["binance_published_examples"]:
        quantity = Decimal(str(example["qty"]))
        mmr, cum = Decimal(str(example["mmr"])), Decimal(str(example["cum"]))
        single = brackets_from([BracketRow("1e12", str(mmr), 1)])
        shifted = tuple(type(one)(1, 1, one.floor, one.cap, mmr, cum) for one in single)
        backing = sum(
            Decimal(str(example[key])) * sign for key, sign in [("wb", 1), ("tmm", -1), ("upnl", 1)]
        )
        price = liquidation_price(
            shifted,
            quantity=quantity,
            cost=quantity * Decimal(str(example["entry"])),
            margin=Decimal(backing),
        )
        assert float(price) == pytest.approx(example["expected"], abs=0.005), example["label"]


def test_liquidation_price_takes_the_bracket_at_the_liquidation_price(published: dict[str, Any]) -> None:
    tables = {
        symbol: brackets_from(
            [BracketRow(str(row["cap"]), str(row["mmr"]), int(row["max_leverage"])) for row in rows]
        )
        for symbol, rows in published["liquidation"]["brackets"].items()
    }
    assert tables["BTCUSDT"] == brackets_of("BTCUSDT")
    assert tables["SOLUSDT"] == brackets_of("SOLUSDT")
    assert tables["DOGEUSDT"] == brackets_of("DOGEUSDT")
    for case in published["liquidation"]["worked_with_brackets"]:
        quantity = case["side"] * Decimal(str(case["qty"]))
        price = liquidation_price(
            tables[case["symbol"]],
            quantity=quantity,
            cost=quantity * Decimal(str(case["entry"])),
            margin=Decimal(str(case["isolated_wallet"])),
        )
        assert float(price) == pytest.approx(max(case["liq_price"], 0.0), abs=1e-6), case


def test_maintenance_margin_agrees_with_published_boundaries(published: dict[str, Any]) -> None:
    for notional, ratio, amount, margin in published["maintenance_lookup"]["bracket_boundaries_BTC"]:
        value = Decimal(str(notional))
        bracket = bracket_at(brackets_of("BTCUSDT"), value)
        assert (float(bracket.ratio), float(bracket.amount)) == (ratio, amount)
        assert float(maintenance_margin(brackets_of("BTCUSDT"), value)) == pytest.approx(margin)


def test_funding_agrees_with_published_short_payments(
    published: dict[str, Any], open_desk: Callable[..., Any]
) -> None:
    cases = [case for case in published["funding"]["simple"] if case["mark"] is not None]
    for case in cases:
        desk = open_desk()
        desk.price("DOGEUSDT", str(case["mark"]))
        desk.order("SELL", str(case["qty"]), symbol="DOGEUSDT")
        desk.price("DOGEUSDT", str(case["mark"]), rate=str(case["rate"]))
        assert [float(amount) for amount in incomes(desk, "FUNDING_FEE")] == pytest.approx(
            [case["short_fee"]]
        )


def test_long_pays_a_positive_funding_rate_on_mark(desk: Any) -> None:
    desk.order("BUY", "0.100")
    desk.price("BTCUSDT", "60000", mark="61000", rate="0.0001")
    assert incomes(desk, "FUNDING_FEE") == [Decimal("-0.61000000")]
    assert desk.messages[-1]["a"]["m"] == "FUNDING_FEE"


def test_short_receives_what_the_long_pays(desk: Any) -> None:
    desk.order("SELL", "0.100")
    desk.price("BTCUSDT", "60000", rate="0.0001")
    assert incomes(desk, "FUNDING_FEE") == [Decimal("0.60000000")]


def test_funding_counts_what_was_held_before_the_moments_fills(desk: Any) -> None:
    desk.order("BUY", "0.100", "59000.0")
    desk.price("BTCUSDT", "58000", rate="0.0001")
    assert (incomes(desk, "FUNDING_FEE"), desk.ledger.position("BTCUSDT").quantity) == ([], Decimal("0.100"))


def test_moment_is_played_once(desk: Any) -> None:
    desk.order("BUY", "0.100")
    desk.price("BTCUSDT", "60000", rate="0.0001")
    desk.price("BTCUSDT", "60000", rate="0.0001", after_ms=0)
    assert len(incomes(desk, "FUNDING_FEE")) == 1


def test_isolated_position_sets_its_margin_aside(desk: Any) -> None:
    desk.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    desk.call("POST", "leverage", symbol="BTCUSDT", leverage=10)
    desk.order("BUY", "0.100")
    assert desk.ledger.position("BTCUSDT").isolated_wallet == Decimal("600.00100000")
    desk.order("SELL", "0.050")
    assert desk.ledger.position("BTCUSDT").isolated_wallet == Decimal("300.00050000")
    account = desk.call("GET", "account")
    assert Decimal(account["totalWalletBalance"]) - Decimal(account["totalCrossWalletBalance"]) == Decimal(
        "300.0005"
    )


def test_isolated_liquidation_loses_the_isolated_wallet_and_no_more(desk: Any) -> None:
    desk.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    desk.call("POST", "leverage", symbol="BTCUSDT", leverage=20)
    desk.order("BUY", "0.100", newClientOrderId="entry")
    outside = desk.ledger.account.wallet - desk.ledger.position("BTCUSDT").isolated_wallet
    threshold = Decimal(desk.call("GET", "positionRisk")[0]["liquidationPrice"])
    desk.price("BTCUSDT", f"{threshold + 1:.1f}")
    assert desk.ledger.position("BTCUSDT").quantity != 0
    desk.price("BTCUSDT", f"{threshold - 1:.1f}")
    assert desk.ledger.position("BTCUSDT").quantity == 0
    assert outside <= desk.ledger.account.wallet < outside + 15
    last = [message["o"] for message in desk.messages if message["e"] == "ORDER_TRADE_UPDATE"][-1]
    assert (last["x"], last["X"], last["o"]) == ("CALCULATED", "FILLED", "LIQUIDATION")
    assert last["c"].startswith("autoclose-")
    assert [order["status"] for order in desk.call("GET", "forceOrders")] == ["FILLED"]


def test_gap_through_bankruptcy_is_paid_by_the_insurance_fund(desk: Any) -> None:
    desk.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    desk.order("BUY", "0.100")
    outside = desk.ledger.account.wallet - desk.ledger.position("BTCUSDT").isolated_wallet
    desk.price("BTCUSDT", "50000")
    assert desk.ledger.account.wallet == outside
    assert incomes(desk, "INSURANCE_CLEAR")[0] > 0


def test_cross_liquidation_cancels_orders_and_never_leaves_a_debt(desk: Any) -> None:
    desk.order("BUY", "3.000")
    desk.order("BUY", "0.010", "58000.0")
    desk.price("BTCUSDT", "55000")
    assert desk.ledger.position("BTCUSDT").quantity == 0
    assert desk.ledger.orders == {}
    assert desk.ledger.account.wallet == 0


def test_cross_liquidation_follows_mark_not_last(desk: Any) -> None:
    desk.order("BUY", "3.000")
    desk.price("BTCUSDT", "55000", mark="60000")
    assert desk.ledger.position("BTCUSDT").quantity == 3


def test_cross_liquidation_spares_the_position_that_is_covered_again(open_desk: Callable[..., Any]) -> None:
    desk = open_desk(wallet="6000000")
    desk.price("BTCUSDT", "60000")
    desk.price("DOGEUSDT", "0.20000")
    desk.order("BUY", "1600")
    desk.order("BUY", "1000", symbol="DOGEUSDT")
    desk.price("BTCUSDT", "57400")
    assert desk.ledger.position("BTCUSDT").quantity == 0
    assert desk.ledger.position("DOGEUSDT").quantity == 1000


def test_account_balances_hang_together(desk: Any) -> None:
    desk.order("BUY", "0.100")
    desk.order("SELL", "0.300", "61000.0")
    desk.price("BTCUSDT", "60500")
    account = {
        k: Decimal(v) for k, v in desk.call("GET", "account").items() if k.startswith(("total", "avail"))
    }
    assert account["totalMarginBalance"] == account["totalWalletBalance"] + account["totalUnrealizedProfit"]
    assert account["totalInitialMargin"] == (
        account["totalPositionInitialMargin"] + account["totalOpenOrderInitialMargin"]
    )
    assert account["availableBalance"] == account["totalMarginBalance"] - account["totalInitialMargin"]
    assert account["totalPositionInitialMargin"] == Decimal("302.5")  # 0.1 * 60500 / 20
    assert account["totalOpenOrderInitialMargin"] == Decimal(
        "310.0"
    )  # (0.3 * 61000 - 0.1 * 60500) / 20 - 302.5


def test_settings_refuse_what_would_not_change_or_not_fit(desk: Any) -> None:
    assert code_of(desk.call, "POST", "marginType", symbol="BTCUSDT", marginType="CROSSED") == -4046
    assert code_of(desk.call, "POST", "positionSide/dual", dualSidePosition="false") == -4059
    assert code_of(desk.call, "POST", "leverage", symbol="BTCUSDT", leverage=126) == -4028
    desk.order("BUY", "1.000")
    assert code_of(desk.call, "POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4048
    assert code_of(desk.call, "POST", "leverage", symbol="BTCUSDT", leverage=125) == -2027
    assert code_of(desk.call, "POST", "leverage", symbol="BTCUSDT", leverage=5) == -2028
    assert desk.ledger.position("BTCUSDT").leverage == 20
    assert code_of(desk.call, "POST", "positionSide/dual", dualSidePosition="true") == -4068


def test_leverage_of_an_isolated_position_only_rises(desk: Any) -> None:
    desk.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    desk.order("BUY", "0.010")
    assert code_of(desk.call, "POST", "leverage", symbol="BTCUSDT", leverage=10) == -4161


def test_hedge_mode_takes_no_orders(desk: Any) -> None:
    desk.call("POST", "positionSide/dual", dualSidePosition="true")
    assert desk.call("GET", "positionSide/dual") == {"dualSidePosition": True}
    assert code_of(desk.order, "BUY", "0.010") == -4061


def test_income_is_paged_and_filtered(desk: Any) -> None:
    desk.order("BUY", "0.010")
    desk.order("SELL", "0.010")
    kinds = [row["incomeType"] for row in desk.call("GET", "income")]
    assert kinds == ["TRANSFER", "COMMISSION", "REALIZED_PNL", "COMMISSION"]
    fees = desk.call("GET", "income", incomeType="COMMISSION", startTime=0, limit=1, page=2)
    assert [row["tradeId"] for row in fees] == ["2"]


def test_margin_call_comes_once_before_the_liquidation(desk: Any) -> None:
    desk.order("BUY", "3.000")
    for price in ("58000", "57000", "57050", "59000", "57000"):
        desk.price("BTCUSDT", price)
    calls = [message for message in desk.messages if message["e"] == "MARGIN_CALL"]
    assert [call["p"][0]["mp"] for call in calls] == ["57000.00000000"] * 2
    assert desk.ledger.position("BTCUSDT").quantity == 3
