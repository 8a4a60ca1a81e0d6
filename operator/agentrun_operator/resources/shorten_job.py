"""The Job that tells a run's supervisor, by its volume, how soon the run has to end."""

import hashlib
import json
from typing import Any

from agentrun_kube.names import COMPONENT_CLEANUP, LABEL_COMPONENT, LABEL_MANAGED_BY, MANAGED_BY
from agentrun_kube.v1alpha1.agent_run import AgentRun

from .cleanup_job import KEPT_SECONDS, store_pod
from .pod import owner_reference
from .run_labels import instance_label


def shorten_job_name(run: AgentRun, seconds: int) -> str:
    """One for each number of seconds: a repetition finds it, a further lowering has another."""
    digest = hashlib.sha256(f"{run.metadata.uid} {seconds}".encode()).hexdigest()
    return f"agentrun-cleanup-{digest[:16]}"


def shorten_job(
    run: AgentRun, seconds: int, claim_name: str, pod: dict[str, Any], runner_image: str
) -> dict[str, Any]:
    """A Job for a run whose pod, which is being stopped, has that spec.

    What it reports does not count; the end of the pod does.
    """
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_COMPONENT: COMPONENT_CLEANUP}
    labels |= instance_label(run)
    asked = {"uid": run.metadata.uid, "thread": run.thread_directory, "seconds": seconds}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": shorten_job_name(run, seconds),
            "namespace": run.metadata.namespace,
            "labels": labels,
            "ownerReferences": [
                owner_reference(run.metadata.name, run.metadata.uid, controller=False)
            ],
        },
        "spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": 600,  # one that hangs is replaced
            "ttlSecondsAfterFinished": KEPT_SECONDS,  # no shorter than the pod may still have
            "template": {
                "metadata": {"labels": labels},
                "spec": store_pod(
                    claim_name,
                    pod.get("nodeName"),
                    runner_image,
                    pod,
                    args=["shorten"],
                    env={"AGENTRUN_SHORTEN": json.dumps(asked)},
                ),
            },
        },
    }
