"""Raw Jobs: what a user without the operator would create, with the very pods of the operator's."""

import json
import uuid
from dataclasses import dataclass

from bench.agent import long_run
from bench.api import Api, Object
from bench.seen import all_deleted, phase_is

# The API server takes the operator's labels and annotations from the operator only.
OURS, NOT_OURS = "agentrun.dev/", "bench.example/"
LABELS = {"bench.example/kind": "raw"}
TEMPLATE_RUN = "template-run"


@dataclass(frozen=True)
class Templates:
    """The Jobs that the operator made for the run TEMPLATE_RUN: its own, and its clean-up."""

    run_uid: str
    run_job: Object
    cleanup_job: Object


def learn_templates(api: Api) -> Templates:
    """Have a run started and rolled back, and take down its Jobs."""
    cleanups = {"labelSelector": "app.kubernetes.io/component=cleanup"}
    with (
        api.watch("pods") as pods,
        api.watch("jobs", **cleanups) as jobs,
        api.watch("agentruns", fieldSelector=f"metadata.name={TEMPLATE_RUN}") as runs,
    ):
        api.create("agentruns", long_run(TEMPLATE_RUN))
        run, _ = runs.until("start of a run", phase_is("Running"))
        run_job = api.get("jobs", TEMPLATE_RUN)
        api.patch("agentruns", TEMPLATE_RUN, {"spec": {"cancel": "rollback"}})
        cleanup_job, _ = jobs.until("a clean-up Job", lambda event, _: event == "ADDED")
        pods.until("end of the run's pods", all_deleted(2))
    return Templates(run["metadata"]["uid"], run_job, cleanup_job)


def raw_job(templates: Templates, name: str) -> Object:
    """The run's Job under another name, with a thread directory of its own."""
    # The run's name and UID are in variables, mounts and paths.
    replaced = {TEMPLATE_RUN: name, templates.run_uid: str(uuid.uuid4())}
    return copied(templates.run_job, name, replaced)


def copied(run_job: Object, name: str, replaced: dict[str, str]) -> Object:
    """A raw Job of that name with a run's pod, in which some texts are replaced."""
    text = json.dumps(run_job["spec"])
    for old, new in (replaced | {OURS: NOT_OURS}).items():
        text = text.replace(old, new)
    return _job(name, json.loads(text))


def raw_cleanup(templates: Templates, name: str) -> Object:
    """The clean-up Job under another name, with nothing to clean."""
    spec = json.loads(json.dumps(templates.cleanup_job["spec"]).replace(OURS, NOT_OURS))
    (container,) = spec["template"]["spec"]["containers"]
    container["env"] = [{"name": "AGENTRUN_CLEANUP", "value": "[]"}]
    return _job(name, spec)


def _job(name: str, spec: Object) -> Object:
    del spec["selector"]  # the API server makes one, from the Job's UID
    spec["template"]["metadata"]["labels"] = LABELS
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": LABELS},
        "spec": spec,
    }
