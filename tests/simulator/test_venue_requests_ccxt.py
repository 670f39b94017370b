"""Requests of clients beside the plain order: batches, matched prices, margin by hand."""

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from quant_pipelines.simulator.venue.records import AccountRecord
from quant_pipelines.simulator.venue.store import Store

BTC = "BTC/USDT:USDT"


def limit(price: float, **more: Any) -> dict[str, Any]:
    plain = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    return plain | {"quantity": "0.01", "price": str(price)} | more


def test_batch_answers_each_order_for_itself_in_the_order_of_the_list(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        wanted = [
            limit(59_000, newClientOrderId="first"),
            limit(59_000, quantity="0.0001"),
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "MARKET",
                "quantity": 0.01,
                "newOrderRespType": "RESULT",
            },
            limit(59_000, newClientOrderId="first"),
        ]
        placed = await client.fapiPrivatePostBatchOrders({"batchOrders": wanted})
        assert [row.get("status", row.get("code")) for row in placed] == ["NEW", -1111, "FILLED", -4116]
        changed = [limit(58_500, orderId=placed[0]["orderId"]), limit(58_500, orderId=1)]
        amended = await client.fapiPrivatePutBatchOrders({"batchOrders": changed})
        assert amended[0]["price"] == "58500.0"
        assert amended[1]["code"] == -2011
        gone = await client.cancel_orders([str(placed[0]["orderId"])], BTC)
        assert [order["status"] for order in gone] == ["canceled"]
        names = {"symbol": "BTCUSDT", "origClientOrderIdList": ["first", "never"]}
        answers = await client.fapiPrivateDeleteBatchOrders(names)
        assert [row["code"] for row in answers] == [-2011, -2011]

    play(scenario)


@pytest.mark.parametrize("orders", [[], [limit(59_000)] * 6])
def test_batch_of_a_wrong_size_is_refused_as_a_whole(play: Any, orders: list[Any]) -> None:
    async def scenario(world: Any) -> None:
        with pytest.raises(ccxt.BaseError, match="-4082"):
            await world.client.fapiPrivatePostBatchOrders({"batchOrders": orders})
        assert await world.client.fetch_open_orders(BTC) == []

    play(scenario)


def test_account_of_version_2_tells_every_symbol_with_its_settings(play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.client.set_leverage(7, BTC)
        await world.client.set_margin_mode("isolated", BTC)
        await world.buy()
        document = await world.client.fapiPrivateV2GetAccount()
        positions = {row["symbol"]: row for row in document["positions"]}
        assert set(positions) == set(world.venue.contracts)
        one = positions["BTCUSDT"]
        assert (one["leverage"], one["isolated"], one["entryPrice"]) == ("7", True, "60000.1000")
        assert positions["ETHUSDT"]["positionAmt"] == "0.000"
        newer = await world.client.fapiPrivateV3GetAccount()
        assert [row["symbol"] for row in newer["positions"]] == ["BTCUSDT"]
        assert newer["totalWalletBalance"] == document["totalWalletBalance"]

    play(scenario)


@pytest.mark.parametrize(("match", "price"), [("OPPONENT", "60000.1"), ("QUEUE", "59999.9")])
def test_matched_price_is_taken_from_the_book(play: Any, match: str, price: str) -> None:
    async def scenario(world: Any) -> None:
        wanted = limit(0, priceMatch=match)
        del wanted["price"]
        placed = await world.client.fapiPrivatePostOrder(wanted)
        assert (placed["price"], placed["priceMatch"]) == (price, match)

    play(scenario)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (limit(59_000, priceMatch="OPPONENT"), "-1106"),
        ({"price": "", **{k: v for k, v in limit(0, priceMatch="BEST").items() if k != "price"}}, "-5037"),
        ({"price": "", **{k: v for k, v in limit(0, priceMatch="QUEUE_5").items() if k != "price"}}, "-5041"),
        (
            {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "priceMatch": "QUEUE"},
            "-5038",
        ),
        (
            {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "price": "60000"},
            "-1106",
        ),
        (
            {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "timeInForce": "GTC"},
            "-1106",
        ),
        (limit(59_000.05), "-4014"),
        (limit(59_000.005), "-1111"),
    ],
)
def test_refusals_carry_the_documented_codes(play: Any, wanted: dict[str, Any], code: str) -> None:
    async def scenario(world: Any) -> None:
        for post in (world.client.fapiPrivatePostOrder, world.client.fapiPrivatePostOrderTest):
            with pytest.raises(ccxt.BaseError, match=code):
                await post({name: value for name, value in wanted.items() if value != ""})

    play(scenario)


def test_test_order_answers_what_would_be_accepted_and_places_nothing(play: Any) -> None:
    async def scenario(world: Any) -> None:
        document = await world.client.fapiPrivatePostOrderTest(limit(59_000, newClientOrderId="trial"))
        assert (document["status"], document["clientOrderId"], document["price"]) == (
            "NEW",
            "trial",
            "59000.0",
        )
        assert await world.client.fetch_open_orders(BTC) == []
        with pytest.raises(ccxt.InsufficientFunds):
            await world.client.fapiPrivatePostOrderTest(limit(59_000, quantity="100"))

    play(scenario)


