"""The loop, on the simulated cluster of ``make chaos``: no run delays another or is forgotten."""

import pytest

from agentrun_kube.client.kube import ApiError
from agentrun_operator.runs import reconcile
from agentrun_operator.runs.plan import Plan
from agentrun_operator.runs.policy.decide import decide as real
from agentrun_operator.runs.view import View
from objects import Object, name_of, phase_of
from simulated.kube import Request
from simulated.world import World

from .simulated import Notes, agents_finish, cleanups_finish, create, go_on, phase


class Refuses:
    """Refuses each request the first time that it comes."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.refused: set[str] = set()

    def __call__(self, request: Request) -> None:
        what = " ".join(request.text.split()[:3])
        if what in self.refused:
            request.serve()
        else:
            self.refused.add(what)
            request.fail(ApiError(self.status, "try again", {}))


@pytest.mark.parametrize("status", [409, 422, 429, 500])
@pytest.mark.parametrize("cancel", [None, "interrupt", "rollback"])
def test_a_run_ends_as_requested_although_each_request_is_refused_once(
    world: World, status: int, cancel: str | None
) -> None:
    """Failure mode 43. Every kind of request, once."""
    serve = Refuses(status)
    create(world, retries=1)
    world.start_operator()
    go_on(world, serve, rounds=20, pause=40)
    assert phase(world) == "Running"
    if cancel is not None:
        world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
        go_on(world, serve, rounds=20, pause=40)
    agents_finish(world)
    go_on(world, serve, rounds=20, pause=40)
    cleanups_finish(world)
    go_on(world, serve, rounds=20, pause=40)
    ends = {None: "Succeeded", "interrupt": "Interrupted", "rollback": "gone"}
    assert phase(world) == ends[cancel]
    assert {text.split()[0] for text in serve.refused} >= {"list", "get", "create", "patch"}
    assert world.judge.violations == []


def test_a_stale_not_found_does_not_end_a_run(world: World) -> None:
    """Failure mode 16. A watch says that Job and pod are gone; the API server has them."""
    create(world)
    operator = world.start_operator()
    go_on(world, rounds=5)
    assert phase(world) == "Running"
    (job,), (pod,) = world.server.all("jobs"), world.server.all("pods")
    operator.controller.intake.forget("jobs", job)
    operator.controller.intake.forget("pods", pod)
    go_on(world, rounds=5)
    assert phase(world) == "Running"
    agents_finish(world)
    go_on(world, rounds=5)
    assert phase(world) == "Succeeded"


def test_a_pod_that_leaves_the_watch_again_while_its_read_fails_logs_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The direct read fails, and when its retry is due another read has answered already."""
    create(world)
    operator = world.start_operator()
    go_on(world, rounds=5)
    (pod,) = world.server.all("pods")
    failed: list[str] = []

    def serve(request: Request) -> None:
        if not failed and request.text.startswith("get pods"):
            failed.append(request.text)
            operator.controller.intake.forget("pods", pod)
            request.fail(ApiError(503, "try again", {}))
        else:
            request.serve()

    operator.controller.intake.forget("pods", pod)
    go_on(world, serve, rounds=5, pause=1)
    assert failed
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_cancel_that_a_direct_read_sees_before_the_watch_takes_effect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 36. It comes between two reads for one decision, and nothing else changes."""
    create(world, thread="t")
    monkeypatch.setattr(world.jobs, "look", lambda _: None)  # no pod is made
    world.start_operator()
    go_on(world, rounds=20)
    run = world.server.get("agentruns", "r")
    assert run is not None
    assert run["status"]["conditions"][0]["reason"] == "PodRejected"

    def serve(request: Request) -> None:
        if request.text == "list pods" and "cancel" not in spec_of(world):
            world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
        request.serve()

    (job,) = world.server.all("jobs")
    labelled = job["metadata"] | {"labels": job["metadata"]["labels"] | {"new": "s"}}
    world.server.update("jobs", job, job | {"metadata": labelled})  # something to look at
    go_on(world, serve, rounds=5)
    assert phase(world) == "Interrupted"


def spec_of(world: World) -> Object:
    run = world.server.get("agentruns", "r")
    return run["spec"] if run else {}


def test_a_request_without_an_answer_does_not_delay_other_runs(world: World) -> None:
    """Failure mode 46."""

    def serve(request: Request) -> None:
        if "/silent" not in request.text:
            request.serve()

    create(world, "silent")
    create(world, "other")
    world.start_operator()
    go_on(world, serve, rounds=5)
    assert (phase(world, "silent"), phase(world, "other")) == ("Pending", "Running")


def test_an_error_in_one_decision_is_retried_and_does_not_delay_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 47."""
    broken = True

    def decide(view: View) -> Plan:
        if broken and view.run.metadata.name == "odd":
            raise ZeroDivisionError
        return real(view)

    monkeypatch.setattr(reconcile, "decide", decide)
    create(world, "odd")
    for number in range(5):  # more than there are workers
        create(world, f"run-{number}")
    world.start_operator()
    go_on(world, rounds=5)
    phases = {name_of(run): phase_of(run) for run in world.server.all("agentruns")}
    assert phases.pop("odd") == "Pending"
    assert set(phases.values()) == {"Running"}
    broken = False
    go_on(world, rounds=4)  # before the next full read
    assert phase(world, "odd") == "Running"


