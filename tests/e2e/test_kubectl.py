"""kubectl's output for runs, and its waits for them."""

from .kubectl import Object, kubectl
from .namespace import Namespace
from .run import refusal


def test_the_list_shows_what_runs_on_which_thread_and_how_far_it_got(ns: Namespace) -> None:
    run = ns.held_run(thread="talk")
    run.cancel("interrupt")
    run.wait("Interrupted")
    header, line = kubectl("get", "ar", "-n", ns.name).splitlines()
    assert header.split() == ["NAME", "AGENT", "THREAD", "PHASE", "CANCEL", "CHECKPOINTS", "AGE"]
    assert line.split()[:6] == [run.name, "steps", "talk", "Interrupted", "interrupt", "4"]
    wide, line = kubectl("get", "agentruns", "-n", ns.name, "-owide").splitlines()
    assert wide.split()[-2:] == ["REASON", "POD"]
    assert line.split()[-2:] == ["Interrupted", run.pod()["metadata"]["name"]]


def test_runs_can_be_selected_and_awaited_with_plain_kubectl(ns: Namespace) -> None:
    held = ns.run("steps", thread="a", input={"steps": 1}, config={"configurable": {"hold": 1}})
    done = ns.run("steps", thread="b", input={"steps": 1})
    kubectl("wait", "ar", done.name, "-n", ns.name, "--for=condition=Finished", "--timeout=60s")
    held.wait("Running")
    for selector, expected in (
        ("status.phase=Running", held),
        ("status.phase!=Running", done),
        ("spec.thread=a", held),
        ("spec.agentRef.name=steps,spec.thread=b", done),
    ):
        listed = kubectl("get", "ar", "-n", ns.name, "-oname", f"--field-selector={selector}")
        assert listed.split() == [f"agentrun.agentrun.dev/{expected.name}"], selector


def test_kubectl_waits_for_a_phase_and_for_the_end_of_a_run(ns: Namespace) -> None:
    """Failure mode 61."""
    # Agents that end slowly: `kubectl wait` must not return before their end.
    stubborn: Object = {"input": {}, "gracePeriodSeconds": 3}
    runs = [ns.run("ignores-sigterm", thread=name, **stubborn) for name in ("a", "b")]
    for run in runs:
        run.wait_step(1)
    patch = '--patch={"spec":{"cancel":"%s"}}'
    for run, action, what in (
        (runs[0], "interrupt", "jsonpath={.status.phase}=Interrupted"),
        (runs[1], "rollback", "delete"),
    ):
        name = f"agentrun/{run.name}"
        kubectl("patch", name, "-n", ns.name, "--type=merge", patch % action)
        kubectl("wait", name, "-n", ns.name, f"--for={what}", "--timeout=60s")
        assert run.processes() == []


def test_a_condition_keeps_its_time_while_it_is_so(ns: Namespace) -> None:
    """Failure mode 19."""
    run = ns.held_run(thread="t")
    (started,) = run.status["conditions"]
    assert started["type"] == "Started"
    run.cancel("interrupt")
    conditions = run.wait("Interrupted")["status"]["conditions"]
    (still,) = (condition for condition in conditions if condition["type"] == "Started")
    assert still["lastTransitionTime"] == started["lastTransitionTime"]
    assert len({condition["type"] for condition in conditions}) == len(conditions)


def test_a_final_phase_is_final_for_everybody(ns: Namespace) -> None:
    """Failure mode 15."""
    run = ns.run("nobody", cancel="interrupt")
    run.wait("Interrupted")
    patch = {"status": {"phase": "Running"}}
    said = refusal(lambda: run.patch(patch, "--subresource=status"))
    assert "status.phase is final and never changes" in said


def test_the_api_explains_itself(ns: Namespace) -> None:
    said = " ".join(kubectl("explain", "agentrun.spec.cancel").split())
    assert "ENUM: interrupt rollback" in said
    assert "deletes the checkpoints that the run made" in said
