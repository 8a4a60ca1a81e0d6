"""The cache: the newest version wins, what is gone stays gone, and who is concerned is told."""

from typing import Any

from agentrun_operator.cache import Cache
from agentrun_operator.workqueue import Key


def obj(name: str = "r", version: int = 1, uid: str = "u", **more: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": "ns",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": more.pop("labels", {}),
    }
    return {"metadata": meta, "spec": {"agentRef": {"name": "a"}}, **more}


def test_an_older_version_never_replaces_a_newer_one() -> None:
    cache = Cache()
    assert cache.upsert("agentruns", obj(version=5))
    assert not cache.upsert("agentruns", obj(version=4))
    assert not cache.upsert("agentruns", obj(version=5))
    assert cache.get("agentruns", "ns", "r") == obj(version=5)


def test_the_late_answer_to_a_write_does_not_bring_back_what_is_gone() -> None:
    cache = Cache()
    cache.upsert("agentruns", obj(version=5))
    cache.remove("agentruns", obj(version=7))
    assert not cache.upsert("agentruns", obj(version=7))
    assert cache.get("agentruns", "ns", "r") is None
    assert cache.upsert("agentruns", obj(version=8, uid="next"))


def test_the_deletion_of_an_earlier_object_of_the_name_leaves_the_new_one() -> None:
    """Failure mode 27."""
    cache = Cache()
    cache.upsert("agentruns", obj(version=9, uid="new"))
    cache.remove("agentruns", obj(version=8, uid="old"))
    assert cache.get("agentruns", "ns", "r") is not None


def test_a_full_list_tells_what_it_lacks_but_not_what_is_newer() -> None:
    """A watch that starts anew misses deletions; a list is older than what came since."""
    cache = Cache()
    cache.upsert("jobs", obj("gone", version=3))
    cache.upsert("jobs", obj("newer", version=12))
    missing = cache.replace("jobs", [obj("there", version=4)], version=10)
    assert [o["metadata"]["name"] for o in missing] == ["gone"]
    assert cache.get("jobs", "ns", "there") is not None


def test_only_a_run_that_has_not_ended_wants_the_end_of_its_pod() -> None:
    cache = Cache()
    pod = obj("p", labels={"agentrun.dev/run": "r", "agentrun.dev/run-uid": "u"})
    assert not cache.is_wanted("pods", pod)
    cache.upsert("agentruns", obj(version=1))
    assert cache.is_wanted("pods", pod)
    cache.upsert("agentruns", obj(version=2, status={"phase": "Succeeded"}))
    assert not cache.is_wanted("pods", pod)


def test_a_pod_that_goes_is_remembered_as_it_was_last_seen() -> None:
    cache = Cache()
    labels = {
        "agentrun.dev/run-uid": "run-1",
        "agentrun.dev/run": "r",
        "app.kubernetes.io/component": "agent",
    }
    cache.upsert("agentruns", obj(version=1, uid="run-1"))
    cache.upsert("pods", obj("p", version=1, labels=labels, status={"phase": "Pending"}))
    state = {"phase": "Pending", "containerStatuses": [{"name": "x", "state": {"terminated": {}}}]}
    cache.remove("pods", obj("p", version=2, labels=labels, status=state))
    (seen,) = cache.departed("run-1")
    assert seen.has_started
    cache.remove("agentruns", obj(version=3, uid="run-1"))
    assert cache.departed("run-1") == ()
    cache.upsert("pods", obj("late", version=4, labels=labels, status={}))
    cache.remove("pods", obj("late", version=5, labels=labels, status={}))
    assert cache.departed("run-1") == (), "nothing is kept for a run that is gone"


def run(name: str, version: int, **more: Any) -> dict[str, Any]:
    spec = {"agentRef": {"name": "a"}, "thread": "t"}
    return obj(name, version, uid=name) | {"spec": spec, **more}


def test_the_end_of_a_run_wakes_those_that_wait_for_its_thread() -> None:
    cache = Cache()
    first, second = run("first", 1), run("second", 2)
    first["metadata"]["finalizers"] = ["agentrun.dev/stop"]
    cache.upsert("agentruns", first)
    cache.upsert("agentruns", second)
    assert set(cache.concerned("agentruns", first)) == {Key("run", "ns", "first")}
    ended = run("first", 3, status={"phase": "Succeeded"})
    gave_way = run("first", 3)
    both = {Key("run", "ns", "first"), Key("run", "ns", "second")}
    assert set(cache.concerned("agentruns", ended)) == both
    assert set(cache.concerned("agentruns", first, gone=True)) == both
    assert set(cache.concerned("agentruns", gave_way)) == both


def test_labels_and_annotations_that_others_set_stop_nobody() -> None:
    """Failure mode 47. Anybody may make a Job that looks like one of ours."""
    cache = Cache()
    labels = {"app.kubernetes.io/component": "cleanup"}
    assert list(cache.concerned("jobs", obj("j", labels=labels))) == []
    odd = obj("j", labels=labels)
    odd["metadata"]["annotations"] = {"agentrun.dev/claim": "c", "agentrun.dev/runs": "[[1"}
    assert list(cache.concerned("jobs", odd)) == [Key("claim", "ns", "c")]


def test_a_new_agent_wakes_the_runs_that_name_it() -> None:
    cache = Cache()
    cache.upsert("agentruns", run("first", 1))
    assert list(cache.concerned("agents", obj("a", 2))) == [Key("run", "ns", "first")]
    assert list(cache.concerned("agents", obj("b", 2))) == []
