"""The judgement of layer 2 finds what it looks for, and excuses only what nobody can prevent."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from agentrun_operator.constants import FINALIZER
from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.records import checkpoint_entry
from agentrun_store.rollback import drop_run
from agentrun_store.thread import Store
from chaos.processes.processes import THREAD_ID, Agent
from chaos.processes.proxy import MadeJob
from chaos.processes.truth import Truth
from chaos.processes.verdict import BY_HAND, Verdict
from judge import invariants as names

Object = dict[str, Any]
UID, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


@dataclass
class Body:
    """What the truth wants to know of an agent."""

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
        self.truth = Truth()
        self.made_jobs: dict[str, MadeJob] = {}
        self._versions = itertools.count(1)
        self._ids = itertools.count(1)

    def agent(self, **facts: Any) -> Agent:
        agent = cast("Agent", Body(self.root, **facts))
        self.truth.starting(agent)
        return agent

    def run(self, phase: str, event: str = "MODIFIED", uid: str = UID, **spec: Any) -> None:
        meta: Object = {"name": "r", "uid": uid, "finalizers": [FINALIZER]}
        meta["resourceVersion"] = str(next(self._versions))
        status = {"phase": phase, "jobName": "r"}
        run = {"metadata": meta, "spec": {"thread": "t", **spec}, "status": status}
        self.truth.sees_run(event, run)

    def job(self, uid: str, run: str = UID) -> None:
        labels = {"agentrun.dev/run-uid": run, "app.kubernetes.io/component": "agent"}
        meta = {"name": "r", "uid": uid, "labels": labels, "ownerReferences": [{"uid": run}]}
        meta["resourceVersion"] = str(next(self._versions))
        self.truth.sees_job("ADDED", {"metadata": meta})

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
        self.truth.wrote(agent, checkpoint)
        return checkpoint

    def judged(self) -> tuple[list[str], list[str]]:
        """Violations, and what is not preventable."""
        verdict = Verdict(self.truth, self.made_jobs)
        verdict.judge([], [self.root])
        return [invariant for invariant, _ in verdict.violations], list(verdict.inherent)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.run("Running", "ADDED")
    return scene


def test_a_run_ends_while_its_process_lives(scene: Scene) -> None:
    scene.agent()
    scene.run("Failed")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_record_goes_while_the_process_lives(scene: Scene) -> None:
    scene.agent()
    scene.run("Running", "DELETED")
    assert scene.judged() == ([names.ALIVE_AFTER_END], [])


def test_a_run_whose_process_is_dead_may_end(scene: Scene) -> None:
    scene.agent(alive=False)
    scene.run("Failed")
    assert scene.judged() == ([], [])


def test_two_processes_live_on_one_thread(scene: Scene) -> None:
    scene.agent()
    scene.agent(run_uid=OTHER, name="other-pod")
    assert scene.judged() == ([names.TWO_ON_THREAD], [])


def test_a_job_of_a_dead_sender_brings_a_process_back(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=True, known=1)
    scene.agent()
    assert scene.judged() == ([], [f"{names.LATE}: {names.STARTED_AFTER_END}"])


def test_a_process_starts_after_the_end(scene: Scene) -> None:
    scene.run("Failed")
    scene.made_jobs["job"] = MadeJob(late=False, known=1)
    scene.agent()
    assert scene.judged() == ([names.STARTED_AFTER_END], [])


def test_a_run_gets_another_job(scene: Scene) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    assert scene.judged() == ([names.SECOND_JOB], [])


def test_another_job_by_an_operator_that_looked_too_long_ago(scene: Scene) -> None:
    scene.truth.runs[UID].recorded_at = 2
    scene.run("Running")
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    scene.made_jobs["job-2"] = MadeJob(late=False, known=1)
    assert scene.judged() == ([], [f"{names.OUTDATED}: {names.SECOND_JOB}"])


def test_a_job_deleted_by_hand_is_followed_by_another_only_if_it_was_not_written_down(
    scene: Scene,
) -> None:
    for uid in ("job-1", "job-2"):
        scene.job(uid)
    scene.truth.deleted_by_hand.add("job-1")
    assert scene.judged() == ([names.SECOND_JOB], [])
    scene.truth.runs[UID].recorded_at = 0
    assert scene.judged() == ([], [f"{BY_HAND}: {names.SECOND_JOB}"])


def test_a_final_phase_changes(scene: Scene) -> None:
    scene.run("Failed")
    scene.run("Interrupted")
    assert scene.judged() == ([names.PHASE_CHANGED], [])


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_cancel_is_lost(scene: Scene, cancel: str) -> None:
    scene.run("Failed", cancel=cancel)
    assert scene.judged() == ([names.LOST_CANCEL], [])


def test_a_run_that_did_not_complete_succeeds(scene: Scene) -> None:
    scene.run("Succeeded")
    assert scene.judged() == ([names.SUCCEEDED_WRONGLY], [])


def test_a_rolled_back_run_leaves_a_checkpoint(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("RolledBack", cancel="rollback")
    assert scene.judged() == ([names.LEFTOVER], [])


def test_a_kept_run_loses_its_checkpoints(scene: Scene) -> None:
    scene.write(scene.agent(alive=False))
    scene.run("Interrupted", cancel="interrupt")
    drop_run(scene.root, "threads/t", UID)
    assert scene.judged() == ([names.MISSING], [])


def test_a_thread_goes_on_from_what_is_not_its_newest_checkpoint(scene: Scene) -> None:
    first = scene.agent(alive=False)
    older, newest = scene.write(first), scene.write(first)
    second = scene.agent()
    scene.truth.found(second, newest)
    assert scene.judged() == ([], [])
    scene.truth.found(second, older)
    assert scene.judged() == ([names.MISSING], [])


def test_what_a_rolled_back_run_wrote_is_not_gone_on_from(scene: Scene) -> None:
    kept = scene.write(scene.agent(alive=False))
    scene.write(scene.agent(alive=False, run_uid=OTHER))
    drop_run(scene.root, "threads/t", OTHER)
    scene.truth.found(scene.agent(alive=False), kept)
    assert scene.judged() == ([], [])
