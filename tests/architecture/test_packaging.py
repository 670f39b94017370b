"""Files that must travel with the package."""

from pathlib import Path

import quant_pipelines

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(quant_pipelines.__file__).parent


def test_dagster_yaml_at_the_root_is_the_packaged_one() -> None:
    assert (ROOT / "dagster.yaml").read_text() == (PACKAGE / "stack" / "dagster.yaml").read_text()


def test_stack_writes_a_workspace_with_one_code_server() -> None:
    assert "grpc_server" in (PACKAGE / "stack" / "services.py").read_text()
