"""The quick start's way to a first canary, run as it is written; only its two days are skipped."""

import re
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.tables import deployments

pytestmark = pytest.mark.postgres
Quant = Callable[..., tuple[int, Any, str]]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "quick_start.md"
SECTION = PAGE.read_text().partition("**A first canary?**")[2].partition("**Every day, by itself?**")[0]
PROMOTIONS = re.findall(r"^    quant (promote .+)$", SECTION, re.MULTILINE)
DAY = timedelta(days=1, minutes=1)


def entered(world: Any, at: datetime) -> None:
    """Have its stage begin then."""
    with world.engine.begin() as connection:
        connection.execute(update(deployments).values(stage_changed_at=at))


def test_the_way_to_a_first_canary_leads_there(world: Any, quant: Quant, tmp_path: Path) -> None:
    settings = re.search(r"```toml\n(.+?)```", SECTION, re.DOTALL)
    assert settings is not None
    (tmp_path / "quant.toml").write_text(settings[1])
    number = world.deployment(first_look=utc_now().date() - timedelta(days=1))
    entered(world, utc_now())
    to_shadow, ann, bob = (shlex.split(line.replace(" 1 ", f" {number} ")) for line in PROMOTIONS)

    code, _, err = quant(*to_shadow)
    assert (code, err.count("\n")) == (1, 1)
    entered(world, utc_now() - DAY)
    assert quant(*to_shadow)[1]["action"] == "deployment.promoted"
    assert quant(*ann)[0] == 1
    entered(world, utc_now() - DAY)
    assert quant(*ann)[1]["action"] == "deployment.proposed"
    assert quant(*ann)[0] == 1
    receipt = quant(*bob)[1]
    [canary] = read_deployments(world.engine, ("canary",))
    assert receipt["subject"] == f"deployment:{canary.id}"
