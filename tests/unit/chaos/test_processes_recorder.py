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


def test_a_run_must_not_end_while_its_process_lives(scene: Scene) -> None:
    scene.agent()
    scene.run("Failed")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_record_must_not_go_while_the_process_lives(scene: Scene) -> None:
    scene.agent()
    scene.recorder.requested(UID, "delete")
    scene.run("Running", "DELETED")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_record_must_not_go_without_a_request(scene: Scene) -> None:
    scene.run("Running", "DELETED")
    assert scene.judged() == ([names.UNASKED], [])


def test_a_run_whose_process_is_dead_may_end(scene: Scene) -> None:
    scene.agent(alive=False)
    scene.run("Failed")
    assert scene.judged() == ([], [])


def test_two_processes_must_not_live_on_one_thread(scene: Scene) -> None:
    scene.agent()
    scene.agent(run_uid=OTHER, name="other-pod", pod_uid="other")
    assert scene.judged() == ([names.TWO_ON_THREAD], [])


def test_a_process_that_a_dead_senders_job_starts_is_excused(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=True, known=1)
    scene.agent()
    assert scene.judged() == ([], [f"{excuses.LATE}: {names.STARTED_AFTER_END}"])


def test_a_process_must_not_start_after_the_end(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=False, known=1)
    scene.agent()
    assert scene.judged() == ([names.STARTED_AFTER_END], [])


def test_a_run_must_not_get_another_job(scene: Scene) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    assert scene.judged() == ([names.SECOND_JOB], [])


def test_another_job_by_an_operator_that_looked_too_long_ago_is_excused(scene: Scene) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    scene.made_jobs["job-2"] = MadeJob(late=False, known=0)
    assert scene.judged() == ([], [f"{excuses.OUTDATED}: {names.SECOND_JOB}"])


@pytest.mark.parametrize("recorded", [False, True])
def test_another_job_after_one_deleted_by_hand_is_excused_if_that_was_not_written_down(
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


def test_a_pod_made_after_its_job_went_is_excused(scene: Scene) -> None:
    scene.job("job")
    scene.run("Failed")
    scene.job("job", event="DELETED")
    scene.pod("pod")
    scene.agent()
    assert scene.judged() == ([], [f"{excuses.HOMELESS}: {names.STARTED_AFTER_END}"])


def test_a_final_phase_must_not_change(scene: Scene) -> None:
    scene.run("Failed")
    scene.run("Interrupted")
    assert scene.judged() == ([names.PHASE_CHANGED], [])


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_cancel_must_not_be_lost(scene: Scene, cancel: str) -> None:
    scene.run("Failed", cancel=cancel)
    assert scene.judged() == ([names.LOST_CANCEL], [])


def test_a_run_that_did_not_complete_must_not_succeed(scene: Scene) -> None:
    scene.run("Succeeded")
    assert scene.judged() == ([names.SUCCEEDED_WRONGLY], [])


def test_a_run_whose_pod_reports_success_must_not_end_otherwise(scene: Scene) -> None:
    scene.run("Failed")
    end = {"state": {"terminated": {"message": '{"result": "Succeeded"}'}}}
    meta = {"name": "r-pod", "labels": {"agentrun.dev/run-uid": UID}}
    pod = {"metadata": meta, "status": {"containerStatuses": [end]}}
    assert scene.judged([pod]) == ([names.SUCCEEDED_WRONGLY], [])


def test_a_rolled_back_run_must_not_leave_a_checkpoint(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("RolledBack", cancel="rollback")
    assert scene.judged() == ([names.LEFTOVER], [])


def test_a_kept_run_must_not_lose_its_checkpoints(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("Interrupted", cancel="interrupt")
    drop_run(scene.root, "threads/t", UID)
    assert scene.judged() == ([names.MISSING], [])


@pytest.mark.parametrize("which", ["older", "newest"])
def test_an_agent_must_start_from_the_newest_checkpoint(scene: Scene, which: str) -> None:
    first = scene.agent(alive=False)
    written = {"older": scene.write(first), "newest": scene.write(first)}
    scene.recorder.found(scene.agent(), written[which])
    assert scene.judged() == ([] if which == "newest" else [names.MISSING], [])


def test_an_agent_must_not_start_from_what_a_rolled_back_run_wrote(scene: Scene) -> None:
    kept = scene.write(scene.agent(alive=False))
    taken_back = scene.write(scene.agent(alive=False, run_uid=OTHER))
    drop_run(scene.root, "threads/t", OTHER)
    agent = scene.agent(alive=False)
    scene.recorder.found(agent, kept)
    scene.recorder.found(agent, taken_back)
    assert scene.judged() == ([names.MISSING], [])


def test_a_run_told_of_after_its_job_and_its_process_is_judged_alike(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.job("job-1")
    scene.job("job-2")
    scene.run("Running", "ADDED")
    assert scene.judged() == ([names.SECOND_JOB], [])
