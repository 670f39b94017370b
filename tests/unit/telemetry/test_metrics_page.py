"""The page of metrics says what the code says."""

import tomllib
from pathlib import Path

from quant_pipelines.settings import load_settings
from quant_pipelines.telemetry.table import METRICS, Metric

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "metrics.md").read_text()


def row(one: Metric) -> str:
    labels, shown_by = ", ".join(one.labels), ", ".join(one.shown_by)
    return f"| `{one.name}` | {one.kind} | {labels} | {shown_by} | {one.help} |"


def test_the_page_has_a_row_for_every_metric_and_no_other() -> None:
    listed = [line for line in PAGE.splitlines() if line.startswith("| `quant_")]
    assert listed == [row(one) for one in METRICS.values()]


def test_the_settings_of_the_page_are_accepted(tmp_path: Path) -> None:
    text = PAGE.partition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "quant.toml"
    file.write_text(text)
    metrics = load_settings(environment={}, file=file).metrics
    assert tomllib.loads(text)["metrics"]["watchdog_port"] == metrics.port_of("watchdog") == 9104
