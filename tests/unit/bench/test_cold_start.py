import json

import pytest

from bench.cold_start.finished import job_copy, pod_copy, renamed, run_copy
from bench.cold_start.model import NAME, Model
from bench.cold_start.process import Process, parsed
from bench.cold_start.report import report
from bench.cold_start.starts import ColdStart, ColdStarts

OLD = {"run": "11111111-run", "job": "22222222-job", "pod": "33333333-pod"}
UIDS = {OLD["run"]: "new-run", OLD["job"]: "new-job"}


def model() -> Model:
    """A run, its Job and its pod, as far as they refer to each other."""
    labels = {
        "agentrun.dev/run": NAME,
        "agentrun.dev/run-uid": OLD["run"],
        "app.kubernetes.io/managed-by": "agentrun-operator",
    }
    by_job = {"batch.kubernetes.io/controller-uid": OLD["job"], "job-name": NAME}
    return Model(
        run={
            "apiVersion": "agentrun.dev/v1alpha1",
            "kind": "AgentRun",
            "metadata": {"name": NAME, "uid": OLD["run"], "resourceVersion": "1"},
            "spec": {"thread": NAME},
            "status": {"phase": "Succeeded", "settled": True, "jobName": NAME},
        },
        job={
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": NAME,
                "uid": OLD["job"],
                "labels": labels,
                "ownerReferences": [{"kind": "AgentRun", "name": NAME, "uid": OLD["run"]}],
            },
            "spec": {
                "selector": {"matchLabels": by_job},
                "template": {"metadata": {"labels": labels | by_job}, "spec": {}},
            },
            "status": {"succeeded": 1},
        },
        pod={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{NAME}-x7x7x",
                "uid": OLD["pod"],
                "generateName": f"{NAME}-",
                "labels": labels | by_job,
                "ownerReferences": [{"kind": "Job", "name": NAME, "uid": OLD["job"]}],
            },
            "spec": {"nodeName": "a-node", "containers": []},
            "status": {"phase": "Succeeded"},
        },
    )


def test_a_copy_has_no_name_and_no_uid_of_the_model() -> None:
    copies = [
        run_copy(model(), "finished-7"),
        job_copy(model(), "finished-7", UIDS),
        pod_copy(model(), "finished-7", UIDS),
    ]
    text = json.dumps(copies)
    assert NAME not in text
    assert not [uid for uid in OLD.values() if uid in text]


def test_a_copy_has_the_labels_and_owners_of_a_real_object() -> None:
    pod = pod_copy(model(), "finished-7", UIDS)["metadata"]
    assert pod["labels"]["app.kubernetes.io/managed-by"] == "agentrun-operator"
    assert pod["labels"]["agentrun.dev/run-uid"] == "new-run"
    assert pod["labels"]["batch.kubernetes.io/controller-uid"] == "new-job"
    assert pod["ownerReferences"] == [{"kind": "Job", "name": "finished-7", "uid": "new-job"}]
    job = job_copy(model(), "finished-7", UIDS)["metadata"]
    assert job["ownerReferences"][0]["uid"] == "new-run"


def test_no_controller_and_no_scheduler_handles_the_copies() -> None:
    job = job_copy(model(), "finished-7", UIDS)["spec"]
    assert job["managedBy"] != "kubernetes.io/job-controller"
    assert "selector" not in job
    # The API server would refuse a template whose labels are of another Job.
    assert not [label for label in job["template"]["metadata"]["labels"] if "job" in label]
    pod = pod_copy(model(), "finished-7", UIDS)["spec"]
    assert "nodeName" not in pod
    assert pod["schedulerName"] != "default-scheduler"


def test_copying_does_not_change_the_model() -> None:
    before = model()
    learned = model()
    job_copy(learned, "finished-7", UIDS)
    pod_copy(learned, "finished-7", UIDS)
    renamed(learned.job, "finished-7", UIDS)
    assert learned == before


def test_the_age_of_a_process_is_computed_from_the_nodes_uptime() -> None:
    said = "uptime 1000.50\nstarted 99850\nticks 100\nrss 2\npeak 3\nreceived 4\n"
    process = parsed(said, now=5000.0)
    assert process.started_at == pytest.approx(4998.0)
    assert (process.rss, process.peak, process.received) == (2048, 3072, 4)


def starts(seconds: float) -> ColdStarts:
    process = Process(started_at=1.0, rss=2**20, peak=3 * 2**20, received=2**20)
    start = ColdStart(scaled_at=0.0, ready_at=9.0, read_at=1.0 + seconds, process=process)
    return ColdStarts([start] * 3, later=process)


def test_an_operator_that_reads_finished_runs_misses_the_goal() -> None:
    text = report(5000, without=starts(1.0), among=starts(3.0))
    (row,) = [line for line in text.splitlines() if "everything read" in line]
    assert "| 1.000 s (1.000 to 1.000) | 3.000 s (3.000 to 3.000) | 3.00 |" in row
    assert row.endswith("| missed by 1800 ms |")
