"""The Job of a run."""

import json
from typing import Any

from ..constants import (
    AGENT_CONTAINER,
    ANNOTATION_RETRIES,
    ANNOTATION_RUN_FILE,
    ANNOTATION_RUNNER,
    COMPONENT_AGENT,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_MANAGED_BY,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_THREAD,
    MANAGED_BY,
    WORKSPACE_CONTAINER,
)
from ..models import Agent, AgentRun
from ..policy import defaults
from .merge import merge_under
from .pod import STORE_MOUNT, container_security, owner_reference, pod_security

# The runner's exit codes (runner-image/README.md) after which another try would end the same way:
# the run itself is wrong, or the agent was stopped although no pod was taken away: it timed out.
FATAL_EXIT_CODES = (2, 143)
# The Job's own deadline only backs up those of its pods, which keep pod and log. It also counts the
# time in which pods wait for a node and their image is pulled, and evicted ones have run.
BACKSTOP_SECONDS = 24 * 3600


def run_job(run: AgentRun, agent: Agent, runner_image: str) -> dict[str, Any]:
    """The manifest of the run's Job. Its name is the run's, so that there can be only one."""
    labels = {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_COMPONENT: COMPONENT_AGENT,
        LABEL_RUN: run.metadata.name,
        LABEL_RUN_UID: run.metadata.uid,
    }
    if run.spec.thread is not None:
        labels[LABEL_THREAD] = run.spec.thread
    pod = {
        "metadata": {
            "labels": labels,
            "annotations": {
                ANNOTATION_RUN_FILE: run_file(run, agent),
                **({ANNOTATION_RUNNER: "true"} if _is_supervised(agent) else {}),
            },
        },
        "spec": _pod_spec(run, agent, runner_image),
    }
    template = merge_under(pod, agent.spec.pod_template)
    template["metadata"]["labels"].pop(LABEL_FINISHED, None)  # else the pod would not be watched
    if not _is_supervised(agent):
        template["metadata"]["annotations"].pop(ANNOTATION_RUNNER, None)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run.metadata.name,
            "namespace": run.metadata.namespace,
            "labels": labels,
            "annotations": {ANNOTATION_RETRIES: str(defaults.retries(run, agent))},
            "ownerReferences": [
                owner_reference(run.metadata.name, run.metadata.uid, controller=True)
            ],
        },
        "spec": {
            "backoffLimit": defaults.retries(run, agent),
            **_job_deadline(run, agent),
            "podFailurePolicy": {"rules": _failure_rules(agent)},
            # No second pod while the first still lives.
            "podReplacementPolicy": "Failed",
            "template": _with_entrypoint(template, agent),
        },
    }


def _is_supervised(agent: Agent) -> bool:
    """Whether the runner's supervisor is in the agent's container; a foreign image has none."""
    return agent.spec.runtime.command is None or agent.spec.image is None


def _with_entrypoint(template: dict[str, Any], agent: Agent) -> dict[str, Any]:
    """The template without what would keep the image's entry point, the supervisor, from PID 1."""
    if _is_supervised(agent):
        container = next(c for c in template["spec"]["containers"] if c["name"] == AGENT_CONTAINER)
        container.pop("command", None)
        container.pop("args", None)
    return template


def _failure_rules(agent: Agent) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        # An eviction or a drain is not a failure of the agent: a new pod goes on.
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        }
    ]
    if _is_supervised(agent):
        codes = {
            "containerName": AGENT_CONTAINER,
            "operator": "In",
            "values": list(FATAL_EXIT_CODES),
        }
        rules.append({"action": "FailJob", "onExitCodes": codes})
    return rules


def _pod_deadline(run: AgentRun, agent: Agent) -> dict[str, int]:
    timeout = defaults.timeout_seconds(run, agent)
    return {} if timeout is None else {"activeDeadlineSeconds": timeout}


def _job_deadline(run: AgentRun, agent: Agent) -> dict[str, int]:
    timeout = defaults.timeout_seconds(run, agent)
    if timeout is None:
        return {}
    pods = 1 + defaults.retries(run, agent)
    longest = pods * (timeout + defaults.grace_seconds(run, agent))
    return {"activeDeadlineSeconds": longest + BACKSTOP_SECONDS}


def run_file(run: AgentRun, agent: Agent) -> str:
    """What the runner reads from /agentrun/run/run.json, as JSON."""
    content: dict[str, Any] = {
        "runtime": agent.spec.runtime.model_dump(by_alias=True, exclude_none=True)
    }
    if run.spec.has_input:
        content["input"] = run.spec.input
    if run.spec.has_resume:
        content["resume"] = run.spec.resume
    if run.spec.checkpoint is not None:
        content["checkpoint"] = {"id": run.spec.checkpoint.id}
    if run.spec.config is not None:
        content["config"] = run.spec.config.model_dump(by_alias=True, exclude_none=True)
    return json.dumps(content, ensure_ascii=False)


def _pod_spec(run: AgentRun, agent: Agent, runner_image: str) -> dict[str, Any]:
    spec = agent.spec
    grace = defaults.grace_seconds(run, agent)
    directory = run.thread_directory
    store_mount = {
        "name": "store",
        "mountPath": f"{STORE_MOUNT}/{directory}",
        "subPath": directory,
    }
    own_env = [
        {"name": "AGENTRUN_NAME", "value": run.metadata.name},
        {"name": "AGENTRUN_NAMESPACE", "value": run.metadata.namespace},
        {"name": "AGENTRUN_UID", "value": run.metadata.uid},
        {"name": "AGENTRUN_THREAD", "value": directory},
        {"name": "AGENTRUN_GRACE_PERIOD_SECONDS", "value": str(grace)},
    ]
    own_names = {entry["name"] for entry in own_env}
    container: dict[str, Any] = {
        "name": AGENT_CONTAINER,
        "image": spec.image or runner_image,
        "env": own_env + [entry for entry in spec.env if entry["name"] not in own_names],
        "resources": spec.resources,
        "securityContext": container_security(),
        "volumeMounts": [
            store_mount,
            {"name": "run", "mountPath": "/agentrun/run", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    if spec.env_from:  # else what the podTemplate says would have no chance
        container["envFrom"] = spec.env_from
    volumes: list[dict[str, Any]] = [
        {"name": "store", "persistentVolumeClaim": {"claimName": spec.store.claim_name}},
        {
            "name": "run",
            "downwardAPI": {
                "items": [
                    {
                        "path": "run.json",
                        "fieldRef": {"fieldPath": f"metadata.annotations['{ANNOTATION_RUN_FILE}']"},
                    }
                ]
            },
        },
        {"name": "tmp", "emptyDir": {}},
    ]
    if spec.code is not None:
        container["volumeMounts"].append(
            {"name": "code", "mountPath": "/agentrun/code", "readOnly": True}
        )
        volumes.append({"name": "code", "configMap": {"name": spec.code.config_map.name}})
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace,
        **_pod_deadline(run, agent),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [container],
        "volumes": volumes,
    }
    command = spec.runtime.command
    if command is not None and spec.image is not None:
        # Any image: the command runs as it is, without the runner's supervisor, so the workspace is
        # made before it, by the runner image.
        container["command"] = command.command
        container["args"] = command.args
        workspace = f"{STORE_MOUNT}/{directory}/current"
        container["env"] = [*container["env"], {"name": "AGENTRUN_WORKSPACE", "value": workspace}]
        container["workingDir"] = workspace
        # As PID 1 a program without handlers would ignore SIGTERM and take its whole grace period.
        pod["shareProcessNamespace"] = True
        pod["initContainers"] = [
            {
                "name": WORKSPACE_CONTAINER,
                "image": runner_image,
                "args": ["prepare-workspace"],
                "env": own_env,
                "securityContext": container_security(),
                "volumeMounts": [store_mount, {"name": "tmp", "mountPath": "/tmp"}],
            }
        ]
    return pod
