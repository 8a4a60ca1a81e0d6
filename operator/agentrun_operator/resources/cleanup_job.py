"""The Job that deletes the checkpoints of rolled-back runs from their store."""

import hashlib
import json
from typing import Any

from agentrun_kube.names import (
    ANNOTATION_CLAIM,
    ANNOTATION_CLEANUP_ATTEMPT,
    ANNOTATION_CLEANUP_RUNS,
    CLEANUP_CONTAINER,
    COMPONENT_CLEANUP,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    MANAGED_BY,
)
from agentrun_kube.v1alpha1.agent_run import AgentRun

from .pod import (
    OWN_RESOURCES,
    STORE_MOUNT,
    container_security,
    owner_reference,
    pod_security,
    tmp_mount,
    tmp_volume,
)
from .run_labels import instance_label

# Fields of a run's pod that its clean-up needs to be scheduled and to pull its image. Not the
# nodeSelector: the volume's own node affinity places the pod, and a clean-up needs no GPU.
INHERITED_POD_FIELDS = ("tolerations", "imagePullSecrets", "serviceAccountName")

# A clean-up that fails is tried again every few minutes while its run is there. For so long its
# Jobs stay for people to look at, and a report for an operator that is down.
KEPT_SECONDS = 24 * 3600


def cleanup_job(
    claim_name: str,
    runs: tuple[AgentRun, ...],
    attempt: int,
    node: str | None,
    runner_image: str,
    like: dict[str, Any],
    salt: str,
) -> dict[str, Any]:
    """The manifest of a clean-up Job for runs of one namespace and one claim.

    ``like`` is the spec of a pod that had the volume; the clean-up inherits what let it run.

    ``salt`` is a secret until the Job is made, so that its name cannot be taken before. The runs
    own it together: when the last of them is gone, the garbage collector takes it away.
    """
    uids = sorted(run.metadata.uid for run in runs)
    digest = hashlib.sha256(json.dumps([claim_name, uids, attempt, salt]).encode()).hexdigest()
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_COMPONENT: COMPONENT_CLEANUP}
    labels |= instance_label(runs[0])
    work = [{"uid": run.metadata.uid, "thread": run.thread_directory} for run in runs]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"agentrun-cleanup-{digest[:16]}",
            "namespace": runs[0].metadata.namespace,
            "labels": labels,
            "annotations": {
                ANNOTATION_CLAIM: claim_name,
                ANNOTATION_CLEANUP_RUNS: json.dumps(
                    {run.metadata.uid: run.metadata.name for run in runs}
                ),
                ANNOTATION_CLEANUP_ATTEMPT: str(attempt),
            },
            "ownerReferences": [
                owner_reference(run.metadata.name, run.metadata.uid, controller=False)
                for run in runs
            ],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 600,  # one that hangs is replaced
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": store_pod(
                    claim_name,
                    node,
                    runner_image,
                    like,
                    args=["cleanup"],
                    env={"AGENTRUN_CLEANUP": json.dumps(work)},
                ),
            },
        },
    }


def store_pod(
    claim_name: str,
    node: str | None,
    runner_image: str,
    like: dict[str, Any],
    *,
    args: list[str],
    env: dict[str, str],
) -> dict[str, Any]:
    """The spec of a pod in which the runner image does something on the whole of the volume."""
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 2,  # cut anywhere, it is repeated
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "affinity": _prefer(node),
        **{field: like[field] for field in INHERITED_POD_FIELDS if field in like},
        "containers": [
            {
                "name": CLEANUP_CONTAINER,
                "image": runner_image,
                "args": args,
                "env": [{"name": name, "value": value} for name, value in env.items()],
                "resources": OWN_RESOURCES,
                "securityContext": container_security(),
                "volumeMounts": [
                    {"name": "store", "mountPath": STORE_MOUNT},
                    tmp_mount(CLEANUP_CONTAINER),
                ],
            }
        ],
        "volumes": [
            {"name": "store", "persistentVolumeClaim": {"claimName": claim_name}},
            tmp_volume(),
        ],
    }


def _prefer(node: str | None) -> dict[str, Any]:
    """A ReadWriteOnce volume is on one node at a time: start there, where the run's pod was."""
    if node is None:
        return {}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]
        }
    }
