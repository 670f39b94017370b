"""Files of deploy/ against the schemas of those who read them, without Docker, Helm and a cluster.

No chart is rendered, for that needs Helm: what the values put into pods is built into pods here.
"""

import copy
import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
VERSIONS = ("1.30", "1.37")


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def parsed(document: Any) -> PyCompose:
    """Document whose merged keys stand where they are merged into, as compose reads it."""
    return PyCompose.from_yaml(json.dumps(document))


def pod(name: str, spec: dict[str, Any], **beside: Any) -> dict[str, Any]:
    image = spec["image"]
    container = {"name": name, "image": f"{image['repository']}:{image['tag']}"}
    container |= {"imagePullPolicy": image["pullPolicy"]}
    container |= {key: spec[key] for key in ("resources", "env") if key in spec} | beside.pop("container", {})
    metadata = {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **beside},
    }


def pods() -> dict[str, dict[str, Any]]:
    """What the values say of pods, by what they are of."""
    dask = read("helm/dask.yaml")
    (code,) = read("helm/dagster.yaml")["dagster-user-deployments"]["deployments"]
    mounts = dask["worker"]["mounts"]
    mounted = {"volumeMounts": mounts["volumeMounts"]}
    secrets = {"envFrom": [{"secretRef": one} for one in code["envSecrets"]]}
    ports = {"ports": [{"containerPort": code["port"]}], "args": code["dagsterApiGrpcArgs"]}
    return {
        "scheduler": pod("scheduler", dask["scheduler"]),
        "worker": pod("worker", dask["worker"], container=mounted, volumes=mounts["volumes"]),
        "code": pod("code", code, container=secrets | ports),
    }


def test_compose_reads_the_file_and_knows_each_of_its_keys() -> None:
    document = read("compose.yaml")
    assert set(parsed(document).service_names()) == set(document["services"])


@pytest.mark.parametrize(("key", "value"), [("restrat", "always"), ("restart", "sometimes")])
def test_a_slip_in_the_compose_file_would_be_seen(key: str, value: str) -> None:
    document = copy.deepcopy(read("compose.yaml"))
    document["services"]["stack"][key] = value
    with pytest.raises(ValueError, match=f"{key}|{value}"):
        parsed(document)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", pods())
def test_kubernetes_knows_what_the_values_put_into_pods(name: str, version: str) -> None:
    assert kubernetes_validate.validate(pods()[name], version, strict=True).startswith(version)


def test_a_slip_in_the_values_would_be_seen() -> None:
    slip = pods()["worker"]
    slip["spec"]["containers"][0]["env"][0]["valueFrm"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="valueFrm"):
        kubernetes_validate.validate(slip, VERSIONS[0], strict=True)
