"""Alert rules as Prometheus itself judges them, and every metric that rules and dashboards name."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from quant_pipelines.core.telemetry_settings import MetricsSettings
from quant_pipelines.telemetry.table import ALL, METRICS
from tests.unit.deploy.test_grafana import DASHBOARDS, targets_of

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"
RULES = [
    rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
CASES = yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]
PROMTOOL = shutil.which("promtool") or "promtool"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)"
)


def judged(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)


@needs_promtool
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    done = judged("check", "config", FOLDER / "prometheus.yml")
    assert done.returncode == 0, done.stderr


@needs_promtool
def test_each_alert_fires_and_is_silent_as_its_cases_say() -> None:
    done = judged("test", "rules", FOLDER / "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_that_is_changed_fails_its_cases(tmp_path: Path) -> None:
    text = (FOLDER / "rules.yml").read_text().replace("quant_halts > 0", "quant_halts > 7")
    (tmp_path / "rules.yml").write_text(text)
    cases = [case for case in CASES if case["name"] == "TradingHalted"]
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": cases}
    (tmp_path / "rules_test.yml").write_text(json.dumps(document))
    done = judged("test", "rules", tmp_path / "rules_test.yml")
    assert done.returncode == 1
    assert "TradingHalted" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_case_that_fires_and_one_that_is_silent(rule: dict[str, Any]) -> None:
    cases = [one for case in CASES for one in case["alert_rule_test"] if one["alertname"] == rule["alert"]]
    assert any(one["exp_alerts"] for one in cases)
    assert any(not one["exp_alerts"] for one in cases)
    assert rule["labels"]["severity"] in ("warning", "critical")


@needs_promtool
def test_every_query_of_the_dashboards_is_one(tmp_path: Path) -> None:
    """A dashboard has no compiler: its queries are checked as if they were rules."""
    queries = [expr for name in DASHBOARDS for expr in targets_of(name)]
    records = [
        {"record": f"dashboard:query:n{number}", "expr": expr.replace("$__rate_interval", "1m")}
        for number, expr in enumerate(queries)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": records}]}))
    done = judged("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def named_in(expression: str) -> set[str]:
    """Metrics of an expression, a histogram by its own name."""
    found = set(re.findall(r"\bquant_\w+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def labels_in(expression: str) -> set[str]:
    selected = re.findall(r"\{([^}]*)\}", expression)
    return {name for inside in selected for name in re.findall(r"(\w+)\s*=", inside)}


EXPRESSIONS = [rule["expr"] for rule in RULES] + [expr for name in DASHBOARDS for expr in targets_of(name)]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_that_is_asked_for_is_declared(expression: str) -> None:
    names = named_in(expression)
    assert names <= set(METRICS)
    known = {label for name in names for label in METRICS[name].labels}
    assert labels_in(expression) <= known | {"job", "process"}


def test_every_metric_is_seen_somewhere() -> None:
    seen = set().union(*map(named_in, EXPRESSIONS))
    assert set(METRICS) - seen == {"quant_capital_quote"}


def test_the_sample_scrapes_every_process_at_the_port_that_it_names() -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    named = {name: int(port) for name, port in re.findall(r"#   (\w+)_port = (\d+)", text)}
    (job,) = yaml.safe_load(text)["scrape_configs"]
    scraped = {one["labels"]["process"]: one["targets"] for one in job["static_configs"]}
    assert scraped == {name: [f"{MetricsSettings().host}:{port}"] for name, port in named.items()}
    assert set(scraped) == set(ALL)
