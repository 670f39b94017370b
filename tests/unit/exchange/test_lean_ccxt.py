"""ccxt is entered without its hundred exchanges, and what comes of it is the same."""

import json
import subprocess
import sys

import pytest

from quant_pipelines.core.exchanges import EXCHANGES

PROBE = """
import json, sys
from quant_pipelines.core.settings import ExchangeSettings
{before}
from quant_pipelines.exchange.client import connect
client = connect(ExchangeSettings(id={exchange!r}))
told = {{"speaks_binance": client.speaks_binance, "bases": [f"{{one.__module__}}.{{one.__qualname__}}"
    for one in type(client).__mro__ if one.__module__.startswith("ccxt")], "describe": client.describe(),
    "n_modules": sum(name.startswith("ccxt.") for name in sys.modules)}}
print(json.dumps(told, default=str))
"""


def probe(exchange: str, before: str = "") -> dict[str, object]:
    code = PROBE.format(exchange=exchange, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_client_without_the_other_exchanges_is_the_one_of_all_of_ccxt(exchange: str) -> None:
    lean, whole = probe(exchange), probe(exchange, "import ccxt.pro")
    few, many = lean.pop("n_modules"), whole.pop("n_modules")
    assert isinstance(few, int)
    assert isinstance(many, int)
    assert few < 60
    assert many > 300
    assert lean == whole


def test_what_ccxt_lacks_is_missed_by_its_name() -> None:
    code = "from quant_pipelines.exchange.lean_ccxt import exchange_class; exchange_class('nowhere')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ccxt.pro has no nowhere" in done.stderr
