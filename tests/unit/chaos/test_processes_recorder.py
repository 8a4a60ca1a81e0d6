"""Layer 2: its recorder lets the judge find each violation, and excuse what cannot be prevented."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from agentrun_kube.names import FINALIZER
from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.records import checkpoint_entry
from agentrun_store.rollback import drop_run
from agentrun_store.thread import Store
from chaos.processes.processes import THREAD_ID, Agent
from chaos.processes.proxy import MadeJob
from chaos.processes.recorder import Recorder
from judge import excuses
from judge import invariants as names

Object = dict[str, Any]
UID, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


@dataclass
class Body:
    """What the recorder wants to know of an agent."""

    root: Path
    run_uid: str = UID
    name: str = "r-pod"
    thread: str = "threads/t"
    job_uid: str = "job"
    pod_uid: str = "pod"
    alive: bool = True


class Scene:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.recorder = Recorder()
        self.made_jobs: dict[str, MadeJob] = {}
        self._versions = itertools.count(1)
        self._ids = itertools.count(1)

    def agent(self, **facts: Any) -> Agent:
        agent = cast("Agent", Body(self.root, **facts))
        self.recorder.starting(agent)
        return agent

    def run(
        self,
        phase: str,
        event: str = "MODIFIED",
        uid: str = UID,
        recorded: bool = True,
        **spec: Any,
    ) -> None:
        meta: Object = {"name": "r", "uid": uid, "finalizers": [FINALIZER]}
        meta["resourceVersion"] = str(next(self._versions))
        status = {"phase": phase, **({"jobUid": "job"} if recorded else {})}
        run = {"metadata": meta, "spec": {"thread": "t", **spec}, "status": status}
        self.recorder.sees_run(event, run)

    def job(self, uid: str, run: str = UID, event: str = "ADDED") -> None:
        labels = {"agentrun.dev/run-uid": run, "app.kubernetes.io/component": "agent"}
        meta = {"name": "r", "uid": uid, "labels": labels, "ownerReferences": [{"uid": run}]}
        meta["resourceVersion"] = str(next(self._versions))
        self.recorder.sees_job(event, {"metadata": meta})

    def pod(self, uid: str) -> None:
        meta = {"name": uid, "uid": uid, "resourceVersion": str(next(self._versions))}
        self.recorder.sees_pod("ADDED", {"metadata": meta})

    def write(self, agent: Agent) -> str:
        checkpoint = f"{next(self._ids):020}"
        entry = checkpoint_entry(
            thread_id=THREAD_ID,
            ns="",
            checkpoint_id=checkpoint,
            parent_id=None,
            metadata={},
            typed=("json", b"{}"),
        )
        history = History(Store(self.root).thread(agent.thread))
        history.segment_of(check_run(agent.run_uid)).append(entry)
        self.recorder.wrote(agent, checkpoint)
        return checkpoint

    def judged(self, pods: list[Object] | None = None) -> tuple[list[str], list[str]]:
        """Violations, and what is not preventable."""
        self.recorder.finish(pods or [], [self.root], self.made_jobs, [], [])
        judge = self.recorder.judge
        return [invariant for invariant, _ in judge.violations], list(judge.verdicts.inherent)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.run("Running", "ADDED")
    return scene


def test_a_run_that_ends_while_its_process_lives_is_a_violation(scene: Scene) -> None:
    scene.agent()
    scene.run("Failed")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_run_that_is_deleted_while_its_process_lives_is_a_violation(scene: Scene) -> None:
    scene.agent()
    scene.recorder.requested(UID, "delete")
    scene.run("Running", "DELETED")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_run_that_is_deleted_without_a_request_is_a_violation(scene: Scene) -> None:
    scene.run("Running", "DELETED")
    assert scene.judged() == ([names.UNASKED], [])


def test_a_run_that_ends_after_its_process_is_no_violation(scene: Scene) -> None:
    scene.agent(alive=False)
    scene.run("Failed")
    assert scene.judged() == ([], [])


def test_two_live_processes_on_one_thread_are_a_violation(scene: Scene) -> None:
    scene.agent()
    scene.agent(run_uid=OTHER, name="other-pod", pod_uid="other")
    assert scene.judged() == ([names.TWO_ON_THREAD], [])


def test_a_process_that_a_dead_senders_job_starts_is_excused(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=True, known=1)
    scene.agent()
    assert scene.judged() == ([], [f"{excuses.LATE}: {names.STARTED_AFTER_END}"])


def test_a_process_that_starts_after_the_end_is_a_violation(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=False, known=1)
    scene.agent()
    assert scene.judged() == ([names.STARTED_AFTER_END], [])


def test_a_second_job_of_a_run_is_a_violation(scene: Scene) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    assert scene.judged() == ([names.SECOND_JOB], [])


def test_a_second_job_by_an_operator_with_an_outdated_view_is_excused(scene: Scene) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    scene.made_jobs["job-2"] = MadeJob(late=False, known=0)
    assert scene.judged() == ([], [f"{excuses.OUTDATED}: {names.SECOND_JOB}"])


@pytest.mark.parametrize("recorded", [False, True])
def test_a_second_job_is_excused_if_the_first_was_deleted_before_the_status_named_it(
    tmp_path: Path, recorded: bool
) -> None:
    scene = Scene(tmp_path)
    scene.run("Running", "ADDED", recorded=recorded)
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    scene.recorder.befell("job-1", excuses.DELETED_BY_HAND)
    violations, excused = scene.judged()
    assert violations == ([names.SECOND_JOB] if recorded else [])
    assert excused == ([] if recorded else [f"{excuses.BY_HAND}: {names.SECOND_JOB}"])


def test_a_pod_that_is_created_after_its_job_was_deleted_is_excused(scene: Scene) -> None:
    scene.job("job")
    scene.run("Failed")
    scene.job("job", event="DELETED")
    scene.pod("pod")
    scene.agent()
    assert scene.judged() == ([], [f"{excuses.HOMELESS}: {names.STARTED_AFTER_END}"])


def test_a_final_phase_that_changes_is_a_violation(scene: Scene) -> None:
    scene.run("Failed")
    scene.run("Interrupted")
    assert scene.judged() == ([names.PHASE_CHANGED], [])


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_lost_cancel_is_a_violation(scene: Scene, cancel: str) -> None:
    scene.run("Failed", cancel=cancel)
    assert scene.judged() == ([names.LOST_CANCEL], [])


def test_a_success_without_completion_is_a_violation(scene: Scene) -> None:
    scene.run("Succeeded")
    assert scene.judged() == ([names.SUCCEEDED_WRONGLY], [])


def test_a_failure_although_the_pod_reports_success_is_a_violation(scene: Scene) -> None:
    scene.run("Failed")
    end = {"state": {"terminated": {"message": '{"result": "Succeeded"}'}}}
    meta = {"name": "r-pod", "labels": {"agentrun.dev/run-uid": UID}}
    pod = {"metadata": meta, "status": {"containerStatuses": [end]}}
    assert scene.judged([pod]) == ([names.SUCCEEDED_WRONGLY], [])


def test_a_checkpoint_of_a_rolled_back_run_is_a_violation(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("RolledBack", cancel="rollback")
    assert scene.judged() == ([names.LEFTOVER], [])


def test_a_lost_checkpoint_of_a_kept_run_is_a_violation(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("Interrupted", cancel="interrupt")
    drop_run(scene.root, "threads/t", UID)
    assert scene.judged() == ([names.MISSING], [])


@pytest.mark.parametrize("which", ["older", "newest"])
def test_a_start_from_any_but_the_newest_checkpoint_is_a_violation(
    scene: Scene, which: str
) -> None:
    first = scene.agent(alive=False)
    written = {"older": scene.write(first), "newest": scene.write(first)}
    scene.recorder.found(scene.agent(), written[which])
    assert scene.judged() == ([] if which == "newest" else [names.MISSING], [])


def test_a_start_from_a_rolled_back_checkpoint_is_a_violation(scene: Scene) -> None:
    kept = scene.write(scene.agent(alive=False))
    taken_back = scene.write(scene.agent(alive=False, run_uid=OTHER))
    drop_run(scene.root, "threads/t", OTHER)
    agent = scene.agent(alive=False)
    scene.recorder.found(agent, kept)
    scene.recorder.found(agent, taken_back)
    assert scene.judged() == ([names.MISSING], [])


def test_a_run_that_is_seen_after_its_jobs_is_judged_alike(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.job("job-1")
    scene.job("job-2")
    scene.run("Running", "ADDED")
    assert scene.judged() == ([names.SECOND_JOB], [])
