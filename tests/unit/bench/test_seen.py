import pytest

from bench.api import MeasurementError, Watch
from bench.seen import agent_runs, all_deleted, complete, phase_is


def obj(phase: str | None = None, uid: str = "1") -> dict[str, object]:
    return {"metadata": {"name": "x", "uid": uid}, "status": {"phase": phase} if phase else {}}


def test_waiting_for_a_run_to_start_ends_when_it_fails() -> None:
    reached = phase_is("Running")
    assert not reached("ADDED", obj())
    assert not reached("MODIFIED", obj("Pending"))
    with pytest.raises(MeasurementError, match="x should become Running"):
        reached("MODIFIED", obj("Failed"))


def test_waiting_for_a_phase_ends_when_the_run_vanishes() -> None:
    with pytest.raises(MeasurementError, match="DELETED"):
        phase_is("Interrupted")("DELETED", obj("Cancelling"))


def test_a_pod_whose_other_container_runs_has_no_running_agent() -> None:
    def pod(name: str) -> dict[str, object]:
        return {"status": {"containerStatuses": [{"name": name, "state": {"running": {}}}]}}

    assert agent_runs("MODIFIED", pod("agent"))
    assert not agent_runs("MODIFIED", pod("sidecar"))
    assert not agent_runs("ADDED", {"status": {}})


def test_a_job_whose_condition_is_not_true_is_not_complete() -> None:
    def job(kind: str, status: str) -> dict[str, object]:
        return {"status": {"conditions": [{"type": kind, "status": status}]}}

    assert complete("MODIFIED", job("Complete", "True"))
    assert not complete("MODIFIED", job("Complete", "False"))
    assert not complete("MODIFIED", job("SuccessCriteriaMet", "True"))


def test_all_are_deleted_only_when_the_expected_number_is_gone() -> None:
    reached = all_deleted(2)
    events = [("ADDED", "1"), ("DELETED", "1"), ("ADDED", "2"), ("MODIFIED", "2"), ("DELETED", "2")]
    assert [reached(event, obj(uid=uid)) for event, uid in events] == [False] * 4 + [True]


def test_pods_with_other_names_do_not_count() -> None:
    reached = all_deleted(1, ("mine-",))
    assert not reached("ADDED", {"metadata": {"name": "theirs-1", "uid": "1"}})
    assert not reached("ADDED", {"metadata": {"name": "mine-1", "uid": "2"}})
    assert not reached("DELETED", {"metadata": {"name": "theirs-1", "uid": "1"}})
    assert reached("DELETED", {"metadata": {"name": "mine-1", "uid": "2"}})


def test_the_error_of_a_watch_that_ends_names_its_purpose_and_its_last_event() -> None:
    lines = iter([b'{"type": "ADDED", "object": {"status": {"phase": "Pending"}}}\n'])
    with pytest.raises(MeasurementError, match=r"start of x.*Pending"):
        Watch(lines).until("start of x", lambda *_: False)


def test_an_error_event_of_a_watch_is_an_error() -> None:
    lines = iter([b'{"type": "ERROR", "object": {"code": 410}}\n'])
    with pytest.raises(MeasurementError, match="410"):
        Watch(lines).until("start of x", lambda *_: True)
