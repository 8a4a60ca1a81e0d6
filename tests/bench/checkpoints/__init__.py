"""Our checkpointer beside LangGraph's SqliteSaver: in one pod, on the store's volume."""

import json
from typing import Any

from bench.api import MeasurementError
from bench.checkpoints.pod import CONTAINER, NAME, manifests
from bench.checkpoints.report import Measured, report
from bench.ground import Ground
from bench.seen import agent_runs
from bench.setting import NAMESPACE, runner_image
from cluster import kubectl
from cluster.shell import say


def measure(ground: Ground) -> str:
    items = {"apiVersion": "v1", "kind": "List", "items": manifests(runner_image())}
    with ground.api.watch("pods", fieldSelector=f"metadata.name={NAME}") as pods:
        kubectl("create", "--namespace", NAMESPACE, "--filename=-", stdin=json.dumps(items))
        pods.until(f"start of pod {NAME}", agent_runs)
    facts: dict[str, str] = {}
    rows: list[Measured] = []
    with ground.api.log(NAME, CONTAINER) as lines:
        for line in lines:
            said = _parsed(line)
            if "facts" in said:
                facts = said["facts"]
            else:
                rows.append(Measured(**said))
                say(f"checkpoints: {rows[-1]}")
    phase = ground.api.get("pods", NAME)["status"]["phase"]
    if phase == "Failed":
        raise MeasurementError(f"pod {NAME} has failed after {rows[-1:]}")
    return report(facts, rows)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        raise MeasurementError(f"pod {NAME} said {line.decode(errors='replace')}") from None
    return said