@pytest.mark.parametrize(
    ("cancel", "spec"),
    [
        ("interrupt", {}),
        ("rollback", {}),
        pytest.param("interrupt", {"ttlSecondsAfterFinished": 1 << 30}),
        pytest.param("interrupt", {"reclaimPolicy": "Delete"}),
    ],
)
def test_a_job_that_is_created_after_the_end_is_deleted(
    world: World, cancel: str, spec: Object
) -> None:
    """Failure mode 12. A replica that was paused sends a request that it decided on long ago."""
    create(world, **spec)
    world.start_operator()
    go_on(world, rounds=5)
    (job,) = world.server.all("jobs")
    world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
    go_on(world, rounds=2)
    for _ in range(5):
        agents_finish(world)
        cleanups_finish(world)
        go_on(world, rounds=5)
    assert phase(world) == {"interrupt": "Interrupted", "rollback": "gone"}[cancel]
    for left in world.server.all("jobs"):
        world.server.delete("jobs", name_of(left))
    go_on(world, rounds=5)
    meta = {key: job["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    world.server.create("jobs", {"metadata": meta, "spec": job["spec"]})
    go_on(world, rounds=5)
    assert world.server.all("jobs") == []
    assert world.nodes.alive == []


@pytest.mark.parametrize("cancel", [None, "interrupt"])
def test_a_run_that_has_ended_is_not_written_again(world: World, cancel: str | None) -> None:
    """Failure mode 49. Whatever happens to its objects, and however much time passes."""
    create(world)
    world.start_operator()
    go_on(world, rounds=5)
    if cancel is not None:
        world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
        go_on(world, rounds=2)
    agents_finish(world)
    go_on(world, rounds=5)
    assert phase(world) in ("Succeeded", "Interrupted")
    notes = Notes()
    (job,), (pod,) = world.server.all("jobs"), world.server.all("pods")
    for plural, obj in (("jobs", job), ("pods", pod), ("agentruns", {"metadata": {"name": "r"}})):
        labels = {"metadata": {"labels": {"touched": "yes"}}}
        world.server.patch(plural, name_of(obj), labels)
        go_on(world, notes)
    world.server.delete("pods", name_of(pod))
    go_on(world, notes, rounds=5, pause=400)
    assert notes.writes == []


def test_the_next_full_read_makes_up_for_a_silent_watch(world: World) -> None:
    """Failure mode 44. The next full read finds the changes that no watch delivered."""
    create(world)
    world.start_operator()
    go_on(world, rounds=15)  # beyond the first full read, which comes soon
    assert phase(world) == "Running"
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    go_on(world, rounds=3, pause=300, told=False)
    agents_finish(world)
    go_on(world, rounds=3, pause=300, told=False)
    assert phase(world) == "Interrupted"


def test_foreign_jobs_and_pods_are_left_alone_at_the_operators_start(world: World) -> None:
    """Failure mode 39."""
    pod: Object = {"spec": {"containers": [{"image": "x", "env": []}]}}
    spec = {"suspend": True, "template": pod | {"metadata": {"labels": {}}}}
    world.server.create("jobs", {"metadata": {"name": "foreign"}, "spec": spec})
    world.server.create("pods", pod | {"metadata": {"name": "lonely"}})
    notes = Notes()
    world.start_operator()
    go_on(world, notes, rounds=5, pause=400)
    assert notes.writes == []
