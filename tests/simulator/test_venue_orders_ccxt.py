"""The real ccxt client trades at the venue: every call of the order side, on prices that the test sets."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest

from quant_pipelines.core.clock import system_clock_ms

BTC = "BTC/USDT:USDT"


def test_market_order_is_filled_and_found_again(play: Any) -> None:
    async def scenario(world: Any) -> None:
        order = await world.buy()
        assert (order["status"], order["filled"], order["average"]) == ("closed", 0.01, 60_000.1)
        again = await world.client.fetch_order(None, BTC, {"origClientOrderId": "entry"})
        assert (again["id"], again["clientOrderId"]) == (order["id"], "entry")
        [trade] = await world.client.fetch_my_trades(BTC, None, 10, {"fromId": 1})
        assert (trade["order"], trade["takerOrMaker"]) == (order["id"], "taker")
        assert (trade["fee"]["currency"], trade["fee"]["cost"]) == ("USDT", 0.3000005)
        assert [one["id"] for one in await world.client.fetch_orders(BTC)] == [order["id"]]
        assert [one["id"] for one in await world.client.fetch_closed_orders(BTC)] == [order["id"]]
        assert len(await world.client.fetch_my_trades(BTC, system_clock_ms() - 60_000)) == 1

    play(scenario)


def test_position_and_balance_follow_the_fill(play: Any) -> None:
    async def scenario(world: Any) -> None:
        assert await world.client.fetch_positions() == []
        await world.buy(amount=0.1)
        world.move(61_000)
        [position] = await world.client.fetch_positions([BTC])
        assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.1, 60_000.1)
        assert position["unrealizedPnl"] == pytest.approx(99.99)
        assert position["hedged"] is False
        balance = (await world.client.fetch_balance())["USDT"]
        assert balance["total"] == pytest.approx(100_000 - 3.000005 + 99.99)  # ccxt reads the margin balance
        assert balance["used"] > 0

    play(scenario)


def test_limit_order_rests_is_listed_amended_and_canceled(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        order = await client.create_order(BTC, "limit", "buy", 0.01, 59_000, {"newClientOrderId": "patient"})
        assert (order["status"], order["timeInForce"]) == ("open", "GTC")
        client.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
        assert [one["clientOrderId"] for one in await client.fetch_open_orders()] == ["patient"]
        edited = await client.edit_order(order["id"], BTC, "limit", "buy", 0.02, 59_500)
        assert (edited["id"], edited["amount"], edited["price"]) == (order["id"], 0.02, 59_500)
        canceled = await client.cancel_order(None, BTC, {"origClientOrderId": "patient"})
        assert canceled["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(order["id"], BTC)

    play(scenario)


def test_limit_order_is_filled_as_maker_when_traded_through(play: Any) -> None:
    async def scenario(world: Any) -> None:
        order = await world.client.create_order(BTC, "limit", "buy", 0.01, 59_000, {"postOnly": True})
        assert order["timeInForce"] == "PO"
        world.move(58_999)
        assert (await world.client.fetch_order(order["id"], BTC))["average"] == 59_000
        [trade] = await world.client.fetch_my_trades(BTC)
        assert trade["takerOrMaker"] == "maker"

    play(scenario)


@pytest.mark.parametrize(
    ("arguments", "params", "error"),
    [
        (("market", "buy", 100), {}, ccxt.InsufficientFunds),
        (("market", "buy", 0.001), {}, ccxt.InvalidOrder),
        (("market", "buy", 0.01), {"reduceOnly": True}, ccxt.InvalidOrder),
        (("limit", "buy", 0.01, 60_500), {"postOnly": True}, ccxt.OrderNotFillable),
        (("market", "sell", 0.01), {"stopLossPrice": 61_000}, ccxt.OrderImmediatelyFillable),
        (("limit", "buy", 0.01, 59_000), {"newClientOrderId": "taken"}, ccxt.InvalidOrder),
    ],
)
def test_refusals_arrive_as_ccxts_own_errors(
    play: Any, arguments: tuple[Any, ...], params: dict[str, Any], error: type[Exception]
) -> None:
    async def scenario(world: Any) -> None:
        await world.client.create_order(BTC, "limit", "buy", 0.01, 58_000, {"newClientOrderId": "taken"})
        kind, side, amount, *price = arguments
        with pytest.raises(error):
            await world.client.create_order(BTC, kind, side, amount, *(price or [None]), params)

    play(scenario)


def test_conditional_types_are_refused_by_the_plain_endpoint(play: Any) -> None:
    async def scenario(world: Any) -> None:
        wanted = {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "STOP_MARKET",
            "quantity": "0.01",
            "stopPrice": "58000",
        }
        with pytest.raises(ccxt.InvalidOrder, match="-4120"):
            await world.client.fapiPrivatePostOrder(wanted)

    play(scenario)


def test_stop_lives_on_its_own_endpoints(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        await world.buy()
        placed = await world.stop(workingType="MARK_PRICE")
        assert (placed["status"], placed["triggerPrice"], placed["reduceOnly"]) == ("open", 58_000, True)
        assert await client.fetch_open_orders(BTC) == []
        [listed] = await client.fetch_open_orders(BTC, None, None, {"trigger": True})
        assert listed["clientOrderId"] == "guard"
        await client.cancel_all_orders(BTC)
        found = await client.fetch_order(None, BTC, {"clientAlgoId": "guard", "trigger": True})
        assert found["status"] == "open"
        await client.cancel_order(None, BTC, {"clientAlgoId": "guard", "trigger": True})
        found = await client.fetch_order(None, BTC, {"clientAlgoId": "guard", "trigger": True})
        assert found["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order(None, BTC, {"clientAlgoId": "never", "trigger": True})

    play(scenario)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"stopLossPrice": 58_000, "reduceOnly": True}, [57_999]),
        ({"takeProfitPrice": 62_000, "reduceOnly": True}, [62_001]),
        ({"trailingPercent": 1, "reduceOnly": True}, [61_000, 60_389]),
        ({"triggerPrice": 58_000, "closePosition": True}, [57_999]),
    ],
)
def test_conditional_order_closes_the_position(play: Any, params: dict[str, Any], path: list[float]) -> None:
    async def scenario(world: Any) -> None:
        await world.buy()
        kind = "STOP_MARKET" if "closePosition" in params else "market"
        await world.client.create_order(BTC, kind, "sell", 0.01, None, {"clientOrderId": "guard"} | params)
        for price in path:
            assert await world.client.fetch_positions() != []
            world.move(price)
        assert await world.client.fetch_positions() == []
        child = await world.client.fetch_order(None, BTC, {"origClientOrderId": "guard"})
        algo = await world.client.fetch_order(None, BTC, {"clientAlgoId": "guard", "trigger": True})
        assert algo["info"]["actualOrderId"] == child["id"]

    play(scenario)


def test_cancel_all_takes_two_calls(play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.client.create_order(BTC, "limit", "buy", 0.01, 59_000)
        await world.stop()
        await world.client.cancel_all_orders(BTC)
        await world.client.cancel_all_orders(BTC, {"trigger": True})
        assert await world.client.fetch_open_orders(BTC) == []
        assert await world.client.fetch_open_orders(BTC, None, None, {"trigger": True}) == []

    play(scenario)


def test_dead_man_switch_cancels_orders_and_leaves_stops(play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.client.create_order(BTC, "limit", "buy", 0.01, 59_000)
        await world.stop()
        switch = {"symbol": "BTCUSDT", "countdownTime": 1500}
        assert await world.client.fapiPrivatePostCountdownCancelAll(switch) == {
            "symbol": "BTCUSDT",
            "countdownTime": "1500",
        }
        for _ in range(3):
            world.move(60_000)
        assert await world.client.fetch_open_orders(BTC) == []
        assert len(await world.client.fetch_open_orders(BTC, None, None, {"trigger": True})) == 1

    play(scenario)


def test_settings_are_read_and_set(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        assert (await client.fetch_position_mode(BTC))["hedged"] is False
        with pytest.raises(ccxt.OperationRejected, match="-4059"):
            await client.set_position_mode(False)
        await client.set_leverage(5, BTC)
        await client.set_margin_mode("isolated", BTC)
        with pytest.raises(ccxt.MarginModeAlreadySet):
            await client.set_margin_mode("isolated", BTC)
        leverage = (await client.fetch_leverages([BTC]))[BTC]
        assert (leverage["longLeverage"], leverage["marginMode"]) == (5, "isolated")
        assert (await client.fetch_leverage_tiers([BTC]))[BTC][0]["maxLeverage"] == 125
        fees = await client.fetch_trading_fee(BTC)
        assert (fees["maker"], fees["taker"]) == (0.0002, 0.0005)

    play(scenario)


def test_funding_and_fees_are_income(play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.buy(amount=0.1)
        world.due = Decimal("0.0001")
        world.move(60_000)
        [payment] = await world.client.fetch_funding_history(BTC)
        assert payment["amount"] == -0.6
        kinds = [row["incomeType"] for row in await world.client.fapiPrivateGetIncome({})]
        assert kinds == ["TRANSFER", "COMMISSION", "FUNDING_FEE"]

    play(scenario)


def test_wrong_secret_and_unknown_key_are_authentication_errors(play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.client.secret = "guess"  # noqa: S105 - the point is that it is wrong
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await world.client.fetch_balance()
        world.client.apiKey = "stranger"
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await world.client.fetch_balance()

    play(scenario)


def test_stale_request_is_refused(play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.ahead_ms = 20_000
        with pytest.raises(ccxt.InvalidNonce):
            await world.client.fetch_balance()
        await world.client.load_time_difference()
        world.client.options["adjustForTimeDifference"] = True
        await world.client.fetch_balance()

    play(scenario)


def test_answers_tell_used_weight_and_orders(play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.buy()
        headers = world.client.last_response_headers
        assert int(headers["X-MBX-USED-WEIGHT-1M"]) > 0
        assert headers["X-MBX-ORDER-COUNT-10S"] == "1"

    play(scenario)
