"""A stop and a second start on the home of the tests before: the last file, it stops the stack."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.postgres, pytest.mark.timeout(900)]


def test_second_start_keeps_everything(stack: Any) -> None:
    facts = (
        "select (select count(*) from research.verdicts), (select count(*) from trading.deployments), "
        "(select count(*) from market.bars)"
    )
    before, fills = stack.rows(facts)[0], set(stack.rows("select trade_id from trading.fills"))
    anchor = (stack.home / "simulator" / "anchor.json").read_text()
    pids = stack.pids()
    assert stack.stop() == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    stack.start()
    after = stack.wait_for("second start", lambda: stack.rows(facts), 120)[0]
    assert after[:2] == before[:2]
    assert after[2] >= before[2]
    assert set(stack.rows("select trade_id from trading.fills")) >= fills
    assert (stack.home / "simulator" / "anchor.json").read_text() == anchor
    stack.wait_for("trading after the second start", lambda: stack.status()["trading_state"] == "ACTIVE", 120)
    assert stack.stop() == 0
