"""The pod that measures checkpointers: the runner image, the store, and what is not in the image.

That is our own measuring code and LangGraph's SqliteSaver, a few Python files. They come as a
ConfigMap from the development environment, where tests/requirements.txt pins them with hashes.
"""

from pathlib import Path

import langgraph.checkpoint.sqlite

from bench.api import Object
from cluster.paths import CHECKOUT

NAME = "checkpoints"
CONTAINER = "agent"  # the name by which the bench knows a container that it waits for
_CODE = "/bench"
# What is imported from each directory, under the name that it is imported by.
_PACKAGES = {
    "bench/checkpoints/in_pod": CHECKOUT / "tests" / "bench" / "checkpoints" / "in_pod",
    "langgraph/checkpoint/sqlite": Path(langgraph.checkpoint.sqlite.__file__).parent,
}


def manifests(image: str) -> list[Object]:
    """The ConfigMap and the pod."""
    files = {
        f"{package}/{path.name}": path.read_text()
        for package, directory in _PACKAGES.items()
        for path in sorted(directory.glob("*.py"))
    }
    # Keys of a ConfigMap have no slashes.
    items = [{"key": name.replace("/", "."), "path": name} for name in files]
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME},
        "data": {name.replace("/", "."): text for name, text in files.items()},
    }
    return [config_map, _pod(image, items)]


def _pod(image: str, items: list[Object]) -> Object:
    container = {
        "name": CONTAINER,
        "image": image,
        "command": ["python3", "-m", "bench.checkpoints.in_pod.measure"],
        "env": [{"name": "PYTHONPATH", "value": f"{_CODE}:/opt/agentrun"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "store", "mountPath": "/agentrun/store"},
            {"name": "code", "mountPath": _CODE, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # As the runs' pods: the same user, on the same volume.
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "store", "persistentVolumeClaim": {"claimName": "agentrun-store"}},
                {"name": "code", "configMap": {"name": NAME, "items": items}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }
