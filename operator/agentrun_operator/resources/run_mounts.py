"""Volumes of a run's pod, and where its containers see them.

The thread is mounted read-only, and over it the run's own segment for writing: the kernel refuses
to an agent what belongs to another run. The kubelet makes the directories, with the pod's fsGroup.
"""

from typing import Any

from agentrun_kube.names import ANNOTATION_RUN_FILE
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..untyped import as_list, as_object
from .pod import AGENTRUN_ROOT, STORE_MOUNT, tmp_volume

RUN_MOUNT, CODE_MOUNT = f"{AGENTRUN_ROOT}/run", f"{AGENTRUN_ROOT}/code"
TMP_FIELDS = ("medium", "sizeLimit")  # of /tmp, which an Agent may choose


def segment_directory(run: AgentRun) -> str:
    """The run's segment, relative to the root of the store."""
    return f"{run.thread_directory}/segments/{run.segment}"


def workspace(run: AgentRun) -> str:
    """Where a command agent works, in its container."""
    return f"{STORE_MOUNT}/{segment_directory(run)}/workspace"


def store_mounts(run: AgentRun) -> list[dict[str, Any]]:
    thread, segment = run.thread_directory, segment_directory(run)
    return [
        {
            "name": "store",
            "mountPath": f"{STORE_MOUNT}/{thread}",
            "subPath": thread,
            "readOnly": True,
        },
        {"name": "store", "mountPath": f"{STORE_MOUNT}/{segment}", "subPath": segment},
    ]


def file_mounts(agent: Agent) -> list[dict[str, Any]]:
    """What the runner reads."""
    mounts = [{"name": "run", "mountPath": RUN_MOUNT, "readOnly": True}]
    if agent.spec.code is not None:
        mounts.append({"name": "code", "mountPath": CODE_MOUNT, "readOnly": True})
    return mounts


def volumes(agent: Agent) -> list[dict[str, Any]]:
    spec = agent.spec
    run_json = {"fieldPath": f"metadata.annotations['{ANNOTATION_RUN_FILE}']"}
    found: list[dict[str, Any]] = [
        {"name": "store", "persistentVolumeClaim": {"claimName": spec.store.claim_name}},
        {"name": "run", "downwardAPI": {"items": [{"path": "run.json", "fieldRef": run_json}]}},
        tmp_volume(**_tmp_fields(agent)),
    ]
    if spec.code is not None:
        found.append({"name": "code", "configMap": {"name": spec.code.config_map.name}})
    return found


def _tmp_fields(agent: Agent) -> dict[str, Any]:
    """What the podTemplate says of the volume `tmp`: how large it may get."""
    of_agent = as_list(as_object(agent.spec.pod_template.get("spec")).get("volumes"))
    for volume in map(as_object, of_agent):
        if volume.get("name") == "tmp":
            fields = as_object(volume.get("emptyDir"))
            return {key: fields[key] for key in TMP_FIELDS if fields.get(key) is not None}
    return {}
