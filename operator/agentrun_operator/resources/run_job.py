"""The Job of a run."""

from typing import Any

from agentrun_kube import defaults
from agentrun_kube.names import AGENT_CONTAINER, ANNOTATION_RETRIES
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..installation import Installation
from .pod import owner_reference
from .run_labels import for_job, own_labels
from .run_pod import is_supervised, pod_template

# The runner's exit code (runner-image/README.md) after which another try would end the same way.
# That of a stop, 143, is not one: the Job controller looks at the exit codes of all pods that have
# failed, also of those that it stopped itself because the Job was suspended. After a time-out the
# operator forbids retries.
FATAL_EXIT_CODES = (2,)
# The Job's own deadline only backs up those of its pods, which keep pod and log. It also counts the
# time in which pods wait for a node and their image is pulled, and evicted ones have run.
BACKSTOP_SECONDS = 24 * 3600


def run_job(run: AgentRun, agent: Agent, installation: Installation) -> dict[str, Any]:
    """The manifest of the run's Job. Its name is the run's, so that there can be only one."""
    retries = defaults.retries(run, agent)
    annotations = for_job(run.metadata.annotations) | {ANNOTATION_RETRIES: str(retries)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run.metadata.name,
            "namespace": run.metadata.namespace,
            "labels": for_job(run.metadata.labels) | own_labels(run),
            "annotations": annotations,
            "ownerReferences": [
                owner_reference(run.metadata.name, run.metadata.uid, controller=True)
            ],
        },
        "spec": {
            "backoffLimit": retries,
            **_job_deadline(run, agent, installation),
            "podFailurePolicy": {"rules": _failure_rules(agent)},
            # No second pod while the first still lives.
            "podReplacementPolicy": "Failed",
            "template": pod_template(run, agent, installation),
        },
    }


def _failure_rules(agent: Agent) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        # An eviction or a drain is not a failure of the agent: a new pod resumes.
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }
    ]
    if is_supervised(agent):
        codes = {
            "containerName": AGENT_CONTAINER,
            "operator": "In",
            "values": list(FATAL_EXIT_CODES),
        }
        rules.append({"action": "FailJob", "onExitCodes": codes})
    return rules


def _job_deadline(run: AgentRun, agent: Agent, installation: Installation) -> dict[str, int]:
    timeout = defaults.timeout_seconds(run, agent)
    if timeout is None:
        return {}
    grace = defaults.grace_seconds(run, agent, installation.max_grace_period_seconds)
    longest = (1 + defaults.retries(run, agent)) * (timeout + grace)
    return {"activeDeadlineSeconds": longest + BACKSTOP_SECONDS}
