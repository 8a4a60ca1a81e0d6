"""The run's Job: its owner, its deadlines, and what it hands to the runner."""

import json

import pytest

from agentrun_kube.names import ANNOTATION_RUN_FILE
from agentrun_operator.resources.merge import merge_under
from agentrun_operator.resources.run_job import BACKSTOP_SECONDS

from .manifests import Object, agent, environment, job_of, pod_of
from .states import UID, run


def test_the_job_is_named_after_the_run_and_owned_by_it() -> None:
    """Failure mode 20b."""
    job = job_of(run("r"))
    assert job["metadata"]["name"] == "r"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (UID, True)


def test_a_missing_input_differs_from_a_null_input() -> None:
    this = run()
    none = this.model_copy(update={"spec": this.spec.model_copy(update={"input": None})})
    annotations = job_of(none)["spec"]["template"]["metadata"]["annotations"]
    assert json.loads(annotations[ANNOTATION_RUN_FILE])["input"] is None
    bare = type(this).model_validate(
        {
            "metadata": this.metadata.model_dump(by_alias=True),
            "spec": {"agentRef": {"name": "a"}},
        }
    )
    annotations = job_of(bare)["spec"]["template"]["metadata"]["annotations"]
    assert "input" not in json.loads(annotations[ANNOTATION_RUN_FILE])


@pytest.mark.parametrize(
    ("expected", "of_run", "of_agent", "maximum"),
    [
        (3, 3, 7, None),
        (7, None, 7, None),
        (30, None, None, None),
        (20, None, None, 20),
        (3, 3, 7, 5),
    ],
)
def test_the_grace_period_is_the_runs_then_the_agents_then_30_seconds_up_to_the_maximum(
    expected: int, of_run: int | None, of_agent: int | None, maximum: int | None
) -> None:
    this = run()
    spec = this.spec.model_copy(update={"grace_period_seconds": of_run})
    asks = this.model_copy(update={"spec": spec})
    job = job_of(asks, agent(gracePeriodSeconds=of_agent), max_grace_period_seconds=maximum)
    assert pod_of(job)["terminationGracePeriodSeconds"] == expected
    assert environment(job)["AGENTRUN_GRACE_PERIOD_SECONDS"] == str(expected)


def test_the_jobs_deadline_leaves_each_pod_its_whole_time() -> None:
    spec = {"timeoutSeconds": 60, "gracePeriodSeconds": 9, "retries": 2}
    job = job_of(run(spec_more=spec))
    assert pod_of(job)["activeDeadlineSeconds"] == 60
    assert job["spec"]["activeDeadlineSeconds"] >= 3 * (60 + 9) + BACKSTOP_SECONDS


def test_a_run_without_a_time_out_has_no_deadline_whatever_the_pod_template_says() -> None:
    job = job_of(run(), agent(podTemplate={"spec": {"activeDeadlineSeconds": 1}}))
    assert "activeDeadlineSeconds" not in job["spec"]
    assert "activeDeadlineSeconds" not in pod_of(job)


LABELS = {
    "team": "research",
    "app.kubernetes.io/part-of": "shop",
    "app.kubernetes.io/managed-by": "helm",
    "app.kubernetes.io/component": "web",
    "app.kubernetes.io/instance": "argo-knows-its-own-by-this",
    "agentrun.dev/run-uid": "other",
    "more.agentrun.dev/x": "x",
    "kueue.x-k8s.io/queue-name": "q",
    "batch.kubernetes.io/job-name": "other",
    "job-name": "other",
}
ANNOTATIONS = {
    "example.com/cost-center": "7",
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "container.apparmor.security.beta.kubernetes.io/agent": "unconfined",
    "kubernetes.io/config.mirror": "x",
    "argocd.argoproj.io/tracking-id": "x",
    "agentrun.dev/run-file": "{}",
    "kueue.x-k8s.io/job-min-parallelism": "1",
}


def test_the_runs_own_labels_and_annotations_are_on_job_and_pod() -> None:
    """Those of Kueue on the Job only; not ours, Kubernetes' own or a GitOps tool's."""
    job = job_of(run(meta_more={"labels": LABELS, "annotations": ANNOTATIONS}))
    for part, is_job in ((job, True), (job["spec"]["template"], False)):
        labels = part["metadata"]["labels"]
        assert labels == {
            "team": "research",
            "app.kubernetes.io/part-of": "shop",
            "app.kubernetes.io/managed-by": "agentrun-operator",
            "app.kubernetes.io/component": "agent",
            "agentrun.dev/run": "r",
            "agentrun.dev/run-uid": UID,
            "agentrun.dev/thread": "t",
        } | ({"kueue.x-k8s.io/queue-name": "q"} if is_job else {})
        annotations = part["metadata"]["annotations"]
        ours = {key for key in annotations if key.startswith("agentrun.dev/")}
        assert annotations.keys() - ours == {"example.com/cost-center"} | (
            {"kueue.x-k8s.io/job-min-parallelism"} if is_job else set()
        )
        assert annotations.get("agentrun.dev/run-file") != "{}"


def test_the_copied_annotations_of_a_run_leave_room_for_its_run_file() -> None:
    many = {f"example.com/{i:03}": "x" * 1000 for i in range(200)} | {"z": "small"}
    job = job_of(run(meta_more={"annotations": many}))
    copied = {k: v for k, v in job["metadata"]["annotations"].items() if k in many}
    assert 0 < len(json.dumps(copied)) < 10_000
    assert copied["z"] == "small"


def test_merging_leaves_both_sides_unchanged() -> None:
    top: Object = {"containers": [{"name": "a", "x": 1}], "list": [1]}
    under: Object = {"containers": [{"name": "a", "y": 2}, {"name": "b"}], "list": [2]}
    merged = merge_under(top, under)
    assert merged == {"containers": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}], "list": [1]}
    assert top == {"containers": [{"name": "a", "x": 1}], "list": [1]}
    assert under["containers"] == [{"name": "a", "y": 2}, {"name": "b"}]


def test_a_variable_is_taken_from_one_side_as_a_whole() -> None:
    top: Object = {"env": [{"name": "A", "value": "1"}]}
    under: Object = {"env": [{"name": "A", "valueFrom": {}}, {"name": "B", "value": "2"}]}
    merged = merge_under(top, under)
    assert merged == {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
