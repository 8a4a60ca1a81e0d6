"""The cache: the newest version wins, the deleted stays deleted, the runs concerned wake up."""

from typing import Any

from agentrun_operator.state.cache import Cache
from agentrun_operator.state.watched import WATCHED
from agentrun_operator.state.workqueue import Key, Reconciler

JOB_SPEC: dict[str, Any] = {"template": {"spec": {}}}
OF_RUN = {
    "agentrun.dev/run-uid": "run-1",
    "agentrun.dev/run": "r",
    "app.kubernetes.io/component": "agent",
}


def obj(name: str = "r", version: int = 1, uid: str = "u", **more: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": "ns",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": more.pop("labels", {}),
    }
    return {"metadata": meta, "spec": {"agentRef": {"name": "a"}, **JOB_SPEC}, **more}


def upsert(cache: Cache, plural: str, new: dict[str, Any]) -> set[Key] | None:
    return cache.upsert(WATCHED[plural].parse(new))


def remove(cache: Cache, plural: str, gone: dict[str, Any]) -> set[Key]:
    return cache.remove(WATCHED[plural].parse(gone))


def version(cache: Cache, plural: str = "agentruns", name: str = "r") -> int | None:
    found = cache.record(plural, "ns", name)
    return None if found is None else found.version


def keys(*names: str) -> set[Key]:
    return {Key(Reconciler.RUN, "ns", name) for name in names}


def test_an_older_version_never_replaces_a_newer_one() -> None:
    cache = Cache()
    assert upsert(cache, "agentruns", obj(version=5)) == keys("r")
    assert upsert(cache, "agentruns", obj(version=4)) is None
    assert upsert(cache, "agentruns", obj(version=5)) is None
    assert version(cache) == 5


def test_the_late_answer_to_a_write_does_not_bring_back_a_deleted_object() -> None:
    cache = Cache()
    upsert(cache, "agentruns", obj(version=5))
    remove(cache, "agentruns", obj(version=7))
    assert upsert(cache, "agentruns", obj(version=7)) is None
    assert version(cache) is None
    assert upsert(cache, "agentruns", obj(version=8, uid="next")) is not None


def test_the_deletion_of_an_earlier_object_of_the_name_leaves_the_new_one() -> None:
    """Failure mode 27."""
    cache = Cache()
    upsert(cache, "agentruns", obj(version=9, uid="new"))
    remove(cache, "agentruns", obj(version=8, uid="old"))
    assert version(cache) == 9


def test_an_object_that_a_full_list_lacks_is_missing_unless_it_is_newer() -> None:
    """A restarted watch misses deletions; events that came after the list are newer than it."""
    cache = Cache()
    for number, name in ((3, "gone"), (4, "there"), (12, "newer")):
        upsert(cache, "jobs", obj(name, version=number, uid=name))
    missing = cache.missing("jobs", {("ns", "there")}, version=10)
    assert [known.name for known in missing] == ["gone"]


def test_the_end_of_a_pod_is_wanted_only_while_its_run_has_not_ended() -> None:
    cache = Cache()
    pod = WATCHED["pods"].parse(obj("p", labels=OF_RUN))
    assert not cache.is_wanted(pod)
    upsert(cache, "agentruns", obj(version=1))
    assert cache.is_wanted(pod)
    upsert(cache, "agentruns", obj(version=2, status={"phase": "Succeeded"}))
    assert not cache.is_wanted(pod)


def test_a_deleted_pod_is_remembered_in_its_last_state_until_its_run_is_gone() -> None:
    cache = Cache()
    upsert(cache, "agentruns", obj(version=1, uid="run-1"))
    upsert(cache, "pods", obj("p", version=1, labels=OF_RUN, status={"phase": "Pending"}))
    state = {"phase": "Pending", "containerStatuses": [{"name": "x", "state": {"terminated": {}}}]}
    remove(cache, "pods", obj("p", version=2, labels=OF_RUN, status=state))
    (seen,) = cache.gone_pods("run-1")
    assert seen.has_started
    remove(cache, "agentruns", obj(version=3, uid="run-1"))
    assert cache.gone_pods("run-1") == ()
    upsert(cache, "pods", obj("late", version=4, labels=OF_RUN, status={}))
    remove(cache, "pods", obj("late", version=5, labels=OF_RUN, status={}))
    assert cache.gone_pods("run-1") == (), "nothing is kept for a run that is gone"


def run(name: str, version: int, created: int = 0, **more: Any) -> dict[str, Any]:
    made = obj(name, version, uid=name)
    made["metadata"]["creationTimestamp"] = f"2026-01-02T03:04:{created:02}Z"
    return made | {"spec": {"agentRef": {"name": "a"}, "thread": "t"}, **more}


def holds(name: str, version: int, created: int = 0) -> dict[str, Any]:
    return run(name, version, created, status={"holdsThread": True, "phase": "Running"})


def ended(name: str, version: int, created: int = 0) -> dict[str, Any]:
    return run(name, version, created, status={"phase": "Succeeded"})


def queue(cache: Cache) -> None:
    """The run a has the thread; b, c and d wait for it."""
    upsert(cache, "agentruns", holds("a", 1))
    for created, name in enumerate("bcd", start=1):
        upsert(cache, "agentruns", run(name, 1 + created, created))


def test_the_end_of_the_run_that_holds_the_thread_wakes_the_first_waiting_run() -> None:
    cache = Cache()
    queue(cache)
    assert upsert(cache, "agentruns", ended("a", 10)) == keys("a", "b")
    cache = Cache()
    queue(cache)
    assert remove(cache, "agentruns", run("a", 10)) == keys("a", "b")


def test_a_run_that_releases_the_thread_wakes_the_first_waiting_run() -> None:
    cache = Cache()
    queue(cache)
    assert upsert(cache, "agentruns", run("a", 10, created=9)) == keys("a", "b")


def test_the_end_of_a_waiting_run_wakes_only_the_next_one() -> None:
    cache = Cache()
    queue(cache)
    assert upsert(cache, "agentruns", ended("c", 10, created=2)) == keys("c", "d")
    assert remove(cache, "agentruns", run("d", 11, created=3)) == keys("d")


def test_a_run_that_takes_the_thread_or_only_changes_wakes_no_other() -> None:
    cache = Cache()
    queue(cache)
    queued = run("b", 10, created=1)
    queued["metadata"]["annotations"] = {"agentrun.dev/queued": "2"}
    assert upsert(cache, "agentruns", queued) == keys("b")
    upsert(cache, "agentruns", ended("a", 11))
    assert upsert(cache, "agentruns", holds("b", 12, created=1)) == keys("b")


def test_a_run_that_moves_back_in_the_queue_wakes_the_one_that_was_behind_it() -> None:
    cache = Cache()
    for number, name in ((2, "b"), (3, "c")):
        upsert(cache, "agentruns", run(name, number))
    assert upsert(cache, "agentruns", run("b", 9)) == keys("b", "c")


def test_the_end_of_a_pod_on_the_thread_wakes_the_first_waiting_run() -> None:
    cache = Cache()
    queue(cache)
    labels = {**OF_RUN, "agentrun.dev/run": "x", "agentrun.dev/thread": "t"}
    upsert(cache, "pods", obj("p", 20, labels=labels, status={"phase": "Running"}))
    woken = upsert(cache, "pods", obj("p", 21, labels=labels, status={"phase": "Failed"}))
    assert woken == keys("x", "a", "b")


def test_malformed_labels_and_annotations_of_a_foreign_job_raise_no_error() -> None:
    """Failure mode 47. Any user who may make Jobs can make one that looks like one of ours."""
    cache = Cache()
    labels = {"app.kubernetes.io/component": "cleanup"}
    assert upsert(cache, "jobs", obj("j", labels=labels)) == set()
    odd = obj("j", version=2, labels=labels)
    odd["metadata"]["annotations"] = {"agentrun.dev/claim": "c", "agentrun.dev/runs": "[[1"}
    assert upsert(cache, "jobs", odd) == {Key(Reconciler.CLEANUP, "ns", "c")}


def test_a_new_agent_wakes_only_the_waiting_runs_that_name_it() -> None:
    cache = Cache()
    upsert(cache, "agentruns", run("first", 1))
    upsert(cache, "agentruns", holds("runs", 2))
    assert upsert(cache, "agents", obj("a", 2)) == keys("first")
    assert upsert(cache, "agents", obj("b", 2)) == set()


def test_deleted_objects_leave_nothing_in_the_cache() -> None:
    cache = Cache()
    queue(cache)
    upsert(cache, "pods", obj("p", 20, labels={**OF_RUN, "agentrun.dev/thread": "t"}))
    upsert(cache, "jobs", obj("a", 21, uid="j"))
    for name in "abcd":
        remove(cache, "agentruns", run(name, 30))
    remove(cache, "pods", obj("p", 31))
    remove(cache, "jobs", obj("a", 32, uid="j"))
    assert (cache._index, cache.threads._threads, cache._departed) == ({}, {}, {})
    assert [kind for kind in cache._kinds.values() if kind] == []
