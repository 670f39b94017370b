"""Databases as wholes: they get other names together, or keep their own."""

import pytest

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.databases import (
    Renaming,
    drop_databases,
    has_database,
    make_database,
    rename_databases,
)
from quant_pipelines.store.engine import connected

pytestmark = pytest.mark.postgres


def test_a_swap_without_the_new_database_leaves_the_old_one_in_its_place(template_url: str) -> None:
    with connected(template_url) as server:
        make_database(server, "swap_old")
        away = Renaming("swap_old", "swap_replaced", may_be_absent=True)
        with pytest.raises(StoreError, match='refuses: database "swap_new" does not exist'):
            rename_databases(server, [away, Renaming("swap_new", "swap_old")])
        assert has_database(server, "swap_old")
        assert not has_database(server, "swap_replaced")
        drop_databases(server, ["swap_old"])


def test_a_first_database_takes_a_place_that_was_empty(template_url: str) -> None:
    with connected(template_url) as server:
        make_database(server, "swap_new")
        away = Renaming("swap_old", "swap_replaced", may_be_absent=True)
        rename_databases(server, [away, Renaming("swap_new", "swap_old")])
        assert has_database(server, "swap_old")
        drop_databases(server, ["swap_old"])
