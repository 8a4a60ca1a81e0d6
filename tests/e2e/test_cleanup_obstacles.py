"""A clean-up cannot run: the stop counts as done, the clean-up does not."""

import json
from collections.abc import Iterator

import pytest

from agentrun_store.names import check_run, segment_name
from cluster import node_exec

from . import faults
from .kubectl import Object, kubectl, wait_until
from .namespace import Namespace, agent
from .node import kill_python
from .quota import no_more
from .run import Run, condition, message
from .store import volume_path
from .volume import Volume, volume

CLEANUP = "app.kubernetes.io/component=cleanup"
HELD = {"configurable": {"hold": 3}}
FILES = 150_000


@pytest.fixture
def store(ns: Namespace) -> Iterator[Volume]:
    """The store of the agent `on-it`."""
    with volume(ns, "own-store") as made:
        config = {"store": {"claimName": made.name}}
        ns.create(agent("on-it", graph="steps:graph", **config))
        yield made


def held(ns: Namespace) -> Run:
    """A run of `on-it` that has made two steps."""
    run = ns.run("on-it", thread="t", input={"steps": 4}, config=HELD)
    run.wait_step(3)
    return run


def wait_not_clean(run: Run, reason: str, words: str) -> Object:
    """Wait until the run's status says that it is stopped, and why it is not clean."""

    def says(obj: Object) -> bool:
        return condition(obj, "RolledBack") == ("False", reason) and words in message(
            obj, "RolledBack"
        )

    stuck = run.wait_until(f"{reason}: {words}", says)
    assert stuck["status"]["phase"] == "Cancelling"
    assert condition(stuck, "Stopped") == ("True", "PodTerminated")
    assert "goneAt" in stuck["status"]["cancel"]
    assert "cleanAt" not in stuck["status"]["cancel"]
    assert run.processes() == []
    return stuck


def segments(store: Volume, run: Run) -> list[str]:
    """The files left in the run's segment. The kubelet's empty directory may stay."""
    return [path for path in store.files() if f"-{run.uid}/" in path]


def test_a_rollback_waits_until_its_claim_is_back_and_says_so(ns: Namespace, store: Volume) -> None:
    """Failure mode 31."""
    run = held(ns)
    store.lose_claim()
    run.cancel("rollback")
    wait_not_clean(run, "CleanupPending", f'persistentvolumeclaim "{store.name}" not found')
    assert segments(store, run) != []
    store.make_claim()
    run.wait_gone()
    assert segments(store, run) == []


def test_a_rollback_waits_until_a_full_volume_has_room_and_says_so(
    ns: Namespace, store: Volume
) -> None:
    """Failure mode 31."""
    run = held(ns)
    store.fill()
    run.cancel("rollback")
    wait_not_clean(run, "CleanupFailed", "No space left on device")
    assert segments(store, run) != []
    store.unfill()
    run.wait_gone()
    assert segments(store, run) == []


def test_an_interrupt_becomes_a_rollback_while_an_earlier_clean_up_runs(
    ns: Namespace, store: Volume
) -> None:
    ns.create(
        agent("stubborn", graph="ignores_sigterm:graph", store={"claimName": store.name}),
    )
    earlier = held(ns)
    run = ns.run("stubborn", thread="other", input={}, gracePeriodSeconds=5)
    run.wait_step(1)
    store.fill()
    earlier.cancel("rollback")
    wait_not_clean(earlier, "CleanupFailed", "No space left on device")
    run.cancel("interrupt")
    run.wait("Cancelling")
    run.cancel("rollback")
    wait_not_clean(run, "CleanupFailed", "No space left on device")
    store.unfill()
    for each in (earlier, run):
        each.wait_gone()
        assert segments(store, each) == []


def test_a_clean_up_that_may_not_write_fails_visibly_and_is_tried_again(
    ns: Namespace, store: Volume
) -> None:
    """Failure mode 31."""
    run = held(ns)
    store.own("threads/t", "0:0", "0755")
    run.cancel("rollback")
    before = segments(store, run)
    wait_not_clean(run, "CleanupFailed", "Permission denied")
    assert segments(store, run) == before != [], "nothing may be half gone"
    store.own("threads/t", "65532:65532", "2775")
    run.wait_gone()
    assert segments(store, run) == []


def test_a_quota_that_takes_no_job_delays_the_clean_up_and_is_named(ns: Namespace) -> None:
    """Failure mode 31."""
    run = ns.held_run()
    with no_more(ns, "jobs"):
        run.cancel("rollback")
        wait_not_clean(run, "CleanupFailed", "exceeded quota")
    run.wait_gone(seconds=90)  # the operator retries a refused request each minute
    assert ns.store().segments("threads/t") == []


def test_a_quota_that_takes_no_pod_delays_the_clean_up_and_is_named(ns: Namespace) -> None:
    """Failure mode 31."""
    run = ns.held_run()
    with no_more(ns, "pods"):
        run.cancel("rollback")
        wait_not_clean(run, "CleanupPending", "no pod of Job agentrun-cleanup-")
    run.wait_gone(seconds=120)  # the Job controller's back-off grows
    assert ns.store().segments("threads/t") == []


@pytest.mark.parametrize("how", ["killed", "evicted"])
def test_a_clean_up_whose_pod_dies_half_way_is_repeated(ns: Namespace, how: str) -> None:
    """Failure modes 31 and 32."""
    run = ns.held_run()
    # The clean-up needs some seconds for so many files.
    segment = f"{volume_path(ns.name)}/threads/t/segments/{segment_name(9, check_run(run.uid))}"
    fill = f'mkdir "$1"; cd "$1"; seq {FILES} | xargs touch; chown -R 65532:65532 "$1"'
    node_exec("bash", "-c", fill, "bash", segment)
    run.cancel("rollback")

    def runs(pod: Object) -> bool:
        return bool(pod["status"].get("phase") == "Running")

    pod = wait_until("the clean-up runs", "pods", ns.name, runs, f"--selector={CLEANUP}")
    assert condition(run.get(), "RolledBack") == ("False", "CleanupPending")
    if how == "killed":
        kill_python(pod["metadata"]["uid"])
    else:
        evict(pod)
    wait_not_clean(run, "CleanupFailed", "")
    run.wait_gone()
    store = ns.store()
    assert store.segments("threads/t") == []
    assert store.tombstones("threads/t") == {run.uid}


@pytest.mark.alone
@pytest.mark.usefixtures("no_other_namespaces")
def test_a_clean_up_tolerates_the_taints_that_its_run_tolerates(ns: Namespace) -> None:
    """The clean-up's pod has the tolerations of the run's pod."""
    key = "agentrun.dev/e2e-gpu"
    tolerations = [{"key": key, "operator": "Exists"}]
    pod_template = {"spec": {"tolerations": tolerations}}
    ns.create(agent("on-gpu", graph="steps:graph", podTemplate=pod_template))
    with faults.nodes_tainted(key):
        run = ns.run("on-gpu", thread="t", input={"steps": 4}, config=HELD)
        run.wait_step(3)
        run.cancel("rollback")
        run.wait_gone()
    assert ns.store().tombstones("threads/t") == {run.uid}


def evict(pod: Object) -> None:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    kubectl("create", f"--raw={path}", "-f-", stdin=json.dumps(eviction))