def test_break_even_of_the_stream_is_that_of_the_answer(play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.venue.ledger.publish = world.raw.append
        await world.buy()
        [told] = [message for message in world.raw if message["e"] == "ACCOUNT_UPDATE"]
        [position] = await world.client.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"})
        assert told["a"]["P"][0]["bep"] == position["breakEvenPrice"] != position["entryPrice"]

    play(scenario)


def test_margin_by_hand_moves_between_cross_wallet_and_position(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        await client.set_margin_mode("isolated", BTC)
        with pytest.raises(ccxt.BaseError, match="-4054"):
            await client.add_margin(BTC, 10)
        await world.buy()
        before = Decimal(
            (await client.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"}))[0]["isolatedWallet"]
        )
        await client.add_margin(BTC, 10)
        await client.reduce_margin(BTC, 4)
        [risk] = await client.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"})
        assert Decimal(risk["isolatedWallet"]) == before + 6
        with pytest.raises(ccxt.BaseError, match="-4051"):
            await client.reduce_margin(BTC, 20)
        with pytest.raises(ccxt.BaseError, match="-4050"):
            await client.add_margin(BTC, 1_000_000)
        rows = await client.fapiPrivateGetPositionMarginHistory({"symbol": "BTCUSDT"})
        assert [(row["type"], Decimal(row["amount"])) for row in rows] == [(1, 10), (2, 4)]

    play(scenario)


def test_amendments_are_remembered_newest_first(play: Any) -> None:
    async def scenario(world: Any) -> None:
        order = await world.client.create_order(BTC, "limit", "buy", 0.01, 58_000)
        for price in (58_100, 58_200):
            await world.client.edit_order(order["id"], BTC, "limit", "buy", 0.01, price)
        rows = await world.client.fapiPrivateGetOrderAmendment({"symbol": "BTCUSDT", "orderId": order["id"]})
        prices = [row["amendment"]["price"] for row in rows]
        assert prices == [
            {"before": "58100.0", "after": "58200.0"},
            {"before": "58000.0", "after": "58100.0"},
        ]
        assert [row["amendment"]["count"] for row in rows] == [2, 1]

    play(scenario)


def test_post_only_order_that_a_change_would_make_take_is_canceled(play: Any) -> None:
    async def scenario(world: Any) -> None:
        placed = await world.client.fapiPrivatePostOrder(limit(59_000, timeInForce="GTX"))
        changed = limit(61_000, orderId=placed["orderId"])
        assert (await world.client.fapiPrivatePutOrder(changed))["status"] == "CANCELED"
        assert await world.client.fetch_positions() == []

    play(scenario)


def test_settings_that_the_venue_does_not_have_are_told_and_refused(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        assert await client.fapiPrivateGetFeeBurn() == {"feeBurn": False}
        with pytest.raises(ccxt.BaseError, match="-4084"):
            await client.fapiPrivatePostFeeBurn({"feeBurn": "true"})
        with pytest.raises(ccxt.BaseError, match="-21001"):
            await client.sapiGetPortfolioAccount()
        limits = await client.fapiPrivateGetRateLimitOrder()
        assert {(row["interval"], row["limit"]) for row in limits} == {("MINUTE", 1200), ("SECOND", 300)}
        await world.buy()
        quantiles = await client.fapiPrivateGetAdlQuantile({"symbol": "BTCUSDT"})
        assert [row["symbol"] for row in quantiles] == ["BTCUSDT"]

    play(scenario)


def test_multi_assets_mode_can_be_set_while_no_order_is_open_and_no_symbol_is_isolated(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client

        async def switch(value: str) -> None:
            await client.fapiPrivatePostMultiAssetsMargin({"multiAssetsMargin": value})

        with pytest.raises(ccxt.BaseError, match="-4171"):
            await switch("false")
        await client.fapiPrivatePostMarginType({"symbol": "BTCUSDT", "marginType": "ISOLATED"})
        with pytest.raises(ccxt.BaseError, match="-4167"):
            await switch("true")
        await client.fapiPrivatePostMarginType({"symbol": "BTCUSDT", "marginType": "CROSSED"})
        placed = await client.fapiPrivatePostOrder(limit(60_000))
        with pytest.raises(ccxt.BaseError, match="-4170"):
            await switch("true")
        await client.fapiPrivateDeleteOrder({"symbol": "BTCUSDT", "orderId": placed["orderId"]})
        await switch("true")
        assert await client.fapiPrivateGetMultiAssetsMargin() == {"multiAssetsMargin": True}
        assert (await client.fapiPrivateGetAccountConfig())["multiAssetsMargin"] is True

    play(scenario)


def test_ledger_of_an_older_venue_gets_the_columns_that_are_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    store = Store(path)
    store.put(AccountRecord(has_multi_assets=True))
    store.commit()
    store.close()
    with sqlite3.connect(path) as older:
        older.execute("ALTER TABLE orders DROP COLUMN price_match")
        older.execute("ALTER TABLE account DROP COLUMN has_multi_assets")
    store = Store(path)
    names = [row[1] for row in store.connection.execute("PRAGMA table_info(orders)")]
    [account] = store.select(AccountRecord)
    store.close()
    assert "price_match" in names
    assert account == AccountRecord()
