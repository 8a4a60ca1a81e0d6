"""What all our pods have in common: they meet the "restricted" Pod Security Standard."""

from typing import Any

from ..constants import API_VERSION

STORE_MOUNT = "/agentrun/store"
# The user and group of all our pods, whatever their image: the clean-up may delete what an agent
# wrote, and the next run of the thread may go on with it.
RUNNER_ID = 65532


def pod_security() -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": RUNNER_ID,
        "runAsGroup": RUNNER_ID,
        "fsGroup": RUNNER_ID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    return {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def owner_reference(run_name: str, run_uid: str, *, controller: bool) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "AgentRun",
        "name": run_name,
        "uid": run_uid,
    }
    return reference | ({"controller": True, "blockOwnerDeletion": True} if controller else {})
