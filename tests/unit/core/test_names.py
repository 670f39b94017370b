import re

from quant_pipelines.core.errors import unknown_name
from quant_pipelines.core.ids import client_order_id, content_hash, digest_of


def test_unknown_name_suggests_the_near_miss() -> None:
    assert unknown_name("strategy", "ema_cros", ["ema_cross", "rsi"]) == (
        "unknown strategy 'ema_cros'; did you mean 'ema_cross'?"
    )


def test_unknown_name_without_a_near_miss_lists_what_exists() -> None:
    assert unknown_name("strategy", "zzz", ["b", "a"]) == "unknown strategy 'zzz'; known: a, b"


def test_client_order_id_fits_the_venue_and_repeats() -> None:
    first = client_order_id(10**6, 10**9, 4_102_444_800_000, "t")
    assert first == client_order_id(10**6, 10**9, 4_102_444_800_000, "t")
    assert re.fullmatch(r"[.A-Z:/a-z0-9_-]{1,36}", first)


def test_client_order_ids_of_different_decisions_differ() -> None:
    ids = {client_order_id(1, d, b, p) for d in (1, 2) for b in (60_000, 120_000) for p in "ts"}
    assert len(ids) == 8


def test_digest_does_not_depend_on_key_order() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})


def test_content_hash_is_sixteen_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", content_hash("x"))
