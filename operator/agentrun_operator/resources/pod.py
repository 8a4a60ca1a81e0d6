"""What all our pods have in common: they meet the "restricted" Pod Security Standard."""

from typing import Any

from agentrun_kube.names import API_VERSION

AGENTRUN_ROOT = "/agentrun"
STORE_MOUNT = f"{AGENTRUN_ROOT}/store"
TERMINATION_LOG = "/dev/termination-log"
# The user and group of all our pods, whatever their image: the clean-up may delete what an agent
# wrote, and the next run of the thread may resume from it.
RUNNER_ID = 65532
NON_ROOT = {
    "runAsNonRoot": True,
    "runAsUser": RUNNER_ID,
    "runAsGroup": RUNNER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# Of the containers that the operator adds. Quotas require requests and limits. A crowded node has
# room for the requests; with less CPU than the limit, a rollback would take a tenth longer.
_NEEDED = {"memory": "256Mi", "ephemeral-storage": "128Mi"}
OWN_RESOURCES = {"requests": {"cpu": "100m", **_NEEDED}, "limits": {"cpu": "400m", **_NEEDED}}
TMP_LIMIT = "4Gi"


def pod_security() -> dict[str, Any]:
    return {**NON_ROOT, "fsGroup": RUNNER_ID, "fsGroupChangePolicy": "OnRootMismatch"}


def hardened() -> dict[str, Any]:
    """What a container needs beside the security context of its pod."""
    return {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def container_security() -> dict[str, Any]:
    """The security context of a container, whatever that of its pod says."""
    return {**NON_ROOT, **hardened()}


def tmp_mount(container: str) -> dict[str, Any]:
    """A /tmp of the container's own."""
    return {"name": "tmp", "mountPath": "/tmp", "subPath": container}


def tmp_volume(**fields: Any) -> dict[str, Any]:
    return {"name": "tmp", "emptyDir": {"sizeLimit": TMP_LIMIT, **fields}}


def owner_reference(run_name: str, run_uid: str, *, controller: bool) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "AgentRun",
        "name": run_name,
        "uid": run_uid,
    }
    return reference | ({"controller": True, "blockOwnerDeletion": True} if controller else {})
