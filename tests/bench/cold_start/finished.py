"""Thousands of finished runs, with the Jobs and pods that they leave: copies of real ones'.

Nobody runs them: the Job is managed by nobody that there is, and so is the pod's scheduling.
"""

import json
from concurrent.futures import ThreadPoolExecutor

from bench.api import Api, Object
from bench.cold_start.model import NAME, Model
from cluster.shell import say

NOBODY = "agentrun.dev/bench"
THREADS = 8  # requests at a time
# The API server takes what is the operator's from it only, and its pods from the Job controller.
OPERATOR = "system:serviceaccount:agentrun-system:agentrun-operator"
JOB_CONTROLLER = "system:serviceaccount:kube-system:job-controller"
MAKERS = {"agentruns": None, "jobs": OPERATOR, "pods": JOB_CONTROLLER}
WRITERS = {"agentruns": OPERATOR, "jobs": None, "pods": None}  # of the status
PLURALS = ("pods", "jobs", "agentruns")  # what is owned goes first, so that nothing is left to do


def make(api: Api, models: list[Model], count: int) -> None:
    """Make the runs finished-1, finished-2, and so on, after each of the models in turn."""
    say(f"making {count} finished runs, with their Jobs and pods")

    def make_one(number: int) -> None:
        _make(api, models[number % len(models)], number)

    with ThreadPoolExecutor(THREADS) as pool:
        for number, _ in enumerate(pool.map(make_one, range(count)), start=1):
            if number % 1000 == 0:
                say(f"  ... {number}")


def remove(api: Api) -> None:
    """Remove all runs, Jobs and pods of the namespace."""
    say("removing the finished runs")
    for plural in PLURALS:
        api.delete_all(plural)


def _make(api: Api, model: Model, number: int) -> None:
    name = f"finished-{number + 1}"
    uids: dict[str, str] = {}  # the model's and the copy's

    def make_one(plural: str, obj: Object) -> None:
        made = api.create(plural, obj, MAKERS[plural])
        uids[_of(plural, model)["metadata"]["uid"]] = made["metadata"]["uid"]
        status = renamed(_of(plural, model)["status"], name, uids)
        api.patch(plural, made["metadata"]["name"], {"status": status}, "status", WRITERS[plural])

    make_one("agentruns", run_copy(model, name))
    make_one("jobs", job_copy(model, name, uids))
    make_one("pods", pod_copy(model, name, uids))


def run_copy(model: Model, name: str) -> Object:
    copy = _copy(model.run, name, {}, model.run["spec"])
    annotations = copy["metadata"].get("annotations", {})
    # Its place in the queue of its thread, which a run that has finished does not need.
    for mark in [key for key in annotations if key.startswith("agentrun.dev/")]:
        del annotations[mark]
    return copy


def job_copy(model: Model, name: str, uids: dict[str, str]) -> Object:
    """`uids`: of the model's run, and of this one's."""
    spec = json.loads(json.dumps(model.job["spec"])) | {"managedBy": NOBODY}
    del spec["selector"]  # the API server makes one, from the Job's UID
    labels = spec["template"]["metadata"]["labels"]
    for label in [label for label in labels if label.endswith(("controller-uid", "job-name"))]:
        del labels[label]
    return _copy(model.job, name, uids, spec)


def pod_copy(model: Model, name: str, uids: dict[str, str]) -> Object:
    """`uids`: of the model's run and Job, and of this one's."""
    spec = model.pod["spec"] | {"schedulerName": NOBODY}
    # On a node, its kubelet would start it before it has its status.
    del spec["nodeName"]
    return _copy(model.pod, name, uids, spec)


def _copy(obj: Object, name: str, uids: dict[str, str], spec: Object) -> Object:
    kept = ("name", "labels", "annotations", "ownerReferences")
    metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
    copy = {key: obj[key] for key in ("apiVersion", "kind")} | {"metadata": metadata, "spec": spec}
    return renamed(copy, name, uids)


def renamed(obj: Object, name: str, uids: dict[str, str]) -> Object:
    """The object with another run's name, and other UIDs."""
    text = json.dumps(obj).replace(NAME, name)
    for old, new in uids.items():
        text = text.replace(old, new)
    renamed: Object = json.loads(text)
    return renamed


def _of(plural: str, model: Model) -> Object:
    return {"agentruns": model.run, "jobs": model.job, "pods": model.pod}[plural]
