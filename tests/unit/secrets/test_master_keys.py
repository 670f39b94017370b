"""Master keys and what is sealed under them: private, bound to the account, safe whenever a machine dies."""

import base64
import os
from pathlib import Path

import pytest

from quant_pipelines.core.errors import SecretError
from quant_pipelines.secrets import (
    ApiKeys,
    MasterKeys,
    finish_rotation,
    open_keys,
    read_master_keys,
    seal_keys,
    start_rotation,
)

KEYS = ApiKeys("the-key", "the-secret")
ACCOUNT = "binanceusdm"


def made(home: Path) -> MasterKeys:
    return read_master_keys(home, {}, make=True)


def encoded(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def test_sealed_keys_open_again_and_show_nothing() -> None:
    masters = MasterKeys(os.urandom(32))
    sealed = seal_keys(masters, ACCOUNT, KEYS)
    assert open_keys(masters, ACCOUNT, sealed) == KEYS
    assert b"the-" not in sealed
    assert sealed != seal_keys(masters, ACCOUNT, KEYS)


def test_representations_hold_no_secret() -> None:
    masters = MasterKeys(b"m" * 32, (b"n" * 32,))
    shown = repr(KEYS) + repr(masters)
    assert not any(text in shown for text in ("the-key", "the-secret", "mmmm", "nnnn"))


@pytest.mark.parametrize("position", [0, 1, 9, 21, -1])
def test_a_sealed_value_that_was_changed_does_not_open(position: int) -> None:
    masters = MasterKeys(os.urandom(32))
    sealed = bytearray(seal_keys(masters, ACCOUNT, KEYS))
    sealed[position] ^= 1
    with pytest.raises(SecretError, match="binanceusdm"):
        open_keys(masters, ACCOUNT, bytes(sealed))


def test_sealed_keys_of_another_account_do_not_open() -> None:
    masters = MasterKeys(os.urandom(32))
    with pytest.raises(SecretError, match="keys of account 'okx' were changed, or belong to another account"):
        open_keys(masters, "okx", seal_keys(masters, ACCOUNT, KEYS))


def test_another_master_key_does_not_open_them() -> None:
    sealed = seal_keys(MasterKeys(b"a" * 32), ACCOUNT, KEYS)
    with pytest.raises(SecretError, match=r"are sealed under master key [0-9a-f]{16}; expected [0-9a-f]{16}"):
        open_keys(MasterKeys(b"b" * 32), ACCOUNT, sealed)


@pytest.mark.parametrize(
    ("key", "secret"), [("", "s"), ("k", ""), ("k k", "s"), ("k", "ü"), ("k" * 513, "s")]
)
def test_what_can_be_no_key_is_refused_without_showing_it(key: str, secret: str) -> None:
    with pytest.raises(SecretError, match=r"has \d+ characters; expected 1 to 512 without blanks"):
        ApiKeys(key, secret)


def test_master_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = made(tmp_path)
    file = tmp_path / "secrets" / "master.key"
    assert made(tmp_path) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_master_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    made(tmp_path)
    (tmp_path / "secrets" / "master.key").chmod(mode)
    with pytest.raises(SecretError, match=rf"has mode {mode:04o}, others may read it; expected 0600"):
        read_master_keys(tmp_path, {})


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", encoded(b"k" * 31).encode()])
def test_a_malformed_master_file_is_refused(tmp_path: Path, content: bytes) -> None:
    made(tmp_path)
    (tmp_path / "secrets" / "master.key").write_bytes(content)
    with pytest.raises(SecretError, match=r"master\.key"):
        read_master_keys(tmp_path, {})


def test_a_missing_master_key_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"no master key at .*; expected that file, or QUANT_MASTER_KEY"):
        read_master_keys(tmp_path, {})


def test_the_environment_replaces_the_file(tmp_path: Path) -> None:
    assert read_master_keys(tmp_path, {"QUANT_MASTER_KEY": encoded(b"e" * 32)}).current == b"e" * 32
    assert not (tmp_path / "secrets").exists()


def test_a_malformed_key_of_the_environment_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="the master key of QUANT_MASTER_KEY is malformed") as refusal:
        read_master_keys(tmp_path, {"QUANT_MASTER_KEY": "hunter2"})
    assert "hunter2" not in str(refusal.value)


def test_until_a_rotation_ends_both_keys_open(tmp_path: Path) -> None:
    old = made(tmp_path)
    sealed_before = seal_keys(old, ACCOUNT, KEYS)
    sealed_after = seal_keys(start_rotation(tmp_path, {}), ACCOUNT, KEYS)
    interrupted = read_master_keys(tmp_path, {})
    assert [open_keys(interrupted, ACCOUNT, one) for one in (sealed_before, sealed_after)] == [KEYS, KEYS]


def test_a_rotation_that_was_interrupted_goes_on_with_the_same_key(tmp_path: Path) -> None:
    made(tmp_path)
    assert start_rotation(tmp_path, {}).current == start_rotation(tmp_path, {}).current


def test_after_a_rotation_only_the_new_key_opens(tmp_path: Path) -> None:
    sealed_before = seal_keys(made(tmp_path), ACCOUNT, KEYS)
    following = start_rotation(tmp_path, {}).current
    finish_rotation(tmp_path, {})
    masters = read_master_keys(tmp_path, {})
    assert masters == MasterKeys(following)
    with pytest.raises(SecretError, match="sealed under master key"):
        open_keys(masters, ACCOUNT, sealed_before)


def test_keys_of_the_environment_rotate_to_the_next_one_of_the_environment(tmp_path: Path) -> None:
    environment = {"QUANT_MASTER_KEY": encoded(b"e" * 32)}
    with pytest.raises(SecretError, match="expected the next one in QUANT_MASTER_KEY_NEXT"):
        start_rotation(tmp_path, environment)
    environment["QUANT_MASTER_KEY_NEXT"] = encoded(b"f" * 32)
    assert start_rotation(tmp_path, environment) == MasterKeys(b"f" * 32, (b"e" * 32,))
